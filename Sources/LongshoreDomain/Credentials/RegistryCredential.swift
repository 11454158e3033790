package import Redaction
package import WireFormats

/// A credential together with the part of a registry that it is for.
package struct RegistryCredential: Sendable {
    /// The images it may be used for.
    package let scope: RegistryScope
    /// Where the credential comes from.
    package let source: CredentialSource

    /// Makes a credential.
    ///
    /// - Parameters:
    ///   - scope: The images it may be used for.
    ///   - source: Where the credential comes from.
    package init(scope: RegistryScope, source: CredentialSource) {
        self.scope = scope
        self.source = source
    }

    /// Reads one entry of a request's `registryCredentials`.
    ///
    /// - Parameters:
    ///   - json: The entry.
    ///   - channel: Which way it came; that decides how credentials may be given.
    /// - Returns: One credential, or one for each registry of a dockerconfigjson.
    /// - Throws: ``RequestFaults`` with every fault, its place seen from the entry.
    package static func parse(
        _ json: JSONValue,
        channel: RequestChannel = .http
    ) throws(RequestFaults) -> [RegistryCredential] {
        var parser = RequestParser(channel: channel, defaults: RequestDefaults())
        let placed = parser.readCredential(json, at: .root)
        guard parser.faults.isEmpty else { throw parser.faults }
        return placed.map(\.credential)
    }
}

/// The ways in which a request gives a credential (feature C2).
package enum CredentialSource: Sendable {
    /// A user name and a password, in the clear.
    case basic(username: String, password: SecretBytes)
    /// An identity token (OAuth 2 refresh token), in the clear.
    case identityToken(SecretBytes)
    /// A Docker configuration for this one scope, in the clear; what neither of the two above can say.
    case dockerConfigJSON(SecretBytes)
    /// A Secret of type `kubernetes.io/dockerconfigjson` in the executor's namespace.
    case secretRef(name: String)
    /// Encrypted by the client to the executors' public key.
    case sealed(SealedBox)

    /// Whether the secret itself is in the request.
    package var isPlaintext: Bool {
        switch self {
        case .basic, .identityToken, .dockerConfigJSON: true
        case .secretRef, .sealed: false
        }
    }
}

extension [RegistryCredential] {
    /// The credential for an image: the one with the most specific scope among those that cover it.
    ///
    /// Two credentials of one request never have the same scope, so the answer does not depend on their order.
    /// - Parameter image: The image to be pulled.
    /// - Returns: Nothing when no scope covers the image; then it is pulled without a credential.
    package func credential(for image: ImageReference) -> RegistryCredential? {
        self.filter { $0.scope.matches(image) }.max { $0.scope.specificity < $1.scope.specificity }
    }
}
