import Curl
import Redaction
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(2))) struct CurlTLSTests {
    /// A server behind TLS.
    private func withTLS(
        _ certificates: TestCertificates,
        _ pair: TestCertificates.Pair,
        clientAuthority: String? = nil,
        maximumProtocol: String = "TLSv1.3",
        _ body: (TLSProxy, ScriptedHTTPServer) async throws -> Void
    ) async throws {
        let server = try ScriptedHTTPServer(then: .respond(body: "hello"))
        defer { server.stop() }
        let proxy = try await TLSProxy(
            pair,
            backendPort: server.port,
            clientAuthority: clientAuthority,
            maximumProtocol: maximumProtocol
        )
        try await body(proxy, server)
        await proxy.stop()
    }

    private func outcome(_ url: String, _ configuration: CurlClient.Configuration) async -> CurlError? {
        guard let client = try? CurlClient(configuration: configuration) else { return CurlError(.aborted, "") }
        let error = await failure(client, CurlRequest(url: url, totalTimeout: .seconds(20)))
        await client.close()
        return error
    }

    @Test func `the authority from memory, or from a file, is trusted and no other`() async throws {
        let certificates = try await TestCertificates()
        let other = try await TestCertificates(name: "Other CA")
        try await withTLS(certificates, try await certificates.issue("server")) { proxy, server in
            let pem = Array(certificates.authority.certificate.utf8)
            #expect(await outcome(proxy.url(), .init(caPEM: pem)) == nil)
            #expect(await outcome(proxy.url(host: "127.0.0.1"), .init(caPEM: pem)) == nil)
            let path = certificates.authority.certificatePath
            #expect(await outcome(proxy.url(), .init(caBundlePath: path)) == nil)
            #expect(server.requests.count == 3)
            for configuration in [
                CurlClient.Configuration(),
                .init(caPEM: Array(other.authority.certificate.utf8)),
                .init(caBundlePath: other.authority.certificatePath),
            ] {
                let error = await outcome(proxy.url(), configuration)
                #expect(error?.code == .tls)
                #expect(error?.isRetryable == false)
                #expect(error?.requestMayHaveBeenSent == false)
            }
            #expect(await outcome(proxy.url(), .init(verifiesPeer: false)) == nil)
            #expect(server.requests.count == 4)
        }
    }

    @Test func `an expired certificate is refused`() async throws {
        let certificates = try await TestCertificates()
        try await withTLS(certificates, try await certificates.issue("old", isExpired: true)) { proxy, server in
            let pem = Array(certificates.authority.certificate.utf8)
            #expect(await outcome(proxy.url(), .init(caPEM: pem))?.code == .tls)
            #expect(server.requests.isEmpty)
        }
    }

    @Test func `a certificate of another host is refused`() async throws {
        let certificates = try await TestCertificates()
        let pair = try await certificates.issue("elsewhere", for: ["DNS:elsewhere.test"])
        try await withTLS(certificates, pair) { proxy, server in
            let pem = Array(certificates.authority.certificate.utf8)
            #expect(await outcome(proxy.url(), .init(caPEM: pem))?.code == .tls)
            #expect(server.requests.isEmpty)
        }
    }

    @Test func `TLS before 1.2 is refused`() async throws {
        let certificates = try await TestCertificates()
        let pair = try await certificates.issue("server")
        try await withTLS(certificates, pair, maximumProtocol: "TLSv1.1") { proxy, server in
            let pem = Array(certificates.authority.certificate.utf8)
            #expect(await outcome(proxy.url(), .init(caPEM: pem))?.code == .tls)
            #expect(server.requests.isEmpty)
        }
    }

    @Test func `plain HTTP behind an https URL is refused`() async throws {
        let server = try ScriptedHTTPServer(greeting: { !$0.send("HTTP/1.1 400 Bad Request\r\n\r\n") })
        defer { server.stop() }
        #expect(await outcome("https://127.0.0.1:\(server.port)/", .init())?.code == .tls)
    }

    @Test func `a client certificate from memory is presented`() async throws {
        let certificates = try await TestCertificates()
        let server = try await certificates.issue("server")
        let client = try await certificates.issue("client")
        let authority = certificates.authority.certificatePath
        try await withTLS(certificates, server, clientAuthority: authority) { proxy, backend in
            var configuration = CurlClient.Configuration(caPEM: Array(certificates.authority.certificate.utf8))
            #expect(await outcome(proxy.url(), configuration) != nil)
            #expect(backend.requests.isEmpty)
            configuration.clientCertificatePEM = Array(client.certificate.utf8)
            configuration.clientKey = SecretBytes(utf8: client.key)
            #expect(await outcome(proxy.url(), configuration) == nil)
            #expect(backend.requests.count == 1)
            configuration.clientKey = SecretBytes(utf8: server.key)
            #expect(await outcome(proxy.url(), configuration)?.code == .tls)
            configuration.clientKey = SecretBytes(utf8: "not a key")
            #expect(await outcome(proxy.url(), configuration)?.code == .tls)
        }
    }

    @Test func `many requests share one HTTP/2 connection, streams have their own`() async throws {
        let certificates = try await TestCertificates()
        try await withTLS(certificates, try await certificates.issue("server")) { proxy, _ in
            let client = try CurlClient(configuration: .init(caPEM: Array(certificates.authority.certificate.utf8)))
            try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<60 {
                    group.addTask { try await client.execute(CurlRequest(url: proxy.url())).transfer.httpVersion }
                }
                for try await version in group { #expect(version == 20) }
            }
            // The log is written after the answer.
            try await waitUntil("60 log lines") { proxy.entries.count >= 60 }
            #expect(Set(proxy.entries.map(\.clientPort)).count == 1)
            let stream = try await client.stream(CurlRequest(url: proxy.url()))
            #expect(try await stream.body.collect(upTo: 100).bytes == Array("hello".utf8))
            #expect(stream.body.transfer?.httpVersion == 11)
            await client.close()
        }
    }

    @Test func `HTTP/2 can be switched off`() async throws {
        let certificates = try await TestCertificates()
        try await withTLS(certificates, try await certificates.issue("server")) { proxy, _ in
            let pem = Array(certificates.authority.certificate.utf8)
            let client = try CurlClient(configuration: .init(caPEM: pem, usesHTTP2: false))
            let answer = try await client.execute(CurlRequest(url: proxy.url()))
            #expect(answer.transfer.httpVersion == 11)
            await client.close()
        }
    }

    @Test func `an HTTP/2 server that goes away is an error, and the next request finds the new one`() async throws {
        let certificates = try await TestCertificates()
        let pair = try await certificates.issue("server")
        let server = try ScriptedHTTPServer([.hang], then: .respond(body: "hello"))
        defer { server.stop() }
        let proxy = try await TLSProxy(pair, backendPort: server.port)
        let client = try CurlClient(configuration: .init(caPEM: Array(certificates.authority.certificate.utf8)))
        let running = Task { await failure(client, CurlRequest(url: proxy.url())) }
        try await server.waitForRequests(1)
        await proxy.stop()
        #expect(await running.value?.isRetryable == true)
        #expect(await failure(client, CurlRequest(url: proxy.url()))?.code == .couldNotConnect)
        await client.close()
    }
}
