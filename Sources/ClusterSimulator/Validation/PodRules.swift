import WireFormats

/// Pods: defaults, the admission plugins that concern them, validation and what may change later.
enum PodRules {
    static let prepareCreate: ResourceHooks.Prepare = { json, context throws(APIStatusError) in
        let namespace = json[path: "metadata", "namespace"]?.string ?? ""
        var spec = json["spec"] ?? [:]
        setDefaults(&spec)
        try admitServiceAccount(&spec, namespace, json, context)
        try admitPriority(&spec, json, context)
        addDefaultTolerations(&spec)
        json["spec"] = spec
        try PodSecurity.admit(json, namespace: namespace, context)
        json["status"] = ["phase": "Pending", "qosClass": .string(qualityOfService(spec))]
    }

    static let prepareUpdate: ResourceHooks.Prepare = { json, _ throws(APIStatusError) in
        json.update("spec") { setDefaults(&$0) }
    }

    /// The defaults of a Pod's specification, as in a Pod template.
    static func setDefaults(_ spec: inout JSONValue) {
        spec.setDefault("restartPolicy", "Always")
        spec.setDefault("terminationGracePeriodSeconds", 30)
        spec.setDefault("dnsPolicy", "ClusterFirst")
        spec.setDefault("securityContext", [:])
        spec.setDefault("schedulerName", "default-scheduler")
        spec.setDefault("enableServiceLinks", true)
        for field in ["initContainers", "containers"] {
            guard let containers = spec[field]?.array else { continue }
            spec[field] = .array(containers.map(withDefaults(container:)))
        }
        if let volumes = spec["volumes"]?.array { spec["volumes"] = .array(volumes.map(withDefaults(volume:))) }
    }

    private static func withDefaults(container: JSONValue) -> JSONValue {
        var container = container
        container.setDefault("resources", [:])
        container.setDefault("terminationMessagePath", "/dev/termination-log")
        container.setDefault("terminationMessagePolicy", "File")
        container.setDefault(
            "imagePullPolicy",
            .string(ImageName.defaultPullPolicy(container["image"]?.string ?? ""))
        )
        return container
    }

    private static func withDefaults(volume: JSONValue) -> JSONValue {
        var volume = volume
        if volume["image"] != nil {
            volume.update("image") { image in
                image.setDefault(
                    "pullPolicy",
                    .string(ImageName.defaultPullPolicy(image["reference"]?.string ?? ""))
                )
            }
        }
        if volume["secret"] != nil { volume.update("secret") { $0.setDefault("defaultMode", 420) } }
        return volume
    }

    private static func admitServiceAccount(
        _ spec: inout JSONValue,
        _ namespace: String,
        _ pod: JSONValue,
        _ context: borrowing AdmissionContext
    ) throws(APIStatusError) {
        let name = spec["serviceAccountName"]?.string ?? "default"
        spec["serviceAccountName"] = .string(name)
        spec["serviceAccount"] = .string(name)
        guard let account = context.object(.serviceAccounts, namespace, name) else {
            let why =
                "error looking up service account \(namespace)/\(name): serviceaccount \"\(name)\" not found"
            throw .forbidden(.pods, podName(pod), why)
        }
        if spec["imagePullSecrets"]?.isEmptyCollection ?? true {
            spec.setIfPresent("imagePullSecrets", account["imagePullSecrets"])
        }
    }

    private static func podName(_ pod: JSONValue) -> String { pod[path: "metadata", "name"]?.string ?? "" }

    private static func admitPriority(
        _ spec: inout JSONValue,
        _ pod: JSONValue,
        _ context: borrowing AdmissionContext
    ) throws(APIStatusError) {
        guard let name = spec["priorityClassName"]?.string, !name.isEmpty else {
            spec["priority"] = 0
            spec.setDefault("preemptionPolicy", "PreemptLowerPriority")
            return
        }
        guard let priorityClass = context.object(.priorityClasses, "", name) else {
            throw .forbidden(.pods, podName(pod), "no PriorityClass with name \(name) was found")
        }
        let value = priorityClass["value"] ?? 0
        if let given = spec["priority"]?.integer, given != value.integer {
            let why =
                "the integer value of priority (\(given)) must not be provided in pod spec; priority admission controller computed \(value.text()) from the given PriorityClass name"
            throw .forbidden(.pods, podName(pod), why)
        }
        spec["priority"] = value
        spec["preemptionPolicy"] = priorityClass["preemptionPolicy"] ?? "PreemptLowerPriority"
    }

    /// DefaultTolerationSeconds: a Pod stays 300 s on a node that is not ready or unreachable.
    private static func addDefaultTolerations(_ spec: inout JSONValue) {
        var tolerations = spec["tolerations"]?.array ?? []
        for key in ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"] {
            let isTolerated = tolerations.contains { toleration in
                let tolerated = toleration["key"]?.string ?? ""
                let effect = toleration["effect"]?.string ?? ""
                return (tolerated == key || tolerated.isEmpty) && (effect == "NoExecute" || effect.isEmpty)
            }
            if isTolerated { continue }
            tolerations.append([
                "key": .string(key), "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300,
            ])
        }
        spec["tolerations"] = .array(tolerations)
    }

    private static func qualityOfService(_ spec: JSONValue) -> String {
        let resources = (spec["containers"]?.array ?? []).map { $0["resources"] ?? [:] }
        if resources.allSatisfy({ ($0["requests"] ?? [:]).isEmptyCollection && ($0["limits"] ?? [:]).isEmptyCollection }
        ) {
            return "BestEffort"
        }
        let isGuaranteed = resources.allSatisfy { resource in
            let limits = resource["limits"] ?? [:]
            return limits["cpu"] != nil && limits["memory"] != nil && (resource["requests"] ?? limits) == limits
        }
        return isGuaranteed ? "Guaranteed" : "Burstable"
    }
}
