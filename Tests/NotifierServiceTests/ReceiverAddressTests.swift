import Curl
import LibPQ
import LongshoreDomain
import LongshoreMessages
import NotifierService
import Synchronization
import TestSupport
import Testing

/// Webhooks that are pointed at what only the inside may reach.
///
/// Tests have no public address, so 127.0.0.2 stands for one: the operator's list allows it, and nothing else.
@Suite("Receivers that lead inwards", .timeLimit(.minutes(4)))
struct ReceiverAddressTests {
    private static let outer = IPAddress("127.0.0.2")!
    private static let policy = AddressPolicy(allowed: [CIDR("127.0.0.2/32")!])

    private static func configuration(
        _ policy: AddressPolicy = policy,
        delays: [Duration] = [.zero, .milliseconds(50)],
        lookup: NameLookup = .system
    ) -> NotifierConfiguration {
        var configuration = NotifierHarness.configuration(delays: delays)
        configuration.addressPolicy = policy
        configuration.nameLookup = lookup
        return configuration
    }

    /// Hosts as a caller may write them, each with how the attempt's error begins.
    private static let literals: [(host: String, error: String)] =
        [
            // This machine, in every spelling that some resolver takes.
            "127.0.0.1", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.0.0.1", "0x7F.1", "0177.0.0.1",
            "017700000001",
            "localhost", "LOCALHOST", "[::1]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]", "[::127.0.0.1]", "0.0.0.0", "0", "[::]", "127.255.255.254",
            // Private networks.
            "10.0.0.1", "10.255.255.255", "0xa.1", "012.0.0.1", "167772161", "172.16.0.1", "172.31.255.255",
            "192.168.0.1",
            "192.168.257", "100.64.0.1", "100.127.255.255", "[fc00::1]", "[fd12:3456::1]", "[fec0::1]",
            "[::ffff:10.0.0.1]",
            // Link-local addresses and the metadata services of clouds.
            "169.254.169.254", "2852039166", "0xa9fea9fe", "0xa9.0xfe.0xa9.0xfe", "0251.0376.0251.0376",
            "169.254.43518",
            "[::ffff:169.254.169.254]", "[::ffff:a9fe:a9fe]", "[fe80::1]", "[febf::1]", "[fd00:ec2::254]",
            "100.100.100.200",
            "168.63.129.16", "192.0.0.192", "169.254.170.2",
            // What leads to IPv4 by a translator or a tunnel.
            "[64:ff9b::7f00:1]", "[64:ff9b::a9fe:a9fe]", "[64:ff9b::808:808]", "[64:ff9b:1::1]", "[2002:7f00:1::]",
            "[2002:a9fe:a9fe::1]", "[2001::7f00:1]", "[::808:808]",
            // Multicast, broadcast and what is set aside.
            "224.0.0.1", "239.255.255.255", "255.255.255.255", "240.0.0.1", "0.1.2.3", "192.0.2.1", "198.51.100.1",
            "203.0.113.1", "198.18.0.1", "192.88.99.1", "[ff02::1]", "[2001:db8::1]", "[100::1]", "[3fff::1]",
            "[5f00::1]",
            "[4000::1]",
        ].map { ($0, "blocked") } + [
            // Another host for the eye than for the connection.
            ("public.example@127.0.0.1", "invalid_url"), ("user:password@127.0.0.1", "invalid_url"),
            ("127.0.0.2%40127.0.0.1", "invalid_url"), ("127.0.0.2\\@127.0.0.1", "invalid_url"),
            ("[fe80::1%25lo]", "invalid_url"), ("[::1%25lo]", "invalid_url"), ("", "invalid_url"),
            ("[::1", "invalid_url"),
            ("１２７.０.０.１", "invalid_url"), ("①②⑦.⓪.⓪.①", "invalid_url"),
        ]

