import Glibc

/// A fresh folder for one test, removed with everything in it when the value goes away or `remove()` is called.
package final class TemporaryDirectory: Sendable {
    /// The absolute path, without a trailing slash.
    package let path: String

    /// Makes the folder under `$TMPDIR` or `/tmp`, readable and searchable by everyone, so that a server that
    /// runs as another user can live in a folder below it.
    ///
    /// - Parameter prefix: The start of the folder's name. Keep it short: a Unix socket's path has 107 bytes.
    package init(prefix: String = "longshore") throws {
        let parent = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var template = Array("\(parent)/\(prefix)-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw TestSupportError("mkdtemp: \(String(cString: strerror(errno)))")
        }
        path = String(decoding: template.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        chmod(path, 0o755)
    }

    deinit { remove() }

    /// The path of something in the folder.
    package func appending(_ name: String) -> String { "\(path)/\(name)" }

    /// Writes a file into the folder and returns its path.
    @discardableResult
    package func write(_ name: String, _ contents: String, mode: UInt32 = 0o644) throws -> String {
        let file = appending(name)
        try writeFile(file, contents, mode: mode)
        return file
    }

    /// Removes the folder now. Safe to call more than once.
    package func remove() {
        removeTree(path)
    }
}

/// What went wrong in the machinery of a test.
package struct TestSupportError: Error, CustomStringConvertible {
    package let description: String

    package init(_ description: String) {
        self.description = description
    }
}

/// Reads a whole file as UTF-8; an empty string when it does not exist.
package func readFile(_ path: String) -> String {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return "" }
    defer { close(descriptor) }
    var contents: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
        let count = read(descriptor, &buffer, buffer.count)
        if count < 0, errno == EINTR { continue }
        guard count > 0 else { break }
        contents.append(contentsOf: buffer[0..<count])
    }
    return String(decoding: contents, as: UTF8.self)
}

/// Writes a file: replaces what was in it, or appends to it.
package func writeFile(_ path: String, _ contents: String, mode: UInt32 = 0o644, appending: Bool = false) throws {
    let descriptor = open(path, O_WRONLY | O_CREAT | (appending ? O_APPEND : O_TRUNC) | O_CLOEXEC, mode)
    guard descriptor >= 0 else { throw TestSupportError("open \(path): \(String(cString: strerror(errno)))") }
    defer { close(descriptor) }
    let bytes = Array(contents.utf8)
    var offset = 0
    while offset < bytes.count {
        let count = bytes[offset...].withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
        if count < 0, errno == EINTR { continue }
        guard count > 0 else { throw TestSupportError("write \(path): \(String(cString: strerror(errno)))") }
        offset += count
    }
}

/// Removes a file or a folder with all that is in it; links are removed, not followed.
private func removeTree(_ path: String) {
    guard unlink(path) != 0 else { return }
    if let stream = opendir(path) {
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { removeTree("\(path)/\(name)") }
        }
        closedir(stream)
    }
    rmdir(path)
}
