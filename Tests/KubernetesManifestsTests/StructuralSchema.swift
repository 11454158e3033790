import WireFormats

/// The part of a CustomResourceDefinition's schema that says which values the API server stores.
struct StructuralSchema {
    let json: JSONValue

    /// The schema of a member.
    subscript(path: String...) -> StructuralSchema {
        var schema = json
        for key in path {
            schema = key == "[]" ? schema["items"] ?? .null : schema["properties"]?[key] ?? .null
        }
        return StructuralSchema(json: schema)
    }

    /// The names of the members.
    var members: [String] { json["properties"]?.object?.keys ?? [] }

    /// What may stand here; empty where anything of the type may.
    var choices: [String] { json["enum"]?.array?.compactMap(\.string) ?? [] }

    /// The numbers that may stand here.
    var range: ClosedRange<Int>? {
        guard let low = json["minimum"]?.integer, let high = json["maximum"]?.integer else { return nil }
        return low...high
    }

    /// Everything that is wrong with a value: what the API server would refuse, and what it would drop.
    func faults(of value: JSONValue, at pointer: JSONPointer = .root) -> [String] {
        var faults: [String] = []
        func fault(_ text: String) { faults.append("\(pointer): \(text)") }
        let keepsUnknown = json["x-kubernetes-preserve-unknown-fields"]?.bool ?? false
        if let type = json["type"]?.string, !Self.is(value, type) { fault("\(value.kindName) is no \(type)") }
        if !choices.isEmpty, !choices.contains(value.string ?? "") { fault("not one of \(choices)") }
        if let number = value.double {
            if let low = json["minimum"]?.double, number < low { fault("too small") }
            if let high = json["maximum"]?.double, number > high { fault("too large") }
        }
        if let text = value.string {
            if let high = json["maxLength"]?.integer, text.count > high { fault("too long") }
            if let low = json["minLength"]?.integer, text.count < low { fault("too short") }
        }
        if let array = value.array {
            if let high = json["maxItems"]?.integer, array.count > high { fault("too many") }
            if let low = json["minItems"]?.integer, array.count < low { fault("too few") }
            let items = StructuralSchema(json: json["items"] ?? .null)
            for (index, element) in array.enumerated() {
                faults += items.faults(of: element, at: pointer.appending(index))
            }
        }
        if let refused = json["not"]?["enum"]?.array, refused.contains(value) { fault("one of what is refused") }
        let choices = json["anyOf"]?.array ?? []
        if !choices.isEmpty,
            !choices.contains(where: { StructuralSchema(json: $0).isMet(by: value) })
        {
            fault("meets none of anyOf")
        }
        if let object = value.object {
            if let high = json["maxProperties"]?.integer, object.count > high { fault("too many fields") }
            for name in json["required"]?.array?.compactMap(\.string) ?? [] where object[name] == nil {
                fault("\(name) is missing")
            }
            for (key, member) in object {
                if let known = json["properties"]?[key] ?? json["additionalProperties"] {
                    faults += StructuralSchema(json: known).faults(of: member, at: pointer.appending(key))
                } else if !keepsUnknown {
                    fault("\(key) would be dropped")
                }
            }
        }
        return faults
    }

    /// Whether a value meets a condition of `anyOf`, which says of objects how many fields they have, and which.
    private func isMet(by value: JSONValue) -> Bool {
        guard let object = value.object else { return true }
        let required = json["required"]?.array?.compactMap(\.string) ?? []
        return required.allSatisfy { object[$0] != nil } && object.count <= json["maxProperties"]?.integer ?? .max
    }

    private static func `is`(_ value: JSONValue, _ type: String) -> Bool {
        switch type {
        case "object": value.object != nil
        case "array": value.array != nil
        case "string": value.string != nil
        case "boolean": value.bool != nil
        case "integer": value.integer != nil
        case "number": value.double != nil
        default: false
        }
    }
}
