package import WireFormats

/// An identity for Pods.
package struct ServiceAccount: KubernetesResource, Hashable {
    package static let apiGroup = ""
    package static let apiVersion = "v1"
    package static let kind = "ServiceAccount"
    package static let plural = "serviceaccounts"
    package static let isNamespaced = true

    package var metadata: ObjectMeta
    /// The names of the pull Secrets that Pods of this account get.
    package var imagePullSecrets: [String]
    /// Whether Pods of this account get its token.
    package var automountServiceAccountToken: Bool?

    /// Creates an account.
    package init(metadata: ObjectMeta, imagePullSecrets: [String] = [], automountServiceAccountToken: Bool? = nil) {
        self.metadata = metadata
        self.imagePullSecrets = imagePullSecrets
        self.automountServiceAccountToken = automountServiceAccountToken
    }

    /// Reads an account.
    package init(json: JSONValue) throws(JSONMappingError) {
        metadata = try json.nested("metadata") ?? ObjectMeta()
        imagePullSecrets = json["imagePullSecrets"]?.array?.compactMap { $0["name"]?.string } ?? []
        automountServiceAccountToken = json["automountServiceAccountToken"]?.bool
    }

    /// The account as the API takes it.
    package var json: JSONValue {
        var object = envelope
        if !imagePullSecrets.isEmpty {
            object["imagePullSecrets"] = .array(imagePullSecrets.map { .object(["name": .string($0)]) })
        }
        object.set("automountServiceAccountToken", automountServiceAccountToken)
        return .object(object)
    }
}
