/// A type that can be read from a JSON value.
package protocol JSONDecodable {
    /// Reads a value; unknown members are ignored unless the type says otherwise.
    init(json: JSONValue) throws(JSONMappingError)
}

/// A type that can be written as a JSON value.
package protocol JSONEncodable {
    /// This value as JSON.
    var json: JSONValue { get }
}

/// A JSON value that is not what was expected at its place. It never quotes the value.
package struct JSONMappingError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Where the value stands, seen from the value that was to be read.
    package var pointer: JSONPointer
    /// What had been expected there, as a noun with its article: "a string", "one of a, b".
    package var expected: String

    /// An error at a place.
    package init(pointer: JSONPointer = .root, expected: String) {
        self.pointer = pointer
        self.expected = expected
    }

    /// The same error seen from the value that holds `key`.
    package func below(_ key: String) -> JSONMappingError {
        JSONMappingError(pointer: JSONPointer(tokens: [key] + pointer.tokens), expected: expected)
    }

    /// The same error seen from the array that holds the element `index`.
    package func below(_ index: Int) -> JSONMappingError { below(String(index)) }

    package var description: String {
        "expected \(expected) at \(pointer.tokens.isEmpty ? "the top" : pointer.description)"
    }
}

extension JSONValue {
    /// The member `key` read as `type`.
    /// - Throws: `JSONMappingError` when it is missing, `null`, or of another form.
    package func required<T: JSONDecodable>(_ key: String, as type: T.Type = T.self) throws(JSONMappingError) -> T {
        guard let value = try optional(key, as: type) else {
            throw JSONMappingError(expected: "a value").below(key)
        }
        return value
    }

    /// The member `key` read as `type`, nil when it is missing or `null`.
    /// - Throws: `JSONMappingError` when it is of another form, or this is no object.
    package func optional<T: JSONDecodable>(_ key: String, as type: T.Type = T.self) throws(JSONMappingError) -> T? {
        guard case .object(let object) = self else { throw JSONMappingError(expected: "an object") }
        guard let value = object[key], value != .null else { return nil }
        do {
            return try T(json: value)
        } catch {
            throw error.below(key)
        }
    }

    /// The member `key`, a string. Throws when it is missing or something else.
    package func requiredString(_ key: String) throws(JSONMappingError) -> String { try required(key) }

    /// The member `key`, a whole number. Throws when it is missing or something else.
    package func requiredInteger(_ key: String) throws(JSONMappingError) -> Int { try required(key) }

    /// The member `key`, a number. Throws when it is missing or something else.
    package func requiredDouble(_ key: String) throws(JSONMappingError) -> Double { try required(key) }

    /// The member `key`, a boolean. Throws when it is missing or something else.
    package func requiredBool(_ key: String) throws(JSONMappingError) -> Bool { try required(key) }

    /// The member `key`, an array. Throws when it is missing or something else.
    package func requiredArray(_ key: String) throws(JSONMappingError) -> [JSONValue] { try required(key) }

    /// The member `key`, an object. Throws when it is missing or something else.
    package func requiredObject(_ key: String) throws(JSONMappingError) -> JSONObject { try required(key) }

    /// The member `key`, an RFC 3339 time. Throws when it is missing or something else.
    package func requiredTimestamp(_ key: String) throws(JSONMappingError) -> Timestamp { try required(key) }

    /// The member `key`, a string; nil when it is missing or `null`. Throws when it is something else.
    package func optionalString(_ key: String) throws(JSONMappingError) -> String? { try optional(key) }

    /// The member `key`, a whole number; nil when it is missing or `null`. Throws when it is something else.
    package func optionalInteger(_ key: String) throws(JSONMappingError) -> Int? { try optional(key) }

    /// The member `key`, a number; nil when it is missing or `null`. Throws when it is something else.
    package func optionalDouble(_ key: String) throws(JSONMappingError) -> Double? { try optional(key) }

    /// The member `key`, a boolean; nil when it is missing or `null`. Throws when it is something else.
    package func optionalBool(_ key: String) throws(JSONMappingError) -> Bool? { try optional(key) }

