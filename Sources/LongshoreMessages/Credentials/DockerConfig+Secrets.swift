package import Redaction
import WireFormats

extension DockerConfig {
    /// The secret parts of a configuration, whether or not it could be used: passwords, tokens, and user name and password as
    /// they are sent.
    ///
    /// - Parameter content: The content of a Secret.
    /// - Returns: What must not be seen; nothing when the content is no JSON object.
    package static func secrets(in content: SecretBytes) -> [SecretBytes] {
        let limits = JSONValue.ParsingLimits(maximumDepth: 16, maximumBytes: 2 << 20)
        guard let json = try? JSONValue(parsing: content.exposeBytes(), limits: limits) else { return [] }
        var secrets: [SecretBytes] = []
        // A `.dockercfg` is the map of entries alone.
        for (_, entry) in (json["auths"] ?? json).object ?? [:] {
            for name in ["password", "identitytoken", "registrytoken", "auth"] {
                if let text = entry[name]?.string { secrets.append(SecretBytes(utf8: text)) }
            }
            if let username = entry["username"]?.string, let password = entry["password"]?.string {
                secrets.append(SecretBytes(utf8: "\(username):\(password)"))
            }
            guard let pair = entry["auth"]?.string.flatMap({ Base64.decode($0) }) else { continue }
            secrets.append(SecretBytes(pair))
            if let colon = pair.firstIndex(of: UInt8(ascii: ":")) {
                secrets.append(SecretBytes(Array(pair[(colon + 1)...])))
            }
        }
        return secrets
    }
}
