package import WireFormats

/// One container of a Pod.
package struct Container: Sendable, Hashable, JSONDecodable, JSONEncodable {
    /// The name, unique in the Pod.
    package var name: String
    /// The image to run.
    package var image: String
    /// `Always`, `IfNotPresent` or `Never`.
    package var imagePullPolicy: String?
    /// Replaces the image's entry point.
    package var command: [String]
    /// Replaces the image's arguments.
    package var args: [String]
    /// What the container may use.
    package var resources: ResourceRequirements?
    /// Where volumes appear.
    package var volumeMounts: [VolumeMount]
    /// Security settings; they win over the Pod's.
    package var securityContext: SecurityContext?

    /// Creates a container.
    package init(
        name: String,
        image: String,
        imagePullPolicy: String? = nil,
        command: [String] = [],
        args: [String] = [],
        resources: ResourceRequirements? = nil,
        volumeMounts: [VolumeMount] = [],
        securityContext: SecurityContext? = nil
    ) {
        self.name = name
        self.image = image
        self.imagePullPolicy = imagePullPolicy
        self.command = command
        self.args = args
        self.resources = resources
        self.volumeMounts = volumeMounts
        self.securityContext = securityContext
    }

    /// Reads a container.
    package init(json: JSONValue) throws(JSONMappingError) {
        self.init(
            name: json["name"]?.string ?? "",
            image: json["image"]?.string ?? "",
            imagePullPolicy: json["imagePullPolicy"]?.string,
            command: json.strings("command"),
            args: json.strings("args"),
            resources: try json.nested("resources"),
            volumeMounts: try json.list("volumeMounts"),
            securityContext: try json.nested("securityContext")
        )
    }

    /// The container as the API takes it.
    package var json: JSONValue {
        var object = JSONObject()
        object.set("name", name)
        object.set("image", image)
        object.set("imagePullPolicy", imagePullPolicy)
        object.set("command", command)
        object.set("args", args)
        object.set("resources", resources)
        object.set("volumeMounts", volumeMounts)
        object.set("securityContext", securityContext)
        return .object(object)
    }
}

/// What a container asks for and may use at most, as quantities by resource name.
package struct ResourceRequirements: Sendable, Hashable, JSONDecodable, JSONEncodable {
    /// What the scheduler sets aside.
    package var requests: [String: String]
    /// What the kernel allows.
    package var limits: [String: String]

    /// Creates requirements.
    package init(requests: [String: String] = [:], limits: [String: String] = [:]) {
        self.requests = requests
        self.limits = limits
    }

    /// Reads requirements.
    package init(json: JSONValue) throws(JSONMappingError) {
        requests = json.stringMap("requests")
        limits = json.stringMap("limits")
    }

    /// The requirements as the API takes them.
    package var json: JSONValue {
        var object = JSONObject()
        object.set("requests", requests)
        object.set("limits", limits)
        return .object(object)
    }
}

/// Where a volume appears in a container.
package struct VolumeMount: Sendable, Hashable, JSONDecodable, JSONEncodable {
    /// The volume's name.
    package var name: String
    /// The path in the container.
    package var mountPath: String
    /// Whether it cannot be written.
    package var readOnly: Bool
    /// A path within the volume.
    package var subPath: String?

    /// Creates a mount.
    package init(name: String, mountPath: String, readOnly: Bool = false, subPath: String? = nil) {
        self.name = name
        self.mountPath = mountPath
        self.readOnly = readOnly
        self.subPath = subPath
    }

    /// Reads a mount.
    package init(json: JSONValue) throws(JSONMappingError) {
        name = json["name"]?.string ?? ""
        mountPath = json["mountPath"]?.string ?? ""
        readOnly = json["readOnly"]?.bool ?? false
        subPath = json["subPath"]?.string
    }

    /// The mount as the API takes it.
    package var json: JSONValue {
        var object = JSONObject()
        object.set("name", name)
        object.set("mountPath", mountPath)
        object.set("readOnly", readOnly ? true : nil)
        object.set("subPath", subPath)
        return .object(object)
    }
}
