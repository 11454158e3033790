package import WireFormats

/// Fields of Kubernetes objects, read leniently: the API server has validated them, and a field that a newer one has changed
/// must not make the whole object unreadable.
extension JSONValue {
    /// A map of strings; members of other types are left out.
    package func stringMap(_ key: String) -> [String: String] {
        guard let object = self[key]?.object else { return [:] }
        var map: [String: String] = [:]
        for (key, value) in object {
            map[key] = value.string
        }
        return map
    }

    /// A list of strings; elements of other types are left out.
    package func strings(_ key: String) -> [String] {
        self[key]?.array?.compactMap(\.string) ?? []
    }

    /// A time; `nil` where it is absent, null or not RFC 3339.
    package func timestamp(_ key: String) -> Timestamp? {
        self[key]?.string.flatMap { Timestamp(rfc3339: $0) }
    }

    /// A list of mapped objects; empty where it is absent or null.
    package func list<Element: JSONDecodable>(_ key: String) throws(JSONMappingError) -> [Element] {
        guard let array = self[key]?.array else { return [] }
        var elements: [Element] = []
        elements.reserveCapacity(array.count)
        for item in array {
            elements.append(try Element(json: item))
        }
        return elements
    }

    /// A mapped object; `nil` where it is absent or null.
    package func nested<Element: JSONDecodable>(_ key: String) throws(JSONMappingError) -> Element? {
        guard let value = self[key], !value.isNull else { return nil }
        return try Element(json: value)
    }
}

extension JSONObject {
    /// Sets a string, or leaves the key out.
    package mutating func set(_ key: String, _ value: String?) {
        if let value { self[key] = .string(value) }
    }

    /// Sets a number, or leaves the key out.
    package mutating func set(_ key: String, _ value: Int?) {
        if let value { self[key] = .integer(Int64(value)) }
    }

    /// Sets a boolean, or leaves the key out.
    package mutating func set(_ key: String, _ value: Bool?) {
        if let value { self[key] = .bool(value) }
    }

    /// Sets a map in the order of its keys; an empty one is left out.
    package mutating func set(_ key: String, _ value: [String: String]) {
        guard !value.isEmpty else { return }
        var object = JSONObject()
        for (name, text) in value.sorted(by: { $0.key < $1.key }) {
            object[name] = .string(text)
        }
        self[key] = .object(object)
    }

    /// Sets a list of strings; an empty one is left out.
    package mutating func set(_ key: String, _ value: [String]) {
        if !value.isEmpty { self[key] = .array(value.map { .string($0) }) }
    }

    /// Sets a list of objects; an empty one is left out.
    package mutating func set(_ key: String, _ value: [some JSONEncodable]) {
        if !value.isEmpty { self[key] = .array(value.map(\.json)) }
    }

    /// Sets an object, or leaves the key out.
    package mutating func set(_ key: String, _ value: (some JSONEncodable)?) {
        if let value { self[key] = value.json }
    }
}
