import FoundationEssentials
import WireFormats

/// The cluster's Secrets on disk, a file each, so that the value of a deleted or changed one is in no file.
struct SecretFiles: Sendable {
    private let directory: String

    /// Opens the folder, making it where it is missing.
    init(directory: String) throws {
        self.directory = directory
        try PrivateFile.makeDirectory(directory)
    }

    // The uid is the server's own; a namespace and a name together can be longer than a file's name.
    private func path(_ uid: String) -> String { "\(directory)/\(uid).json" }

    func write(_ secret: StoredObject) throws {
        try PrivateFile.write(secret.encoded, to: path(secret.uid))
    }

    /// Removes a Secret's file. One that stays is removed when the folder is read again, for its deletion is in the log.
    func remove(_ uid: String) {
        try? FileManager.default.removeItem(atPath: path(uid))
    }

    /// Writes the Secrets that there are and removes the files of all others.
    func keep(only secrets: [StoredObject]) throws {
        for secret in secrets { try write(secret) }
        let names = Set(secrets.map { "\($0.uid).json" })
        for name in try FileManager.default.contentsOfDirectory(atPath: directory) where !names.contains(name) {
            try FileManager.default.removeItem(atPath: "\(directory)/\(name)")
        }
    }

    /// Reads all Secrets but those that were deleted.
    func read(into contents: inout JournalContents) throws {
        for name in try FileManager.default.contentsOfDirectory(atPath: directory) {
            let path = "\(directory)/\(name)"
            guard name.hasSuffix(".json") else {
                // What a kill has left of a file that was being written.
                try FileManager.default.removeItem(atPath: path)
                continue
            }
            let secret = try JSONValue(parsing: Array(Data(contentsOf: URL(filePath: path))), limits: ChangeLog.limits)
            let key = ObjectKey(
                namespace: secret[path: "metadata", "namespace"]?.string ?? "",
                name: secret[path: "metadata", "name"]?.string ?? ""
            )
            let revision = UInt64(secret[path: "metadata", "resourceVersion"]?.string ?? "") ?? 0
            if let deleted = contents.deletedSecrets[key], deleted > revision {
                try FileManager.default.removeItem(atPath: path)
                continue
            }
            contents.objects[.secrets, default: [:]][key] = secret
            contents.revision = max(contents.revision, revision)
        }
    }
}
