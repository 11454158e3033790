import WireFormats

extension RequestParser {
    mutating func readOverrides(images: [RequestedImage]) -> [NodeOverride] {
        var overrides: [NodeOverride] = []
        let values = array(root, "overrides", at: .root, maximum: RequestLimits.overrides)
        for (index, value) in values.enumerated() {
            let pointer = JSONPointer.root.appending("overrides").appending(index)
            if let override = readOverride(value, at: pointer, images: images) { overrides.append(override) }
        }
        return overrides
    }

    private mutating func readOverride(
        _ value: JSONValue,
        at pointer: JSONPointer,
        images: [RequestedImage]
    ) -> NodeOverride? {
        let fields = ["matchLabels", "matchExpressions", "images", "secrets"]
        guard let object = object(value, at: pointer, fields: fields) else { return nil }
        let selector = readSelector(object, at: pointer)
        let rules = readRules(object, at: pointer)
        let secret = readOverrideSecret(object, at: pointer)
        if object["images"] == nil, object["secrets"] == nil {
            fault(pointer, .required, "an override changes images or secrets")
        }
        check(rules, at: pointer, images: images)
        return NodeOverride(selector: selector, images: rules.map(\.rule), secretName: secret)
    }

    private struct PlacedRule {
        let rule: NodeOverride.ImageRule
        let pointer: JSONPointer
    }

    private mutating func readRules(_ object: JSONObject, at pointer: JSONPointer) -> [PlacedRule] {
        var rules: [PlacedRule] = []
        let values = array(object, "images", at: pointer, maximum: RequestLimits.overrideRules)
        for (index, value) in values.enumerated() {
            let place = pointer.appending("images").appending(index)
            if let rule = readRule(value, at: place) { rules.append(PlacedRule(rule: rule, pointer: place)) }
        }
        return rules
    }

    private mutating func readRule(_ value: JSONValue, at pointer: JSONPointer) -> NodeOverride.ImageRule? {
        guard let object = object(value, at: pointer, fields: ["component", "operator", "value"]) else { return nil }
        for key in ["component", "operator"] where object[key] == nil {
            fault(pointer.appending(key), .required, "\(key) is required")
        }
        let component = choice(object, "component", at: pointer, of: NodeOverride.ImageRule.Component.self)
        let action = choice(object, "operator", at: pointer, of: NodeOverride.ImageRule.Operator.self)
        let text = string(object, "value", at: pointer, maximum: 512)
        guard let component, let action else { return nil }
        if action == .remove {
            if component == .repository {
                fault(pointer, .conflict, "an image without a repository is none")
                return nil
            }
            if text?.isEmpty == false {
                fault(pointer.appending("value"), .conflict, "the operator remove takes no value")
            }
        } else if object["value"] == nil || text?.isEmpty == true {
            fault(pointer.appending("value"), .required, "value is required")
            return nil
        } else if text == nil {
            return nil
        }
        return NodeOverride.ImageRule(component: component, operator: action, value: text ?? "")
    }

    private mutating func readOverrideSecret(_ object: JSONObject, at pointer: JSONPointer) -> String? {
        var name: String?
        for (index, value) in array(object, "secrets", at: pointer, maximum: 1).enumerated() {
            let place = pointer.appending("secrets").appending(index)
            guard let rule = self.object(value, at: place, fields: ["component", "operator", "value"]) else { continue }
            for (key, only) in [("component", "secretName"), ("operator", "replace")] {
                if let text = requiredString(rule, key, at: place, maximum: 256), text != only {
                    fault(place.appending(key), .invalidValue, "must be \(only)")
                }
            }
            guard let text = requiredString(rule, "value", at: place, maximum: 253) else { continue }
            if !KubernetesNames.isSubdomain(text) {
                fault(place.appending("value"), .invalidValue, KubernetesNames.subdomainRule)
            } else if KubernetesNames.isReservedSecret(text) {
                fault(place.appending("value"), .notAllowed, KubernetesNames.reservedSecretRule)
            } else {
                name = text
            }
        }
        return name
    }

    /// Tries the rules on every image, so that a bad one is a fault of the request and not a surprise on some node.
    private mutating func check(_ rules: [PlacedRule], at pointer: JSONPointer, images: [RequestedImage]) {
        var current = images.prefix(RequestLimits.images).map(\.reference)
        for placed in rules {
            for index in current.indices {
                do {
                    current[index] = try placed.rule.apply(to: current[index])
                } catch {
                    fault(placed.pointer, .invalidReference, "makes an invalid reference of an image: \(error.message)")
                    return
                }
            }
        }
    }
}