    @Test("are refused at once in every spelling, without a connection and without another attempt")
    func literals() async throws {
        let inner = try ScriptedHTTPServer(host: "0.0.0.0")
        defer { inner.stop() }
        try await NotifierHarness().run(Self.configuration(.publicOnly)) { harness in
            var expected: [String: (host: String, error: String)] = [:]
            for (index, item) in Self.literals.enumerated() {
                let task = try await harness.insertTask(
                    "literal \(index)",
                    url: "http://\(item.host):\(inner.port)/hook"
                )
                let event = harness.event(task, .taskSucceeded)
                expected[event.id] = item
                try await harness.publish(event)
            }
            let states = Array(repeating: "exhausted", count: Self.literals.count)
            for row in try await harness.waitForStates(states, timeout: .seconds(90)) {
                let item = try #require(expected[row.id])
                #expect(row.error?.hasPrefix("\(item.error):") == true, "\(item.host): \(row.error ?? "")")
                #expect(row.attempt == 1, "\(item.host)")
            }
        }
        #expect(inner.connectionCount == 0)
    }

    /// What a hostile or careless DNS answers.
    private static let names: [String: [IPAddress]] = [
        "private.test": [IPAddress("10.0.0.1")!], "metadata.google.internal": [IPAddress("169.254.169.254")!],
        "instance-data.ec2.internal": [IPAddress("169.254.169.254")!], "mapped.test": [IPAddress("::ffff:127.0.0.1")!],
        "kubernetes.default.svc.cluster.local": [IPAddress("10.96.0.1")!], "loopback.test": [IPAddress("::1")!],
        "trailing.test.": [IPAddress("127.0.0.1")!],
        "inner-last.test": [outer, IPAddress("127.0.0.1")!], "inner-first.test": [IPAddress("127.0.0.1")!, outer],
        "aaaa.test": [outer, IPAddress("fd00::1")!], "nat64.test": [IPAddress("64:ff9b::7f00:1")!],
        "any.test": [IPAddress("0.0.0.0")!, outer], "127.0.0.1.nip.test": [IPAddress("127.0.0.1")!],
    ]

