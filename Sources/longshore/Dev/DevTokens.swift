import Crypto
import FoundationEssentials
import WireFormats

/// The bearer token of `longshore dev`: random, made once for a folder, and known to intake only by its hash.
struct DevTokens {
    /// The token itself, for the ready file.
    let token: String
    /// The file that intake reads.
    let path: String

    /// Reads the folder's token, or makes one.
    init(folder: String) throws {
        let secretPath = "\(folder)/token"
        if let existing = try? String(contentsOf: URL(filePath: secretPath), encoding: .utf8), !existing.isEmpty {
            token = existing
        } else {
            token = RandomText.hex(bytes: 24)
            try PrivateFile.write(token, to: secretPath)
        }
        path = "\(folder)/auth.json"
        let hash = Hex.encode(SHA256.hash(data: Array(token.utf8)))
        let json: JSONValue = [
            "tokens": [["name": "dev", "sha256": .string(hash), "project": "*", "role": "admin"]]
        ]
        try PrivateFile.write(json.text(pretty: true), to: path)
    }
}

/// Files that only their owner may read.
enum PrivateFile {
    /// Replaces a file in one step: a reader sees the old content or the new one, and nobody else sees either.
    static func write(_ text: String, to path: String) throws {
        let temporary = "\(path).\(RandomText.hex(bytes: 4))"
        guard
            FileManager.default.createFile(
                atPath: temporary,
                contents: Data(text.utf8),
                attributes: [.posixPermissions: 0o600]
            )
        else {
            throw DevError("The file \(temporary) cannot be written")
        }
        if FileManager.default.fileExists(atPath: path) { try FileManager.default.removeItem(atPath: path) }
        try FileManager.default.moveItem(atPath: temporary, toPath: path)
    }
}
