/// What there is among the bytes of a string within a JSON text. All are looked at without a branch, so that the compiler takes
/// many at a time: strings are most of what is read and written.
struct JSONBytes {
    private var lowest = UInt8.max
    private var highest = UInt8.min
    /// Zero where a byte is the character.
    private var distanceToQuote = UInt8.max
    private var distanceToBackslash = UInt8.max

    init(_ bytes: Span<UInt8>) {
        for index in 0..<bytes.count {
            let byte = bytes[index]
            lowest = min(lowest, byte)
            highest = max(highest, byte)
            distanceToQuote = min(distanceToQuote, byte ^ UInt8(ascii: "\""))
            distanceToBackslash = min(distanceToBackslash, byte ^ UInt8(ascii: "\\"))
        }
    }

    /// Whether all of them may stand between quotes as they are.
    var areText: Bool { lowest >= 0x20 && distanceToQuote != 0 && distanceToBackslash != 0 }

    /// Whether all of them are ASCII as well.
    var areASCIIText: Bool { areText && highest < 0x80 }
}
