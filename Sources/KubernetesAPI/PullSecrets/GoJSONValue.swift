/// A JSON text as Go's `encoding/json` reads it, for what other programs have stored and a Go program will read.
///
/// It is more lenient than `JSONValue(parsing:)`: a key may stand in an object several times, and what is no valid Unicode
/// becomes U+FFFD.
indirect enum GoJSONValue: Sendable {
    case null
    case bool
    case number
    case string(String)
    case array
    /// The members in their order; a key may be there more than once.
    case object([(key: String, value: GoJSONValue)])

    /// Reads a text; nil when it is not JSON, or deeper than ``GoJSONReader/maximumDepth``.
    ///
    /// - Parameter bytes: The text.
    init?(parsing bytes: [UInt8]) {
        var reader = GoJSONReader(bytes: bytes)
        guard let value = reader.document() else { return nil }
        self = value
    }

    /// What Go's error messages call the value.
    var goName: String {
        switch self {
        case .null: "null"
        case .bool: "bool"
        case .number: "number"
        case .string: "string"
        case .array: "array"
        case .object: "object"
        }
    }
}

/// A recursive descent; every function returns nil at the first byte that is no JSON.
struct GoJSONReader {
    /// Go's own limit is 10,000, which no Docker configuration comes near.
    static let maximumDepth = 128

    private let bytes: [UInt8]
    private var offset = 0
    private var depth = 0

    init(bytes: [UInt8]) { self.bytes = bytes }

    private var current: UInt8? { offset < bytes.count ? bytes[offset] : nil }

    mutating func document() -> GoJSONValue? {
        guard let value = value() else { return nil }
        skipSpace()
        return current == nil ? value : nil
    }

    private mutating func skipSpace() {
        while let byte = current, byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D { offset += 1 }
    }

    /// Passes over a byte if it is the next one after white space.
    private mutating func take(_ byte: UInt8) -> Bool {
        skipSpace()
        guard current == byte else { return false }
        offset += 1
        return true
    }

    private mutating func value() -> GoJSONValue? {
        skipSpace()
        switch current {
        case UInt8(ascii: "{"): return nested { reader in reader.object() }
        case UInt8(ascii: "["): return nested { reader in reader.array() }
        case UInt8(ascii: "\""): return string().map { .string($0) }
        case UInt8(ascii: "t"): return literal("true") ? .bool : nil
        case UInt8(ascii: "f"): return literal("false") ? .bool : nil
        case UInt8(ascii: "n"): return literal("null") ? .null : nil
        default: return number() ? .number : nil
        }
    }

    private mutating func nested(_ read: (inout GoJSONReader) -> GoJSONValue?) -> GoJSONValue? {
        guard depth < Self.maximumDepth else { return nil }
        depth += 1
        offset += 1
        defer { depth -= 1 }
        return read(&self)
    }

    private mutating func object() -> GoJSONValue? {
        var members: [(key: String, value: GoJSONValue)] = []
        if take(UInt8(ascii: "}")) { return .object(members) }
        while true {
            skipSpace()
            guard current == UInt8(ascii: "\""), let key = string(), take(UInt8(ascii: ":")), let value = value() else {
                return nil
            }
            members.append((key, value))
            if take(UInt8(ascii: ",")) { continue }
            return take(UInt8(ascii: "}")) ? .object(members) : nil
        }
    }

    private mutating func array() -> GoJSONValue? {
        if take(UInt8(ascii: "]")) { return .array }
        while true {
            guard value() != nil else { return nil }
            if take(UInt8(ascii: ",")) { continue }
            return take(UInt8(ascii: "]")) ? .array : nil
        }
    }

    private mutating func literal(_ word: String) -> Bool {
        let end = offset + word.utf8.count
        guard end <= bytes.count, bytes[offset..<end].elementsEqual(word.utf8) else { return false }
        offset = end
        return true
    }

    private mutating func number() -> Bool {
        if current == UInt8(ascii: "-") { offset += 1 }
        if current == UInt8(ascii: "0") { offset += 1 } else if !digits() { return false }
        if current == UInt8(ascii: ".") {
            offset += 1
            guard digits() else { return false }
        }
        guard let byte = current, byte == UInt8(ascii: "e") || byte == UInt8(ascii: "E") else { return true }
        offset += 1
        if let sign = current, sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") { offset += 1 }
        return digits()
    }

    private mutating func digits() -> Bool {
        let start = offset
        while let byte = current, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { offset += 1 }
        return offset > start
    }

    // MARK: - Strings

    private mutating func string() -> String? {
        offset += 1
        var text: [UInt8] = []
        while let byte = current {
            offset += 1
            switch byte {
            case UInt8(ascii: "\""): return String(decoding: text, as: UTF8.self)
            case UInt8(ascii: "\\"):
                guard let scalar = escape() else { return nil }
                text.append(contentsOf: String(scalar).utf8)
            case 0..<0x20: return nil
            default: text.append(byte)
            }
        }
        return nil
    }

    private mutating func escape() -> Unicode.Scalar? {
        guard let byte = current else { return nil }
        offset += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"): return hexadecimal().map { scalar($0) }
        default: return nil
        }
    }

    /// The character of an escape, together with the one that follows where they are a surrogate pair.
    private mutating func scalar(_ unit: UInt32) -> Unicode.Scalar {
        guard (0xD800..<0xDC00).contains(unit) else { return Unicode.Scalar(unit) ?? "\u{FFFD}" }
        let start = offset
        if literal("\\u"), let low = hexadecimal(), (0xDC00..<0xE000).contains(low) {
            return Unicode.Scalar(0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00)) ?? "\u{FFFD}"
        }
        offset = start
        return "\u{FFFD}"
    }

    private mutating func hexadecimal() -> UInt32? {
        guard offset + 4 <= bytes.count else { return nil }
        var value: UInt32 = 0
        for byte in bytes[offset..<offset + 4] {
            guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue, byte < 0x80 else { return nil }
            value = value << 4 | UInt32(digit)
        }
        offset += 4
        return value
    }
}
