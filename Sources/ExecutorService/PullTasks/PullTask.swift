package import KubernetesAPI
package import WireFormats

/// The durable record of a task on a cluster: `longshore.dev/v1`, namespaced, short name `pt`.
package struct PullTask: KubernetesResource, Hashable {
    package static let apiGroup = "longshore.dev"
    package static let apiVersion = "v1"
    package static let kind = "PullTask"
    package static let plural = "pulltasks"
    package static let isNamespaced = true

    /// Name, labels, version.
    package var metadata: ObjectMeta
    /// The request with references in the place of credentials, and what commands have asked since; as it was written.
    package var spec: JSONValue
    /// How far the task has come.
    package var status: PullTaskStatus

    /// Makes a PullTask.
    package init(metadata: ObjectMeta, spec: JSONValue, status: PullTaskStatus = PullTaskStatus()) {
        self.metadata = metadata
        self.spec = spec
        self.status = status
    }

    /// Reads a PullTask; what stands in it is judged where it is used.
    package init(json: JSONValue) throws(JSONMappingError) {
        metadata = try json.nested("metadata") ?? ObjectMeta()
        spec = json["spec"] ?? [:]
        status = PullTaskStatus(raw: json["status"]?.object ?? [:])
    }

    /// The object as the API takes it.
    package var json: JSONValue {
        var object = envelope
        object["spec"] = spec
        if !status.raw.isEmpty { object["status"] = .object(status.raw) }
        return .object(object)
    }
}
