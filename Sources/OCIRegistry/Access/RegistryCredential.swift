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

    /// The value of an `Authorization` header with Basic (RFC 7617); nil for other kinds, and for half a pair, which
    /// containerd does not show either.
    var basicAuthorization: SecretBytes? {
        guard case .basic(let username, let password) = self, !username.isEmpty, !password.isEmpty else { return nil }
        return Self.basic(username, password)
    }

    /// What a token server is shown in a header: of an identity token, what containerd shows to a server that does not know
    /// the form for it.
    var tokenServerAuthorization: SecretBytes? {
        if case .identityToken(let token) = self, !token.isEmpty { return Self.basic("", token) }
        return basicAuthorization
    }

    private static func basic(_ username: String, _ password: SecretBytes) -> SecretBytes {
        SecretBytes(utf8: "Basic \(Base64.encode(Array("\(username):".utf8) + password.exposeBytes()))")
    }

    /// A scrubber that knows the secret parts.
    var scrubber: Scrubber {
        var scrubber = Scrubber()
        switch self {
        case .anonymous: break
        case .basic(let username, let password):
            scrubber.add(password)
            scrubber.add(SecretBytes(Array("\(username):".utf8) + password.exposeBytes()))
        case .identityToken(let token):
            scrubber.add(token)
            scrubber.add(SecretBytes(Array(":".utf8) + token.exposeBytes()))
        case .registryToken(let token): scrubber.add(token)
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
