import WireFormats

/// The errors of Go's `encoding/json`, in its words, for texts that the real API server would refuse.
struct GoJSONSyntax {
    private var bytes: [UInt8]
    private var position = 0

    private struct Fault: Error {
        var message: String
    }

    /// What `json.Unmarshal` into a `map[string]interface{}` would say, or nil when it would succeed.
    static func objectFault(_ bytes: [UInt8]) -> String? {
        var scanner = GoJSONSyntax(bytes: bytes)
        do throws(Fault) {
            try scanner.value(depth: 0)
            scanner.skipSpace()
            if let byte = scanner.current { throw scanner.unexpected(byte, "after top-level value") }
        } catch {
            return error.message
        }
        let kind: String
        switch bytes.first(where: { !Self.isSpace($0) }) {
        case UInt8(ascii: "{"), UInt8(ascii: "n"): return nil
        case UInt8(ascii: "["): kind = "array"
        case UInt8(ascii: "\""): kind = "string"
        case UInt8(ascii: "t"), UInt8(ascii: "f"): kind = "bool"
        default: kind = "number"
        }
        return "json: cannot unmarshal \(kind) into Go value of type map[string]interface {}"
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 32 || byte == 9 || byte == 10 || byte == 13 }

    private var current: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func skipSpace() {
        while let byte = current, Self.isSpace(byte) { position += 1 }
    }

    private func unexpected(_ byte: UInt8, _ context: String) -> Fault {
        let quoted =
            switch byte {
            case UInt8(ascii: "'"): "'\\''"
            case 10: "'\\n'"
            case 13: "'\\r'"
            case 9: "'\\t'"
            case 32..<127: "'\(String(decoding: [byte], as: UTF8.self))'"
            default: "'\\x\(Hex.encode([byte]))'"
            }
        return Fault(message: "invalid character \(quoted) \(context)")
    }

    private static let end = Fault(message: "unexpected end of JSON input")

    private mutating func value(depth: Int) throws(Fault) {
        guard depth < 10_000 else { throw Fault(message: "exceeded max depth") }
        skipSpace()
        guard let byte = current else { throw Self.end }
        switch byte {
        case UInt8(ascii: "{"): try object(depth: depth)
        case UInt8(ascii: "["): try array(depth: depth)
        case UInt8(ascii: "\""): try string()
        case UInt8(ascii: "t"): try literal("true")
        case UInt8(ascii: "f"): try literal("false")
        case UInt8(ascii: "n"): try literal("null")
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): try number()
        default: throw unexpected(byte, "looking for beginning of value")
        }
    }

    private mutating func object(depth: Int) throws(Fault) {
        position += 1
        skipSpace()
        if current == UInt8(ascii: "}") {
            position += 1
            return
        }
        while true {
            skipSpace()
            guard let quote = current else { throw Self.end }
            guard quote == UInt8(ascii: "\"") else {
                throw unexpected(quote, "looking for beginning of object key string")
            }
            try string()
            skipSpace()
            guard let colon = current else { throw Self.end }
            guard colon == UInt8(ascii: ":") else { throw unexpected(colon, "after object key") }
            position += 1
            try value(depth: depth + 1)
            if try endsList(UInt8(ascii: "}"), "after object key:value pair") { return }
        }
    }

    private mutating func array(depth: Int) throws(Fault) {
        position += 1
        skipSpace()
        if current == UInt8(ascii: "]") {
            position += 1
            return
        }
        while true {
            try value(depth: depth + 1)
            if try endsList(UInt8(ascii: "]"), "after array element") { return }
        }
    }

    private mutating func endsList(_ close: UInt8, _ context: String) throws(Fault) -> Bool {
        skipSpace()
        guard let byte = current else { throw Self.end }
        guard byte == close || byte == UInt8(ascii: ",") else { throw unexpected(byte, context) }
        position += 1
        return byte == close
    }

    private mutating func string() throws(Fault) {
        position += 1
        while let byte = current {
            position += 1
            switch byte {
            case UInt8(ascii: "\""): return
            case UInt8(ascii: "\\"): try escape()
            case 0..<32:
                position -= 1
                throw unexpected(byte, "in string literal")
            default: break
            }
        }
        throw Self.end
    }

    private mutating func escape() throws(Fault) {
        guard let byte = current else { throw Self.end }
        guard "\"\\/bfnrtu".utf8.contains(byte) else { throw unexpected(byte, "in string escape code") }
        position += 1
        guard byte == UInt8(ascii: "u") else { return }
        for _ in 0..<4 {
            guard let digit = current else { throw Self.end }
            guard "0123456789abcdefABCDEF".utf8.contains(digit) else {
                throw unexpected(digit, "in \\u hexadecimal character escape")
            }
            position += 1
        }
    }

    private mutating func literal(_ word: String) throws(Fault) {
        let expected = Array(word.utf8)
        for (index, byte) in expected.enumerated() {
            guard let actual = current else { throw Self.end }
            guard actual == byte else {
                let wanted = String(decoding: [byte], as: UTF8.self)
                throw unexpected(
                    actual,
                    index == 0 ? "looking for beginning of value" : "in literal \(word) (expecting '\(wanted)')"
                )
            }
            position += 1
        }
    }

    private mutating func number() throws(Fault) {
        if current == UInt8(ascii: "-") { position += 1 }
        try digits("in numeric literal", allowsLeadingZeroOnly: true)
        if current == UInt8(ascii: ".") {
            position += 1
            try digits("after decimal point in numeric literal", allowsLeadingZeroOnly: false)
        }
        if let byte = current, byte == UInt8(ascii: "e") || byte == UInt8(ascii: "E") {
            position += 1
            if let sign = current, sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") { position += 1 }
            try digits("in exponent of numeric literal", allowsLeadingZeroOnly: false)
        }
    }

    private mutating func digits(_ context: String, allowsLeadingZeroOnly: Bool) throws(Fault) {
        guard let first = current else { throw Self.end }
        guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first) else { throw unexpected(first, context) }
        position += 1
        if allowsLeadingZeroOnly, first == UInt8(ascii: "0") { return }
        while let byte = current, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { position += 1 }
    }
}
