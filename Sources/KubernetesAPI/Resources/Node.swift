package import WireFormats

/// A machine of the cluster.
package struct Node: KubernetesResource, Hashable {
    package static let apiGroup = ""
    package static let apiVersion = "v1"
    package static let kind = "Node"
    package static let plural = "nodes"
    package static let isNamespaced = false

    package var metadata: ObjectMeta
    /// What operators set.
    package var spec: NodeSpec
    /// What the kubelet reports.
    package var status: NodeStatus

    /// Creates a node.
    package init(metadata: ObjectMeta, spec: NodeSpec = NodeSpec(), status: NodeStatus = NodeStatus()) {
        self.metadata = metadata
        self.spec = spec
        self.status = status
    }

    /// Reads a node.
    package init(json: JSONValue) throws(JSONMappingError) {
        metadata = try json.nested("metadata") ?? ObjectMeta()
        spec = try json.nested("spec") ?? NodeSpec()
        status = try json.nested("status") ?? NodeStatus()
    }

    /// The node as the API takes it.
    package var json: JSONValue {
        var object = envelope
        object.set("spec", spec)
        object.set("status", status)
        return .object(object)
    }
}

/// What operators set on a node.
package struct NodeSpec: Sendable, Hashable, JSONDecodable, JSONEncodable {
    /// Whether the node is cordoned.
    package var unschedulable: Bool
    /// What keeps Pods away that do not tolerate it.
    package var taints: [Taint]
    /// The provider's name of the machine, for example `kind://docker/kind/kind-worker`.
    package var providerID: String?

    /// Creates a specification.
    package init(unschedulable: Bool = false, taints: [Taint] = [], providerID: String? = nil) {
        self.unschedulable = unschedulable
        self.taints = taints
        self.providerID = providerID
    }

    /// Reads a specification.
    package init(json: JSONValue) throws(JSONMappingError) {
        unschedulable = json["unschedulable"]?.bool ?? false
        taints = try json.list("taints")
        providerID = json["providerID"]?.string
    }

    /// The specification as the API takes it.
    package var json: JSONValue {
        var object = JSONObject()
        object.set("unschedulable", unschedulable ? true : nil)
        object.set("taints", taints)
        object.set("providerID", providerID)
        return .object(object)
    }
}

/// What keeps Pods away from a node.
package struct Taint: Sendable, Hashable, JSONDecodable, JSONEncodable {
    /// The taint's key.
    package var key: String
    /// The taint's value; empty where it has none.
    package var value: String
    /// `NoSchedule`, `PreferNoSchedule` or `NoExecute`.
    package var effect: String

    /// Creates a taint.
    package init(key: String, value: String = "", effect: String) {
        self.key = key
        self.value = value
        self.effect = effect
    }

    /// Reads a taint.
    package init(json: JSONValue) throws(JSONMappingError) {
        key = json["key"]?.string ?? ""
        value = json["value"]?.string ?? ""
        effect = json["effect"]?.string ?? ""
    }

    /// The taint as the API takes it.
    package var json: JSONValue {
        var object = JSONObject()
        object.set("key", key)
        object.set("value", value.isEmpty ? nil : value)
        object.set("effect", effect)
        return .object(object)
    }
}

/// What the kubelet reports of its node.
package struct NodeStatus: Sendable, Hashable, JSONDecodable, JSONEncodable {
    /// `Ready`, `DiskPressure` and others.
    package var conditions: [Condition]
    /// What Pods may use, by resource name, as quantities (`ephemeral-storage: 94Gi`).
    package var allocatable: [String: String]
    /// What the machine has.
    package var capacity: [String: String]
    /// Versions and platform.
    package var nodeInfo: NodeSystemInfo
    /// Images on the node: by default only the 50 largest, so that absence proves nothing.
    package var images: [NodeImage]

    /// Creates a status.
    package init(
        conditions: [Condition] = [],
        allocatable: [String: String] = [:],
        capacity: [String: String] = [:],
        nodeInfo: NodeSystemInfo = NodeSystemInfo(),
        images: [NodeImage] = []
    ) {
        self.conditions = conditions
        self.allocatable = allocatable
        self.capacity = capacity
        self.nodeInfo = nodeInfo
        self.images = images
    }

    /// Reads a status.
    package init(json: JSONValue) throws(JSONMappingError) {
        conditions = try json.list("conditions")
        allocatable = json.stringMap("allocatable")
        capacity = json.stringMap("capacity")
        nodeInfo = try json.nested("nodeInfo") ?? NodeSystemInfo()
        images = try json.list("images")
    }

    /// The status as the API takes it.
    package var json: JSONValue {
        var object = JSONObject()
        object.set("conditions", conditions)
        object.set("allocatable", allocatable)
        object.set("capacity", capacity)
        object.set("nodeInfo", nodeInfo)
        object.set("images", images)
        return .object(object)
    }
}

/// Versions and platform of a node.
package struct NodeSystemInfo: Sendable, Hashable, JSONDecodable, JSONEncodable {
    /// For example `v1.36.0`.
    package var kubeletVersion: String
    /// For example `containerd://2.2.0`.
    package var containerRuntimeVersion: String
    /// For example `linux`.
    package var operatingSystem: String
    /// For example `amd64`.
    package var architecture: String
    /// For example `Debian GNU/Linux 12 (bookworm)`.
    package var osImage: String
    /// For example `6.1.0-18-amd64`.
    package var kernelVersion: String

    /// Creates the information.
    package init(
        kubeletVersion: String = "",
        containerRuntimeVersion: String = "",
        operatingSystem: String = "",
        architecture: String = "",
        osImage: String = "",
        kernelVersion: String = ""
    ) {
        self.kubeletVersion = kubeletVersion
        self.containerRuntimeVersion = containerRuntimeVersion
        self.operatingSystem = operatingSystem
        self.architecture = architecture
        self.osImage = osImage
        self.kernelVersion = kernelVersion
    }

    /// Reads the information.
    package init(json: JSONValue) throws(JSONMappingError) {
        self.init(
            kubeletVersion: json["kubeletVersion"]?.string ?? "",
            containerRuntimeVersion: json["containerRuntimeVersion"]?.string ?? "",
            operatingSystem: json["operatingSystem"]?.string ?? "",
            architecture: json["architecture"]?.string ?? "",
            osImage: json["osImage"]?.string ?? "",
            kernelVersion: json["kernelVersion"]?.string ?? ""
        )
    }

    /// The information as the API takes it.
    package var json: JSONValue {
        var object = JSONObject()
        object.set("kubeletVersion", kubeletVersion)
        object.set("containerRuntimeVersion", containerRuntimeVersion)
        object.set("operatingSystem", operatingSystem)
        object.set("architecture", architecture)
        object.set("osImage", osImage)
        object.set("kernelVersion", kernelVersion)
        return .object(object)
    }
}

/// An image on a node.
package struct NodeImage: Sendable, Hashable, JSONDecodable, JSONEncodable {
    /// All names the runtime knows the image by, tags and digests.
    package var names: [String]
    /// Its size on disk, in bytes.
    package var sizeBytes: Int

    /// Creates an entry.
    package init(names: [String], sizeBytes: Int = 0) {
        self.names = names
        self.sizeBytes = sizeBytes
    }

    /// Reads an entry.
    package init(json: JSONValue) throws(JSONMappingError) {
        names = json.strings("names")
        sizeBytes = json["sizeBytes"]?.integer ?? 0
    }

    /// The entry as the API takes it.
    package var json: JSONValue {
        var object = JSONObject()
        object.set("names", names)
        object.set("sizeBytes", sizeBytes)
        return .object(object)
    }
}
