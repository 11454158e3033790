package import LongshoreDomain
package import Redaction
import WireFormats

/// A registry credential in the clear: what is inside of a sealed box and of a Secret.
package enum PlainCredential: Sendable, Equatable {
    /// A user name and a password.
    case basic(username: String, password: SecretBytes)
    /// An identity token (OAuth 2 refresh token).
    case identityToken(SecretBytes)
    /// A Docker configuration; what neither of the two above can say.
    case dockerConfigJSON(SecretBytes)

    /// Takes the credential of a request; nil when it is only a reference, or sealed.
    package init?(_ source: CredentialSource) {
        switch source {
        case .basic(let username, let password): self = .basic(username: username, password: password)
        case .identityToken(let token): self = .identityToken(token)
        case .dockerConfigJSON(let json): self = .dockerConfigJSON(json)
        case .secretRef, .sealed: return nil
        }
    }

    /// The text that is sealed: `{"username": …, "password": …}`, `{"identityToken": …}` or `{"dockerConfigJson": …}`.
    package var sealedForm: SecretBytes {
        let json: JSONValue =
            switch self {
            case .basic(let username, let password):
                ["username": .string(username), "password": .string(password.exposeUTF8() ?? "")]
            case .identityToken(let token):
                ["identityToken": .string(token.exposeUTF8() ?? "")]
            case .dockerConfigJSON(let configuration):
                ["dockerConfigJson": .string(configuration.exposeUTF8() ?? "")]
            }
        return SecretBytes(json.serialized())
    }

    /// Reads the text that was sealed; nil when it is no credential. There is no error that could tell anything of it.
    package init?(sealedForm: SecretBytes) {
        guard let json = try? JSONValue(parsing: sealedForm.exposeBytes(), limits: .init(maximumDepth: 16)) else {
            return nil
        }
        if let username = json["username"]?.string, let password = json["password"]?.string {
            self = .basic(username: username, password: SecretBytes(utf8: password))
        } else if let token = json["identityToken"]?.string {
            self = .identityToken(SecretBytes(utf8: token))
        } else if let configuration = json["dockerConfigJson"] {
            self = .dockerConfigJSON(
                configuration.string.map { SecretBytes(utf8: $0) } ?? SecretBytes(configuration.serialized())
            )
        } else {
            return nil
        }
        guard isValid else { return nil }
    }

    /// Whether a registry could be asked with it: by the same rules as a request's (RFC 7617, no control characters).
    private var isValid: Bool {
        func isClean(_ bytes: [UInt8]) -> Bool { !bytes.isEmpty && bytes.allSatisfy { $0 >= 0x20 && $0 != 0x7F } }
        switch self {
        case .basic(let username, let password):
            let name = Array(username.utf8)
            return isClean(name) && !name.contains(UInt8(ascii: ":")) && isClean(password.exposeBytes())
        case .identityToken(let token):
            return isClean(token.exposeBytes())
        case .dockerConfigJSON(let configuration):
            return (try? DockerConfigurationFile(parsing: configuration.exposeBytes())) != nil
        }
    }
}
