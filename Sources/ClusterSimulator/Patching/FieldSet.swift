import WireFormats

/// The fields a manager owns, as a tree of the path elements of `fieldsV1` (`f:name`, `k:{…}`, `v:…`).
struct FieldSet: Sendable, Equatable {
    var isMember = false
    var children: [String: FieldSet] = [:]

    var isEmpty: Bool { !isMember && children.isEmpty }

    init(isMember: Bool = false) {
        self.isMember = isMember
    }

    /// Reads `fieldsV1`.
    init(json: JSONValue) {
        for (key, value) in json.object ?? [:] {
            if key == "." {
                isMember = true
            } else if value.isEmptyCollection {
                children[key] = FieldSet(isMember: true)
            } else {
                children[key] = FieldSet(json: value)
            }
        }
    }

    /// The form of `fieldsV1`.
    var json: JSONValue {
        var object = JSONObject()
        if isMember, !children.isEmpty { object["."] = [:] }
        for key in children.keys.sorted() { object[key] = children[key]?.json }
        return .object(object)
    }

    func contains(_ path: [String]) -> Bool {
        var set = self
        for element in path {
            guard let child = set.children[element] else { return false }
            set = child
        }
        return set.isMember
    }

    mutating func insert(_ path: ArraySlice<String>) {
        guard let first = path.first else {
            isMember = true
            return
        }
        children[first, default: FieldSet()].insert(path.dropFirst())
    }

    mutating func remove(_ path: ArraySlice<String>) {
        guard let first = path.first else {
            isMember = false
            return
        }
        guard var child = children[first] else { return }
        child.remove(path.dropFirst())
        children[first] = child.isEmpty ? nil : child
    }

    /// The paths of all members.
    var paths: [[String]] {
        var result: [[String]] = isMember ? [[]] : []
        for (key, child) in children { result += child.paths.map { [key] + $0 } }
        return result
    }

    /// How Kubernetes prints a path in a conflict: `.spec.containers[name="a"].image`.
    static func text(_ path: [String]) -> String {
        path.map { element in
            let body = String(element.dropFirst(2))
            switch element.prefix(2) {
            case "f:": return ".\(body)"
            case "k:":
                guard let keys = (try? JSONValue(parsing: body))?.object else { return "[\(body)]" }
                return "[" + keys.map { "\($0.key)=\($0.value.text())" }.joined(separator: ",") + "]"
            default: return "[=\(body)]"
            }
        }.joined()
    }
}

/// How the lists of a resource are merged.
struct ListRules: Sendable {
    enum Kind: Sendable, Equatable {
        case atomic
        case set
        case map(keys: [String])
    }

    /// The schema of a custom resource; nil for a built-in one, whose lists are known by the names of their fields.
    var schema: StructuralSchema?

    func kind(of path: [String]) -> Kind {
        guard path.first != "f:metadata", let schema else {
            let field = path.last.map { String($0.dropFirst(2)) } ?? ""
            if StrategicMergePatch.isSet(field) { return .set }
            return StrategicMergePatch.mergeKey(of: field).map { .map(keys: [$0]) } ?? .atomic
        }
        var current: StructuralSchema? = schema
        for element in path {
            current =
                element.hasPrefix("f:")
                ? current?.node.property(String(element.dropFirst(2))) ?? current?.node.additionalProperties
                : current?.node.items
        }
        switch current?.node.json["x-kubernetes-list-type"]?.string {
        case "set": return .set
        case "map":
            let keys = current?.node.json["x-kubernetes-list-map-keys"]?.array ?? []
            return .map(keys: keys.compactMap(\.string))
        default: return .atomic
        }
    }

    /// The path element of a list's item; nil for an item of an atomic list or without its keys.
    static func element(_ item: JSONValue, _ kind: Kind) -> String? {
        switch kind {
        case .atomic: return nil
        case .set: return "v:\(item.text())"
        case .map(let keys):
            var identity = JSONObject()
            for key in keys {
                guard let value = item[key] else { return nil }
                identity[key] = value
            }
            return "k:\(JSONValue.object(identity).text())"
        }
    }

    /// The fields that a configuration sets.
    func fields(of value: JSONValue, path: [String] = []) -> FieldSet {
        switch value {
        case .object(let object):
            var set = FieldSet(isMember: object.isEmpty)
            for (key, member) in object {
                let child = path + ["f:\(key)"]
                if Self.isUnowned(child) { continue }
                let fields = fields(of: member, path: child)
                // Metadata that only identifies the object is nobody's.
                if fields.isEmpty || (child == ["f:metadata"] && fields.children.isEmpty) { continue }
                set.children["f:\(key)"] = fields
            }
            return set
        case .array(let array):
            let kind = kind(of: path)
            guard kind != .atomic, !array.isEmpty else { return FieldSet(isMember: true) }
            var set = FieldSet()
            for item in array {
                guard let element = Self.element(item, kind) else { return FieldSet(isMember: true) }
                var child = fields(of: item, path: path + [element])
                child.isMember = true
                set.children[element] = child
            }
            return set
        case .null, .bool, .integer, .number, .string: return FieldSet(isMember: true)
        }
    }

    /// Fields that identify the object or belong to the server.
    private static func isUnowned(_ path: [String]) -> Bool {
        if path.count == 1 { return path[0] == "f:apiVersion" || path[0] == "f:kind" }
        guard path.count == 2, path[0] == "f:metadata" else { return false }
        return [
            "f:name", "f:namespace", "f:uid", "f:resourceVersion", "f:creationTimestamp", "f:generation",
            "f:managedFields", "f:selfLink", "f:deletionTimestamp", "f:deletionGracePeriodSeconds", "f:generateName",
        ].contains(path[1])
    }

    /// The value at a path of field elements.
    func value(_ root: JSONValue, _ path: [String]) -> JSONValue? {
        var value = root
        for (index, element) in path.enumerated() {
            if element.hasPrefix("f:") {
                guard let next = value[String(element.dropFirst(2))] else { return nil }
                value = next
            } else {
                let kind = kind(of: Array(path[..<index]))
                guard let next = value.array?.first(where: { Self.element($0, kind) == element }) else { return nil }
                value = next
            }
        }
        return value
    }
}
