/// gzip (RFC 1952) with stored blocks of deflate (RFC 1951 §3.2.4): nothing gets smaller, and every reader can read it.
enum StoredGzip {
    static func compress(_ bytes: [UInt8]) -> [UInt8] {
        var output: [UInt8] = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0xFF]
        output.reserveCapacity(bytes.count + bytes.count / 1000 + 32)
        var offset = 0
        repeat {
            let count = min(bytes.count - offset, 0xFFFF)
            output.append(offset + count == bytes.count ? 1 : 0)
            append(UInt32(count), count: 2, to: &output)
            append(~UInt32(count), count: 2, to: &output)
            output += bytes[offset..<(offset + count)]
            offset += count
        } while offset < bytes.count
        append(checksum(bytes), count: 4, to: &output)
        append(UInt32(truncatingIfNeeded: bytes.count), count: 4, to: &output)
        return output
    }

    private static func append(_ value: UInt32, count: Int, to output: inout [UInt8]) {
        for index in 0..<count { output.append(UInt8(truncatingIfNeeded: value >> UInt32(index * 8))) }
    }

    /// CRC-32 as in RFC 1952 §8.
    static func checksum(_ bytes: [UInt8]) -> UInt32 {
        var value: UInt32 = 0xFFFF_FFFF
        for byte in bytes { value = table[Int((value ^ UInt32(byte)) & 0xFF)] ^ (value >> 8) }
        return ~value
    }

    private static let table: [UInt32] = (0..<256).map { index in
        (0..<8).reduce(UInt32(index)) { value, _ in value & 1 == 1 ? 0xEDB8_8320 ^ (value >> 1) : value >> 1 }
    }
}
