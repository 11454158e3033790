/// Finds a secret in a text in which single characters may be percent-encoded, or escaped as in JSON, Go or HTML.
enum SecretMatch {
    private static let minimumPrefix = 4

    /// Where the secret ends that starts at `start`, nil when none does.
    ///
    /// A text that was cut in the middle of the secret matches too, if at least four bytes of it are left.
    static func end(of secret: [UInt8], in text: [UInt8], at start: Int) -> Int? {
        // A secret that itself holds a percent sign or a backslash can be meant either way.
        end(of: secret, in: text, at: start, decodesFirst: false)
            ?? end(of: secret, in: text, at: start, decodesFirst: true)
    }

    private static func end(of secret: [UInt8], in text: [UInt8], at start: Int, decodesFirst: Bool) -> Int? {
        var index = start
        var position = 0
        while position < secret.count {
            guard index < text.count else { return position >= minimumPrefix ? index : nil }
            let plain = text[index] == secret[position] ? Step(text: 1, secret: 1) : nil
            let rest = secret[position...]
            let step =
                decodesFirst
                ? encoded(rest, in: text, at: index) ?? plain
                : plain ?? encoded(rest, in: text, at: index)
            if let step {
                index += step.text
                position += step.secret
            } else if position > 0, let length = invisibleLength(text, at: index) {
                // A secret with something between its characters that nobody sees, or that wraps it, is read as a whole.
                index += length
            } else {
                return nil
            }
        }
        return index
    }

    /// How many bytes of the text stand for how many of the secret.
    private struct Step {
        var text: Int
        var secret: Int
    }

    /// What an encoded character at `index` stands for, nil when it does not begin the secret's rest.
    private static func encoded(_ secret: ArraySlice<UInt8>, in text: [UInt8], at index: Int) -> Step? {
        guard let byte = secret.first else { return nil }
        switch text[index] {
        case UInt8(ascii: "%"):
            return hexadecimal(text, from: index + 1, digits: 2) == UInt32(byte) ? Step(text: 3, secret: 1) : nil
        case UInt8(ascii: "+"):
            return byte == UInt8(ascii: " ") ? Step(text: 1, secret: 1) : nil
        case UInt8(ascii: "&"):
            return entity(secret, in: text, at: index)
        case UInt8(ascii: "\\"):
            guard index + 1 < text.count else { return nil }
            switch text[index + 1] {
            case UInt8(ascii: "u"): return codePoint(secret, in: text, at: index)
            case UInt8(ascii: "x"):
                return hexadecimal(text, from: index + 2, digits: 2) == UInt32(byte) ? Step(text: 4, secret: 1) : nil
            default: return meaning(ofEscaped: text[index + 1]) == byte ? Step(text: 2, secret: 1) : nil
            }
        default:
            return nil
        }
    }

    private static func meaning(ofEscaped byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "'"): byte
        case UInt8(ascii: "a"): 0x07
        case UInt8(ascii: "b"): 0x08
        case UInt8(ascii: "f"): 0x0C
        case UInt8(ascii: "n"): 0x0A
        case UInt8(ascii: "r"): 0x0D
        case UInt8(ascii: "t"): 0x09
        case UInt8(ascii: "v"): 0x0B
        default: nil
        }
    }

    /// `\uXXXX`, or two of them for what lies beyond the basic plane.
    private static func codePoint(_ secret: ArraySlice<UInt8>, in text: [UInt8], at index: Int) -> Step? {
        guard let first = hexadecimal(text, from: index + 2, digits: 4) else { return nil }
        if let step = step(first, secret, text: 6) { return step }
        guard (0xD800...0xDBFF).contains(first), index + 8 < text.count, text[index + 6] == UInt8(ascii: "\\"),
            text[index + 7] == UInt8(ascii: "u"), let second = hexadecimal(text, from: index + 8, digits: 4),
            (0xDC00...0xDFFF).contains(second)
        else { return nil }
        return step(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00), secret, text: 12)
    }

    /// `&quot;` and its kind, and characters by their number.
    private static func entity(_ secret: ArraySlice<UInt8>, in text: [UInt8], at index: Int) -> Step? {
        guard let end = text[index...].prefix(10).firstIndex(of: UInt8(ascii: ";")), end > index + 2 else { return nil }
        let name = text[(index + 1)..<end]
        let value: UInt32?
        if name.starts(with: [UInt8(ascii: "#"), UInt8(ascii: "x")]) {
            value = UInt32(String(decoding: name.dropFirst(2), as: UTF8.self), radix: 16)
        } else if name.first == UInt8(ascii: "#") {
            value = UInt32(String(decoding: name.dropFirst(), as: UTF8.self), radix: 10)
        } else {
            let names: [String: Character] = ["amp": "&", "lt": "<", "gt": ">", "quot": "\"", "apos": "'"]
            value = names[String(decoding: name, as: UTF8.self)]?.unicodeScalars.first?.value
        }
        return value.flatMap { step($0, secret, text: end + 1 - index) }
    }

    private static func step(_ value: UInt32, _ secret: ArraySlice<UInt8>, text length: Int) -> Step? {
        guard let scalar = Unicode.Scalar(value) else { return nil }
        let bytes = Array(String(scalar).utf8)
        return secret.starts(with: bytes) ? Step(text: length, secret: bytes.count) : nil
    }

    /// How many bytes the invisible character at `index` has, nil when it is none.
    private static func invisibleLength(_ text: [UInt8], at index: Int) -> Int? {
        let lead = text[index]
        let length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4
        guard index + length <= text.count,
            let scalar = String(validating: text[index..<(index + length)], as: UTF8.self)?.unicodeScalars.first
        else { return nil }
        return VisibleText.isInvisible(scalar) ? length : nil
    }

    private static func hexadecimal(_ text: [UInt8], from start: Int, digits: Int) -> UInt32? {
        guard start + digits <= text.count else { return nil }
        let part = text[start..<(start + digits)]
        guard !part.contains(UInt8(ascii: "+")), !part.contains(UInt8(ascii: "-")) else { return nil }
        return UInt32(String(decoding: part, as: UTF8.self), radix: 16)
    }
}
