import WireFormats

extension JSONValue {
    /// The value with `metadata.resourceVersion` set.
    consuming func withResourceVersion(_ revision: UInt64) -> JSONValue {
        update("metadata") { $0["resourceVersion"] = .string(String(revision)) }
        return self
    }

    /// Changes a member in place; a missing one starts as an empty object.
    mutating func update(_ key: String, _ body: (inout JSONValue) -> Void) {
        var member = self[key] ?? .object([:])
        // Gives up the tree's reference to the member, so that `body` changes it in place.
        self[key] = JSONValue.null
        body(&member)
        self[key] = member
    }

    /// Removes a member of an object.
    mutating func removeMember(_ key: String) {
        guard case .object(var object) = self else { return }
        self = .null
        object.removeValue(forKey: key)
        self = .object(object)
    }

    /// Sets a member where a value is given, and leaves it alone where it is nil.
    mutating func setIfPresent(_ key: String, _ value: JSONValue?) {
        if let value { self[key] = value }
    }

    /// Sets a member that is missing or null.
    mutating func setDefault(_ key: String, _ value: JSONValue) {
        if (self[key] ?? .null).isNull { self[key] = value }
    }

    /// The members of an object whose values are strings.
    var stringMembers: [String: String] {
        guard let object else { return [:] }
        var members: [String: String] = [:]
        for (key, value) in object {
            if let text = value.string { members[key] = text }
        }
        return members
    }

    /// Whether the value is an object or array without members, or null.
    var isEmptyCollection: Bool {
        switch self {
        case .null: true
        case .object(let object): object.isEmpty
        case .array(let array): array.isEmpty
        case .bool, .integer, .number, .string: false
        }
    }
}

extension JSONObject {
    /// The members in alphabetical order of their keys.
    var sortedKeys: [String] { keys.sorted() }
}
