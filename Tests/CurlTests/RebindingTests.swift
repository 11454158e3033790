import Curl
import TestSupport
import Testing

/// Names whose DNS changes its mind, asked by the system's own resolver.
@Suite(
    .timeLimit(.minutes(2)),
    .enabled("needs root, for the DNS port and a mount namespace, and python3") {
        guard RealResolver.isPossible else { return false }
        return await Python.has("socket")
    },
    .serialized
)
struct RebindingTests {
    // 127.0.0.2 stands for a public address.
    private static let policy = AddressPolicy(allowed: [CIDR("127.0.0.2/32")!])

    private func withPeers(
        _ answers: String,
        _ body: (RealResolver, CurlClient, _ outer: ScriptedHTTPServer, _ inner: ScriptedHTTPServer) async throws ->
            Void
    ) async throws {
        let inner = try ScriptedHTTPServer()
        defer { inner.stop() }
        let outer = try ScriptedHTTPServer(host: "127.0.0.2", port: inner.port)
        defer { outer.stop() }
        let resolver = try await RealResolver(answers)
        let client = try CurlClient(configuration: .init(nameLookup: resolver.lookup))
        try await body(resolver, client, outer, inner)
        #expect(inner.connectionCount == 0)
        await client.close()
        await resolver.stop()
    }

    @Test func `an answer that changes after the check leads nowhere else`() async throws {
        let answers = #"{"rebind.test": {"A": [["127.0.0.2"], ["127.0.0.1"]]}}"#
        try await withPeers(answers) { resolver, client, outer, _ in
            let request = CurlRequest(url: "http://rebind.test:\(outer.port)/", addressPolicy: Self.policy)
            let first = try await client.execute(request)
            #expect(first.status == 200)
            #expect(resolver.questions.filter { $0 == "A rebind.test" }.count == 1)
            // Another client knows no earlier answer, and gets the inner one at the check.
            let other = try CurlClient(configuration: .init(nameLookup: resolver.lookup))
            let refused = await failure(other, request)
            #expect(refused?.refusal == .loopback)
            await other.close()
            #expect(outer.requests.count == 1)
        }
    }

    @Test(arguments: [
        (#"{"mixed.test": {"A": [["127.0.0.2", "127.0.0.1"]]}}"#, AddressPolicy.Reason.loopback),
        (#"{"mixed.test": {"A": [["127.0.0.1", "127.0.0.2"]]}}"#, .loopback),
        (#"{"mixed.test": {"A": [["127.0.0.2"]], "AAAA": [["fd00:ec2::254"]]}}"#, .private),
        (#"{"mixed.test": {"A": [["127.0.0.2"]], "AAAA": [["::ffff:7f00:1"]]}}"#, .loopback),
        (#"{"mixed.test": {"AAAA": [["64:ff9b::7f00:1"]]}}"#, .translated),
        (#"{"mixed.test": {"A": [["169.254.169.254"]]}}"#, .linkLocal),
        (#"{"mixed.test": {"A": [["CNAME metadata.internal 169.254.169.254"]]}}"#, .linkLocal),
    ])
    func `an inner address anywhere in the answer refuses the name`(
        answers: String,
        reason: AddressPolicy.Reason
    ) async throws {
        try await withPeers(answers) { resolver, client, outer, _ in
            let request = CurlRequest(url: "http://mixed.test:\(outer.port)/", addressPolicy: Self.policy)
            #expect(await failure(client, request)?.refusal == reason)
            #expect(!resolver.questions.isEmpty)
            #expect(outer.connectionCount == 0)
        }
    }

    @Test func `a name that is not there is not refused but unknown`() async throws {
        try await withPeers("{}") { _, client, outer, _ in
            let request = CurlRequest(url: "http://gone.test:\(outer.port)/", addressPolicy: Self.policy)
            #expect(await failure(client, request)?.code == .resolve)
        }
    }
}
