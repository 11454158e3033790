/// Reads the fields of a message of Kafka's protocol, as versions before the flexible ones write them.
struct KafkaFrame {
    private(set) var bytes: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) { self.bytes = bytes[...] }

    mutating func skip(_ count: Int) { bytes = bytes.dropFirst(count) }

    mutating func integer<Number: FixedWidthInteger>(_ type: Number.Type = Number.self) -> Number {
        let size = Number.bitWidth / 8
        defer { skip(size) }
        return bytes.prefix(size).reduce(0) { $0 << 8 | Number(truncatingIfNeeded: $1) }
    }

    /// A string; a null one is empty.
    mutating func string() -> String {
        let count = max(0, Int(integer(Int16.self)))
        defer { skip(count) }
        return String(decoding: bytes.prefix(count), as: UTF8.self)
    }

    /// An array; a null one is empty.
    mutating func array<Element>(_ element: (inout KafkaFrame) -> Element) -> [Element] {
        (0..<max(0, Int(integer(Int32.self)))).map { _ in element(&self) }
    }
}

extension [UInt8] {
    mutating func append(_ number: some FixedWidthInteger) {
        for shift in stride(from: number.bitWidth - 8, through: 0, by: -8) {
            append(UInt8(truncatingIfNeeded: number >> shift))
        }
    }

    mutating func append(_ text: String) {
        append(Int16(text.utf8.count))
        append(contentsOf: text.utf8)
    }

    /// A message with its length before it.
    var framed: [UInt8] {
        var result: [UInt8] = []
        result.append(Int32(count))
        return result + self
    }
}
