import Crypto
package import Redaction
import WireFormats

/// What a registry may be shown.
package enum RegistryCredential: Sendable, Equatable {
    /// Nothing; a token server may still give a token for public content.
    case anonymous
    /// User name and password, or a robot account's token in its place.
    case basic(username: String, password: SecretBytes)
    /// An OAuth2 refresh token, which the registry's token server exchanges (`identitytoken` in Docker's configuration).
    case identityToken(SecretBytes)
    /// A bearer token to be shown as it is (`registrytoken` in Docker's configuration).
    case registryToken(SecretBytes)
}

extension RegistryCredential {
    /// Whether there is nothing to show.
    var isAnonymous: Bool { self == .anonymous }

    /// The value of an `Authorization` header with Basic (RFC 7617); nil for other kinds.
    var basicAuthorization: SecretBytes? {
        guard case .basic(let username, let password) = self else { return nil }
        let pair = Array("\(username):".utf8) + password.exposeBytes()
        return SecretBytes(utf8: "Basic \(Base64.encode(pair))")
    }

    /// A scrubber that knows the secret parts.
    var scrubber: Scrubber {
        var scrubber = Scrubber()
        switch self {
        case .anonymous: break
        case .basic(let username, let password):
            scrubber.add(password)
            scrubber.add(SecretBytes(Array("\(username):".utf8) + password.exposeBytes()))
        case .identityToken(let token), .registryToken(let token): scrubber.add(token)
        }
        return scrubber
    }

    /// Tells credentials apart in caches without keeping them: a keyed hash, whose key is this process's own.
    func fingerprint(key: SymmetricKey) -> String {
        let bytes: [UInt8] =
            switch self {
            case .anonymous: [0]
            case .basic(let username, let password):
                [1] + Array("\(username.utf8.count):\(username)".utf8) + password.exposeBytes()
            case .identityToken(let token): [2] + token.exposeBytes()
            case .registryToken(let token): [3] + token.exposeBytes()
            }
        return Hex.encode(HMAC<SHA256>.authenticationCode(for: bytes, using: key))
    }
}
