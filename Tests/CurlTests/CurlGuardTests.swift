import Curl
import Glibc
import Synchronization
import TestSupport
import Testing

/// Requests that try to reach an inner address; the peer must not see as much as a connection.
@Suite(.timeLimit(.minutes(2))) struct CurlGuardTests {
    private let loopback = IPAddress("127.0.0.1")!
    private let outer = IPAddress("192.0.2.77")!

    @Test(arguments: [
        "127.0.0.1", "127.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "017700000001", "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]", "localhost", "LOCALHOST", "localhost.", "foo.localhost", "0.0.0.0", "0", "[::1]", "[::]",
        "[0:0:0:0:0:ffff:7f00:0001]", "127.0.0.1.", "①②⑦.⓪.⓪.①", "１２７.０.０.１",
    ])
    func `no spelling of this machine passes`(host: String) async throws {
        try await withServer { server, client in
            let url = "http://\(host):\(server.port)/"
            let error = await failure(client, CurlRequest(url: url, addressPolicy: .publicOnly))
            // A spelling that does not even resolve is as good as a refusal.
            #expect([.addressRefused, .resolve, .invalidRequest].contains(error?.code), "\(String(describing: error))")
            #expect(server.connectionCount == 0)
            if error?.code == .addressRefused {
                #expect(error?.refusal != nil)
                #expect(error?.isRetryable == false)
                #expect(error?.requestMayHaveBeenSent == false)
            }
        }
    }

    @Test func `a refusal is told apart from a dead host`() async throws {
        let client = try CurlClient()
        let url = "http://127.0.0.1:\(try freePort())/"
        #expect(await failure(client, CurlRequest(url: url, addressPolicy: .publicOnly))?.code == .addressRefused)
        let policy = AddressPolicy(allowsLoopback: true)
        #expect(await failure(client, CurlRequest(url: url, addressPolicy: policy))?.code == .couldNotConnect)
        await client.close()
    }

    @Test func `loopback passes where it is allowed`() async throws {
        try await withServer { server, client in
            let policy = AddressPolicy(allowsLoopback: true)
            for host in ["127.0.0.1", "localhost"] {
                let url = "http://\(host):\(server.port)/"
                let answer = try await client.execute(CurlRequest(url: url, addressPolicy: policy))
                #expect(answer.status == 200)
            }
        }
    }

    @Test func `a name with an outer and an inner address is refused in either order`() async throws {
        for addresses in [[outer, loopback], [loopback, outer]] {
            let lookup = NameLookup { _ in addresses }
            try await withServer(configuration: .init(nameLookup: lookup)) { server, client in
                // The outer one is set aside too, so it is allowed by name; the inner one must still refuse all.
                let policy = AddressPolicy(allowed: [CIDR("192.0.2.0/24")!])
                let request = CurlRequest(url: "http://mixed.test:\(server.port)/", addressPolicy: policy)
                #expect(await failure(client, request)?.refusal == .loopback)
                #expect(server.connectionCount == 0)
            }
        }
    }

    @Test func `resolve overrides are judged as well`() async throws {
        let server = try ScriptedHTTPServer()
        defer { server.stop() }
        let override = CurlClient.ResolveOverride(host: "hub.test", port: server.port, addresses: [loopback])
        let client = try CurlClient(configuration: .init(resolveOverrides: [override]))
        let request = CurlRequest(url: "http://hub.test:\(server.port)/", addressPolicy: .publicOnly)
        #expect(await failure(client, request)?.code == .addressRefused)
        #expect(server.connectionCount == 0)
        await client.close()
    }

    @Test func `what was judged is what is connected to, though the name changes in between`() async throws {
        // The system would resolve localhost by itself; the pinned answer must win over any second lookup.
        let calls = Mutex(0)
        let first = IPAddress("127.0.0.2")!
        let lookup = NameLookup { _ in
            calls.withLock { calls in
                calls += 1
                return calls == 1 ? [first] : [IPAddress("10.0.0.1")!]
            }
        }
        let server = try ScriptedHTTPServer(host: "127.0.0.2")
        defer { server.stop() }
        let client = try CurlClient(configuration: .init(nameLookup: lookup))
        let policy = AddressPolicy(allowed: [CIDR("127.0.0.2/32")!])
        let request = CurlRequest(url: "http://localhost:\(server.port)/", addressPolicy: policy)
        let answer = try await client.execute(request)
        #expect(answer.status == 200)
        #expect(calls.withLock { $0 } == 1)
        await client.close()
    }

    @Test func `a connection that another request has opened is judged before it is reused`() async throws {
        try await withServer { server, client in
            _ = try await client.execute(CurlRequest(url: server.url()))
            #expect(server.connectionCount == 1)
            let error = await failure(client, CurlRequest(url: server.url(), addressPolicy: .publicOnly))
            #expect(error?.code == .addressRefused)
            #expect(server.requests.count == 1)
        }
    }

    @Test func `a reused connection of a name is judged by its address`() async throws {
        // The name's answer has changed to an allowed address since, but the open connection leads inwards.
        let target = Mutex(loopback)
        let lookup = NameLookup { _ in [target.withLock { $0 }] }
        try await withServer(configuration: .init(nameLookup: lookup)) { server, client in
            let url = "http://moving.test:\(server.port)/"
            let open = AddressPolicy(allowsLoopback: true)
            _ = try await client.execute(CurlRequest(url: url, addressPolicy: open))
            #expect(server.requests.count == 1)
            let error = await failure(client, CurlRequest(url: url, addressPolicy: .publicOnly))
            #expect(error?.code == .addressRefused)
            #expect(server.requests.count == 1)
        }
    }

    @Test func `a proxy in the environment is not used`() async throws {
        let proxy = try ScriptedHTTPServer()
        defer { proxy.stop() }
        // Nothing else in these tests reads these variables: the client switches proxies off.
        for name in ["http_proxy", "HTTPS_PROXY", "ALL_PROXY"] { setenv(name, proxy.url(), 1) }
        defer { for name in ["http_proxy", "HTTPS_PROXY", "ALL_PROXY"] { unsetenv(name) } }
        try await withServer { server, client in
            _ = try await client.execute(CurlRequest(url: server.url()))
            #expect(server.requests.count == 1)
            #expect(proxy.connectionCount == 0)
        }
    }

    @Test func `a lookup that hangs ends at the connect time-out and holds up nobody`() async throws {
        let gate = Mutex(false)
        let lookup = NameLookup { host in
            while host == "slow.test", !gate.withLock({ $0 }) { usleep(5000) }
            return [IPAddress("127.0.0.1")!]
        }
        defer { gate.withLock { $0 = true } }
        try await withServer(configuration: .init(nameLookup: lookup)) { server, client in
            let policy = AddressPolicy(allowsLoopback: true)
            let slow = CurlRequest(
                url: "http://slow.test:\(server.port)/",
                connectTimeout: .milliseconds(200),
                addressPolicy: policy
            )
            #expect(await failure(client, slow)?.code == .timeout)
            let quick = CurlRequest(url: "http://quick.test:\(server.port)/", addressPolicy: policy)
            let answer = try await client.execute(quick)
            #expect(answer.status == 200)
            var patient = slow
            patient.connectTimeout = .seconds(60)
            let task = Task { [patient] in await failure(client, patient) }
            task.cancel()
            #expect(await task.value?.code == .cancelled)
        }
    }

    @Test func `the refusal names no address`() async throws {
        let lookup = NameLookup { _ in [IPAddress("10.11.12.13")!] }
        let client = try CurlClient(configuration: .init(nameLookup: lookup))
        let request = CurlRequest(url: "http://inner.test/", addressPolicy: .publicOnly)
        let error = await failure(client, request)
        #expect(error?.refusal == .private)
        #expect(error?.description.contains("10.11") == false)
        await client.close()
    }
}
