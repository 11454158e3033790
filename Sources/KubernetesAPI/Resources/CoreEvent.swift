package import WireFormats

/// A note about an object, as `kubectl describe` shows it (`v1` `Event`).
package struct CoreEvent: KubernetesResource, Hashable {
    package static let apiGroup = ""
    package static let apiVersion = "v1"
    package static let kind = "Event"
    package static let plural = "events"
    package static let isNamespaced = true

    package var metadata: ObjectMeta
    /// The object it is about.
    package var involvedObject: ObjectReference
    /// What happened, as a constant in upper camel case.
    package var reason: String
    /// What happened, for people; at most 1,024 bytes.
    package var message: String
    /// `Normal` or `Warning`.
    package var type: String
    /// The component that reports, for example `kubelet`.
    package var component: String
    /// The instance of the component, for example the Pod's name.
    package var reportingInstance: String?
    /// What was done about it, for example `Pulling`.
    package var action: String?
    /// When it happened first.
    package var firstTimestamp: Timestamp?
    /// When it happened last.
    package var lastTimestamp: Timestamp?
    /// How often it happened.
    package var count: Int

    /// Creates a note.
    package init(
        metadata: ObjectMeta,
        involvedObject: ObjectReference,
        reason: String,
        message: String,
        type: String = "Normal",
        component: String,
        reportingInstance: String? = nil,
        action: String? = nil,
        firstTimestamp: Timestamp? = nil,
        lastTimestamp: Timestamp? = nil,
        count: Int = 1
    ) {
        self.metadata = metadata
        self.involvedObject = involvedObject
        self.reason = reason
        self.message = message
        self.type = type
        self.component = component
        self.reportingInstance = reportingInstance
        self.action = action
        self.firstTimestamp = firstTimestamp
        self.lastTimestamp = lastTimestamp
        self.count = count
    }

    /// Reads a note.
    package init(json: JSONValue) throws(JSONMappingError) {
        self.init(
            metadata: try json.nested("metadata") ?? ObjectMeta(),
            involvedObject: try json.nested("involvedObject") ?? ObjectReference(kind: "", name: ""),
            reason: json["reason"]?.string ?? "",
            message: json["message"]?.string ?? "",
            type: json["type"]?.string ?? "Normal",
            component: json["source"]?["component"]?.string ?? json["reportingComponent"]?.string ?? "",
            reportingInstance: json["reportingInstance"]?.string,
            action: json["action"]?.string,
            firstTimestamp: json.timestamp("firstTimestamp"),
            lastTimestamp: json.timestamp("lastTimestamp"),
            count: json["count"]?.integer ?? 1
        )
    }

    /// The note as the API takes it.
    package var json: JSONValue {
        var object = envelope
        object.set("involvedObject", involvedObject)
        object.set("reason", reason)
        object.set("message", message)
        object.set("type", type)
        object["source"] = .object(["component": .string(component)])
        object.set("reportingComponent", component)
        object.set("reportingInstance", reportingInstance)
        object.set("action", action)
        object.set("firstTimestamp", firstTimestamp?.rfc3339Seconds)
        object.set("lastTimestamp", lastTimestamp?.rfc3339Seconds)
        object.set("count", count)
        return .object(object)
    }
}

/// A reference to any object.
package struct ObjectReference: Sendable, Hashable, JSONDecodable, JSONEncodable {
    /// Group and version.
    package var apiVersion: String?
    /// The kind.
    package var kind: String
    /// The namespace; `nil` for cluster-wide kinds.
    package var namespace: String?
    /// The name.
    package var name: String
    /// The incarnation.
    package var uid: String?

    /// Creates a reference.
    package init(
        apiVersion: String? = nil,
        kind: String,
        namespace: String? = nil,
        name: String,
        uid: String? = nil
    ) {
        self.apiVersion = apiVersion
        self.kind = kind
        self.namespace = namespace
        self.name = name
        self.uid = uid
    }

    /// A reference to an object.
    package init(to object: some KubernetesResource) {
        let type = Swift.type(of: object)
        self.init(
            apiVersion: type.groupVersion,
            kind: type.kind,
            namespace: object.metadata.namespace,
            name: object.metadata.name ?? "",
            uid: object.metadata.uid
        )
    }

    /// Reads a reference.
    package init(json: JSONValue) throws(JSONMappingError) {
        self.init(
            apiVersion: json["apiVersion"]?.string,
            kind: json["kind"]?.string ?? "",
            namespace: json["namespace"]?.string,
            name: json["name"]?.string ?? "",
            uid: json["uid"]?.string
        )
    }

    /// The reference as the API takes it.
    package var json: JSONValue {
        var object = JSONObject()
        object.set("apiVersion", apiVersion)
        object.set("kind", kind)
        object.set("namespace", namespace)
        object.set("name", name)
        object.set("uid", uid)
        return .object(object)
    }
}