    @Test("are refused by name as well, even when only one of the name's addresses leads inwards")
    func names() async throws {
        let inner = try ScriptedHTTPServer(host: "0.0.0.0")
        defer { inner.stop() }
        let lookup = NameLookup { Self.names[$0] ?? [Self.outer] }
        try await NotifierHarness().run(Self.configuration(lookup: lookup)) { harness in
            for name in Self.names.keys {
                let task = try await harness.insertTask(name, url: "http://\(name):\(inner.port)/")
                try await harness.publish(harness.event(task, .taskSucceeded))
            }
            let rows = try await harness.waitForStates(Array(repeating: "exhausted", count: Self.names.count))
            #expect(rows.allSatisfy { $0.attempt == 1 && $0.error?.hasPrefix("blocked:") == true }, "\(rows)")
            // Nobody learns from the log what an inner name resolves to.
            #expect(
                rows.allSatisfy { row in !["10.", "127.", "169.", "fd00"].contains { row.error?.contains($0) == true } }
            )
            #expect(inner.connectionCount == 0)
            // An outer one is reached by its name.
            let task = try await harness.insertTask("outer", url: "http://outer.test:\(inner.port)/")
            try await harness.publish(harness.event(task, .taskSucceeded))
            try await inner.waitForRequests(1)
            #expect(inner.requests.first?.header("Host") == "outer.test:\(inner.port)")
        }
    }

    @Test("that change their address between check and connection are reached where they were checked")
    func rebinding() async throws {
        let inner = try ScriptedHTTPServer(then: .respond(status: 200))
        defer { inner.stop() }
        let checked = try ScriptedHTTPServer(host: "127.0.0.2", port: inner.port)
        defer { checked.stop() }
        let lookups = Mutex(0)
        // The first answer is fit for the check, every later one leads inwards.
        let lookup = NameLookup { _ in
            lookups.withLock { count in
                count += 1
                return count == 1 ? [Self.outer] : [IPAddress("127.0.0.1")!]
            }
        }
        try await NotifierHarness().run(Self.configuration(lookup: lookup)) { harness in
            let task = try await harness.insertTask(url: "http://rebinding.test:\(inner.port)/")
            try await harness.publish(harness.event(task, .taskSucceeded))
            try await harness.waitForStates(["delivered"])
        }
        #expect(lookups.withLock { $0 } == 1)
        #expect(checked.requests.count == 1)
        #expect(inner.connectionCount == 0)
    }

    @Test("that change their address between attempts are judged anew, an open connection or not")
    func rebindingLater() async throws {
        let inner = try ScriptedHTTPServer()
        defer { inner.stop() }
        // The connection stays open and could be used again.
        let checked = try ScriptedHTTPServer(then: .respond(status: 503), host: "127.0.0.2", port: inner.port)
        defer { checked.stop() }
        let target = Mutex(Self.outer)
        let lookup = NameLookup { _ in [target.withLock { $0 }] }
        // The second attempt comes when an answer of the resolver is no longer kept.
        let configuration = Self.configuration(delays: [.zero, .seconds(14), .zero], lookup: lookup)
        try await NotifierHarness().run(configuration) { harness in
            let task = try await harness.insertTask(url: "http://rebinding.test:\(inner.port)/")
            try await harness.publish(harness.event(task, .taskSucceeded))
            try await harness.waitForStates(["retrying"])
            target.withLock { $0 = IPAddress("127.0.0.1")! }
            let rows = try await harness.waitForStates(["exhausted"], timeout: .seconds(60))
            #expect(rows.first?.attempt == 2)
            #expect(rows.first?.error?.hasPrefix("blocked:") == true)
        }
        #expect(checked.requests.count == 1)
        #expect(inner.connectionCount == 0)
    }

    @Test("are allowed where the operator says so, and denied where the operator says that")
    func lists() async throws {
        let receiver = try ScriptedHTTPServer(then: .respond(status: 204), host: "0.0.0.0")
        defer { receiver.stop() }
        var policy = AddressPolicy(allowsLoopback: true, allowsPrivate: true)
        policy.allowed = [try #require(CIDR("127.0.2.0/24"))]
        policy.denied = [try #require(CIDR("127.0.2.128/25")), try #require(CIDR("127.0.3.0/24"))]
        let lookup = NameLookup { _ in [IPAddress("127.0.2.200")!] }
        let expected = [
            "127.0.0.1": "delivered", "127.0.2.1": "delivered", "[::ffff:127.0.2.1]": "delivered",
            "127.0.2.129": "exhausted", "127.0.3.1": "exhausted", "[::ffff:127.0.3.1]": "exhausted",
            "denied.test": "exhausted", "169.254.169.254": "exhausted", "[64:ff9b::7f00:1]": "exhausted",
        ]
        try await NotifierHarness().run(Self.configuration(policy, lookup: lookup)) { harness in
            var hosts: [String: String] = [:]
            for host in expected.keys {
                let task = try await harness.insertTask(host, url: "http://\(host):\(receiver.port)/")
                let event = harness.event(task, .taskSucceeded)
                hosts[event.id] = host
                try await harness.publish(event)
            }
            try await waitUntil(timeout: .seconds(60), "all to be judged") {
                let rows = try await harness.deliveries()
                return rows.count == expected.count
                    && rows.allSatisfy { ["delivered", "exhausted"].contains($0.state) }
            }
            for row in try await harness.deliveries() {
                let host = try #require(hosts[row.id])
                #expect(row.state == expected[host], "\(host): \(row)")
                if row.state == "exhausted" { #expect(row.error?.hasPrefix("blocked:") == true) }
            }
        }
        #expect(receiver.requests.count == 3)
    }
}
