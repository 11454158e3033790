import WireFormats

/// Namespaces: phase, finalizer and the label with their name.
enum NamespaceRules {
    static let prepareCreate: ResourceHooks.Prepare = { json, _ throws(APIStatusError) in
        let name = json[path: "metadata", "name"] ?? ""
        json.update("metadata") { $0.update("labels") { $0["kubernetes.io/metadata.name"] = name } }
        json["spec"] = ["finalizers": ["kubernetes"]]
        json["status"] = ["phase": "Active"]
    }
}

/// Nodes: taints must be well formed.
enum NodeRules {
    static let effects = ["NoSchedule", "PreferNoSchedule", "NoExecute"]

    static let validate: ResourceHooks.Validate = { new, _ in
        (new[path: "spec", "taints"]?.array ?? []).enumerated().flatMap { index, taint -> [FieldError] in
            let path = "spec.taints[\(index)]"
            var faults: [FieldError] = []
            if !MetadataValidation.isQualifiedName(taint["key"]?.string ?? "") {
                let detail = MetadataValidation.qualifiedNameDetail
                faults.append(.invalid("\(path).key", taint["key"] ?? "", detail))
            }
            if !effects.contains(taint["effect"]?.string ?? "") {
                faults.append(.notSupported("\(path).effect", taint["effect"] ?? "", effects))
            }
            return faults
        }
    }
}

/// Events: the namespace must be that of the object they are about.
enum EventRules {
    static let prepareCreate: ResourceHooks.Prepare = { json, context throws(APIStatusError) in
        json.setDefault("type", "Normal")
        json.setDefault("source", [:])
        json.setDefault("reportingComponent", "")
        json.setDefault("reportingInstance", "")
        if json["eventTime"] == nil { json["eventTime"] = .null }
    }
}

extension EventRules {
    /// The fields that are named differently in `events.k8s.io/v1`.
    private static let names = [
        ("involvedObject", "regarding"), ("message", "note"), ("source", "deprecatedSource"),
        ("firstTimestamp", "deprecatedFirstTimestamp"), ("lastTimestamp", "deprecatedLastTimestamp"),
        ("count", "deprecatedCount"), ("reportingComponent", "reportingController"),
    ]

    /// Events in the form of `events.k8s.io/v1`.
    static let view = ResourceDefinition.View(
        stored: .events,
        toServed: { renamed($0, apiVersion: "events.k8s.io/v1", names) },
        toStored: { renamed($0, apiVersion: "v1", names.map { ($0.1, $0.0) }) }
    )

    private static func renamed(_ event: JSONValue, apiVersion: String, _ names: [(String, String)]) -> JSONValue {
        var renamed = event
        renamed["apiVersion"] = .string(apiVersion)
        for (old, new) in names {
            guard let value = event[old] else { continue }
            renamed.removeMember(old)
            renamed[new] = value
        }
        return renamed
    }
}

/// Leases: durations are positive.
enum LeaseRules {
    static let validate: ResourceHooks.Validate = { new, _ in
        var faults: [FieldError] = []
        let spec = new["spec"] ?? [:]
        if let seconds = spec["leaseDurationSeconds"], (seconds.integer ?? 0) <= 0 {
            faults.append(.invalid("spec.leaseDurationSeconds", seconds, "must be greater than 0"))
        }
        if let transitions = spec["leaseTransitions"], (transitions.integer ?? -1) < 0 {
            faults.append(.invalid("spec.leaseTransitions", transitions, "must be greater than or equal to 0"))
        }
        for field in ["acquireTime", "renewTime"] {
            guard let value = spec[field], !value.isNull else { continue }
            if value.string.flatMap({ Timestamp(rfc3339: $0) }) == nil {
                faults.append(.invalid("spec.\(field)", value, "must be an RFC 3339 time"))
            }
        }
        return faults
    }
}

/// PriorityClasses: values above a thousand million are the system's.
enum PriorityClassRules {
    static let prepareCreate: ResourceHooks.Prepare = { json, _ throws(APIStatusError) in
        json.setDefault("preemptionPolicy", "PreemptLowerPriority")
        json.setDefault("value", 0)
    }

    static let validate: ResourceHooks.Validate = { new, old in
        var faults: [FieldError] = []
        let name = new[path: "metadata", "name"]?.string ?? ""
        let value = new["value"] ?? 0
        if !name.hasPrefix("system-"), (value.integer ?? 0) > 1_000_000_000 {
            let detail = "maximum allowed value of a user defined priority is 1000000000"
            faults.append(.forbidden("value", detail))
        }
        if let old, old["value"] != new["value"] {
            faults.append(.forbidden("value", "may not be changed in an update."))
        }
        let policies = ["Never", "PreemptLowerPriority"]
        if !policies.contains(new["preemptionPolicy"]?.string ?? "") {
            faults.append(.notSupported("preemptionPolicy", new["preemptionPolicy"] ?? "", policies))
        }
        return faults
    }
}
