/// One file of a layer.
package struct TarFile: Sendable, Hashable {
    /// The path without a leading slash, at most 100 bytes.
    package var path: String
    /// The content.
    package var bytes: [UInt8]
    /// The permission bits; 0644 by default.
    package var mode: Int

    /// Makes a file.
    package init(path: String, bytes: [UInt8], mode: Int = 0o644) {
        self.path = path
        self.bytes = bytes
        self.mode = mode
    }

    /// Writes a tar archive in the format of POSIX.1-1988 (ustar), owned by root, all times 0 so that equal files give
    /// equal archives.
    package static func archive(_ files: [TarFile]) -> [UInt8] {
        var archive: [UInt8] = []
        archive.reserveCapacity(files.reduce(1024) { $0 + 1024 + $1.bytes.count })
        for file in files {
            archive += file.header
            archive += file.bytes
            archive += [UInt8](repeating: 0, count: (512 - file.bytes.count % 512) % 512)
        }
        return archive + [UInt8](repeating: 0, count: 1024)
    }

    private var header: [UInt8] {
        var block = [UInt8](repeating: 0, count: 512)
        func put(_ text: String, at offset: Int) {
            for (index, byte) in text.utf8.enumerated() { block[offset + index] = byte }
        }
        put(String(decoding: path.utf8.prefix(100), as: UTF8.self), at: 0)
        put(Self.octal(mode, digits: 7), at: 100)
        put(Self.octal(0, digits: 7), at: 108)
        put(Self.octal(0, digits: 7), at: 116)
        put(Self.octal(bytes.count, digits: 11), at: 124)
        put(Self.octal(0, digits: 11), at: 136)
        // The checksum counts its own field as spaces.
        put("        ", at: 148)
        put("0", at: 156)
        put("ustar\u{0}00", at: 257)
        put("root", at: 265)
        put("root", at: 297)
        put(Self.octal(block.reduce(0) { $0 + Int($1) }, digits: 6) + "\u{0} ", at: 148)
        return block
    }

    private static func octal(_ value: Int, digits: Int) -> String {
        let text = String(value, radix: 8)
        return String(repeating: "0", count: max(0, digits - text.utf8.count)) + text
    }
}
