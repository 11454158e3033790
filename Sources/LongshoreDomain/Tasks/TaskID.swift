package import WireFormats

/// The name of a task: a 128-bit UUID written as 26 characters of lower-case Crockford base32.
///
/// The text sorts as the number does, holds no dots and is short enough to be part of a Kubernetes name and of a label.
package struct TaskID: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The upper 64 bits: for a version 7 UUID, 48 bits of milliseconds, the version and 12 random bits.
    private let high: UInt64
    /// The lower 64 bits: for a version 7 UUID, the variant and 62 random bits.
    private let low: UInt64

    /// The number of characters of an identifier's text.
    package static let length = 26

    /// Reads the canonical text; `nil` for anything else, upper case and Crockford's look-alikes (`i`, `l`, `o`, `u`) included.
    ///
    /// There is one text for each identifier because it names Kubernetes objects and Kafka keys.
    package init?(_ text: String) {
        guard text.utf8.count == Self.length else { return nil }
        var high: UInt64 = 0
        var low: UInt64 = 0
        for (index, byte) in text.utf8.enumerated() {
            guard let digit = Self.value(of: byte) else { return nil }
            // 26 digits of 5 bits are 130 bits: the first digit holds three.
            if index == 0 && digit > 7 { return nil }
            high = high << 5 | low >> 59
            low = low << 5 | UInt64(digit)
        }
        self.high = high
        self.low = low
    }

    /// Takes the 16 bytes of a UUID, most significant first.
    ///
    /// - Parameter bytes: Exactly 16 bytes; any other number is a programming error.
    package init(uuid bytes: [UInt8]) {
        precondition(bytes.count == 16, "a UUID has 16 bytes")
        high = bytes[..<8].reduce(0) { $0 << 8 | UInt64($1) }
        low = bytes[8...].reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// Makes a version 7 UUID (RFC 9562 §5.7).
    ///
    /// - Parameters:
    ///   - time: The moment of creation; its milliseconds become the leading 48 bits. Before 1970 counts as 1970.
    ///   - random: At least 10 random bytes, of which 74 bits are used.
    /// - Returns: The identifier; later milliseconds sort behind earlier ones.
    package static func v7(at time: Timestamp, random: [UInt8]) -> TaskID {
        precondition(random.count >= 10, "a version 7 UUID needs 10 random bytes")
        let milliseconds = UInt64(max(0, time.microsecondsSinceEpoch) / 1000) & 0xFFFF_FFFF_FFFF
        let bytes = random[random.startIndex..<random.startIndex + 10]
        let twelve = bytes.prefix(2).reduce(0) { $0 << 8 | UInt64($1) } & 0x0FFF
        let rest = bytes.dropFirst(2).reduce(0) { $0 << 8 | UInt64($1) } & 0x3FFF_FFFF_FFFF_FFFF
        return TaskID(high: milliseconds << 16 | 0x7000 | twelve, low: 0x8000_0000_0000_0000 | rest)
    }

    private init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Whether this names a request that was refused, and so no task that can exist.
    ///
    /// The variant of every task's id is that of RFC 9562 (binary 10); ids of refusals have the variant 11, which that RFC
    /// leaves unused.
    package var isRefusal: Bool { low >> 62 == 0b11 }

    /// The canonical text: 26 characters of `0123456789abcdefghjkmnpqrstvwxyz`.
    package var text: String {
        // On the stack: a task's id is written a dozen times on the task's way.
        var characters = InlineArray<26, UInt8>(repeating: 0)
        var high = high
        var low = low
        for index in (0..<Self.length).reversed() {
            characters[index] = Self.alphabet[Int(low & 31)]
            low = low >> 5 | high << 59
            high >>= 5
        }
        do {
            return String(copying: try UTF8Span(validating: characters.span))
        } catch {
            preconditionFailure("the alphabet is ASCII")
        }
    }

    /// The same as ``text``.
    package var description: String { text }

    /// The 16 bytes of the UUID, most significant first.
    package var uuid: [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: high >> (56 - 8 * $0)) }
            + (0..<8).map { UInt8(truncatingIfNeeded: low >> (56 - 8 * $0)) }
    }

    /// The moment in the leading 48 bits, in milliseconds; meaningful for version 7 identifiers only.
    package var timestamp: Timestamp {
        Timestamp(microsecondsSinceEpoch: Int64(high >> 16) * 1000)
    }

    package static func < (left: TaskID, right: TaskID) -> Bool {
        (left.high, left.low) < (right.high, right.low)
    }

    private static let alphabet = Array("0123456789abcdefghjkmnpqrstvwxyz".utf8)

    private static func value(of byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "h"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "j"), UInt8(ascii: "k"): byte - UInt8(ascii: "j") + 18
        case UInt8(ascii: "m"), UInt8(ascii: "n"): byte - UInt8(ascii: "m") + 20
        case UInt8(ascii: "p")...UInt8(ascii: "t"): byte - UInt8(ascii: "p") + 22
        case UInt8(ascii: "v")...UInt8(ascii: "z"): byte - UInt8(ascii: "v") + 27
        default: nil
        }
    }
}
