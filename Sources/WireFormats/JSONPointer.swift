/// The place of a value within a JSON text, as RFC 6901 has it: `/images/0/reference`, empty for the whole text.
package struct JSONPointer: Sendable, Hashable, CustomStringConvertible {
    /// The unescaped keys and indices on the way from the root.
    package private(set) var tokens: [String]

    /// The whole text.
    package static let root = JSONPointer()

    /// The whole text.
    package init() { tokens = [] }

    /// The place that is reached by the given keys and indices, unescaped.
    package init(tokens: [String]) { self.tokens = tokens }

    /// Reads a pointer's text form; nil when it does not start with `/` (and is not empty) or has a bad escape.
    package init?(parsing text: String) {
        guard !text.isEmpty else {
            tokens = []
            return
        }
        guard text.utf8.first == UInt8(ascii: "/") else { return nil }
        var tokens: [String] = []
        for part in text.utf8.dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false) {
            guard let token = Self.unescape(part) else { return nil }
            tokens.append(token)
        }
        self.tokens = tokens
    }

    /// The place of the member `key` below this one.
    package func appending(_ key: String) -> JSONPointer { JSONPointer(tokens: tokens + [key]) }

    /// The place of the element `index` below this one.
    package func appending(_ index: Int) -> JSONPointer { JSONPointer(tokens: tokens + [String(index)]) }

    /// The place `other` seen from this one.
    package func appending(_ other: JSONPointer) -> JSONPointer { JSONPointer(tokens: tokens + other.tokens) }

    /// The pointer's text form.
    package var description: String {
        var bytes: [UInt8] = []
        for token in tokens {
            bytes.append(UInt8(ascii: "/"))
            for byte in token.utf8 {
                switch byte {
                case UInt8(ascii: "~"): bytes.append(contentsOf: "~0".utf8)
                case UInt8(ascii: "/"): bytes.append(contentsOf: "~1".utf8)
                default: bytes.append(byte)
                }
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func unescape(_ part: Substring.UTF8View) -> String? {
        var bytes: [UInt8] = []
        var iterator = part.makeIterator()
        while let byte = iterator.next() {
            guard byte == UInt8(ascii: "~") else {
                bytes.append(byte)
                continue
            }
            switch iterator.next() {
            case UInt8(ascii: "0"): bytes.append(UInt8(ascii: "~"))
            case UInt8(ascii: "1"): bytes.append(UInt8(ascii: "/"))
            default: return nil
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension JSONValue {
    /// The value at a place; nil when there is none. An index must be written as RFC 6901 has it, without leading zeros.
    package func value(at pointer: JSONPointer) -> JSONValue? {
        var value = self
        for token in pointer.tokens {
            switch value {
            case .object(let object):
                guard let member = object[token] else { return nil }
                value = member
            case .array:
                guard let index = Int(token), String(index) == token, let element = value[index] else { return nil }
                value = element
            case .null, .bool, .integer, .number, .string:
                return nil
            }
        }
        return value
    }
}
