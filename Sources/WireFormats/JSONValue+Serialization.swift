extension JSONValue {
    /// This value as a JSON text in UTF-8.
    ///
    /// A number that is not finite, which JSON cannot write, becomes `null`.
    /// - Parameters:
    ///   - sortedKeys: whether members are written in the order of their keys' code points instead of their own.
    ///   - pretty: whether to use one line for each member, with two spaces of indentation.
    /// - Returns: the text.
    package func serialized(sortedKeys: Bool = false, pretty: Bool = false) -> [UInt8] {
        var writer = JSONWriter(sortedKeys: sortedKeys, pretty: pretty)
        writer.write(self)
        return writer.output
    }

    /// This object as a JSON text in UTF-8, with further members behind its own: what is needed as text in several places is
    /// written once.
    ///
    /// - Parameter members: keys that are not among this object's own, and values that are JSON texts already.
    /// - Returns: the text; of anything but an object, only the members.
    package func serialized(adding members: KeyValuePairs<String, String>) -> [UInt8] {
        var text = (object.map(JSONValue.object) ?? [:]).serialized()
        text.removeLast()
        for (key, value) in members {
            if text.count > 1 { text.append(UInt8(ascii: ",")) }
            text += JSONValue.string(key).serialized()
            text.append(UInt8(ascii: ":"))
            text += value.utf8
        }
        text.append(UInt8(ascii: "}"))
        return text
    }

    /// This value as a JSON text; see `serialized(sortedKeys:pretty:)`.
    package func text(sortedKeys: Bool = false, pretty: Bool = false) -> String {
        String(decoding: serialized(sortedKeys: sortedKeys, pretty: pretty), as: UTF8.self)
    }
}

struct JSONWriter {
    private(set) var output: [UInt8] = []
    private let sortedKeys: Bool
    private let pretty: Bool
    private var indentation = 0

    init(sortedKeys: Bool, pretty: Bool) {
        self.sortedKeys = sortedKeys
        self.pretty = pretty
        output.reserveCapacity(256)
    }

    mutating func write(_ value: JSONValue) {
        switch value {
        case .null: output.append(contentsOf: "null".utf8)
        case .bool(let value): output.append(contentsOf: (value ? "true" : "false").utf8)
        case .integer(let value): write(value)
        case .number(let value): output.append(contentsOf: (value.isFinite ? value.description : "null").utf8)
        case .string(let value): write(value)
        case .array(let elements): write(elements)
        case .object(let object): write(object)
        }
    }

    private mutating func write(_ elements: [JSONValue]) {
        output.append(UInt8(ascii: "["))
        indentation += 1
        var isFirst = true
        for element in elements {
            if !isFirst { output.append(UInt8(ascii: ",")) }
            isFirst = false
            newLine()
            write(element)
        }
        indentation -= 1
        if !isFirst { newLine() }
        output.append(UInt8(ascii: "]"))
    }

    private mutating func write(_ object: JSONObject) {
        output.append(UInt8(ascii: "{"))
        indentation += 1
        var isFirst = true
        if sortedKeys {
            for (key, value) in object.sorted(by: { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }) {
                write(key, value, isFirst: &isFirst)
            }
        } else {
            for (key, value) in object { write(key, value, isFirst: &isFirst) }
        }
        indentation -= 1
        if !isFirst { newLine() }
        output.append(UInt8(ascii: "}"))
    }

    private mutating func write(_ key: String, _ value: JSONValue, isFirst: inout Bool) {
        if !isFirst { output.append(UInt8(ascii: ",")) }
        isFirst = false
        newLine()
        write(key)
        output.append(UInt8(ascii: ":"))
        if pretty { output.append(0x20) }
        write(value)
    }

    private mutating func newLine() {
        guard pretty else { return }
        output.append(0x0A)
        for _ in 0..<indentation {
            output.append(0x20)
            output.append(0x20)
        }
    }

    private mutating func write(_ value: Int64) {
        // One digit is by far the most common number; the others take the way through a string.
        if 0..<10 ~= value {
            output.append(UInt8(ascii: "0") + UInt8(value))
        } else {
            output.append(contentsOf: String(value).utf8)
        }
    }

    private mutating func write(_ text: String) {
        output.append(UInt8(ascii: "\""))
        // Few need an escape.
        if JSONBytes(text.utf8.span).areText {
            output.append(contentsOf: text.utf8)
        } else {
            writeEscaped(text.utf8)
        }
        output.append(UInt8(ascii: "\""))
    }

    private mutating func writeEscaped(_ bytes: String.UTF8View) {
        for byte in bytes {
            if Self.mustEscape(byte) { writeEscape(of: byte) } else { output.append(byte) }
        }
    }

    private static func mustEscape(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
    }

    private mutating func writeEscape(of byte: UInt8) {
        output.append(UInt8(ascii: "\\"))
        switch byte {
        case 0x08: output.append(UInt8(ascii: "b"))
        case 0x0C: output.append(UInt8(ascii: "f"))
        case 0x0A: output.append(UInt8(ascii: "n"))
        case 0x0D: output.append(UInt8(ascii: "r"))
        case 0x09: output.append(UInt8(ascii: "t"))
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): output.append(byte)
        default:
            output.append(contentsOf: "u00".utf8)
            output.append(contentsOf: Hex.encode([byte]).utf8)
        }
    }
}
