/// Base64 as Go's `encoding/base64` reads it in its default, lenient mode.
package enum GoBase64 {
    /// A text that is not base64, in Go's words.
    package struct CorruptInput: Error, Sendable, Hashable {
        /// Where the first wrong byte is, counted from 0.
        package let offset: Int

        /// For example `illegal base64 data at input byte 4`.
        package var message: String { "illegal base64 data at input byte \(offset)" }
    }

    /// Decodes the standard alphabet (RFC 4648 §4).
    ///
    /// Line feeds and carriage returns are passed over wherever they stand, and the bits of the last character that belong to
    /// no byte may be anything.
    /// - Parameters:
    ///   - text: The text.
    ///   - padded: True for `StdEncoding`, which wants the padding; false for `RawStdEncoding`, which wants none.
    /// - Returns: The bytes.
    /// - Throws: ``CorruptInput``.
    package static func decode(_ text: String, padded: Bool) throws(CorruptInput) -> [UInt8] {
        let input = Array(text.utf8)
        var output: [UInt8] = []
        output.reserveCapacity(input.count / 4 * 3 + 3)
        var group: [UInt32] = []
        var offset = 0
        while offset < input.count {
            let byte = input[offset]
            offset += 1
            if isLineBreak(byte) { continue }
            if let value = value(of: byte) {
                group.append(value)
                if group.count == 4 {
                    append(group, to: &output)
                    group = []
                }
                continue
            }
            guard padded, byte == UInt8(ascii: "="), group.count >= 2 else { throw CorruptInput(offset: offset - 1) }
            try checkPadding(input, from: offset, missing: 4 - group.count)
            append(group, to: &output)
            return output
        }
        guard group.isEmpty || (!padded && group.count > 1) else { throw CorruptInput(offset: offset - group.count) }
        append(group, to: &output)
        return output
    }

    /// What may follow the first `=`: the second one where two are due, and line breaks.
    private static func checkPadding(_ input: [UInt8], from start: Int, missing: Int) throws(CorruptInput) {
        var offset = start
        func skipLineBreaks() { while offset < input.count, isLineBreak(input[offset]) { offset += 1 } }
        if missing == 2 {
            skipLineBreaks()
            guard offset < input.count else { throw CorruptInput(offset: input.count) }
            guard input[offset] == UInt8(ascii: "=") else { throw CorruptInput(offset: offset - 1) }
            offset += 1
        }
        skipLineBreaks()
        guard offset == input.count else { throw CorruptInput(offset: offset) }
    }

    private static func append(_ group: [UInt32], to output: inout [UInt8]) {
        guard group.count > 1 else { return }
        let bits = group.reduce(0) { $0 << 6 | $1 } << UInt32(6 * (4 - group.count))
        let bytes = [16, 8, 0].map { UInt8(truncatingIfNeeded: bits >> UInt32($0)) }
        output.append(contentsOf: bytes.prefix(group.count - 1))
    }

    private static func isLineBreak(_ byte: UInt8) -> Bool { byte == 0x0A || byte == 0x0D }

    private static func value(of byte: UInt8) -> UInt32? {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(byte - UInt8(ascii: "A"))
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(byte - UInt8(ascii: "a")) + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte - UInt8(ascii: "0")) + 52
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }
}
