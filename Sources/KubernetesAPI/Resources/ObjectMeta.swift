package import WireFormats

/// The metadata that every object has.
package struct ObjectMeta: Sendable, Hashable, JSONDecodable, JSONEncodable {
    /// The name; `nil` where the server is to make one from ``generateName``.
    package var name: String?
    /// The start of a name that the server completes.
    package var generateName: String?
    /// The namespace; `nil` for cluster-wide kinds.
    package var namespace: String?
    /// The server's identifier of this incarnation of the object.
    package var uid: String?
    /// The version to compare and swap by; opaque.
    package var resourceVersion: String?
    /// Counts changes of the specification.
    package var generation: Int?
    /// When the server created the object.
    package var creationTimestamp: Timestamp?
    /// When deletion was asked for; the object stays until its finalizers are gone.
    package var deletionTimestamp: Timestamp?
    /// Labels, which selectors match.
    package var labels: [String: String]
    /// Annotations, which they do not.
    package var annotations: [String: String]
    /// The objects whose deletion deletes this one.
    package var ownerReferences: [OwnerReference]
    /// What must be removed before the object goes.
    package var finalizers: [String]

    /// Creates metadata of an object to be.
    package init(
        name: String? = nil,
        generateName: String? = nil,
        namespace: String? = nil,
        uid: String? = nil,
        resourceVersion: String? = nil,
        generation: Int? = nil,
        creationTimestamp: Timestamp? = nil,
        deletionTimestamp: Timestamp? = nil,
        labels: [String: String] = [:],
        annotations: [String: String] = [:],
        ownerReferences: [OwnerReference] = [],
        finalizers: [String] = []
    ) {
        self.name = name
        self.generateName = generateName
        self.namespace = namespace
        self.uid = uid
        self.resourceVersion = resourceVersion
        self.generation = generation
        self.creationTimestamp = creationTimestamp
        self.deletionTimestamp = deletionTimestamp
        self.labels = labels
        self.annotations = annotations
        self.ownerReferences = ownerReferences
        self.finalizers = finalizers
    }

    /// Reads metadata; what is absent or of another type stays empty.
    package init(json: JSONValue) throws(JSONMappingError) {
        self.init(
            name: json["name"]?.string,
            generateName: json["generateName"]?.string,
            namespace: json["namespace"]?.string,
            uid: json["uid"]?.string,
            resourceVersion: json["resourceVersion"]?.string,
            generation: json["generation"]?.integer,
            creationTimestamp: json.timestamp("creationTimestamp"),
            deletionTimestamp: json.timestamp("deletionTimestamp"),
            labels: json.stringMap("labels"),
            annotations: json.stringMap("annotations"),
            ownerReferences: try json.list("ownerReferences"),
            finalizers: json.strings("finalizers")
        )
    }

    /// The metadata as the API takes it; empty fields are left out.
    package var json: JSONValue {
        var object = JSONObject()
        object.set("name", name)
        object.set("generateName", generateName)
        object.set("namespace", namespace)
        object.set("uid", uid)
        object.set("resourceVersion", resourceVersion)
        object.set("generation", generation)
        object.set("creationTimestamp", creationTimestamp?.rfc3339Seconds)
        object.set("deletionTimestamp", deletionTimestamp?.rfc3339Seconds)
        object.set("labels", labels)
        object.set("annotations", annotations)
        object.set("ownerReferences", ownerReferences)
        object.set("finalizers", finalizers)
        return .object(object)
    }
}

/// A reference from an object to the one whose deletion deletes it; both are in the same namespace.
package struct OwnerReference: Sendable, Hashable, JSONDecodable, JSONEncodable {
    /// Group and version of the owner's kind.
    package var apiVersion: String
    /// The owner's kind.
    package var kind: String
    /// The owner's name.
    package var name: String
    /// The owner's uid: another object of the same name is not the owner.
    package var uid: String
    /// Whether the owner is the managing controller; at most one reference may say so.
    package var controller: Bool?
    /// Whether foreground deletion of the owner waits for this object.
    package var blockOwnerDeletion: Bool?

    /// Creates a reference from its parts.
    package init(
        apiVersion: String,
        kind: String,
        name: String,
        uid: String,
        controller: Bool? = nil,
        blockOwnerDeletion: Bool? = nil
    ) {
        self.apiVersion = apiVersion
        self.kind = kind
        self.name = name
        self.uid = uid
        self.controller = controller
        self.blockOwnerDeletion = blockOwnerDeletion
    }

    /// A controlling reference to an object that exists; `nil` when it has no name or uid yet.
    package init?(controller owner: some KubernetesResource) {
        guard let name = owner.metadata.name, let uid = owner.metadata.uid else { return nil }
        let type = Swift.type(of: owner)
        self.init(
            apiVersion: type.groupVersion,
            kind: type.kind,
            name: name,
            uid: uid,
            controller: true,
            blockOwnerDeletion: false
        )
    }

    /// Reads a reference.
    package init(json: JSONValue) throws(JSONMappingError) {
        self.init(
            apiVersion: json["apiVersion"]?.string ?? "",
            kind: json["kind"]?.string ?? "",
            name: json["name"]?.string ?? "",
            uid: json["uid"]?.string ?? "",
            controller: json["controller"]?.bool,
            blockOwnerDeletion: json["blockOwnerDeletion"]?.bool
        )
    }

    /// The reference as the API takes it.
    package var json: JSONValue {
        var object = JSONObject()
        object.set("apiVersion", apiVersion)
        object.set("kind", kind)
        object.set("name", name)
        object.set("uid", uid)
        object.set("controller", controller)
        object.set("blockOwnerDeletion", blockOwnerDeletion)
        return .object(object)
    }
}
