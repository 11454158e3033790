/// Finds a secret in a text in which single bytes may be percent-encoded or escaped as in JSON.
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
        for (position, byte) in secret.enumerated() {
            guard index < text.count else { return position >= minimumPrefix ? index : nil }
            let plain = text[index] == byte ? 1 : nil
            let length =
                decodesFirst
                ? encodedLength(of: byte, in: text, at: index) ?? plain
                : plain ?? encodedLength(of: byte, in: text, at: index)
            guard let length else { return nil }
            index += length
        }
        return index
    }

    /// How many bytes of text at `index` stand for `byte` in an encoded form, nil when they do not.
    private static func encodedLength(of byte: UInt8, in text: [UInt8], at index: Int) -> Int? {
        switch text[index] {
        case UInt8(ascii: "%"):
            return hexadecimal(text, from: index + 1, digits: 2) == UInt32(byte) ? 3 : nil
        case UInt8(ascii: "+"):
            return byte == UInt8(ascii: " ") ? 1 : nil
        case UInt8(ascii: "\\"):
            guard index + 1 < text.count else { return nil }
            let escaped = text[index + 1]
            if escaped == UInt8(ascii: "u") {
                return hexadecimal(text, from: index + 2, digits: 4) == UInt32(byte) && byte < 0x80 ? 6 : nil
            }
            return meaning(ofEscaped: escaped) == byte ? 2 : nil
        default:
            return nil
        }
    }

    private static func meaning(ofEscaped byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "'"): byte
        case UInt8(ascii: "b"): 0x08
        case UInt8(ascii: "f"): 0x0C
        case UInt8(ascii: "n"): 0x0A
        case UInt8(ascii: "r"): 0x0D
        case UInt8(ascii: "t"): 0x09
        default: nil
        }
    }

    private static func hexadecimal(_ text: [UInt8], from start: Int, digits: Int) -> UInt32? {
        guard start + digits <= text.count else { return nil }
        return UInt32(String(decoding: text[start..<(start + digits)], as: UTF8.self), radix: 16)
    }
}
