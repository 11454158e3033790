import Crypto
package import Redaction
import WireFormats

/// A secret that webhooks are signed with, in the form of Standard Webhooks: `whsec_` and base64.
package struct SigningSecret: Sendable, Equatable {
    /// The text that subscribers are given.
    package let text: SecretBytes
    /// The bytes that sign.
    let key: SecretBytes

    private static let prefix = "whsec_"
    private static let keyBytes = 32

    /// Makes a new secret of 32 random bytes.
    package static func generate() -> SigningSecret {
        var generator = SystemRandomNumberGenerator()
        let bytes = (0..<keyBytes).map { _ in UInt8.random(in: 0...255, using: &generator) }
        return SigningSecret(key: bytes)
    }

    /// Reads a secret's text; nil when it is not `whsec_` and base64 of 24 to 64 bytes, as the specification has it.
    package init?(text: SecretBytes) {
        guard let string = text.exposeUTF8(), string.hasPrefix(Self.prefix),
            let bytes = Base64.decode(String(string.dropFirst(Self.prefix.count))), 24...64 ~= bytes.count
        else { return nil }
        self.init(key: bytes)
    }

    private init(key: [UInt8]) {
        self.key = SecretBytes(key)
        text = SecretBytes(utf8: Self.prefix + Base64.encode(key))
    }
}

/// Standard Webhooks 1.0: HMAC-SHA256 over `id.timestamp.body`.
enum WebhookSignature {
    /// The value of the header `webhook-signature`: one signature for each secret, the newest first.
    ///
    /// - Parameters:
    ///   - secrets: the secrets, several during a rotation.
    ///   - id: the value of `webhook-id`; it holds no dot.
    ///   - timestamp: the value of `webhook-timestamp`, in seconds.
    ///   - body: the body, byte for byte as it is sent.
    /// - Returns: for example `v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=`.
    static func header(secrets: [SigningSecret], id: String, timestamp: Int64, body: [UInt8]) -> String {
        let signed = Array("\(id).\(timestamp).".utf8) + body
        return secrets.map { secret in
            let code = HMAC<SHA256>.authenticationCode(
                for: signed,
                using: SymmetricKey(data: secret.key.exposeBytes())
            )
            return "v1,\(Base64.encode(Array(code)))"
        }.joined(separator: " ")
    }
}
