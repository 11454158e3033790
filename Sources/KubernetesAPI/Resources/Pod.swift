package import WireFormats

/// A Pod.
package struct Pod: KubernetesResource, Hashable {
    package static let apiGroup = ""
    package static let apiVersion = "v1"
    package static let kind = "Pod"
    package static let plural = "pods"
    package static let isNamespaced = true

    package var metadata: ObjectMeta
    /// What is to run.
    package var spec: PodSpec
    /// What is running.
    package var status: PodStatus

    /// Creates a Pod.
    package init(metadata: ObjectMeta, spec: PodSpec, status: PodStatus = PodStatus()) {
        self.metadata = metadata
        self.spec = spec
        self.status = status
    }

    /// Reads a Pod.
    package init(json: JSONValue) throws(JSONMappingError) {
        metadata = try json.nested("metadata") ?? ObjectMeta()
        spec = try json.nested("spec") ?? PodSpec()
        status = try json.nested("status") ?? PodStatus()
    }

    /// The Pod as the API takes it.
    package var json: JSONValue {
        var object = envelope
        object.set("spec", spec)
        object.set("status", status)
        return .object(object)
    }
}

/// What a Pod is to run, where and as whom.
package struct PodSpec: Sendable, Hashable, JSONDecodable, JSONEncodable {
    /// Containers that run one after another before ``containers`` start.
    package var initContainers: [Container]
    /// Containers that run together.
    package var containers: [Container]
    /// What containers can mount.
    package var volumes: [Volume]
    /// `Always`, `OnFailure` or `Never`.
    package var restartPolicy: String?
    /// How long the Pod may be active, in seconds.
    package var activeDeadlineSeconds: Int?
    /// How long containers have to stop, in seconds.
    package var terminationGracePeriodSeconds: Int?
    /// The node, once the scheduler has chosen.
    package var nodeName: String?
    /// Labels that the node must have.
    package var nodeSelector: [String: String]
    /// Which nodes qualify.
    package var affinity: Affinity?
    /// Taints that the Pod may ignore.
    package var tolerations: [Toleration]
    /// The names of pull Secrets in the Pod's namespace.
    package var imagePullSecrets: [String]
    /// The account the Pod runs as.
    package var serviceAccountName: String?
    /// Whether the account's token is mounted.
    package var automountServiceAccountToken: Bool?
    /// Whether environment variables for every Service are set.
    package var enableServiceLinks: Bool?
    /// The PriorityClass.
    package var priorityClassName: String?
    /// Security settings of all containers.
    package var securityContext: SecurityContext?

    /// Creates a specification; everything not given is left to the server's defaults.
    package init(
        initContainers: [Container] = [],
        containers: [Container] = [],
        volumes: [Volume] = [],
        restartPolicy: String? = nil,
        activeDeadlineSeconds: Int? = nil,
        terminationGracePeriodSeconds: Int? = nil,
        nodeName: String? = nil,
        nodeSelector: [String: String] = [:],
        affinity: Affinity? = nil,
        tolerations: [Toleration] = [],
        imagePullSecrets: [String] = [],
        serviceAccountName: String? = nil,
        automountServiceAccountToken: Bool? = nil,
        enableServiceLinks: Bool? = nil,
        priorityClassName: String? = nil,
        securityContext: SecurityContext? = nil
    ) {
        self.initContainers = initContainers
        self.containers = containers
        self.volumes = volumes
        self.restartPolicy = restartPolicy
        self.activeDeadlineSeconds = activeDeadlineSeconds
        self.terminationGracePeriodSeconds = terminationGracePeriodSeconds
        self.nodeName = nodeName
        self.nodeSelector = nodeSelector
        self.affinity = affinity
        self.tolerations = tolerations
        self.imagePullSecrets = imagePullSecrets
        self.serviceAccountName = serviceAccountName
        self.automountServiceAccountToken = automountServiceAccountToken
        self.enableServiceLinks = enableServiceLinks
        self.priorityClassName = priorityClassName
        self.securityContext = securityContext
    }

    /// Reads a specification.
    package init(json: JSONValue) throws(JSONMappingError) {
        self.init(
            initContainers: try json.list("initContainers"),
            containers: try json.list("containers"),
            volumes: try json.list("volumes"),
            restartPolicy: json["restartPolicy"]?.string,
            activeDeadlineSeconds: json["activeDeadlineSeconds"]?.integer,
            terminationGracePeriodSeconds: json["terminationGracePeriodSeconds"]?.integer,
            nodeName: json["nodeName"]?.string,
            nodeSelector: json.stringMap("nodeSelector"),
            affinity: try json.nested("affinity"),
            tolerations: try json.list("tolerations"),
            imagePullSecrets: json["imagePullSecrets"]?.array?.compactMap { $0["name"]?.string } ?? [],
            serviceAccountName: json["serviceAccountName"]?.string,
            automountServiceAccountToken: json["automountServiceAccountToken"]?.bool,
            enableServiceLinks: json["enableServiceLinks"]?.bool,
            priorityClassName: json["priorityClassName"]?.string,
            securityContext: try json.nested("securityContext")
        )
    }

    /// The specification as the API takes it.
    package var json: JSONValue {
        var object = JSONObject()
        object.set("initContainers", initContainers)
        object.set("containers", containers)
        object.set("volumes", volumes)
        object.set("restartPolicy", restartPolicy)
        object.set("activeDeadlineSeconds", activeDeadlineSeconds)
        object.set("terminationGracePeriodSeconds", terminationGracePeriodSeconds)
        object.set("nodeName", nodeName)
        object.set("nodeSelector", nodeSelector)
        object.set("affinity", affinity)
        object.set("tolerations", tolerations)
        if !imagePullSecrets.isEmpty {
            object["imagePullSecrets"] = .array(imagePullSecrets.map { .object(["name": .string($0)]) })
        }
        object.set("serviceAccountName", serviceAccountName)
        object.set("automountServiceAccountToken", automountServiceAccountToken)
        object.set("enableServiceLinks", enableServiceLinks)
        object.set("priorityClassName", priorityClassName)
        object.set("securityContext", securityContext)
        return .object(object)
    }
}

/// What a controller makes Pods from.
package struct PodTemplate: Sendable, Hashable, JSONDecodable, JSONEncodable {
    /// Labels and annotations of the Pods.
    package var metadata: ObjectMeta
    /// What they run.
    package var spec: PodSpec

    /// Creates a template.
    package init(metadata: ObjectMeta = ObjectMeta(), spec: PodSpec) {
        self.metadata = metadata
        self.spec = spec
    }

    /// Reads a template.
    package init(json: JSONValue) throws(JSONMappingError) {
        metadata = try json.nested("metadata") ?? ObjectMeta()
        spec = try json.nested("spec") ?? PodSpec()
    }

    /// The template as the API takes it.
    package var json: JSONValue {
        .object(["metadata": metadata.json, "spec": spec.json])
    }
}
