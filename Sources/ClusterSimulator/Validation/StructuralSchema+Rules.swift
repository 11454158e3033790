import WireFormats

extension StructuralSchema {
    /// A rule of a schema (`x-kubernetes-validations`).
    struct Rule: Sendable {
        var expression: RuleExpression
        var text: String
        var message: String?
        var reason: String?
        /// Where a fault is said to be, relative to the schema's value.
        var fieldPath: String?

        /// Whether it is about changes: it is asked only where there is a former value.
        var isTransition: Bool { expression.mentions("oldSelf") }

        /// Reads a rule; `Fault` for one that is no CEL, or is CEL that this API server does not understand.
        init(_ json: JSONValue) throws(RuleExpression.Fault) {
            text = json["rule"]?.string ?? ""
            expression = try RuleExpression(parsing: text)
            for key in ["messageExpression", "optionalOldSelf"] where json[key] != nil && json[key] != false {
                throw RuleExpression.Fault(message: "\(key) is not supported by this API server")
            }
            message = json["message"]?.string
            reason = json["reason"]?.string
            fieldPath = json["fieldPath"]?.string
        }

        func fault(_ type: String?, path: String) -> FieldError {
            let place = String((path + (fieldPath ?? "")).drop { path.isEmpty && $0 == "." })
            let detail = message ?? "failed rule: \(text)"
            switch reason {
            case "FieldValueForbidden": return .forbidden(place, detail)
            case "FieldValueRequired": return .required(place, detail)
            default: return .invalid(place, .string(type ?? ""), detail)
            }
        }
    }

    private static let reasons = [
        "FieldValueInvalid", "FieldValueForbidden", "FieldValueRequired", "FieldValueDuplicate",
    ]

    // MARK: - Asking

    /// The rules that a value breaks.
    ///
    /// - Parameters:
    ///   - value: The value.
    ///   - old: What was there before; nil for a new value and for an element of a list that has no keys.
    ///   - path: Where the value stands.
    /// - Returns: A fault for each.
    func brokenRules(_ value: JSONValue, old: JSONValue?, path: String) -> [FieldError] {
        guard node.hasRules, !value.isNull else { return [] }
        var faults: [FieldError] = []
        for rule in node.rules {
            var names = ["self": value]
            if rule.isTransition {
                guard let old else { continue }
                names["oldSelf"] = old
            }
            do throws(RuleExpression.Fault) {
                if try !rule.expression.truth(names) { faults.append(rule.fault(node.type, path: path)) }
            } catch {
                let detail = "\(error.message) evaluating rule: \(rule.message ?? rule.text)"
                faults.append(.invalid(path, .string(node.type ?? ""), detail))
            }
        }
        if let object = value.object {
            for (key, member) in object {
                guard let schema = node.property(key) ?? node.additionalProperties else { continue }
                faults += schema.brokenRules(member, old: old?[key], path: path.isEmpty ? key : "\(path).\(key)")
            }
        }
        if let items = node.items, items.node.hasRules {
            for (index, element) in (value.array ?? []).enumerated() {
                faults += items.brokenRules(element, old: formerElement(element, in: old), path: "\(path)[\(index)]")
            }
        }
        return faults
    }

    /// The former state of an element of a list with keys.
    private func formerElement(_ element: JSONValue, in old: JSONValue?) -> JSONValue? {
        guard node.json["x-kubernetes-list-type"] == "map" else { return nil }
        let keys = (node.json["x-kubernetes-list-map-keys"]?.array ?? []).compactMap(\.string)
        return old?.array?.first { candidate in keys.allSatisfy { candidate[$0] == element[$0] } }
    }

    // MARK: - Making

    /// What is wrong with the rules of a schema and of all below it.
    ///
    /// - Parameters:
    ///   - path: Where the schema stands.
    ///   - isCorrelated: Whether a value can be found again after a change, without which nothing can be said about changes.
    /// - Returns: A fault for each rule that cannot be held to.
    func ruleFaults(path: String, isCorrelated: Bool = true) -> [FieldError] {
        var faults: [FieldError] = []
        for (index, json) in (node.json["x-kubernetes-validations"]?.array ?? []).enumerated() {
            faults += ruleFaults(json, path: "\(path).x-kubernetes-validations[\(index)]", isCorrelated)
        }
        for (name, schema) in node.properties {
            faults += schema.ruleFaults(path: "\(path).properties[\(name)]", isCorrelated: isCorrelated)
        }
        let isList = node.json["x-kubernetes-list-type"] == "map"
        if let items = node.items {
            faults += items.ruleFaults(path: "\(path).items", isCorrelated: isCorrelated && isList)
        }
        if let additional = node.additionalProperties {
            faults += additional.ruleFaults(path: "\(path).additionalProperties", isCorrelated: isCorrelated)
        }
        return faults
    }

    private func ruleFaults(_ json: JSONValue, path: String, _ isCorrelated: Bool) -> [FieldError] {
        let text = JSONValue.string(json["rule"]?.string ?? "")
        var faults: [FieldError] = []
        if let reason = json["reason"]?.string, !Self.reasons.contains(reason) {
            faults.append(.notSupported("\(path).reason", .string(reason), Self.reasons))
        }
        if let place = json["fieldPath"]?.string, !hasField(place) {
            faults.append(.invalid("\(path).fieldPath", .string(place), "fieldPath must be a valid path"))
        }
        do throws(RuleExpression.Fault) {
            let rule = try Rule(json)
            guard let type = RuleType(self) else {
                throw .init(message: "values of this schema have no type for rules")
            }
            let result = try rule.expression.type(["self": type, "oldSelf": type])
            guard result.isComparable(with: .scalar("bool")) else {
                throw .init(message: "cel expression must evaluate to a bool")
            }
            if rule.isTransition, !isCorrelated {
                let detail = "oldSelf cannot be used on the uncorrelatable portion of the schema"
                faults.append(.invalid("\(path).rule", text, detail))
            }
        } catch {
            faults.append(.invalid("\(path).rule", text, "compilation failed: ERROR: <input>: \(error.message)"))
        }
        return faults
    }

    private func hasField(_ path: String) -> Bool {
        guard path.hasPrefix(".") else { return false }
        var schema: StructuralSchema = self
        for name in path.dropFirst().split(separator: ".", omittingEmptySubsequences: false) {
            guard let next = schema.node.property(String(name)) else { return false }
            schema = next
        }
        return true
    }
}
