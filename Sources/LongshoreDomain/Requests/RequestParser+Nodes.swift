import WireFormats

extension RequestParser {
    mutating func readNodeSelection() -> NodeSelection {
        var selection = NodeSelection()
        if let value = root["nodeSelector"] {
            selection.selector.matchLabels = readLabels(value, at: JSONPointer.root.appending("nodeSelector"))
        }
        guard let value = root["nodes"] else { return selection }
        let pointer = JSONPointer.root.appending("nodes")
        let fields = ["names", "matchLabels", "matchExpressions", "includeCordoned", "tolerations"]
        guard let nodes = object(value, at: pointer, fields: fields) else { return selection }
        selection.names = readNodeNames(nodes, at: pointer)
        let selector = readSelector(nodes, at: pointer)
        for (key, value) in selector.matchLabels {
            if let other = selection.selector.matchLabels[key], other != value {
                fault(
                    pointer.appending("matchLabels").appending(key),
                    .conflict,
                    "nodeSelector asks for another value of this label"
                )
            }
            selection.selector.matchLabels[key] = value
        }
        selection.selector.matchExpressions = selector.matchExpressions
        selection.includeCordoned = bool(nodes, "includeCordoned", at: pointer) ?? false
        selection.tolerations = readTolerations(nodes, at: pointer)
        return selection
    }

    /// `matchLabels` and `matchExpressions` of an object.
    mutating func readSelector(_ object: JSONObject, at pointer: JSONPointer) -> LabelSelector {
        var selector = LabelSelector()
        if let value = object["matchLabels"] {
            selector.matchLabels = readLabels(value, at: pointer.appending("matchLabels"))
        }
        let values = array(object, "matchExpressions", at: pointer, maximum: RequestLimits.expressions)
        for (index, value) in values.enumerated() {
            let place = pointer.appending("matchExpressions").appending(index)
            if let requirement = readRequirement(value, at: place) { selector.matchExpressions.append(requirement) }
        }
        return selector
    }

    /// A map of labels, its keys and values as Kubernetes allows them.
    mutating func readLabels(_ value: JSONValue, at pointer: JSONPointer) -> [String: String] {
        guard let object = anyObject(value, at: pointer) else { return [:] }
        if object.count > RequestLimits.labels {
            fault(pointer, .tooMany, "\(object.count) labels, at most \(RequestLimits.labels) are allowed")
        }
        var labels: [String: String] = [:]
        for (key, value) in object.prefix(RequestLimits.labels) {
            let isKey = KubernetesNames.isLabelKey(key)
            let place = pointer.appending(isKey ? key : "?")
            if !isKey { fault(place, .invalidLabel, "the key \(KubernetesNames.labelKeyRule)") }
            guard let text = string(value, at: place, maximum: 4_096) else { continue }
            if KubernetesNames.isLabelValue(text) {
                labels[key] = text
            } else {
                fault(place, .invalidLabel, "the value \(KubernetesNames.labelValueRule)")
            }
        }
        return labels
    }

    private mutating func readNodeNames(_ nodes: JSONObject, at pointer: JSONPointer) -> [String] {
        var names: [String] = []
        var seen: Set<String> = []
        let values = array(nodes, "names", at: pointer, maximum: RequestLimits.nodeNames)
        for (index, value) in values.enumerated() {
            let place = pointer.appending("names").appending(index)
            guard let name = string(value, at: place, maximum: 253) else { continue }
            if !KubernetesNames.isSubdomain(name) {
                fault(place, .invalidValue, KubernetesNames.subdomainRule)
            } else if seen.insert(name).inserted {
                names.append(name)
            } else {
                fault(place, .duplicate, "the same node is in the list before")
            }
        }
        return names
    }

    private mutating func readRequirement(
        _ value: JSONValue,
        at pointer: JSONPointer
    ) -> LabelSelector.Requirement? {
        guard let object = object(value, at: pointer, fields: ["key", "operator", "values"]) else { return nil }
        let key = requiredString(object, "key", at: pointer, maximum: 317)
        if let key, !KubernetesNames.isLabelKey(key) {
            fault(pointer.appending("key"), .invalidLabel, "the key \(KubernetesNames.labelKeyRule)")
        }
        if object["operator"] == nil { fault(pointer.appending("operator"), .required, "operator is required") }
        let relation = choice(object, "operator", at: pointer, of: LabelSelector.Requirement.Operator.self)
        var values: [String] = []
        let elements = array(object, "values", at: pointer, maximum: RequestLimits.expressionValues)
        for (index, element) in elements.enumerated() {
            let place = pointer.appending("values").appending(index)
            guard let text = string(element, at: place, maximum: 4_096) else { continue }
            guard KubernetesNames.isLabelValue(text) else {
                fault(place, .invalidLabel, "the value \(KubernetesNames.labelValueRule)")
                continue
            }
            values.append(text)
        }
        guard let key, let relation else { return nil }
        if relation.takesValues, elements.isEmpty {
            fault(pointer.appending("values"), .required, "the operator \(relation.rawValue) needs values")
        } else if !relation.takesValues, !elements.isEmpty {
            fault(pointer.appending("values"), .conflict, "the operator \(relation.rawValue) takes no values")
        }
        return LabelSelector.Requirement(key: key, operator: relation, values: values)
    }

    private mutating func readTolerations(_ nodes: JSONObject, at pointer: JSONPointer) -> [Toleration] {
        var tolerations: [Toleration] = []
        let values = array(nodes, "tolerations", at: pointer, maximum: RequestLimits.tolerations)
        for (index, value) in values.enumerated() {
            let place = pointer.appending("tolerations").appending(index)
            if let toleration = readToleration(value, at: place) { tolerations.append(toleration) }
        }
        return tolerations
    }

    private mutating func readToleration(_ value: JSONValue, at pointer: JSONPointer) -> Toleration? {
        let fields = ["key", "operator", "value", "effect"]
        guard let object = object(value, at: pointer, fields: fields) else { return nil }
        let key = string(object, "key", at: pointer, maximum: 317).flatMap { $0.isEmpty ? nil : $0 }
        if let key, !KubernetesNames.isLabelKey(key) {
            fault(pointer.appending("key"), .invalidLabel, "the key \(KubernetesNames.labelKeyRule)")
        }
        let relation = choice(object, "operator", at: pointer, of: Toleration.Operator.self) ?? .equal
        let text = string(object, "value", at: pointer, maximum: 4_096) ?? ""
        if !KubernetesNames.isLabelValue(text) {
            fault(pointer.appending("value"), .invalidLabel, "the value \(KubernetesNames.labelValueRule)")
        }
        if relation == .equal, key == nil, object["operator"] == nil || object["operator"]?.string == "Equal" {
            fault(pointer.appending("key"), .required, "the operator Equal needs a key")
        }
        if relation == .exists, !text.isEmpty {
            fault(pointer.appending("value"), .conflict, "the operator Exists takes no value")
        }
        let effect = choice(object, "effect", at: pointer, of: Taint.Effect.self)
        return Toleration(key: key, operator: relation, value: text, effect: effect)
    }
}
