import CMalloc

/// The memory that the process has taken from the operating system.
package enum HeapMemory {
    /// Gives back what is free in the heap. After many large allocations the C library keeps it otherwise, in each of the
    /// arenas that its threads use (glibc, `malloc_trim(3)`).
    ///
    /// It takes milliseconds at most; elsewhere than with glibc it does nothing.
    package static func giveBack() { longshore_malloc_trim() }
}
