import Curl
import Testing

@Suite struct AddressPolicyTests {
    @Test(
        arguments: [
            ("127.0.0.1", .loopback), ("127.255.255.254", .loopback), ("::1", .loopback),
            ("10.0.0.1", .private), ("172.16.0.1", .private), ("172.31.255.255", .private), ("192.168.0.1", .private),
            ("100.64.0.1", .private), ("100.127.255.255", .private), ("100.100.100.200", .private),
            ("fc00::1", .private), ("fd00:ec2::254", .private), ("fec0::1", .private),
            ("169.254.169.254", .linkLocal), ("169.254.0.1", .linkLocal), ("fe80::1", .linkLocal),
            ("febf::1", .linkLocal), ("168.63.129.16", .linkLocal),
            ("224.0.0.1", .multicast), ("239.255.255.255", .multicast), ("255.255.255.255", .multicast),
            ("ff02::1", .multicast),
            ("64:ff9b::7f00:1", .translated), ("64:ff9b:1::1", .translated), ("2002:7f00:1::", .translated),
            ("2001::1", .translated), ("::7f00:1", .translated), ("::808:808", .translated),
            ("0.0.0.0", .unspecified), ("0.1.2.3", .unspecified), ("192.0.0.192", .reserved), ("192.0.2.1", .reserved),
            ("192.88.99.1", .reserved), ("198.18.0.1", .reserved), ("198.19.255.255", .reserved),
            ("198.51.100.1", .reserved), ("203.0.113.1", .reserved), ("240.0.0.1", .reserved), ("::", .unspecified),
            ("2001:db8::1", .reserved), ("2001:20::1", .reserved), ("3fff::1", .reserved), ("100::1", .reserved),
            ("5f00::1", .reserved), ("4000::1", .reserved), ("8000::1", .reserved), ("1::1", .reserved),
            // IPv4-mapped forms are the IPv4 address.
            ("::ffff:127.0.0.1", .loopback), ("::ffff:10.1.2.3", .private), ("::ffff:169.254.169.254", .linkLocal),
            ("::ffff:0.0.0.0", .unspecified),
        ] as [(String, AddressPolicy.Reason)]
    )
    func `an inner or special address is refused with its reason`(text: String, reason: AddressPolicy.Reason) throws {
        let address = try #require(IPAddress(text))
        #expect(AddressPolicy.publicOnly.verdict(for: address) == .refused(reason))
        #expect(AddressPolicy.unrestricted.verdict(for: address) == .allowed)
    }

    @Test(arguments: [
        "8.8.8.8", "1.1.1.1", "9.255.255.255", "11.0.0.0", "126.255.255.255", "128.0.0.0", "172.15.255.255",
        "172.32.0.0", "100.63.255.255", "100.128.0.0", "169.253.255.255", "169.255.0.0", "192.167.255.255",
        "192.169.0.0", "198.17.255.255", "198.20.0.0", "223.255.255.255", "192.0.1.0", "168.63.129.17",
        "2606:4700:4700::1111", "2a00:1450::1", "2003::1", "::ffff:8.8.8.8", "2001:4860:4860::8888",
    ])
    func `a public address is allowed`(text: String) throws {
        #expect(AddressPolicy.publicOnly.verdict(for: try #require(IPAddress(text))) == .allowed)
    }

    @Test func `allowing loopback allows nothing else`() throws {
        let policy = AddressPolicy(allowsLoopback: true)
        #expect(policy.verdict(for: try #require(IPAddress("127.0.0.1"))) == .allowed)
        #expect(policy.verdict(for: try #require(IPAddress("::1"))) == .allowed)
        #expect(policy.verdict(for: try #require(IPAddress("::ffff:127.0.0.1"))) == .allowed)
        #expect(policy.verdict(for: try #require(IPAddress("10.0.0.1"))) == .refused(.private))
        #expect(policy.verdict(for: try #require(IPAddress("0.0.0.0"))) == .refused(.unspecified))
    }

    @Test func `allowing private networks does not allow the metadata service`() throws {
        let policy = AddressPolicy(allowsPrivate: true)
        for text in ["10.0.0.1", "192.168.1.1", "100.64.0.1", "fd00::1"] {
            #expect(policy.verdict(for: try #require(IPAddress(text))) == .allowed)
        }
        for text in ["169.254.169.254", "168.63.129.16", "fe80::1"] {
            #expect(policy.verdict(for: try #require(IPAddress(text))) == .refused(.linkLocal))
        }
    }

