import FoundationEssentials
import Glibc
import SystemPackage

/// Files and folders that only their owner may read, from the moment they exist.
package enum PrivateFile {
    /// Replaces a file in one step: a reader sees the old content or the new one, and nobody else sees either.
    ///
    /// - Parameters:
    ///   - bytes: The new content.
    ///   - path: The file; its folder must be there.
    /// - Throws: `Errno` when there is no room or no right; the old content stays then.
    package static func write(_ bytes: [UInt8], to path: String) throws {
        let temporary = "\(path).\(RandomText.token().prefix(8)).tmp"
        do {
            let file = try FileDescriptor.open(
                FilePath(temporary),
                .writeOnly,
                options: [.create, .exclusiveCreate, .closeOnExec],
                permissions: .ownerReadWrite
            )
            try file.closeAfter { _ = try file.writeAll(bytes) }
            guard unsafe rename(temporary, path) == 0 else { throw Errno(rawValue: errno) }
        } catch {
            try? FileManager.default.removeItem(atPath: temporary)
            throw error
        }
    }

    /// Makes a folder, and those above it that are missing, for the owner alone; an existing folder becomes so.
    ///
    /// - Parameter path: The folder.
    /// - Throws: An error of the file system.
    package static func makeDirectory(_ path: String) throws {
        try FileManager.default.createDirectory(
            atPath: path,
            withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700]
        )
        try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: path)
    }
}
