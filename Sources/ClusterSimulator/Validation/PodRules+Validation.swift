import WireFormats

extension PodRules {
    static let validate: ResourceHooks.Validate = { new, old in
        let spec = new["spec"] ?? [:]
        if let old { return changeFaults(spec, old["spec"] ?? [:]) }
        return faults(spec, path: "spec")
    }

    /// The faults of a Pod's specification, also of one in a template.
    static func faults(_ spec: JSONValue, path: String) -> [FieldError] {
        var faults: [FieldError] = []
        let volumes = Set((spec["volumes"]?.array ?? []).compactMap { $0["name"]?.string })
        faults += volumeFaults(spec["volumes"]?.array ?? [], path: "\(path).volumes")
        let containers = spec["containers"]?.array ?? []
        if containers.isEmpty { faults.append(.required("\(path).containers")) }
        var names: Set<String> = []
        for (field, list) in [("containers", containers), ("initContainers", spec["initContainers"]?.array ?? [])] {
            for (index, container) in list.enumerated() {
                let at = "\(path).\(field)[\(index)]"
                faults += containerFaults(container, path: at, volumes: volumes)
                let name = container["name"]?.string ?? ""
                if !name.isEmpty, !names.insert(name).inserted {
                    faults.append(.duplicate("\(at).name", .string(name)))
                }
            }
        }
        let policies = ["Always", "OnFailure", "Never"]
        if !policies.contains(spec["restartPolicy"]?.string ?? "") {
            faults.append(.notSupported("\(path).restartPolicy", spec["restartPolicy"] ?? "", policies))
        }
        if let deadline = spec["activeDeadlineSeconds"], !(1...2_147_483_647).contains(deadline.integer ?? 0) {
            let detail = "must be between 1 and 2147483647, inclusive"
            faults.append(.invalid("\(path).activeDeadlineSeconds", deadline, detail))
        }
        return faults + affinityFaults(spec, path: path) + tolerationFaults(spec, path: path)
    }

    private static func containerFaults(_ container: JSONValue, path: String, volumes: Set<String>) -> [FieldError] {
        var faults: [FieldError] = []
        let name = container["name"]?.string ?? ""
        if name.isEmpty {
            faults.append(.required("\(path).name"))
        } else if !MetadataValidation.isLabel(name) {
            faults.append(.invalid("\(path).name", .string(name), MetadataValidation.labelDetail))
        }
        let image = container["image"]?.string ?? ""
        if image.isEmpty {
            faults.append(.required("\(path).image"))
        } else if image.first?.isWhitespace == true || image.last?.isWhitespace == true {
            faults.append(.invalid("\(path).image", .string(image), "must not have leading or trailing whitespace"))
        }
        faults += pullPolicyFaults(container["imagePullPolicy"], path: "\(path).imagePullPolicy")
        var mountPaths: Set<String> = []
        for (index, mount) in (container["volumeMounts"]?.array ?? []).enumerated() {
            let at = "\(path).volumeMounts[\(index)]"
            let volume = mount["name"]?.string ?? ""
            if volume.isEmpty {
                faults.append(.required("\(at).name"))
            } else if !volumes.contains(volume) {
                faults.append(.notFound("\(at).name", .string(volume)))
            }
            let mountPath = mount["mountPath"]?.string ?? ""
            if mountPath.isEmpty {
                faults.append(.required("\(at).mountPath"))
            } else if !mountPaths.insert(mountPath).inserted {
                faults.append(.invalid("\(at).mountPath", .string(mountPath), "must be unique"))
            }
        }
        return faults
    }

    private static func pullPolicyFaults(_ policy: JSONValue?, path: String) -> [FieldError] {
        let policies = ["Always", "IfNotPresent", "Never"]
        guard let policy, !policies.contains(policy.string ?? "") else { return [] }
        return [.notSupported(path, policy, policies)]
    }

    private static func volumeFaults(_ volumes: [JSONValue], path: String) -> [FieldError] {
        var faults: [FieldError] = []
        var names: Set<String> = []
        for (index, volume) in volumes.enumerated() {
            let at = "\(path)[\(index)]"
            let name = volume["name"]?.string ?? ""
            if name.isEmpty {
                faults.append(.required("\(at).name"))
            } else if !MetadataValidation.isLabel(name) {
                faults.append(.invalid("\(at).name", .string(name), MetadataValidation.labelDetail))
            } else if !names.insert(name).inserted {
                faults.append(.duplicate("\(at).name", .string(name)))
            }
            let sources = (volume.object ?? [:]).keys.filter { $0 != "name" }
            if sources.isEmpty { faults.append(.required(at, "must specify a volume type")) }
            if sources.count > 1 {
                faults.append(.forbidden("\(at).\(sources[1])", "may not specify more than 1 volume type"))
            }
            if let image = volume["image"] {
                if (image["reference"]?.string ?? "").isEmpty { faults.append(.required("\(at).image.reference")) }
                faults += pullPolicyFaults(image["pullPolicy"], path: "\(at).image.pullPolicy")
            }
        }
        return faults
    }

