/// An IPv4 or IPv6 address without port and without zone.
package enum IPAddress: Sendable, Hashable {
    /// An IPv4 address in host order.
    case v4(UInt32)
    /// The upper and lower half of an IPv6 address in host order.
    case v6(UInt64, UInt64)
}

extension IPAddress {
    /// Reads the usual text forms: four decimal numbers without leading zeros, or RFC 4291 without brackets and zone.
    ///
    /// The lenient forms of `inet_aton` (`127.1`, `0x7f000001`, `2130706433`, `0177.0.0.1`) give nil: what is judged
    /// must never be read in two ways.
    package init?(_ text: String) {
        let bytes = Array(text.utf8)
        if bytes.contains(UInt8(ascii: ":")) {
            guard let groups = Self.groups(of: bytes) else { return nil }
            self.init(groups: groups)
        } else {
            guard let value = Self.dotted(bytes[...]) else { return nil }
            self = .v4(value)
        }
    }

    /// Reads the 4 or 16 bytes of an address in network order.
    package init?(bytes: [UInt8]) {
        switch bytes.count {
        case 4:
            self = .v4(bytes.reduce(0) { $0 << 8 | UInt32($1) })
        case 16:
            let high = bytes[..<8].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            self = .v6(high, bytes[8...].reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
        default:
            return nil
        }
    }

    private init(groups: [UInt16]) {
        let high = groups[..<4].reduce(UInt64(0)) { $0 << 16 | UInt64($1) }
        self = .v6(high, groups[4...].reduce(UInt64(0)) { $0 << 16 | UInt64($1) })
    }

    /// Whether it is an IPv6 address.
    package var isV6: Bool {
        switch self {
        case .v4: false
        case .v6: true
        }
    }

    /// The IPv4 address that an IPv4-mapped IPv6 address (`::ffff:0:0/96`) stands for; any other address is itself.
    package var unmapped: IPAddress {
        guard case .v6(0, let low) = self, low >> 32 == 0xFFFF else { return self }
        return .v4(UInt32(truncatingIfNeeded: low))
    }

    /// The IPv4 address that a NAT64 address (64:ff9b::/96, RFC 6052) leads to; nil for any other.
    var translated: IPAddress? {
        guard case .v6(0x0064_FF9B_0000_0000, let low) = self, low >> 32 == 0 else { return nil }
        return .v4(UInt32(truncatingIfNeeded: low))
    }

    /// Number of bits: 32 or 128.
    var width: Int { isV6 ? 128 : 32 }

    /// Whether the first `count` bits equal those of `other`; false for different families.
    func sharesPrefix(_ count: Int, with other: IPAddress) -> Bool {
        switch (self, other) {
        case (.v4(let left), .v4(let right)):
            return count <= 0 || (left ^ right) >> UInt32(32 - min(count, 32)) == 0
        case (.v6(let leftHigh, let leftLow), .v6(let rightHigh, let rightLow)):
            if count <= 0 { return true }
            if count <= 64 { return (leftHigh ^ rightHigh) >> UInt64(64 - count) == 0 }
            return leftHigh == rightHigh && (leftLow ^ rightLow) >> UInt64(128 - min(count, 128)) == 0
        case (.v4, .v6), (.v6, .v4):
            return false
        }
    }
}

// MARK: - Parsing

extension IPAddress {
    private static func dotted(_ bytes: ArraySlice<UInt8>) -> UInt32? {
        let parts = bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var value: UInt32 = 0
        for part in parts {
            guard (1...3).contains(part.count), part.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
            if part.count > 1, part.first == 0x30 { return nil }
            let number = part.reduce(UInt32(0)) { $0 * 10 + UInt32($1 - 0x30) }
            guard number <= 255 else { return nil }
            value = value << 8 | number
        }
        return value
    }

    /// The eight groups of an IPv6 address, `::` filled up and a dotted tail folded in.
    private static func groups(of bytes: [UInt8]) -> [UInt16]? {
        let colon = UInt8(ascii: ":")
        guard bytes.count <= 45 else { return nil }
        guard let gap = zip(bytes, bytes.dropFirst()).enumerated().first(where: { $1.0 == colon && $1.1 == colon })
        else {
            let groups = side(bytes[...], mayEndDotted: true)
            return groups?.count == 8 ? groups : nil
        }
        guard let head = side(bytes[..<gap.offset], mayEndDotted: false),
            let tail = side(bytes[(gap.offset + 2)...], mayEndDotted: true), head.count + tail.count <= 7
        else { return nil }
        return head + Array(repeating: 0, count: 8 - head.count - tail.count) + tail
    }

    private static func side(_ bytes: ArraySlice<UInt8>, mayEndDotted: Bool) -> [UInt16]? {
        if bytes.isEmpty { return [] }
        var groups: [UInt16] = []
        let parts = bytes.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        for (index, part) in parts.enumerated() {
            if mayEndDotted, index == parts.count - 1, part.contains(UInt8(ascii: ".")) {
                guard let value = dotted(part) else { return nil }
                groups += [UInt16(value >> 16), UInt16(truncatingIfNeeded: value)]
            } else {
                guard (1...4).contains(part.count), part.allSatisfy(isHexDigit),
                    let group = UInt16(String(decoding: part, as: UTF8.self), radix: 16)
                else { return nil }
                groups.append(group)
            }
        }
        return groups
    }

    private static func isHexDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x46, 0x61...0x66: true
        default: false
        }
    }
}

// MARK: - Text

extension IPAddress: CustomStringConvertible {
    /// The canonical text (RFC 5952), IPv4-mapped addresses with a dotted tail.
    package var description: String {
        switch self {
        case .v4(let value):
            return Self.dottedText(value)
        case .v6(0, let low) where low >> 32 == 0xFFFF:
            return "::ffff:" + Self.dottedText(UInt32(truncatingIfNeeded: low))
        case .v6(let high, let low):
            let groups = [high, low].flatMap { half in
                [48, 32, 16, 0].map { UInt16(truncatingIfNeeded: half >> UInt64($0)) }
            }
            return Self.text(of: groups)
        }
    }

    private static func dottedText(_ value: UInt32) -> String {
        "\(value >> 24).\(value >> 16 & 0xFF).\(value >> 8 & 0xFF).\(value & 0xFF)"
    }

    private static func text(of groups: [UInt16]) -> String {
        // RFC 5952: the longest run of two or more zero groups, the first of equals, becomes "::".
        var best = 0..<0
        var start = 0
        for index in 0...groups.count {
            if index < groups.count, groups[index] == 0 { continue }
            if index - start > max(best.count, 1) { best = start..<index }
            start = index + 1
        }
        func hex(_ part: ArraySlice<UInt16>) -> String { part.map { String($0, radix: 16) }.joined(separator: ":") }
        if best.isEmpty { return hex(groups[...]) }
        return hex(groups[..<best.lowerBound]) + "::" + hex(groups[best.upperBound...])
    }
}
