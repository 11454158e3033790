import WireFormats

/// A label selector, from its text form (`a=b,c!=d,e in (f,g),!h`) or its object form.
struct LabelSelector: Sendable, Equatable {
    enum Operator: String, Sendable {
        case isIn = "In"
        case notIn = "NotIn"
        case exists = "Exists"
        case doesNotExist = "DoesNotExist"
        case greaterThan = "Gt"
        case lessThan = "Lt"
    }

    struct Requirement: Sendable, Equatable {
        var key: String
        var comparison: Operator
        var values: [String]

        /// Whether the labels meet the requirement; `In` wants the key, `NotIn` is met by its absence.
        func matches(_ value: String?) -> Bool {
            switch comparison {
            case .isIn: value.map(values.contains) ?? false
            case .notIn: value.map { !values.contains($0) } ?? true
            case .exists: value != nil
            case .doesNotExist: value == nil
            case .greaterThan: compare(value) { $0 > $1 }
            case .lessThan: compare(value) { $0 < $1 }
            }
        }

        private func compare(_ value: String?, _ isOrdered: (Int64, Int64) -> Bool) -> Bool {
            guard let value, let left = Int64(value), let first = values.first, let right = Int64(first) else {
                return false
            }
            return isOrdered(left, right)
        }
    }

    var requirements: [Requirement] = []

    var isEmpty: Bool { requirements.isEmpty }

    func matches(_ labels: JSONObject?) -> Bool {
        requirements.allSatisfy { $0.matches(labels?[$0.key]?.string) }
    }
}

extension LabelSelector {
    /// Reads the text form; nil when it is malformed.
    init?(parsing text: String) {
        for part in Self.splitOutsideParentheses(text) {
            guard let requirement = Self.parse(part) else { return nil }
            requirements.append(requirement)
        }
    }

    private static func splitOutsideParentheses(_ text: String) -> [Substring] {
        var parts: [Substring] = []
        var depth = 0
        var start = text.startIndex
        for index in text.indices {
            switch text[index] {
            case "(": depth += 1
            case ")": depth -= 1
            case "," where depth == 0:
                parts.append(text[start..<index])
                start = text.index(after: index)
            default: break
            }
        }
        parts.append(text[start...])
        return parts.count == 1 && parts[0].allSatisfy(\.isWhitespace) ? [] : parts
    }

    private static func parse(_ part: Substring) -> Requirement? {
        let text = part.trimmed
        if let open = text.firstIndex(of: "("), text.last == ")" {
            let head = text[..<open].split(whereSeparator: \.isWhitespace)
            let inside = text[text.index(after: open)...].dropLast()
            let values = inside.split(separator: ",", omittingEmptySubsequences: false).map { String($0.trimmed) }
            guard head.count == 2, isKey(head[0]) else { return nil }
            switch head[1] {
            case "in": return Requirement(key: String(head[0]), comparison: .isIn, values: values)
            case "notin": return Requirement(key: String(head[0]), comparison: .notIn, values: values)
            default: return nil
            }
        }
        if text.first == "!" {
            let key = text.dropFirst().trimmed
            return isKey(key) ? Requirement(key: String(key), comparison: .doesNotExist, values: []) : nil
        }
        guard let equals = text.firstIndex(of: "=") else {
            return isKey(text) ? Requirement(key: String(text), comparison: .exists, values: []) : nil
        }
        var key = text[..<equals]
        let isNegated = key.last == "!"
        if isNegated { key.removeLast() }
        var value = text[text.index(after: equals)...]
        if value.first == "=", !isNegated { value.removeFirst() }
        let name = key.trimmed
        let wanted = String(value.trimmed)
        guard isKey(name), MetadataValidation.isLabelValue(wanted) else { return nil }
        return Requirement(key: String(name), comparison: isNegated ? .notIn : .isIn, values: [wanted])
    }

    private static func isKey(_ key: Substring) -> Bool { MetadataValidation.isQualifiedName(String(key)) }

    /// Reads the object form (`matchLabels`, `matchExpressions`).
    init(json: JSONValue) {
        for (key, value) in json["matchLabels"]?.object ?? [:] {
            requirements.append(Requirement(key: key, comparison: .isIn, values: [value.string ?? ""]))
        }
        for expression in json["matchExpressions"]?.array ?? [] {
            requirements.append(Requirement(json: expression))
        }
    }
}

extension LabelSelector.Requirement {
    /// Reads `{key, operator, values}`; an unknown operator matches nothing.
    init(json: JSONValue) {
        key = json["key"]?.string ?? ""
        values = (json["values"]?.array ?? []).compactMap(\.string)
        comparison = json["operator"]?.string.flatMap(LabelSelector.Operator.init) ?? .isIn
    }
}

extension Substring {
    /// The text without white space at both ends.
    var trimmed: Substring {
        var text = self
        while text.first?.isWhitespace == true { text.removeFirst() }
        while text.last?.isWhitespace == true { text.removeLast() }
        return text
    }
}
