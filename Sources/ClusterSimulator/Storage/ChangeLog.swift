import FoundationEssentials
import SystemPackage
import WireFormats

/// One file of changes, a JSON object on each line, that is only ever appended to.
///
/// Thread safety: none; ``Journal`` uses it under its lock.
struct ChangeLog {
    /// A line that a write cut off has left at the end of a file.
    struct Torn: Equatable {
        /// Where the line begins, in bytes.
        let start: Int
        let bytes: [UInt8]
    }

    private let file: FileDescriptor
    private(set) var length: Int

    /// Opens a file, or makes it, and goes on behind its first `length` bytes, or behind all.
    init(path: String, length: Int? = nil) throws {
        file = try FileDescriptor.open(
            FilePath(path),
            .writeOnly,
            options: [.create, .closeOnExec],
            permissions: .ownerReadWrite
        )
        do {
            self.length = try length ?? Int(file.seek(offset: 0, from: .end))
            try file.resize(to: Int64(self.length))
        } catch {
            try? file.close()
            throw error
        }
    }

    /// Writes a line, or nothing.
    mutating func append(_ line: [UInt8]) throws {
        do {
            _ = try file.writeAll(toAbsoluteOffset: Int64(length), line)
        } catch {
            // A disk that is full may have taken a part of it. Making a file shorter needs no room.
            try? file.resize(to: Int64(length))
            throw error
        }
        length += line.count
    }

    func close() { try? file.close() }

    /// Reads a file.
    ///
    /// - Returns: What stands on its lines, how many bytes of it are whole, and the line that was cut off.
    /// - Throws: ``SimulatorError`` when a line other than the last one cannot be read.
    static func read(_ path: String) throws -> (entries: [JSONValue], length: Int, torn: Torn?) {
        let bytes = [UInt8](try Data(contentsOf: URL(filePath: path)))
        var entries: [JSONValue] = []
        var start = 0
        while start < bytes.count {
            let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n"))
            let line = Array(bytes[start..<(end ?? bytes.count)])
            guard let end, let entry = try? JSONValue(parsing: line, limits: limits) else {
                guard (end ?? bytes.count) + 1 >= bytes.count else {
                    throw SimulatorError(
                        code: .dataDirectory,
                        message: "\(path): line \(entries.count + 1) cannot be read, although others follow it"
                    )
                }
                return (entries, start, Torn(start: start, bytes: Array(bytes[start...])))
            }
            entries.append(entry)
            start = end + 1
        }
        return (entries, start, nil)
    }

    static let limits = JSONValue.ParsingLimits(maximumDepth: 128, maximumBytes: 1 << 30)
}
