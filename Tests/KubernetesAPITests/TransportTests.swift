import Redaction
import TestSupport
import Testing
import WireFormats

@testable import KubernetesAPI

@Suite(.timeLimit(.minutes(2))) struct TransportTests {
    private func address(_ server: String, tlsName: String?) throws(KubernetesError) -> ServerAddress {
        try ServerAddress(KubernetesConfiguration(server: server, tls: .init(serverName: tlsName)))
    }

    @Test func `another name for TLS goes into the URL, the address stays`() throws {
        let literal = try address("https://10.0.0.1:6443/k8s", tlsName: "api.example.com")
        #expect(literal.base == "https://api.example.com:6443/k8s")
        #expect(literal.hostHeader == "10.0.0.1:6443")
        #expect(literal.overrides.count == 1)
        let six = try address("https://[fd00::1]", tlsName: "api.example.com")
        #expect(six.base == "https://api.example.com:443")
        #expect(six.overrides.count == 1)
        let named = try address("https://lb.example.com", tlsName: "api.example.com")
        #expect(named.lookedUpHost == "lb.example.com")
        #expect(try address("https://api.example.com", tlsName: "api.example.com").hostHeader == nil)
        #expect(try address("https://h:1", tlsName: nil).base == "https://h:1")
        #expect(throws: KubernetesError.self) { try address("https://h:99999", tlsName: "n") }
    }

    /// Runs a request through TLS and returns its error.
    private func outcome(_ server: String, _ tls: KubernetesConfiguration.TLS) async throws -> KubernetesError? {
        var configuration = KubernetesConfiguration(server: server, tls: tls)
        configuration.retry.maximumAttempts = 1
        let client = try KubernetesClient(configuration: configuration, logger: quietLogger)
        let error = await failure { _ = try await client.get(Pod.self, name: "a") }
        let watched = await failure {
            for try await _ in client.watch(Pod.self) {}
        }
        #expect((error == nil) == (watched == nil), "\(error.debugDescription) \(watched.debugDescription)")
        await client.close()
        return error
    }

    @Test func `the authority, the server's name and the client's certificate count`() async throws {
        let certificates = try await TestCertificates()
        let other = try await TestCertificates(name: "Other CA")
        let pair = try await certificates.issue("server", for: ["DNS:api.example.com"])
        let client = try await certificates.issue("client", for: ["DNS:client"])
        let backend = try ScriptedHTTPServer { request, connection in
            if request.target.contains("watch") {
                return Behaviour.chunked([watchLine("ADDED", pod("a", version: 1))]).act(request, connection)
            }
            connection.respond(status: 200, headers: [], body: Array(pod("a", version: 1).text().utf8))
        }
        defer { backend.stop() }
        let proxy = try await TLSProxy(
            pair,
            backendPort: backend.port,
            clientAuthority: certificates.authority.certificatePath
        )
        let own = KubernetesConfiguration.ClientCertificate(
            certificatePEM: Array(client.certificate.utf8),
            key: SecretBytes(utf8: client.key)
        )
        let authority = Array(certificates.authority.certificate.utf8)
        let good = KubernetesConfiguration.TLS(
            caPEM: authority,
            clientCertificate: own,
            serverName: "api.example.com"
        )
        #expect(try await outcome("https://127.0.0.1:\(proxy.port)", good) == nil)
        #expect(try await outcome("https://localhost:\(proxy.port)", good) == nil)
        var wrongName = good
        wrongName.serverName = "other.example.com"
        #expect(try await outcome("https://127.0.0.1:\(proxy.port)", wrongName)?.reason == .transport)
        var noName = good
        noName.serverName = nil
        #expect(try await outcome("https://127.0.0.1:\(proxy.port)", noName)?.reason == .transport)
        noName.skipsVerification = true
        #expect(try await outcome("https://127.0.0.1:\(proxy.port)", noName) == nil)
        var wrongAuthority = good
        wrongAuthority.caPEM = Array(other.authority.certificate.utf8)
        #expect(try await outcome("https://127.0.0.1:\(proxy.port)", wrongAuthority)?.reason == .transport)
        var anonymous = good
        anonymous.clientCertificate = nil
        #expect(try await outcome("https://127.0.0.1:\(proxy.port)", anonymous)?.reason == .transport)
        await proxy.stop()
    }

    @Test func `a certificate from a plugin is used, and a new one after it`() async throws {
        let certificates = try await TestCertificates()
        let pair = try await certificates.issue("server")
        let client = try await certificates.issue("client", for: ["DNS:client"])
        let backend = try ScriptedHTTPServer(then: .object(pod("a", version: 1)))
        defer { backend.stop() }
        let proxy = try await TLSProxy(
            pair,
            backendPort: backend.port,
            clientAuthority: certificates.authority.certificatePath
        )
        let directory = try TemporaryDirectory()
        let output: JSONValue = [
            "apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
            "status": [
                "clientCertificateData": .string(client.certificate), "clientKeyData": .string(client.key),
            ],
        ]
        let file = try directory.write("out", output.text())
        var configuration = KubernetesConfiguration(
            server: proxy.url(""),
            authentication: .exec(.init(command: "cat", arguments: [file])),
            tls: .init(caPEM: Array(certificates.authority.certificate.utf8))
        )
        configuration.retry.maximumAttempts = 1
        let kubernetes = try KubernetesClient(configuration: configuration, logger: quietLogger)
        _ = try await kubernetes.get(Pod.self, name: "a")
        let second = try await certificates.issue("second", for: ["DNS:client"])
        var changed = output
        changed["status"] = [
            "clientCertificateData": .string(second.certificate), "clientKeyData": .string(second.key),
        ]
        try directory.write("out", changed.text())
        #expect(kubernetes.credentials.invalidate(try await kubernetes.credentials.current()))
        _ = try await kubernetes.get(Pod.self, name: "a")
        #expect(backend.requests.count == 2)
        await kubernetes.close()
        await proxy.stop()
    }
}
