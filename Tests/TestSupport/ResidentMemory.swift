import Glibc

/// The memory of a process that is in RAM.
package enum ResidentMemory {
    /// Reads it from `/proc`.
    ///
    /// - Parameter process: The process's id; nil for this one.
    /// - Returns: The resident set in bytes.
    /// - Throws: `TestSupportError` when there is no such process.
    package static func bytes(of process: Int32? = nil) throws -> Int {
        let path = "/proc/\(process.map(String.init) ?? "self")/statm"
        guard let file = fopen(path, "r") else { throw TestSupportError("\(path) cannot be read") }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 256)
        guard fgets(&line, Int32(line.count), file) != nil else { throw TestSupportError("\(path) is empty") }
        let fields = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init), as: UTF8.self).split(separator: " ")
        guard fields.count > 1, let pages = Int(fields[1]) else { throw TestSupportError("\(path) has no pages") }
        return pages * Int(sysconf(Int32(_SC_PAGESIZE)))
    }
}