    @Test func `the operator's lists are stronger than the table, and denied than allowed`() throws {
        let policy = AddressPolicy(
            allowed: [try #require(CIDR("10.1.0.0/16")), try #require(CIDR("8.8.8.0/24"))],
            denied: [try #require(CIDR("10.1.2.0/24")), try #require(CIDR("8.8.0.0/16"))]
        )
        #expect(policy.verdict(for: try #require(IPAddress("10.1.1.1"))) == .allowed)
        #expect(policy.verdict(for: try #require(IPAddress("::ffff:10.1.1.1"))) == .allowed)
        #expect(policy.verdict(for: try #require(IPAddress("10.1.2.1"))) == .refused(.denied))
        #expect(policy.verdict(for: try #require(IPAddress("8.8.8.8"))) == .refused(.denied))
        #expect(policy.verdict(for: try #require(IPAddress("::ffff:8.8.8.8"))) == .refused(.denied))
        #expect(policy.verdict(for: try #require(IPAddress("10.2.0.1"))) == .refused(.private))
    }

    @Test func `a metadata service is opened by its own address only, not by a network around it`() throws {
        let metadata = try ["100.100.100.200", "fd00:ec2::/32", "169.254.169.254"].map { try #require(CIDR($0)) }
        func verdict(_ text: String, _ allowed: String...) throws -> AddressPolicy.Verdict {
            let policy = AddressPolicy(
                allowsLoopback: true,
                allowsPrivate: true,
                allowsTranslated: true,
                allowed: try allowed.map { try #require(CIDR($0)) },
                metadata: metadata
            )
            return policy.verdict(for: try #require(IPAddress(text)))
        }
        for text in [
            "100.100.100.200", "::ffff:100.100.100.200", "64:ff9b::6464:64c8", "fd00:ec2::254", "fd00:ec2::23",
            "169.254.169.254",
        ] {
            #expect(try verdict(text) == .refused(.linkLocal), "\(text)")
            #expect(try verdict(text, "0.0.0.0/0", "::/0", "100.64.0.0/10", "fd00::/8") == .refused(.linkLocal))
        }
        #expect(try verdict("100.100.100.201") == .allowed)
        #expect(try verdict("fd00:ec3::254") == .allowed)
        #expect(try verdict("100.100.100.200", "100.100.100.200/32") == .allowed)
        #expect(try verdict("fd00:ec2::254", "fd00:ec2::254") == .allowed)
        #expect(try verdict("fd00:ec2::23", "fd00:ec2::254") == .refused(.linkLocal))
    }

    @Test func `through NAT64 nothing is reached that may not be reached itself`() throws {
        let policy = AddressPolicy(
            allowsPrivate: true,
            allowsTranslated: true,
            denied: [try #require(CIDR("64:ff9b::102:0/112"))]
        )
        for text in ["64:ff9b::808:808", "64:ff9b::a01:203"] {
            #expect(policy.verdict(for: try #require(IPAddress(text))) == .allowed)
        }
        #expect(
            AddressPolicy.publicOnly.verdict(for: try #require(IPAddress("64:ff9b::808:808"))) == .refused(.translated)
        )
        let refused: [(String, AddressPolicy.Reason)] = [
            ("64:ff9b::a9fe:a9fe", .linkLocal), ("64:ff9b::7f00:1", .loopback), ("64:ff9b::", .unspecified),
            ("64:ff9b::102:304", .denied), ("64:ff9b:1::808:808", .translated), ("2002:808:808::", .translated),
        ]
        for (text, reason) in refused {
            #expect(policy.verdict(for: try #require(IPAddress(text))) == .refused(reason), "\(text)")
        }
    }

    @Test func `an operator may write a block of IPv4 addresses as mapped ones`() throws {
        let policy = AddressPolicy(denied: [try #require(CIDR("::ffff:8.8.0.0/112"))])
        #expect(policy.verdict(for: try #require(IPAddress("8.8.8.8"))) == .refused(.denied))
        #expect(policy.verdict(for: try #require(IPAddress("::ffff:8.8.8.8"))) == .refused(.denied))
        #expect(policy.verdict(for: try #require(IPAddress("8.9.0.0"))) == .allowed)
    }

    @Test(
        arguments: [
            ("https://169.254.169.254/", .linkLocal), ("https://[::ffff:a9fe:a9fe]:443/", .linkLocal),
            ("https://2852039166/", .linkLocal), ("https://0xa9.0xfe.0xa9.0xfe/", .linkLocal),
            ("https://0251.0376.0251.0376/", .linkLocal), ("https://127.1/", .loopback), ("https://8.8.8.8/", nil),
            ("https://metadata.internal/", nil), ("https://u:p@127.0.0.1/", nil), ("nonsense", nil),
        ] as [(String, AddressPolicy.Reason?)]
    )
    func `an address in a URL is judged in any spelling`(url: String, reason: AddressPolicy.Reason?) {
        #expect(AddressPolicy.publicOnly.refusal(ofAddressIn: url) == reason)
    }

    @Test func `one refused address refuses the name`() throws {
        let outer = try #require(IPAddress("8.8.8.8"))
        let inner = try #require(IPAddress("10.0.0.1"))
        #expect(AddressPolicy.publicOnly.refusal(among: [outer, inner]) == .private)
        #expect(AddressPolicy.publicOnly.refusal(among: [outer]) == nil)
        #expect(AddressPolicy.publicOnly.refusal(among: []) == nil)
    }
}
