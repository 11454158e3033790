/// Which addresses a request may connect to: the guard against requests that a user's URL turns inwards (SSRF).
///
/// It judges resolved addresses, never names: `2130706433`, `127.1`, a name and a redirect all end as an address. A
/// name with any refused address is refused as a whole, so that a mixed answer cannot fall through to the inner one.
package struct AddressPolicy: Sendable, Hashable {
    /// Only addresses of the public internet.
    package static let publicOnly = AddressPolicy()
    /// Every address.
    package static let unrestricted = AddressPolicy(
        allowed: [
            CIDR(.v4(0), prefixLength: 0), CIDR(.v6(0, 0), prefixLength: 0),
        ]
    )

    /// Whether 127.0.0.0/8 and ::1 may be used; false by default.
    package var allowsLoopback: Bool
    /// Whether the private ranges of RFC 1918, RFC 6598 (carrier NAT) and RFC 4193 (unique local) may be used; false by
    /// default. Link-local addresses, where clouds serve credentials, are not among them.
    package var allowsPrivate: Bool
    /// Whether an IPv4 address may be reached through NAT64 (64:ff9b::/96) when it may be used itself; false by default.
    /// In a network of IPv6 alone, much of the public internet has such addresses.
    package var allowsTranslated: Bool
    /// Blocks that may be used whatever else the policy says, except ``denied``.
    package var allowed: [CIDR]
    /// Blocks that are always refused; stronger than ``allowed``.
    package var denied: [CIDR]
    /// Blocks of metadata services outside the link-local ranges. They are refused as link-local ones are, unless a block
    /// of ``allowed`` lies within one of these: a larger network that an operator allows does not open them.
    package var metadata: [CIDR]

    /// Makes a policy; with no argument it is ``publicOnly``.
    package init(
        allowsLoopback: Bool = false,
        allowsPrivate: Bool = false,
        allowsTranslated: Bool = false,
        allowed: [CIDR] = [],
        denied: [CIDR] = [],
        metadata: [CIDR] = []
    ) {
        self.allowsLoopback = allowsLoopback
        self.allowsPrivate = allowsPrivate
        self.allowsTranslated = allowsTranslated
        self.allowed = allowed
        self.denied = denied
        self.metadata = metadata
    }

    /// Why an address is refused; constant text, which names no address.
    package enum Reason: String, Sendable, Hashable, CaseIterable {
        /// The operator's own list.
        case denied
        /// This machine: 127.0.0.0/8, ::1.
        case loopback
        /// A private network: RFC 1918, RFC 6598, RFC 4193.
        case `private`
        /// Link-local or a cloud's metadata service.
        case linkLocal
        /// Multicast or broadcast.
        case multicast
        /// An IPv6 form that carries an IPv4 address through a translator: NAT64, 6to4, Teredo, IPv4-compatible.
        case translated
        /// No address of another machine: 0.0.0.0/8 and ::, which lead to this one.
        case unspecified
        /// Documentation, benchmarking, not assigned.
        case reserved
    }

    /// The judgement on one address.
    package enum Verdict: Sendable, Hashable {
        /// The address may be used.
        case allowed
        /// The address must not be used.
        case refused(Reason)
    }

    /// Judges one resolved address. IPv4-mapped IPv6 addresses are judged as the IPv4 address they reach.
    package func verdict(for address: IPAddress) -> Verdict {
        let address = address.unmapped
        if denied.contains(where: { $0.contains(address) }) { return .refused(.denied) }
        let reached = address.translated ?? address
        if let service = metadata.first(where: { $0.contains(reached) }) {
            let isNamed = allowed.contains { $0.contains(reached) && service.contains($0) }
            return isNamed ? .allowed : .refused(.linkLocal)
        }
        if allowed.contains(where: { $0.contains(address) }) { return .allowed }
        if allowsTranslated, let inner = address.translated { return verdict(for: inner) }
        guard let reason = Self.specialUse(of: address) else { return .allowed }
        switch reason {
        case .loopback where allowsLoopback, .private where allowsPrivate: return .allowed
        case .loopback, .private, .denied, .linkLocal, .multicast, .translated, .unspecified, .reserved:
            return .refused(reason)
        }
    }

    /// The first refusal among the addresses of one name, or nil when all may be used.
    package func refusal(among addresses: [IPAddress]) -> Reason? {
        for address in addresses {
            if case .refused(let reason) = verdict(for: address) { return reason }
        }
        return nil
    }

    /// The refusal of a URL whose host is an address in one of its spellings; nil when it may be used, and for a name,
    /// about which nothing is known before it is resolved.
    package func refusal(ofAddressIn url: String) -> Reason? {
        guard let address = try? CurlURL(parsing: url).literal else { return nil }
        return refusal(among: [address])
    }
}

// MARK: - Special-use addresses

extension AddressPolicy {
    /// What an address is set aside for; nil for the public internet.
    private static func specialUse(of address: IPAddress) -> Reason? {
        let table = address.isV6 ? specialV6 : specialV4
        if let entry = table.first(where: { $0.block.contains(address) }) { return entry.reason }
        // Of IPv6 only 2000::/3 is given out (IANA); what is added later is refused until this table knows it.
        if address.isV6, !globalUnicast.contains(address) { return .reserved }
        return nil
    }

    private typealias SpecialBlock = (block: CIDR, reason: Reason)

    private static let globalUnicast = CIDR(.v6(0x2000_0000_0000_0000, 0), prefixLength: 3)

    // IANA "IPv4 Special-Purpose Address Registry" and "IPv4 Multicast Address Space Registry".
    private static let specialV4: [SpecialBlock] = blocks([
        ("127.0.0.0/8", .loopback),
        ("10.0.0.0/8", .private), ("172.16.0.0/12", .private), ("192.168.0.0/16", .private),
        ("100.64.0.0/10", .private),
        ("169.254.0.0/16", .linkLocal),
        // Azure's metadata and DNS service has a public-looking address.
        ("168.63.129.16/32", .linkLocal),
        ("224.0.0.0/4", .multicast), ("255.255.255.255/32", .multicast),
        ("0.0.0.0/8", .unspecified), ("192.0.0.0/24", .reserved), ("192.0.2.0/24", .reserved),
        ("192.88.99.0/24", .reserved), ("198.18.0.0/15", .reserved), ("198.51.100.0/24", .reserved),
        ("203.0.113.0/24", .reserved), ("240.0.0.0/4", .reserved),
    ])

    // IANA "IPv6 Special-Purpose Address Registry", site-local (RFC 3879) and the translators.
    private static let specialV6: [SpecialBlock] = blocks([
        ("::1/128", .loopback), ("::/128", .unspecified),
        ("fc00::/7", .private),
        ("fe80::/10", .linkLocal), ("fec0::/10", .private),
        ("ff00::/8", .multicast),
        ("64:ff9b::/96", .translated), ("64:ff9b:1::/48", .translated), ("2002::/16", .translated),
        ("2001::/32", .translated), ("::/96", .translated),
        ("2001::/23", .reserved), ("2001:db8::/32", .reserved), ("3fff::/20", .reserved), ("100::/64", .reserved),
        ("5f00::/16", .reserved),
    ])

    private static func blocks(_ texts: [(String, Reason)]) -> [SpecialBlock] {
        texts.compactMap { text, reason in
            guard let block = CIDR(text) else {
                assertionFailure("not a block: \(text)")
                return nil
            }
            return (block, reason)
        }
    }
}
