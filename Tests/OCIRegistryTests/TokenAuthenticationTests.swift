import Curl
import OCIRegistry
import Redaction
import Synchronization
import TestSupport
import Testing
import WireFormats

@Suite(.timeLimit(.minutes(2))) struct TokenAuthenticationTests {
    private func resolve(
        _ client: RegistryClient,
        _ server: ScriptedHTTPServer,
        repository: String = "a/b",
        _ credential: RegistryCredential
    ) async -> RegistryError? {
        await registryError { () throws(RegistryError) in
            try await client.resolve(
                host: server.registryHost,
                repository: repository,
                reference: "v1",
                credential: credential
            )
        }
    }

    @Test func `a token is fetched once and shown until it expires`() async throws {
        let server = try tokenRegistry(content: manifestAnswer())
        defer { server.stop() }
        try await withClient { client in
            for _ in 0..<3 { #expect(await resolve(client, server, .password("pw")) == nil) }
            let basic = "Basic \(Base64.encode(Array("robot:pw".utf8)))"
            #expect(server.authorizations == [nil, basic, "Bearer good", "Bearer good", "Bearer good"])
            #expect(server.requests[1].target == "/token?service=hub&scope=repository%3Aa%2Fb%3Apull")
            // Another credential or another repository has a token of its own.
            #expect(await resolve(client, server, .password("other")) == nil)
            #expect(await resolve(client, server, repository: "a/c", .password("pw")) == nil)
            #expect(server.requests.filter { $0.target.hasPrefix("/token") }.count == 3)
        }
    }

    @Test func `without a credential the token is asked for without one`() async throws {
        let server = try tokenRegistry(content: manifestAnswer())
        defer { server.stop() }
        try await withClient { client in
            #expect(await resolve(client, server, .anonymous) == nil)
            #expect(server.authorizations == [nil, nil, "Bearer good"])
        }
    }

    @Test func `an identity token is exchanged in a form, not in the URL`() async throws {
        let server = try tokenRegistry(
            token: .respond(body: #"{"access_token":"good","expires_in":10}"#),
            content: manifestAnswer()
        )
        defer { server.stop() }
        try await withClient { client in
            #expect(await resolve(client, server, .identityToken(SecretBytes(utf8: "ref/resh"))) == nil)
            let exchange = server.requests[1]
            #expect(exchange.method == "POST")
            #expect(exchange.target == "/token")
            #expect(exchange.header("Content-Type") == "application/x-www-form-urlencoded")
            #expect(exchange.text.contains("grant_type=refresh_token"))
            #expect(exchange.text.contains("refresh_token=ref%2Fresh"))
            #expect(exchange.text.contains("scope=repository%3Aa%2Fb%3Apull"))
            #expect(exchange.header("Authorization") == nil)
        }
    }

    @Test func `a registry token is shown as it is`() async throws {
        let server = try tokenRegistry(content: manifestAnswer())
        defer { server.stop() }
        try await withClient { client in
            #expect(await resolve(client, server, .registryToken(SecretBytes(utf8: "good"))) == nil)
            #expect(server.authorizations == ["Bearer good"])
            #expect(await resolve(client, server, .registryToken(SecretBytes(utf8: "bad")))?.code == .unauthorized)
            #expect(server.authorizations == ["Bearer good", "Bearer bad"])
        }
    }

    @Test func `a token that the registry no longer takes is fetched anew, once`() async throws {
        let valid = Mutex("first")
        let server = try ScriptedHTTPServer { request, connection in
            let token = valid.withLock { $0 }
            if request.target.hasPrefix("/token") {
                connection.respond(body: Array(#"{"token":"\#(token)"}"#.utf8))
            } else if request.header("Authorization") == "Bearer \(token)" {
                manifestAnswer()(request, connection)
            } else {
                let realm = "http://\(request.header("Host") ?? "")/token"
                connection.respond(status: 401, headers: [("WWW-Authenticate", "Bearer realm=\"\(realm)\"")])
            }
        }
        defer { server.stop() }
        try await withClient { client in
            #expect(await resolve(client, server, .password("pw")) == nil)
            valid.withLock { $0 = "second" }
            #expect(await resolve(client, server, .password("pw")) == nil)
            #expect(server.requests.filter { $0.target.hasPrefix("/token") }.count == 2)
        }
    }

    @Test func `a registry that never takes the token ends after two requests`() async throws {
        let server = try tokenRegistry(token: .respond(body: #"{"token":"other"}"#), content: manifestAnswer())
        defer { server.stop() }
        try await withClient { client in
            #expect(await resolve(client, server, .password("pw"))?.code == .unauthorized)
            #expect(server.requests.count == 3)
        }
    }

    @Test func `a token server's own challenge is not answered`() async throws {
        let elsewhere = try ScriptedHTTPServer()
        defer { elsewhere.stop() }
        let challenge = "Bearer realm=\"\(elsewhere.url("/token"))\""
        let answer = Behaviour.respond(status: 401, headers: [("WWW-Authenticate", challenge)])
        let server = try tokenRegistry(token: answer, content: manifestAnswer())
        defer { server.stop() }
        try await withClient { client in
            #expect(await resolve(client, server, .password("canary"))?.code == .unauthorized)
            // Once for the repository, once to find out whether the credential itself is refused.
            #expect(server.requests.map(\.target).filter { $0.hasPrefix("/token") }.count == 2)
        }
        #expect(elsewhere.connectionCount == 0)
    }

    @Test(
        arguments: [
            (.respond(status: 401), .unauthorized, false), (.respond(status: 403), .forbidden, false),
            (.respond(status: 429, headers: [("Retry-After", "7")]), .rateLimited, true),
            (.respond(status: 500), .unavailable, true), (.respond(status: 503), .unavailable, true),
            (.respond(body: "{}"), .invalidResponse, true), (.respond(body: "no json"), .invalidResponse, true),
            (.respond(body: #"{"token":""}"#), .invalidResponse, true),
            (.respond(body: #"{"token":"a\r\nX: y"}"#), .invalidResponse, true),
            (.respond(body: #"{"token":5}"#), .invalidResponse, true), (.endless(), .tooLarge, false),
            (.reset, .network, true), (.closeWithoutAnswer, .network, true),
        ] as [(Behaviour, RegistryError.Code, Bool)]
    )
    func `a token server's failure keeps its kind`(
        answer: Behaviour,
        code: RegistryError.Code,
        isRetryable: Bool
    ) async throws {
        let server = try tokenRegistry(token: answer, content: manifestAnswer())
        defer { server.stop() }
        try await withClient { client in
            let error = await resolve(client, server, .password("canary-4711"))
            #expect(error?.code == code)
            #expect(error?.isRetryable == isRetryable)
            #expect(error.map { String(reflecting: $0).contains("canary") } == false)
            if code == .rateLimited { #expect(error?.retryAfter == .seconds(7)) }
        }
    }

    @Test(arguments: ["http://192.0.2.1/token", "ftp://127.0.0.1/token", "nonsense", "http://u:p@127.0.0.1/token", ""])
    func `a token server that may not be used is not asked`(realm: String) async throws {
        let server = try tokenRegistry(realm: realm, content: manifestAnswer())
        defer { server.stop() }
        try await withClient { client in
            #expect(await resolve(client, server, .password("pw"))?.code == .unsupported)
            #expect(server.requests.count == 1)
        }
    }

    @Test func `the address policy holds for the token server too`() async throws {
        // The registry itself is allowed, the token server it names is another inner address.
        let inner = try ScriptedHTTPServer(host: "127.0.0.9")
        defer { inner.stop() }
        let server = try tokenRegistry(realm: inner.url("/token"), content: manifestAnswer())
        defer { server.stop() }
        let policy = AddressPolicy(allowed: [try #require(CIDR("127.0.0.1/32"))])
        try await withClient(.init(addressPolicy: policy)) { client in
            #expect(await resolve(client, server, .password("pw"))?.code == .addressRefused)
            #expect(inner.connectionCount == 0)
        }
    }

    @Test func `a wrong password is found once for all that ask at the same time`() async throws {
        let server = try tokenRegistry(
            token: .delayed(milliseconds: 100, .respond(status: 401, body: #"{"details":"wrong password"}"#)),
            content: manifestAnswer()
        )
        defer { server.stop() }
        try await withClient { client in
            let codes = await withTaskGroup(of: RegistryError.Code?.self) { group in
                for index in 0..<100 {
                    group.addTask { await resolve(client, server, repository: "a/b\(index)", .password("wrong"))?.code }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
            #expect(codes == Array(repeating: .unauthorized, count: 100))
            // The repository's refusal, and that the credential is refused for nothing at all too.
            let asked = server.requests.map(\.target).filter { $0.hasPrefix("/token") }
            #expect(asked.count == 2 && asked.last == "/token?service=hub")
            // Another credential is another matter.
            _ = await resolve(client, server, .password("other"))
            #expect(server.requests.filter { $0.target.hasPrefix("/token") }.count == 4)
        }
    }

    @Test func `a credential that is right but not for one repository still opens the others`() async throws {
        let server = try ScriptedHTTPServer { request, connection in
            let isKnown = request.header("Authorization")?.hasPrefix("Basic ") == true
            if isKnown, !request.target.contains("/secret/") {
                manifestAnswer()(request, connection)
                return
            }
            connection.respond(status: 401, headers: [("WWW-Authenticate", "Basic realm=\"x\"")])
        }
        defer { server.stop() }
        try await withClient { client in
            #expect(await resolve(client, server, repository: "secret/a", .password("pw"))?.code == .unauthorized)
            #expect(await resolve(client, server, repository: "open/a", .password("pw")) == nil)
        }
    }

    @Test func `a registry that does not answer keeps nobody waiting in line`() async throws {
        let server = try ScriptedHTTPServer(then: .hang)
        defer { server.stop() }
        try await withClient(.init(requestTimeout: .milliseconds(400))) { client in
            let start = ContinuousClock.now
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<20 {
                    group.addTask { #expect(await resolve(client, server, .password("pw"))?.code == .timeout) }
                }
            }
            // One after the other they would take eight seconds and more.
            #expect(ContinuousClock.now - start < .seconds(6))
        }
    }
}
