package import WireFormats

extension NodeSelection: JSONDecodable, JSONEncodable {
    /// Reads a selection, with the older form of labels merged in by its writer.
    package init(json: JSONValue) throws(JSONMappingError) {
        self.init(
            names: try json.optional("names") ?? [],
            selector: try LabelSelector(json: json),
            includeCordoned: try json.optionalBool("includeCordoned") ?? false,
            tolerations: try json.optional("tolerations") ?? []
        )
    }

    /// The JSON form; an empty object for all nodes.
    package var json: JSONValue {
        var json: JSONValue = [:]
        if !names.isEmpty { json["names"] = names.json }
        selector.write(into: &json)
        if includeCordoned { json["includeCordoned"] = true }
        if !tolerations.isEmpty { json["tolerations"] = tolerations.json }
        return json
    }
}

extension LabelSelector: JSONDecodable, JSONEncodable {
    /// Reads `matchLabels` and `matchExpressions` of an object.
    package init(json: JSONValue) throws(JSONMappingError) {
        self.init(
            matchLabels: try json.optional("matchLabels") ?? [:],
            matchExpressions: try json.optional("matchExpressions") ?? []
        )
    }

    /// The JSON form; an empty object for everything.
    package var json: JSONValue {
        var json: JSONValue = [:]
        write(into: &json)
        return json
    }

    func write(into json: inout JSONValue) {
        if !matchLabels.isEmpty { json["matchLabels"] = matchLabels.json }
        if !matchExpressions.isEmpty { json["matchExpressions"] = matchExpressions.json }
    }
}

extension LabelSelector.Requirement: JSONDecodable, JSONEncodable {
    /// Reads an expression.
    package init(json: JSONValue) throws(JSONMappingError) {
        self.init(
            key: try json.requiredString("key"),
            operator: try json.requiredChoice("operator"),
            values: try json.optional("values") ?? []
        )
    }

    /// The JSON form.
    package var json: JSONValue {
        var json: JSONValue = ["key": .string(key), "operator": .string(`operator`.rawValue)]
        if !values.isEmpty { json["values"] = values.json }
        return json
    }
}

extension Toleration: JSONDecodable, JSONEncodable {
    /// Reads a toleration.
    package init(json: JSONValue) throws(JSONMappingError) {
        self.init(
            key: try json.optionalString("key"),
            operator: try json.optionalChoice("operator") ?? .equal,
            value: try json.optionalString("value") ?? "",
            effect: try json.optionalChoice("effect")
        )
    }

    /// The JSON form, which is also that of a Pod's `tolerations`.
    package var json: JSONValue {
        var json: JSONValue = [:]
        if let key { json["key"] = .string(key) }
        json["operator"] = .string(`operator`.rawValue)
        if !value.isEmpty { json["value"] = .string(value) }
        if let effect { json["effect"] = .string(effect.rawValue) }
        return json
    }
}

extension NodeOverride: JSONDecodable, JSONEncodable {
    /// Reads an override.
    package init(json: JSONValue) throws(JSONMappingError) {
        let secrets: [JSONValue] = try json.optional("secrets") ?? []
        self.init(
            selector: try LabelSelector(json: json),
            images: try json.optional("images") ?? [],
            secretName: try secrets.first?.requiredString("value")
        )
    }

    /// The JSON form.
    package var json: JSONValue {
        var json = selector.json
        if !images.isEmpty { json["images"] = images.json }
        if let secretName {
            json["secrets"] = [["component": "secretName", "operator": "replace", "value": .string(secretName)]]
        }
        return json
    }
}

extension NodeOverride.ImageRule: JSONDecodable, JSONEncodable {
    /// Reads a rule.
    package init(json: JSONValue) throws(JSONMappingError) {
        self.init(
            component: try json.requiredChoice("component"),
            operator: try json.requiredChoice("operator"),
            value: try json.optionalString("value") ?? ""
        )
    }

    /// The JSON form.
    package var json: JSONValue {
        var json: JSONValue = ["component": .string(component.rawValue), "operator": .string(`operator`.rawValue)]
        if !value.isEmpty { json["value"] = .string(value) }
        return json
    }
}
