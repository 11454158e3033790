import Curl
import OCIRegistry
import TestSupport
import Testing

/// Redirects and token servers on the other side of TLS.
@Suite(.timeLimit(.minutes(2))) struct RedirectSchemeTests {
    /// A registry that wants Basic and redirects who shows it.
    private func registry(to location: @escaping @Sendable () -> String) throws -> ScriptedHTTPServer {
        try ScriptedHTTPServer { request, connection in
            if request.header("Authorization") == nil {
                connection.respond(status: 401, headers: [("WWW-Authenticate", "Basic realm=\"a\"")])
            } else {
                connection.respond(status: 307, headers: [("Location", location())])
            }
        }
    }

    private func resolve(_ host: String, authority: TestCertificates) async throws -> RegistryError? {
        let http = CurlClient.Configuration(
            caPEM: Array(authority.authority.certificate.utf8),
            nameLookup: NameLookup { _ in [IPAddress("127.0.0.1")!] }
        )
        return try await withClient(.init(addressPolicy: AddressPolicy(allowsLoopback: true), http: http)) { client in
            await registryError { () throws(RegistryError) in
                try await client.resolve(
                    host: host,
                    repository: "a/b",
                    reference: "v1",
                    credential: .password("canary-pass")
                )
            }
        }
    }

    @Test func `the same host over TLS is another host than over plain HTTP`() async throws {
        let certificates = try await TestCertificates()
        let other = try ScriptedHTTPServer(then: Behaviour(manifestAnswer()))
        defer { other.stop() }
        let proxy = try await TLSProxy(try await certificates.issue("server"), backendPort: other.port)
        let server = try registry { proxy.url("/v2/other") }
        defer { server.stop() }
        #expect(try await resolve("localhost:\(server.port)", authority: certificates) == nil)
        #expect(other.requests.map(\.target) == ["/v2/other"])
        #expect(other.authorizations == [nil])
        await proxy.stop()
    }

    @Test func `a registry over TLS leads nobody to plain HTTP`() async throws {
        let certificates = try await TestCertificates()
        let plain = try ScriptedHTTPServer(then: Behaviour(manifestAnswer()))
        defer { plain.stop() }
        let pair = try await certificates.issue("server", for: ["DNS:registry.test"])
        let redirecting = try registry { plain.url() }
        defer { redirecting.stop() }
        let challenging = try tokenRegistry(realm: plain.url("/token"), content: manifestAnswer())
        defer { challenging.stop() }
        let expected: [(ScriptedHTTPServer, RegistryError.Code)] = [
            (redirecting, .invalidResponse), (challenging, .unsupported),
        ]
        for (server, code) in expected {
            let proxy = try await TLSProxy(pair, backendPort: server.port)
            let error = try await resolve("registry.test:\(proxy.port)", authority: certificates)
            #expect(error?.code == code, "\(String(describing: error))")
            await proxy.stop()
        }
        #expect(plain.connectionCount == 0)
    }
}