    private static func affinityFaults(_ spec: JSONValue, path: String) -> [FieldError] {
        let required = "requiredDuringSchedulingIgnoredDuringExecution"
        guard let selector = spec[path: "affinity", "nodeAffinity", required] else { return [] }
        let at = "\(path).affinity.nodeAffinity.\(required).nodeSelectorTerms"
        let terms = selector["nodeSelectorTerms"]?.array ?? []
        if terms.isEmpty { return [.required(at, "must have at least one node selector term")] }
        return terms.enumerated().flatMap { index, term -> [FieldError] in
            let expressions = (term["matchExpressions"]?.array ?? []).enumerated().flatMap { number, expression in
                requirementFaults(expression, path: "\(at)[\(index)].matchExpressions[\(number)]")
            }
            let fields = (term["matchFields"]?.array ?? []).enumerated().flatMap { number, field in
                matchFieldFaults(field, path: "\(at)[\(index)].matchFields[\(number)]")
            }
            return expressions + fields
        }
    }

    private static func requirementFaults(_ requirement: JSONValue, path: String) -> [FieldError] {
        let operators = ["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"]
        let name = requirement["operator"]?.string ?? ""
        let values = requirement["values"]?.array ?? []
        if !operators.contains(name) {
            return [.invalid("\(path).operator", .string(name), "not a valid selector operator")]
        }
        if ["In", "NotIn"].contains(name), values.isEmpty {
            return [.required("\(path).values", "must be specified when `operator` is 'In' or 'NotIn'")]
        }
        if ["Exists", "DoesNotExist"].contains(name), !values.isEmpty {
            return [.forbidden("\(path).values", "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")]
        }
        return []
    }

    private static func matchFieldFaults(_ field: JSONValue, path: String) -> [FieldError] {
        var faults: [FieldError] = []
        if field["key"]?.string != "metadata.name" {
            faults.append(.invalid("\(path).key", field["key"] ?? "", "not a valid field selector key"))
        }
        if !["In", "NotIn"].contains(field["operator"]?.string ?? "") {
            faults.append(.invalid("\(path).operator", field["operator"] ?? "", "not a valid selector operator"))
        } else if field["values"]?.array?.count != 1 {
            let detail = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"
            faults.append(.required("\(path).values", detail))
        }
        return faults
    }

    private static func tolerationFaults(_ spec: JSONValue, path: String) -> [FieldError] {
        (spec["tolerations"]?.array ?? []).enumerated().compactMap { index, toleration in
            let at = "\(path).tolerations[\(index)]"
            let name = toleration["operator"]?.string ?? "Equal"
            if !["Equal", "Exists"].contains(name) {
                return .notSupported("\(at).operator", .string(name), ["Equal", "Exists"])
            }
            if name == "Exists", !(toleration["value"]?.string ?? "").isEmpty {
                let detail = "value must be empty when `operator` is 'Exists'"
                return .invalid("\(at).operator", toleration["value"] ?? "", detail)
            }
            if (toleration["key"]?.string ?? "").isEmpty, name != "Exists" {
                let detail =
                    "operator must be Exists when `key` is empty, which means \"match all values and all keys\""
                return .invalid("\(at).operator", .string(name), detail)
            }
            return nil
        }
    }

    /// After creation only images, deadlines, added tolerations, and the binding may change.
    private static func changeFaults(_ new: JSONValue, _ old: JSONValue) -> [FieldError] {
        var adapted = new
        for field in ["activeDeadlineSeconds", "tolerations", "terminationGracePeriodSeconds", "nodeName"] {
            if field == "nodeName", old[field]?.string?.isEmpty == false, old[field] != new[field] { continue }
            if let value = old[field] { adapted[field] = value } else { adapted.removeMember(field) }
        }
        for field in ["containers", "initContainers"] {
            guard let previous = old[field]?.array, let current = new[field]?.array, previous.count == current.count
            else { continue }
            adapted[field] = .array(
                zip(previous, current).map { before, after in
                    var container = after
                    container.setIfPresent("image", before["image"])
                    return container
                }
            )
        }
        guard adapted != old else { return [] }
        let detail =
            "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
        return [.forbidden("spec", detail)]
    }
}
