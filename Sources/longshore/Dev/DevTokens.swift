import ClusterSimulator
import Crypto
import FoundationEssentials
import WireFormats

/// The bearer token of `longshore dev`: random, made once for a folder, and known to intake only by its hash.
struct DevTokens {
    /// The token itself, for the ready file.
    let token: String
    /// The file that holds the token, for `--token-file`.
    let tokenPath: String
    /// The file that intake reads.
    let path: String

    /// Reads the folder's token, or makes one.
    init(folder: String) throws {
        let secretPath = "\(folder)/token"
        tokenPath = secretPath
        if let existing = try? String(contentsOf: URL(filePath: secretPath), encoding: .utf8), !existing.isEmpty {
            token = existing
        } else {
            token = RandomText.hex(bytes: 24)
            try PrivateFile.write(Array(token.utf8), to: secretPath)
        }
        path = "\(folder)/auth.json"
        let hash = Hex.encode(SHA256.hash(data: Array(token.utf8)))
        let json: JSONValue = [
            "tokens": [["name": "dev", "sha256": .string(hash), "project": "*", "role": "admin"]]
        ]
        try PrivateFile.write(Array(json.text(pretty: true).utf8), to: path)
    }
}
