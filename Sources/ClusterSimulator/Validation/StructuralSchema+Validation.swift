import WireFormats

extension StructuralSchema {
    /// The faults of a value, worded as the API server's schema validation words them.
    func validate(_ value: JSONValue, path: String) -> [FieldError] {
        if value.isNull, node.isNullable { return [] }
        var faults: [FieldError] = []
        if let fault = typeFault(value, path: path) { return [fault] }
        faults += enumFaults(value, path: path)
        switch value {
        case .object(let object): faults += validate(object: object, path: path)
        case .array(let array): faults += validate(array: array, path: path)
        case .string(let text): faults += validate(string: text, path: path)
        case .integer, .number: faults += validate(number: value, path: path)
        case .null, .bool: break
        }
        return faults + combinationFaults(value, path: path)
    }

    private func typeFault(_ value: JSONValue, path: String) -> FieldError? {
        if node.isIntOrString {
            if value.integer != nil || value.string != nil { return nil }
            return typeInvalid(value, path, "integer,string")
        }
        guard let type = node.type else { return nil }
        let matches =
            switch type {
            case "object": value.object != nil
            case "array": value.array != nil
            case "string": value.string != nil
            case "boolean": value.bool != nil
            case "integer": value.integer != nil
            case "number": value.double != nil
            default: true
            }
        return matches ? nil : typeInvalid(value, path, type)
    }

    private func typeInvalid(_ value: JSONValue, _ path: String, _ wanted: String) -> FieldError {
        let actual = value.integer != nil ? "integer" : value.kindName
        return FieldError(
            path: path,
            kind: .typeInvalid("\"\(actual)\""),
            detail: "\(path) in body must be of type \(wanted): \"\(actual)\""
        )
    }

    private func enumFaults(_ value: JSONValue, path: String) -> [FieldError] {
        guard let allowed = node.json["enum"]?.array, !allowed.contains(value) else { return [] }
        return [.notSupported(path, value, allowed.map { $0.string ?? $0.text() })]
    }

    private func validate(object: JSONObject, path: String) -> [FieldError] {
        var faults: [FieldError] = []
        func child(_ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }
        for name in node.required where object[name] == nil { faults.append(.required(child(name))) }
        for (key, value) in object {
            if let schema = node.property(key) {
                faults += schema.validate(value, path: child(key))
            } else if let additional = node.additionalProperties {
                faults += additional.validate(value, path: child(key))
            }
        }
        if let limit = node.json["maxProperties"]?.integer, object.count > limit {
            faults.append(tooMany(object.count, path, limit))
        }
        if let limit = node.json["minProperties"]?.integer, object.count < limit {
            let detail = "\(path) in body should have at least \(limit) properties"
            faults.append(.invalid(path, .integer(Int64(object.count)), detail))
        }
        return faults
    }

    private func tooMany(_ count: Int, _ path: String, _ limit: Int) -> FieldError {
        FieldError(path: path, kind: .tooMany(String(count)), detail: "must have at most \(limit) items")
    }

    private func validate(array: [JSONValue], path: String) -> [FieldError] {
        var faults: [FieldError] = []
        if let limit = node.json["maxItems"]?.integer, array.count > limit {
            return [tooMany(array.count, path, limit)]
        }
        if let limit = node.json["minItems"]?.integer, array.count < limit {
            let detail = "\(path) in body should have at least \(limit) items"
            faults.append(.invalid(path, .integer(Int64(array.count)), detail))
        }
        faults += duplicateFaults(array, path: path)
        if let items = node.items {
            for (index, item) in array.enumerated() { faults += items.validate(item, path: "\(path)[\(index)]") }
        }
        return faults
    }

