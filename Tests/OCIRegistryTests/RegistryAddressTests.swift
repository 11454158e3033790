import Curl
import Glibc
import OCIRegistry
import Redaction
import Synchronization
import TestSupport
import Testing

/// Registries, token servers and redirects that lead to where an executor must not go.
@Suite(.timeLimit(.minutes(2))) struct RegistryAddressTests {
    /// What executors use when the operator says nothing.
    private static let policy = AddressPolicy(allowsLoopback: true, allowsPrivate: true, allowsTranslated: true)
    /// Stands for a public registry, which tests have none of.
    private static let outer = IPAddress("127.0.0.1")!
    private static let metadata = IPAddress("169.254.169.254")!

    private func resolve(
        _ host: String,
        _ policy: AddressPolicy = RegistryAddressTests.policy,
        lookup: NameLookup = .system,
        plainHTTPHosts: Set<String> = []
    ) async throws -> RegistryError? {
        let configuration = RegistryClient.Configuration(
            plainHTTPHosts: plainHTTPHosts,
            addressPolicy: policy,
            requestTimeout: .seconds(20),
            http: CurlClient.Configuration(nameLookup: lookup)
        )
        return try await withClient(configuration) { client in
            await registryError { () throws(RegistryError) in
                try await client.resolve(
                    host: host,
                    repository: "a/b",
                    reference: "v1",
                    credential: .password("canary")
                )
            }
        }
    }

    @Test(
        arguments: [
            ("169.254.169.254", .linkLocal), ("169.254.169.254:80", .linkLocal), ("169.254.170.2", .linkLocal),
            ("168.63.129.16", .linkLocal), ("2852039166", .linkLocal), ("0xa9fea9fe", .linkLocal),
            ("0251.0376.0251.0376", .linkLocal), ("169.254.43518", .linkLocal), ("0xa9.254.0251.254:5000", .linkLocal),
            ("[fe80::1]", .linkLocal), ("[::ffff:169.254.169.254]", .linkLocal), ("[::ffff:a9fe:a9fe]:443", .linkLocal),
            ("[64:ff9b::a9fe:a9fe]", .linkLocal), ("[64:ff9b:1::a9fe:a9fe]", .translated),
            ("[2002:a9fe:a9fe::1]", .translated), ("[::a9fe:a9fe]", .translated), ("[2001:0:a9fe:a9fe::]", .translated),
            ("224.0.0.1", .multicast), ("255.255.255.255", .multicast), ("[ff02::1]", .multicast),
            ("0.0.0.0", .unspecified), ("0:5000", .unspecified), ("240.0.0.1", .reserved), ("198.18.0.1", .reserved),
            ("[::]:5000", .unspecified), ("[100::1]", .reserved),
        ] as [(String, AddressPolicy.Reason)]
    )
    func `no spelling of an address that is never a registry's passes`(
        host: String,
        reason: AddressPolicy.Reason
    ) async throws {
        let error = try await resolve(host)
        #expect(error?.code == .addressRefused, "\(String(describing: error))")
        #expect(error?.refusal == reason)
        #expect(error?.isRetryable == false)
        try await withClient(.init(addressPolicy: Self.policy)) { #expect($0.refusal(ofHost: host) == reason) }
    }

    @Test(
        arguments: [
            (AddressPolicy(), "127.0.0.1", .loopback), (AddressPolicy(), "localhost", .loopback),
            (AddressPolicy(), "10.1.2.3", .private), (AddressPolicy(), "172.16.5.4", .private),
            (AddressPolicy(), "192.168.1.1", .private), (AddressPolicy(), "100.64.0.1", .private),
            (AddressPolicy(), "[fd00:ec2::254]", .private), (AddressPolicy(), "[::1]", .loopback),
            (AddressPolicy(allowsPrivate: true, denied: [CIDR("10.96.0.0/12")!]), "10.96.0.1", .denied),
            (AddressPolicy(allowsPrivate: true, denied: [CIDR("10.96.0.0/12")!]), "[::ffff:10.96.0.1]", .denied),
            (AddressPolicy(allowsPrivate: true), "127.0.0.1", .loopback),
        ] as [(AddressPolicy, String, AddressPolicy.Reason)]
    )
    func `what the operator takes away is refused`(
        policy: AddressPolicy,
        host: String,
        reason: AddressPolicy.Reason
    ) async throws {
        let server = try ScriptedHTTPServer()
        defer { server.stop() }
        let error = try await resolve("\(host):\(server.port)", policy)
        #expect(error?.code == .addressRefused)
        #expect(error?.refusal == reason)
        #expect(server.connectionCount == 0)
    }

    @Test func `a private network and this machine are where registries may be`() async throws {
        let server = try ScriptedHTTPServer(then: Behaviour(manifestAnswer()))
        defer { server.stop() }
        #expect(try await resolve(server.registryHost) == nil)
        try await withClient(.init(addressPolicy: Self.policy)) { client in
            for host in ["10.0.0.1", "192.168.1.1:5000", "[fd00::1]:5000", "8.8.8.8", "[64:ff9b::808:808]", "ghcr.io"] {
                #expect(client.refusal(ofHost: host) == nil)
            }
        }
        // What is set aside for something else is for the operator to allow.
        let allowing = AddressPolicy(allowed: [try #require(CIDR("240.0.0.0/4"))])
        try await withClient(.init(addressPolicy: allowing)) { #expect($0.refusal(ofHost: "240.0.0.1") == nil) }
    }

    @Test func `a registry is judged by its name's addresses without being asked for anything`() async throws {
        let server = try ScriptedHTTPServer(then: Behaviour(manifestAnswer()))
        defer { server.stop() }
        let lookup = NameLookup { host in
            switch host {
            case "metadata.test": [Self.metadata]
            case "mixed.test": [Self.outer, Self.metadata]
            case "open.test", "registry-1.docker.io": [Self.outer]
            default: []
            }
        }
        let expected: [(String, RegistryClient.HostVerdict)] = [
            ("metadata.test", .refused(.linkLocal)), ("mixed.test:5000", .refused(.linkLocal)),
            ("METADATA.test", .refused(.linkLocal)), ("open.test:\(server.port)", .allowed), ("docker.io", .allowed),
            ("unknown.test", .unknown), ("127.0.0.1:\(server.port)", .allowed),
        ]
        try await withClient(.init(addressPolicy: Self.policy, http: .init(nameLookup: lookup))) { client in
            for (host, verdict) in expected {
                #expect(await client.verdict(onHost: host, timeout: .seconds(20)) == verdict, "\(host)")
            }
        }
        #expect(server.connectionCount == 0)
        try await withClient { #expect(await $0.verdict(onHost: "169.254.169.254", timeout: .seconds(1)) == .allowed) }
    }

    @Test(arguments: ["localhost", "localhost.", "a.localhost:5000", "LOCALHOST:80", "127.0.0.1.", "127.1.", "[::1]"])
    func `this machine is refused by any name when the operator does not want it`(host: String) async throws {
        let lookup = NameLookup { _ in [] }
        let policy = AddressPolicy(allowsPrivate: true)
        try await withClient(.init(addressPolicy: policy, http: .init(nameLookup: lookup))) { client in
            #expect(await client.verdict(onHost: host, timeout: .seconds(20)) == .refused(.loopback))
        }
        try await withClient(.init(addressPolicy: Self.policy)) { client in
            #expect(client.refusal(ofHost: host) == nil)
            #expect(client.refusal(ofHost: "169.254.169.254.") == .linkLocal)
        }
    }

    @Test func `a name that does not resolve is judged within the time`() async throws {
        let isDone = Mutex(false)
        let lookup = NameLookup { _ in
            while !isDone.withLock({ $0 }) { usleep(1_000) }
            return []
        }
        defer { isDone.withLock { $0 = true } }
        try await withClient(.init(addressPolicy: Self.policy, http: .init(nameLookup: lookup))) { client in
            #expect(await client.verdict(onHost: "slow.test", timeout: .milliseconds(50)) == .unknown)
        }
    }

    @Test func `a name that also has a refused address is not asked`() async throws {
        let server = try ScriptedHTTPServer(then: Behaviour(manifestAnswer()))
        defer { server.stop() }
        for addresses in [[Self.outer, Self.metadata], [Self.metadata, Self.outer], [Self.metadata]] {
            let error = try await resolve("registry.test:\(server.port)", lookup: NameLookup { _ in addresses })
            #expect(error?.refusal == .linkLocal)
            // The text tells nobody what inner names resolve to.
            #expect(error?.message.contains("169") == false)
        }
        #expect(server.connectionCount == 0)
    }

    @Test func `a name that changes between check and connection leads to where it was checked`() async throws {
        let server = try ScriptedHTTPServer(then: Behaviour(manifestAnswer()))
        defer { server.stop() }
        let lookups = Mutex(0)
        let rebinding = NameLookup { _ in
            lookups.withLock { count in
                count += 1
                return count == 1 ? [Self.outer] : [Self.metadata]
            }
        }
        let host = "rebinding.test:\(server.port)"
        #expect(try await resolve(host, lookup: rebinding, plainHTTPHosts: [host]) == nil)
        #expect(lookups.withLock { $0 } == 1)
    }

    @Test(
        arguments: [
            "https://169.254.169.254/token", "https://2852039166/token", "https://0xa9.0xfe.0xa9.0xfe/token",
            "https://[::ffff:a9fe:a9fe]/token", "https://[64:ff9b::a9fe:a9fe]/token", "https://metadata.test/token",
        ]
    )
    func `neither a token server nor a redirect leads inwards`(target: String) async throws {
        let lookup = NameLookup { $0 == "metadata.test" ? [Self.metadata] : [Self.outer] }
        let challenging = try tokenRegistry(realm: target, content: manifestAnswer())
        defer { challenging.stop() }
        let first = try await resolve(challenging.registryHost, lookup: lookup)
        #expect(first?.code == .addressRefused && first?.refusal == .linkLocal)
        #expect(challenging.requests.count == 1)
        let redirecting = try ScriptedHTTPServer(then: .redirect(status: 307, to: target))
        defer { redirecting.stop() }
        let second = try await resolve(redirecting.registryHost, lookup: lookup)
        #expect(second?.code == .addressRefused && second?.refusal == .linkLocal)
        #expect(redirecting.requests.count == 1)
    }

    @Test(arguments: [301, 302, 303, 307, 308])
    func `a redirect to another host takes no credential along, not even back again`(status: Int) async throws {
        let home = Mutex("")
        let other = try ScriptedHTTPServer { _, connection in
            let location = home.withLock { $0 }
            connection.respond(status: status, headers: [("Location", location)])
        }
        defer { other.stop() }
        let server = try ScriptedHTTPServer { request, connection in
            if request.target.hasSuffix("/back") {
                manifestAnswer()(request, connection)
            } else if request.header("Authorization") == nil {
                connection.respond(status: 401, headers: [("WWW-Authenticate", "Basic realm=\"x\"")])
            } else {
                connection.respond(status: status, headers: [("Location", other.url("/elsewhere"))])
            }
        }
        defer { server.stop() }
        home.withLock { $0 = server.url("/v2/back") }
        #expect(try await resolve(server.registryHost) == nil)
        #expect(other.requests.count == 1)
        #expect(server.requests.last?.target == "/v2/back")
        #expect(server.authorizations.map { $0 != nil } == [false, true, false])
        #expect(other.requests.allSatisfy { $0.header("Authorization") == nil && !$0.target.contains("canary") })
    }

    @Test func `a token server that sends from challenge to challenge ends after two tokens`() async throws {
        // Every answer, the token's too, is another challenge with another realm and scope.
        let count = Mutex(0)
        let server = try ScriptedHTTPServer { request, connection in
            let number = count.withLock { count in
                count += 1
                return count
            }
            let realm = "http://\(request.header("Host") ?? "")/token/\(number)"
            let challenge = "Bearer realm=\"\(realm)\",scope=\"repository:a/b:pull,push\(number)\""
            if request.target.hasPrefix("/token") {
                connection.respond(body: Array(#"{"token":"t\#(number)"}"#.utf8))
            } else {
                connection.respond(status: 401, headers: [("WWW-Authenticate", challenge)])
            }
        }
        defer { server.stop() }
        #expect(try await resolve(server.registryHost)?.code == .unauthorized)
        #expect(server.requests.count == 5)
    }
}
