import ClusterSimulator
import FoundationEssentials
import Glibc
import SystemPackage

/// The folder of `longshore dev`: for its owner alone, and for one process at a time.
struct DevFolder: Sendable {
    let path: String
    // It stays open, and so locked, until the process ends, however that happens.
    private let lock: FileDescriptor

    /// The file with the addresses and the token, written once everything is ready.
    var readyFile: String { "\(path)/ready.json" }

    /// A path from the root, for one that may begin at the working directory.
    static func absolute(_ path: String) -> String {
        path.hasPrefix("/") ? path : "\(FileManager.default.currentDirectoryPath)/\(path)"
    }

    /// Makes the folder if it is missing, and locks it.
    ///
    /// - Parameter path: An absolute path.
    /// - Throws: ``DevError`` naming the folder and the process that uses it, or that it cannot be written.
    init(path: String) throws {
        self.path = path
        // For what other programs and libraries make there.
        umask(0o077)
        do {
            if Self.isOwn(path) { try PrivateFile.makeDirectory(path) }
            lock = try FileDescriptor.open(
                FilePath("\(path)/lock"),
                .readWrite,
                options: [.create, .closeOnExec],
                permissions: .ownerReadWrite
            )
        } catch {
            throw DevError("--data-dir: the folder \(path) cannot be used: \(error)")
        }
        guard flock(lock.rawValue, LOCK_EX | LOCK_NB) == 0 else {
            // Empty for as long as the other has the lock and has not yet written its process's id.
            let holder = (try? String(contentsOf: URL(filePath: "\(path)/lock"), encoding: .utf8)) ?? ""
            let process = holder.isEmpty ? "" : " (process \(holder))"
            try? lock.close()
            throw DevError(
                "--data-dir: the folder \(path) is in use by another `longshore dev`\(process): "
                    + "stop that one, or choose another folder"
            )
        }
        try lock.resize(to: 0)
        _ = try lock.writeAll(toAbsoluteOffset: 0, Array("\(getpid())".utf8))
        // What an earlier one has written there is true no more.
        try? FileManager.default.removeItem(atPath: readyFile)
    }

    /// Whether the folder's permissions are ours to set: not those of a folder that was there and holds something else.
    private static func isOwn(_ path: String) -> Bool {
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: path) else { return true }
        return names.isEmpty || names.contains("auth.json") || names.contains("lock") || names.contains("postgres")
    }
}