    /// The member `key`, an array; nil when it is missing or `null`. Throws when it is something else.
    package func optionalArray(_ key: String) throws(JSONMappingError) -> [JSONValue]? { try optional(key) }

    /// The member `key`, an object; nil when it is missing or `null`. Throws when it is something else.
    package func optionalObject(_ key: String) throws(JSONMappingError) -> JSONObject? { try optional(key) }

    /// The member `key`, an RFC 3339 time; nil when it is missing or `null`. Throws when it is something else.
    package func optionalTimestamp(_ key: String) throws(JSONMappingError) -> Timestamp? { try optional(key) }
}

// MARK: - Values of the standard library

extension JSONValue: JSONDecodable, JSONEncodable {
    package init(json: JSONValue) throws(JSONMappingError) { self = json }
    package var json: JSONValue { self }
}

extension JSONObject: JSONDecodable, JSONEncodable {
    package init(json: JSONValue) throws(JSONMappingError) {
        guard case .object(let object) = json else { throw JSONMappingError(expected: "an object") }
        self = object
    }

    package var json: JSONValue { .object(self) }
}

extension String: JSONDecodable, JSONEncodable {
    package init(json: JSONValue) throws(JSONMappingError) {
        guard case .string(let text) = json else { throw JSONMappingError(expected: "a string") }
        self = text
    }

    package var json: JSONValue { .string(self) }
}

extension Bool: JSONDecodable, JSONEncodable {
    package init(json: JSONValue) throws(JSONMappingError) {
        guard case .bool(let value) = json else { throw JSONMappingError(expected: "a boolean") }
        self = value
    }

    package var json: JSONValue { .bool(self) }
}

extension Int: JSONDecodable, JSONEncodable {
    package init(json: JSONValue) throws(JSONMappingError) {
        guard let value = json.integer else { throw JSONMappingError(expected: "a whole number") }
        self = value
    }

    package var json: JSONValue { .integer(Int64(self)) }
}

extension Int64: JSONDecodable, JSONEncodable {
    package init(json: JSONValue) throws(JSONMappingError) { self = Int64(try Int(json: json)) }

    package var json: JSONValue { .integer(self) }
}

extension Double: JSONDecodable, JSONEncodable {
    package init(json: JSONValue) throws(JSONMappingError) {
        guard let value = json.double else { throw JSONMappingError(expected: "a number") }
        self = value
    }

    package var json: JSONValue { .number(self) }
}

extension Array: JSONDecodable where Element: JSONDecodable {
    package init(json: JSONValue) throws(JSONMappingError) {
        guard case .array(let values) = json else { throw JSONMappingError(expected: "an array") }
        self = []
        reserveCapacity(values.count)
        for (index, value) in values.enumerated() {
            do {
                append(try Element(json: value))
            } catch {
                throw error.below(index)
            }
        }
    }
}

extension Array: JSONEncodable where Element: JSONEncodable {
    package var json: JSONValue { .array(map { $0.json }) }
}

extension Dictionary: JSONDecodable where Key == String, Value: JSONDecodable {
    package init(json: JSONValue) throws(JSONMappingError) {
        guard case .object(let object) = json else { throw JSONMappingError(expected: "an object") }
        self = [:]
        for (key, value) in object {
            do {
                self[key] = try Value(json: value)
            } catch {
                throw error.below(key)
            }
        }
    }
}

extension Dictionary: JSONEncodable where Key == String, Value: JSONEncodable {
    /// Members are in the order of their keys, so that the same dictionary is always the same text.
    package var json: JSONValue {
        .object(JSONObject(sorted { $0.key < $1.key }.map { ($0.key, $0.value.json) }))
    }
}

extension Timestamp: JSONDecodable, JSONEncodable {
    package init(json: JSONValue) throws(JSONMappingError) {
        guard let text = json.string, let time = Timestamp(rfc3339: text) else {
            throw JSONMappingError(expected: "an RFC 3339 time")
        }
        self = time
    }

    package var json: JSONValue { .string(rfc3339) }
}
