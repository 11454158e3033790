#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Lets the calling thread sleep; only for threads that a client owns alone.
func blockThread(for duration: Duration) {
    usleep(UInt32(duration.clampedMilliseconds) * 1000)
}
