package import WireFormats

/// A namespace.
package struct Namespace: KubernetesResource, Hashable {
    package static let apiGroup = ""
    package static let apiVersion = "v1"
    package static let kind = "Namespace"
    package static let plural = "namespaces"
    package static let isNamespaced = false

    package var metadata: ObjectMeta
    /// `Active` or `Terminating`, by the server.
    package var phase: String?

    /// Creates a namespace.
    package init(metadata: ObjectMeta, phase: String? = nil) {
        self.metadata = metadata
        self.phase = phase
    }

    /// Reads a namespace.
    package init(json: JSONValue) throws(JSONMappingError) {
        metadata = try json.nested("metadata") ?? ObjectMeta()
        phase = json["status"]?["phase"]?.string
    }

    /// The namespace as the API takes it.
    package var json: JSONValue {
        var object = envelope
        if let phase { object["status"] = .object(["phase": .string(phase)]) }
        return .object(object)
    }
}
