/// The entries of a Secret's Docker configuration as the kubelet decodes them (`pkg/credentialprovider/config.go`).
struct DockerConfigurationReading {
    /// One entry: its key and what the kubelet takes from it.
    struct Entry {
        var key: String
        var username: String
        var password: [UInt8]
    }

    /// Why the kubelet refuses the whole text.
    struct Failure: Error {
        /// The kubelet's words, without any value of the text.
        var message: String
    }

    /// Reads a `.dockerconfigjson`.
    static func dockerConfigJSON(_ bytes: [UInt8]) throws(Failure) -> [Entry] {
        var entries: [Entry] = []
        for (key, value) in try members(of: bytes, "credentialprovider.DockerConfigJSON") {
            // Go finds a field by its name whatever the letter case.
            switch key.lowercased() {
            case "auths":
                // A null empties the map; a second object adds to it.
                if case .null = value {
                    entries = []
                } else {
                    try merge(value, "field DockerConfigJSON.auths", &entries)
                }
            case "httpheaders": try checkHeaders(value)
            default: break
            }
        }
        return entries
    }

    /// Reads a `.dockercfg`, which is the map of entries alone.
    static func dockercfg(_ bytes: [UInt8]) throws(Failure) -> [Entry] {
        var entries: [Entry] = []
        try merge(.object(try members(of: bytes, "credentialprovider.DockerConfig")), "value", &entries)
        return entries
    }

    private static func members(
        of bytes: [UInt8],
        _ type: String
    ) throws(Failure) -> [(key: String, value: GoJSONValue)] {
        switch GoJSONValue(parsing: bytes) {
        case .object(let members): return members
        case .null: return []
        case nil: throw Failure(message: "invalid character in JSON")
        case .some(let value):
            throw Failure(message: "json: cannot unmarshal \(value.goName) into Go value of type \(type)")
        }
    }

    private static func merge(_ value: GoJSONValue, _ place: String, _ entries: inout [Entry]) throws(Failure) {
        guard case .object(let members) = value else {
            throw Failure(
                message:
                    "json: cannot unmarshal \(value.goName) into Go struct \(place) of type credentialprovider.DockerConfig"
            )
        }
        for (key, value) in members {
            let entry = try entry(key, value)
            if let index = entries.firstIndex(where: { $0.key.utf8.elementsEqual(key.utf8) }) {
                entries[index] = entry
            } else {
                entries.append(entry)
            }
        }
    }

    private static func checkHeaders(_ value: GoJSONValue) throws(Failure) {
        switch value {
        case .null: return
        case .object(let members):
            for (_, header) in members {
                switch header {
                case .string, .null: continue
                default:
                    throw mismatch(header, "DockerConfigJSON.HttpHeaders", "string")
                }
            }
        default: throw mismatch(value, "DockerConfigJSON.HttpHeaders", "map[string]string")
        }
    }

    /// User name, password and `auth`, which wins over both; the kubelet knows no tokens.
    private static func entry(_ key: String, _ value: GoJSONValue) throws(Failure) -> Entry {
        var texts: [String: String] = [:]
        switch value {
        case .null: break
        case .object(let members):
            for (name, value) in members {
                let field = name.lowercased()
                guard ["username", "password", "email", "auth"].contains(field) else { continue }
                switch value {
                case .string(let text): texts[field] = text
                case .null: break
                default: throw mismatch(value, "dockerConfigEntryWithAuth.\(field)", "string")
                }
            }
        default:
            throw Failure(
                message:
                    "json: cannot unmarshal \(value.goName) into Go value of type credentialprovider.dockerConfigEntryWithAuth"
            )
        }
        guard let auth = texts["auth"], !auth.isEmpty else {
            return Entry(key: key, username: texts["username"] ?? "", password: Array((texts["password"] ?? "").utf8))
        }
        let pair = try split(auth)
        return Entry(key: key, username: pair.username, password: pair.password)
    }

    private static func split(_ auth: String) throws(Failure) -> (username: String, password: [UInt8]) {
        let lastVisible = auth.unicodeScalars.last { !$0.properties.isWhitespace }
        let bytes: [UInt8]
        do throws(GoBase64.CorruptInput) {
            bytes = try GoBase64.decode(auth, padded: lastVisible == "=")
        } catch {
            throw Failure(message: error.message)
        }
        guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")) else {
            throw Failure(message: "unable to parse auth field, must be formatted as base64(username:password)")
        }
        return (String(decoding: bytes[..<colon], as: UTF8.self), Array(bytes[(colon + 1)...]))
    }

    private static func mismatch(_ value: GoJSONValue, _ field: String, _ type: String) -> Failure {
        Failure(message: "json: cannot unmarshal \(value.goName) into Go struct field \(field) of type \(type)")
    }
}
