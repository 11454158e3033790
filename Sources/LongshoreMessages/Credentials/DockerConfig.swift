package import LongshoreDomain
package import Redaction
import WireFormats

/// The content of a Secret of type `kubernetes.io/dockerconfigjson`.
package enum DockerConfig {
    /// The key under which such a Secret holds its content.
    package static let secretKey = ".dockerconfigjson"
    /// The type of such a Secret.
    package static let secretType = "kubernetes.io/dockerconfigjson"
    /// The user name that goes with an identity token where only a user name and a password can be said.
    private static let identityTokenUsername = "00000000-0000-0000-0000-000000000000"

    /// Writes a configuration.
    ///
    /// The keys in `auths` are those under which the kubelet finds the credential for the given images, and as few others as
    /// its matching allows: `https://index.docker.io/v1/` for Docker Hub, the exact host and port otherwise, a path with a
    /// slash at its end.
    /// - Parameters:
    ///   - credentials: credentials with their scopes.
    ///   - images: the images that they are for; without any, each scope has one key.
    /// - Returns: the JSON text. The same input is always the same text.
    package static func json(
        for credentials: [(scope: RegistryScope, credential: PlainCredential)],
        images: [ImageReference] = []
    ) -> SecretBytes {
        var auths = JSONObject()
        for (scope, credential) in credentials {
            let entry = entry(for: scope, credential)
            for key in scope.dockerConfigKeys(for: images) { auths[key] = entry }
        }
        return SecretBytes(JSONValue.object(["auths": .object(auths)]).serialized(sortedKeys: true))
    }

    /// Reads a configuration, checking it as a request's is checked.
    ///
    /// - Parameter secret: the JSON text.
    /// - Returns: one credential for each registry.
    /// - Throws: `DockerConfigurationFile.Problems`, without any value of the text.
    package static func parse(
        _ secret: SecretBytes
    ) throws(DockerConfigurationFile.Problems) -> [(scope: RegistryScope, credential: PlainCredential)] {
        try DockerConfigurationFile(parsing: secret.exposeBytes()).entries.compactMap { entry in
            PlainCredential(entry.credential.source).map { (entry.credential.scope, $0) }
        }
    }

    private static func entry(for scope: RegistryScope, _ credential: PlainCredential) -> JSONValue {
        switch credential {
        case .basic(let username, let password):
            return basic(username: username, password: password)
        case .identityToken(let token):
            // The kubelet hands user name and password to the runtime and knows no identity tokens; the registries that give
            // them out take one as the password of this user. Other clients read `identitytoken`.
            var entry = basic(username: identityTokenUsername, password: token)
            entry["identitytoken"] = .string(token.exposeUTF8() ?? "")
            return entry
        case .dockerConfigJSON(let configuration):
            // It was checked and split when it was read: the one entry there is belongs to this scope.
            let json = try? JSONValue(parsing: configuration.exposeBytes(), limits: .init(maximumDepth: 16))
            let auths = json?["auths"]?.object
            return auths?[scope.dockerConfigKey] ?? auths?.values.first ?? [:]
        }
    }

    private static func basic(username: String, password: SecretBytes) -> JSONValue {
        let pair = Array(username.utf8) + [UInt8(ascii: ":")] + password.exposeBytes()
        return [
            "username": .string(username), "password": .string(password.exposeUTF8() ?? ""),
            "auth": .string(Base64.encode(pair)),
        ]
    }
}
