/// A block of IP addresses: an address and the number of its leading bits that count (RFC 4632).
package struct CIDR: Sendable, Hashable, CustomStringConvertible {
    /// Some address of the block.
    package let address: IPAddress
    /// How many leading bits an address of the block shares with ``address``: 0–32 or 0–128.
    package let prefixLength: Int

    /// Reads `10.0.0.0/8` or `fc00::/7`; an address without `/n` is the block of this one address.
    package init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count <= 2, let address = IPAddress(String(parts[0])) else { return nil }
        var length = address.width
        if parts.count == 2 {
            let digits = parts[1].utf8
            guard (1...3).contains(digits.count), digits.allSatisfy({ (0x30...0x39).contains($0) }),
                let number = Int(parts[1]), number <= address.width
            else { return nil }
            length = number
        }
        // Addresses are judged as the IPv4 address that they reach, so a block of mapped ones is a block of those.
        let isMapped = length >= 96 && address.unmapped != address
        self.address = isMapped ? address.unmapped : address
        self.prefixLength = isMapped ? length - 96 : length
    }

    /// Makes the block from its parts; `prefixLength` is limited to what the address has.
    package init(_ address: IPAddress, prefixLength: Int) {
        self.address = address
        self.prefixLength = min(max(prefixLength, 0), address.width)
    }

    /// Whether the address lies in the block. IPv4 blocks also hold the IPv4-mapped IPv6 form of their addresses.
    package func contains(_ other: IPAddress) -> Bool {
        address.sharesPrefix(prefixLength, with: address.isV6 ? other : other.unmapped)
    }

    /// Whether all of another block lies in this one.
    package func contains(_ other: CIDR) -> Bool {
        prefixLength <= other.prefixLength && address.isV6 == other.address.isV6 && contains(other.address)
    }

    /// The text form, as it is read.
    package var description: String { "\(address)/\(prefixLength)" }
}
