import LongshoreMessages

/// A Kafka record as the text of a sample: `name: value` for each header, an empty line, and the value. Without the empty
/// line there is no value.
struct FuzzedRecord {
    /// The lines before the empty one.
    var lines: [[UInt8]]
    /// What follows it.
    var value: [UInt8]?

    init(_ input: [UInt8]) {
        let end = input.firstRange(of: [0x0A, 0x0A])
        let head = end.map { input[..<$0.lowerBound] } ?? input[...]
        lines = head.split(separator: 0x0A).map { Array($0) }
        value = end.map { Array(input[$0.upperBound...]) }
    }

    var bytes: [UInt8] {
        let head = Array(lines.joined(separator: [0x0A]))
        return value.map { head + [0x0A, 0x0A] + $0 } ?? head
    }

    /// The headers; one whose line ends after the name has no value.
    var headers: [MessageHeader] {
        lines.map { line in
            let parts = line.split(separator: UInt8(ascii: ":"), maxSplits: 1, omittingEmptySubsequences: false)
            let value = parts.count > 1 ? Array(parts[1].drop { $0 == 0x20 }) : [UInt8]?.none
            return MessageHeader(name: String(decoding: parts[0], as: UTF8.self), value: value)
        }
    }
}
