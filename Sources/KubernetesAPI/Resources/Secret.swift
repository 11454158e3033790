package import Redaction
package import WireFormats

/// A Secret.
///
/// Its values print as `<redacted>`; only ``json`` holds them in the open, for the request body, and must go nowhere else.
package struct Secret: KubernetesResource, Equatable {
    package static let apiGroup = ""
    package static let apiVersion = "v1"
    package static let kind = "Secret"
    package static let plural = "secrets"
    package static let isNamespaced = true

    /// The type of a pull Secret.
    package static let dockerConfigJSONType = "kubernetes.io/dockerconfigjson"
    /// The one key of a pull Secret.
    package static let dockerConfigJSONKey = ".dockerconfigjson"
    /// The older type of a pull Secret, which the kubelet still reads.
    package static let dockercfgType = "kubernetes.io/dockercfg"
    /// The one key of a pull Secret of the older type.
    package static let dockercfgKey = ".dockercfg"

    package var metadata: ObjectMeta
    /// For example `Opaque` or `kubernetes.io/dockerconfigjson`; it cannot be changed later.
    package var type: String
    /// The values by key.
    package var data: [String: SecretBytes]
    /// Whether the values can be changed; `nil` means that they can.
    package var immutable: Bool?

    /// Creates a Secret.
    package init(
        metadata: ObjectMeta,
        type: String = "Opaque",
        data: [String: SecretBytes] = [:],
        immutable: Bool? = nil
    ) {
        self.metadata = metadata
        self.type = type
        self.data = data
        self.immutable = immutable
    }

    /// Reads a Secret; a value that is not base64 is an error.
    package init(json: JSONValue) throws(JSONMappingError) {
        metadata = try json.nested("metadata") ?? ObjectMeta()
        type = json["type"]?.string ?? "Opaque"
        immutable = json["immutable"]?.bool
        data = [:]
        for (key, text) in json.stringMap("data") {
            guard let bytes = Base64.decode(text) else {
                throw JSONMappingError(
                    pointer: JSONPointer.root.appending("data").appending(key),
                    expected: "base64"
                )
            }
            data[key] = SecretBytes(bytes)
        }
    }

    /// The Secret as the API takes it, **values in base64**.
    package var json: JSONValue {
        var object = envelope
        object.set("type", type)
        object.set("immutable", immutable)
        object.set("data", data.mapValues { Base64.encode($0.exposeBytes()) })
        return .object(object)
    }
}
