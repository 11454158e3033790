import WireFormats

/// The structural schema of a custom resource: defaulting, pruning and validation as `apiextensions-apiserver` does them.
indirect enum StructuralSchema: Sendable {
    case schema(Node)

    struct Node: Sendable {
        /// The schema as written, for OpenAPI and for the simple keywords.
        var json: JSONValue
        var type: String?
        var properties: [(name: String, schema: StructuralSchema)] = []
        var additionalProperties: StructuralSchema?
        var items: StructuralSchema?
        var allOf: [StructuralSchema] = []
        var anyOf: [StructuralSchema] = []
        var oneOf: [StructuralSchema] = []
        var not: StructuralSchema?
        var required: [String] = []
        var isNullable = false
        var preservesUnknownFields = false
        var isIntOrString = false
        var isEmbeddedResource = false
        /// Its own rules; those that cannot be read were refused with their definition.
        var rules: [Rule] = []
        /// Whether it has rules at any depth.
        var hasRules = false

        func property(_ name: String) -> StructuralSchema? { properties.first { $0.name == name }?.schema }
    }

    var node: Node {
        switch self {
        case .schema(let node): node
        }
    }

    init(_ json: JSONValue) {
        var node = Node(json: json)
        node.type = json["type"]?.string
        node.properties = (json["properties"]?.object ?? [:]).map { ($0.key, StructuralSchema($0.value)) }
        if let additional = json["additionalProperties"], additional.object != nil {
            node.additionalProperties = StructuralSchema(additional)
        }
        if let items = json["items"], items.object != nil { node.items = StructuralSchema(items) }
        node.allOf = (json["allOf"]?.array ?? []).map { StructuralSchema($0) }
        node.anyOf = (json["anyOf"]?.array ?? []).map { StructuralSchema($0) }
        node.oneOf = (json["oneOf"]?.array ?? []).map { StructuralSchema($0) }
        node.not = json["not"].map { StructuralSchema($0) }
        node.required = (json["required"]?.array ?? []).compactMap(\.string)
        node.isNullable = json["nullable"]?.bool ?? false
        node.preservesUnknownFields = json["x-kubernetes-preserve-unknown-fields"]?.bool ?? false
        node.isIntOrString = json["x-kubernetes-int-or-string"]?.bool ?? false
        node.isEmbeddedResource = json["x-kubernetes-embedded-resource"]?.bool ?? false
        node.rules = (json["x-kubernetes-validations"]?.array ?? []).compactMap { try? Rule($0) }
        let below = node.properties.map(\.schema) + [node.items, node.additionalProperties].compactMap { $0 }
        node.hasRules = !node.rules.isEmpty || below.contains { $0.node.hasRules }
        self = .schema(node)
    }

    /// What keeps a schema from being structural, as far as it is checked here: types, and patterns that do not compile.
    static func faults(_ json: JSONValue, path: String) -> [FieldError] {
        var faults: [FieldError] = []
        let isOpen =
            json["x-kubernetes-int-or-string"]?.bool == true
            || json["x-kubernetes-preserve-unknown-fields"]?.bool == true
        let types = ["array", "boolean", "integer", "number", "object", "string"]
        if let type = json["type"]?.string {
            if !types.contains(type) { faults.append(.notSupported("\(path).type", .string(type), types)) }
        } else if !isOpen {
            let detail = "must not be empty for specified object fields"
            faults.append(.required("\(path).type", detail))
        }
        if let pattern = json["pattern"]?.string, SchemaPattern(pattern) == nil {
            faults.append(.invalid("\(path).pattern", .string(pattern), "must be a valid regular expression"))
        }
        if json["type"]?.string == "array", json["items"]?.object == nil {
            faults.append(.required("\(path).items", "must be specified"))
        }
        for (name, property) in json["properties"]?.object ?? [:] {
            faults += self.faults(property, path: "\(path).properties[\(name)]")
        }
        if let items = json["items"], items.object != nil { faults += self.faults(items, path: "\(path).items") }
        if let additional = json["additionalProperties"], additional.object != nil {
            faults += self.faults(additional, path: "\(path).additionalProperties")
        }
        return faults
    }
}

// MARK: - Defaulting and pruning

extension StructuralSchema {
    /// Fills in defaults, at every depth, where a field is missing (or null and not nullable).
    func applyDefaults(to value: inout JSONValue) {
        switch value {
        case .object(var object):
            value = .null
            for (name, schema) in node.properties {
                let current = object[name]
                let isAbsent = current == nil || (current?.isNull == true && !schema.node.isNullable)
                if isAbsent, let standard = schema.node.json["default"] {
                    object[name] = standard
                } else if current?.isNull == true, !schema.node.isNullable {
                    object.removeValue(forKey: name)
                }
                if var member = object[name], !member.isNull {
                    schema.applyDefaults(to: &member)
                    object[name] = member
                }
            }
            if let additional = node.additionalProperties {
                for key in object.keys where node.property(key) == nil {
                    if var member = object[key] {
                        additional.applyDefaults(to: &member)
                        object[key] = member
                    }
                }
            }
            value = .object(object)
        case .array(let array):
            guard let items = node.items else { return }
            value = .array(
                array.map { item in
                    var item = item
                    items.applyDefaults(to: &item)
                    return item
                }
            )
        case .null, .bool, .integer, .number, .string: return
        }
    }

    /// Drops fields the schema does not know and returns their paths.
    func prune(_ value: inout JSONValue, path: String, isRoot: Bool = false) -> [String] {
        switch value {
        case .object(var object):
            value = .null
            var dropped: [String] = []
            for key in object.keys {
                guard var member = object[key] else { continue }
                let child = path.isEmpty ? key : "\(path).\(key)"
                if (isRoot || node.isEmbeddedResource) && ["apiVersion", "kind", "metadata"].contains(key) { continue }
                if let schema = node.property(key) ?? node.additionalProperties {
                    dropped += schema.prune(&member, path: child)
                    object[key] = member
                } else if !node.preservesUnknownFields, node.json["additionalProperties"]?.bool != true {
                    object.removeValue(forKey: key)
                    dropped.append(child)
                }
            }
            value = .object(object)
            return dropped
        case .array(let array):
            guard let items = node.items else { return [] }
            var dropped: [String] = []
            value = .array(
                array.enumerated().map { index, item in
                    var item = item
                    dropped += items.prune(&item, path: "\(path)[\(index)]")
                    return item
                }
            )
            return dropped
        case .null, .bool, .integer, .number, .string: return []
        }
    }
}