    private func duplicateFaults(_ array: [JSONValue], path: String) -> [FieldError] {
        let listType = node.json["x-kubernetes-list-type"]?.string
        let keys = (node.json["x-kubernetes-list-map-keys"]?.array ?? []).compactMap(\.string)
        guard listType == "set" || listType == "map" else { return [] }
        var seen: Set<JSONValue> = []
        return array.enumerated().compactMap { index, item in
            let identity: JSONValue =
                listType == "set" ? item : .object(JSONObject(keys.map { ($0, item[$0] ?? .null) }))
            return seen.insert(identity).inserted ? nil : .duplicate("\(path)[\(index)]", identity)
        }
    }

    private func validate(string text: String, path: String) -> [FieldError] {
        var faults: [FieldError] = []
        let length = text.unicodeScalars.count
        if let limit = node.json["maxLength"]?.integer, length > limit {
            let detail = "may not be more than \(limit) bytes"
            faults.append(FieldError(path: path, kind: .tooLong(JSONValue.string(text).text()), detail: detail))
        }
        if let limit = node.json["minLength"]?.integer, length < limit {
            let detail = "\(path) in body should be at least \(limit) chars long"
            faults.append(.invalid(path, .string(text), detail))
        }
        if let pattern = node.json["pattern"]?.string, let compiled = SchemaPattern(pattern), !compiled.matches(text) {
            faults.append(.invalid(path, .string(text), "\(path) in body should match '\(pattern)'"))
        }
        if node.json["format"]?.string == "date-time", Timestamp(rfc3339: text) == nil {
            let detail = "\(path) in body must be of type date-time: \(JSONValue.string(text).text())"
            faults.append(.invalid(path, .string(text), detail))
        }
        return faults
    }

    private func validate(number: JSONValue, path: String) -> [FieldError] {
        guard let value = number.double else { return [] }
        var faults: [FieldError] = []
        let json = node.json
        func text(_ limit: Double) -> String { Int64(exactly: limit).map { String($0) } ?? String(limit) }
        if let limit = json["minimum"]?.double {
            let isExclusive = json["exclusiveMinimum"]?.bool ?? false
            if value < limit || (isExclusive && value == limit) {
                let relation = isExclusive ? "greater than" : "greater than or equal to"
                faults.append(.invalid(path, number, "\(path) in body should be \(relation) \(text(limit))"))
            }
        }
        if let limit = json["maximum"]?.double {
            let isExclusive = json["exclusiveMaximum"]?.bool ?? false
            if value > limit || (isExclusive && value == limit) {
                let relation = isExclusive ? "less than" : "less than or equal to"
                faults.append(.invalid(path, number, "\(path) in body should be \(relation) \(text(limit))"))
            }
        }
        if json["format"]?.string == "int32", Int32(exactly: value) == nil {
            faults.append(.invalid(path, number, "\(path) in body must be of type int32: \(number.text())"))
        }
        return faults
    }

    private func combinationFaults(_ value: JSONValue, path: String) -> [FieldError] {
        var faults = node.allOf.flatMap { $0.validate(value, path: path) }
        if !node.anyOf.isEmpty, !node.anyOf.contains(where: { $0.validate(value, path: path).isEmpty }) {
            faults.append(.invalid(path, "", "\"\(path)\" must validate at least one schema (anyOf)"))
        }
        if !node.oneOf.isEmpty {
            let count = node.oneOf.count { $0.validate(value, path: path).isEmpty }
            if count != 1 {
                let detail =
                    "\"\(path)\" must validate one and only one schema (oneOf). Found \(count) valid alternatives"
                faults.append(.invalid(path, "", detail))
            }
        }
        if let not = node.not, not.validate(value, path: path).isEmpty {
            faults.append(.invalid(path, "", "\"\(path)\" must not validate the schema (not)"))
        }
        return faults
    }
}

/// A pattern of a schema, matched anywhere in the text, as Go's `regexp.MatchString`.
struct SchemaPattern {
    private let expression: Regex<AnyRegexOutput>

    /// Nil when the pattern does not compile.
    init?(_ pattern: String) {
        guard let expression = try? Regex(pattern) else { return nil }
        self.expression = expression
    }

    func matches(_ text: String) -> Bool {
        (try? expression.firstMatch(in: text)) != nil
    }
}
