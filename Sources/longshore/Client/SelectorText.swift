import WireFormats

/// Reads node selectors as kubectl writes them: `a=b,c!=d,e,!f,g in (x,y),h notin (z)`.
enum SelectorText {
    /// The `matchLabels` and `matchExpressions` of a selector's text.
    ///
    /// - Parameter text: The selector.
    /// - Returns: Both, as a request has them.
    /// - Throws: ``CommandFailure`` with the part that is not understood.
    static func parse(_ text: String) throws -> (labels: JSONObject, expressions: [JSONValue]) {
        var labels = JSONObject()
        var expressions: [JSONValue] = []
        for part in split(text) {
            if let (key, values) = set(part, word: "notin") {
                expressions.append(expression(key, "NotIn", values))
            } else if let (key, values) = set(part, word: "in") {
                expressions.append(expression(key, "In", values))
            } else if let range = part.firstRange(of: "!=") {
                expressions.append(
                    expression(trim(part[..<range.lowerBound]), "NotIn", [trim(part[range.upperBound...])])
                )
            } else if let equals = part.firstIndex(of: "=") {
                let value = part[equals...].drop { $0 == "=" }
                labels[trim(part[..<equals])] = .string(trim(value))
            } else if part.hasPrefix("!") {
                expressions.append(expression(trim(part.dropFirst()), "DoesNotExist", []))
            } else if !part.isEmpty, !part.contains(" ") {
                expressions.append(expression(part, "Exists", []))
            } else {
                throw CommandFailure.usage(
                    "--selector: “\(part)” is not understood; write key=value, key!=value, key, !key or key in (a,b)"
                )
            }
        }
        return (labels, expressions)
    }

    /// Splits at commas outside of parentheses.
    private static func split(_ text: String) -> [String] {
        var parts: [String] = [""]
        var depth = 0
        for character in text {
            if character == "(" { depth += 1 }
            if character == ")" { depth -= 1 }
            if character == ",", depth == 0 {
                parts.append("")
            } else {
                parts[parts.count - 1].append(character)
            }
        }
        return parts.map { trim($0[...]) }
    }

    /// `key in (a, b)`; nothing for anything else.
    private static func set(_ part: String, word: String) -> (String, [String])? {
        guard part.hasSuffix(")"), let open = part.firstIndex(of: "(") else { return nil }
        let head = part[..<open].split(separator: " ")
        guard head.count == 2, head[1] == word else { return nil }
        let values = part[part.index(after: open)...].dropLast().split(separator: ",").map(trim)
        return (String(head[0]), values)
    }

    private static func expression(_ key: String, _ relation: String, _ values: [String]) -> JSONValue {
        var json: JSONValue = ["key": .string(key), "operator": .string(relation)]
        if !values.isEmpty { json["values"] = .array(values.map(JSONValue.string)) }
        return json
    }

    private static func trim(_ text: Substring) -> String {
        var text = text
        while text.first == " " { text.removeFirst() }
        while text.last == " " { text.removeLast() }
        return String(text)
    }
}
