import Curl
import OCIRegistry
import Redaction
import Synchronization
import TestSupport
import Testing
import WireFormats

/// What token servers answer: other methods, other statuses, redirects, other lifetimes.
@Suite(.timeLimit(.minutes(2))) struct TokenServerTests {
    private static let identity = RegistryCredential.identityToken(SecretBytes(utf8: "canary-identity"))
    private static let basic = "Basic \(Base64.encode(Array("robot:canary-pass".utf8)))"

    private func resolve(
        _ client: RegistryClient,
        _ server: ScriptedHTTPServer,
        repository: String = "a/b",
        _ credential: RegistryCredential = .password("canary-pass")
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

    private func tokenRequests(_ server: ScriptedHTTPServer) -> [ScriptedRequest] {
        server.requests.filter { !$0.target.hasPrefix("/v2/") }
    }

    // MARK: - Methods

    @Test(arguments: [404, 405, 401, 400]) func `what a token server does not take as a form it is asked as a query`(
        status: Int
    ) async throws {
        let form = Behaviour { request, connection in
            guard request.method == "GET" else { return connection.answer(status: status) }
            connection.respond(body: Array(#"{"token":"good"}"#.utf8))
        }
        for isContainerd in [false, true] {
            let server = try tokenRegistry(token: form, content: manifestAnswer())
            defer { server.stop() }
            try await withClient(.init(exchangesPasswords: isContainerd)) { client in
                let credential = isContainerd ? .password("canary-pass") : Self.identity
                #expect(await resolve(client, server, credential) == nil)
                let requests = tokenRequests(server)
                #expect(requests.map(\.method) == ["POST", "GET"])
                #expect(requests[0].text.contains("grant_type=\(isContainerd ? "password" : "refresh_token")"))
                #expect(requests[1].target == "/token?service=hub&scope=repository%3Aa%2Fb%3Apull")
                // containerd shows an identity token under an empty name.
                let pair = isContainerd ? "robot:canary-pass" : ":canary-identity"
                #expect(requests[1].header("Authorization") == "Basic \(Base64.encode(Array(pair.utf8)))")
            }
        }
    }

    @Test(arguments: [404, 405]) func `a token server that knows forms alone gets one`(status: Int) async throws {
        let form = Behaviour { request, connection in
            guard request.method == "POST" else { return connection.answer(status: status) }
            connection.respond(body: Array(#"{"access_token":"good"}"#.utf8))
        }
        let server = try tokenRegistry(token: form, content: manifestAnswer())
        defer { server.stop() }
        try await withClient { client in
            #expect(await resolve(client, server) == nil)
            let requests = tokenRequests(server)
            #expect(requests.map(\.method) == ["GET", "POST"])
            for part in ["grant_type=password", "username=robot", "password=canary-pass", "service=hub"] {
                #expect(requests[1].text.contains(part))
            }
            #expect(requests[1].header("Authorization") == nil)
        }
    }

    @Test(
        arguments: [
            (400, 404, .unauthorized), (401, 405, .unauthorized), (404, 401, .unauthorized), (404, 403, .forbidden),
            (404, 404, .invalidResponse), (401, 503, .unavailable), (503, 200, .unavailable), (403, 200, .forbidden),
            (429, 200, .rateLimited),
        ] as [(Int, Int, RegistryError.Code)]
    )
    func `the answer that says most of an identity token counts`(
        form: Int,
        query: Int,
        code: RegistryError.Code
    ) async throws {
        let answer = Behaviour { request, connection in
            connection.respond(status: request.method == "POST" ? form : query, body: Array(#"{"token":"good"}"#.utf8))
        }
        let server = try tokenRegistry(token: answer, content: manifestAnswer())
        defer { server.stop() }
        try await withClient { client in #expect(await resolve(client, server, Self.identity)?.code == code) }
    }

    // MARK: - Answers

    @Test(
        arguments: [
            #"{"token":"","access_token":"good"}"#, #"{"token":"good","access_token":""}"#,
            #"{"token":null,"access_token":"good"}"#, #"{"token":5,"access_token":"good"}"#,
            #"{"token":"other","access_token":"good"}"#, #"{"token":"good"}"#,
        ]
    )
    func `what is empty is no token, and of two the one that containerd takes counts`(body: String) async throws {
        for credential in [.password("canary-pass"), Self.identity, .anonymous] {
            let server = try tokenRegistry(token: .respond(body: body), content: manifestAnswer())
            defer { server.stop() }
            try await withClient { client in #expect(await resolve(client, server, credential) == nil) }
        }
    }

    @Test(
        arguments: [
            #"{"access_token":""}"#, #"{"token":"","access_token":""}"#, #"{"token":" "}"#, "[]", "null", #""good""#,
            "",
        ]
    )
    func `an answer without a token may pass`(body: String) async throws {
        let server = try tokenRegistry(token: .respond(body: body), content: manifestAnswer())
        defer { server.stop() }
        try await withClient { client in
            let error = await resolve(client, server)
            #expect(error?.code == .invalidResponse)
            #expect(error?.message.contains("token server") == true)
        }
    }

    @Test(arguments: [404, 405, 400, 410]) func `a token server that is not there says nothing of the image`(
        status: Int
    ) async throws {
        let token = Behaviour.respond(status: status, body: #"{"message":"no such page"}"#)
        for credential in [RegistryCredential.password("canary-pass"), .anonymous] {
            let server = try tokenRegistry(token: token, content: manifestAnswer())
            defer { server.stop() }
            try await withClient { client in
                let error = await resolve(client, server, credential)
                #expect(error?.code == .invalidResponse)
                #expect(error?.httpStatus == status)
                #expect(error?.message == "the token server \(server.registryHost) answered: no such page")
            }
        }
    }

    @Test func `a token server's refusal of one repository leaves the others open`() async throws {
        for credential in [RegistryCredential.password("canary-pass"), Self.identity] {
            let token = Behaviour { request, connection in
                let isSecret = (request.target + request.text).contains("secret")
                connection.respond(status: isSecret ? 401 : 200, body: Array(#"{"token":"good"}"#.utf8))
            }
            let server = try tokenRegistry(token: token, content: manifestAnswer())
            defer { server.stop() }
            try await withClient { client in
                #expect(await resolve(client, server, repository: "secret/a", credential)?.code == .unauthorized)
                #expect(await resolve(client, server, repository: "open/a", credential) == nil)
                #expect(await resolve(client, server, repository: "secret/a", credential)?.code == .unauthorized)
            }
        }
    }

    // MARK: - Redirects

    @Test(arguments: [301, 302, 303, 307, 308]) func `a token server that has moved on its own host is followed`(
        status: Int
    ) async throws {
        for (credential, location) in [
            (RegistryCredential.password("canary-pass"), "/token/"), (Self.identity, "/token/"),
            (.password("canary-pass"), "token/"), (.anonymous, "/token/"),
        ] {
            let token = Behaviour { request, connection in
                let parts = request.target.split(separator: "?", maxSplits: 1)
                guard !parts[0].hasSuffix("/") else {
                    return connection.answer(body: #"{"token":"good"}"#)
                }
                let query = parts.count > 1 ? "?\(parts[1])" : ""
                connection.respond(status: status, headers: [("Location", location + query)])
            }
            let server = try tokenRegistry(token: token, content: manifestAnswer())
            defer { server.stop() }
            try await withClient { client in
                #expect(await resolve(client, server, credential) == nil)
                let last = try #require(tokenRequests(server).last)
                let isShown = last.header("Authorization") != nil || last.text.contains("canary")
                #expect(isShown == (credential != .anonymous))
            }
        }
    }

    @Test(arguments: [301, 302, 303, 307, 308]) func `no credential follows a token server's redirect to another host`(
        status: Int
    ) async throws {
        for credential in [RegistryCredential.password("canary-pass"), Self.identity, .anonymous] {
            let elsewhere = try ScriptedHTTPServer(then: .respond(body: #"{"token":"good"}"#), host: "127.0.0.9")
            defer { elsewhere.stop() }
            let token = Behaviour { request, connection in
                let query = request.target.split(separator: "?").dropFirst().first.map { "?\($0)" } ?? ""
                connection.respond(status: status, headers: [("Location", elsewhere.url("/token") + query)])
            }
            let server = try tokenRegistry(token: token, content: manifestAnswer())
            defer { server.stop() }
            try await withClient { client in
                // Public images are pulled with the token that everybody gets there.
                #expect(await resolve(client, server, credential) == nil)
            }
            #expect(elsewhere.authorizations == [nil])
            #expect(elsewhere.requests.map(\.method) == ["GET"])
            #expect(elsewhere.requests.allSatisfy { !($0.target + $0.text).contains("canary") })
        }
    }

    @Test func `what a host behind a token server's redirect refuses says nothing of the credential`() async throws {
        let home = Mutex("")
        for answer in [Behaviour.respond(status: 401), .respond(status: 403), .respond(body: #"{"token":"bad"}"#)] {
            let elsewhere = try ScriptedHTTPServer(then: answer, host: "127.0.0.9")
            defer { elsewhere.stop() }
            let token = Behaviour { _, connection in
                connection.respond(status: 307, headers: [("Location", home.withLock { $0 })])
            }
            let server = try tokenRegistry(token: token, content: manifestAnswer())
            defer { server.stop() }
            home.withLock { $0 = elsewhere.url("/token") }
            try await withClient { client in
                // Nodes may know better: their runtimes have other rules.
                for repository in ["a/b", "a/c"] {
                    let error = await resolve(client, server, repository: repository)
                    #expect(error?.code == .unsupported, "\(String(describing: error))")
                }
                #expect(elsewhere.requests.count == 2)
            }
        }
    }

    @Test func `a token server that redirects in circles or to where it may not ends`() async throws {
        for (location, most) in [("/token", 7), ("http://192.0.2.1/token", 2), ("ftp://127.0.0.1/", 2), ("", 2)] {
            let token = Behaviour.respond(status: 307, headers: [("Location", location)])
            let server = try tokenRegistry(token: token, content: manifestAnswer())
            defer { server.stop() }
            try await withClient { client in
                #expect(await resolve(client, server)?.code == .invalidResponse)
                #expect(server.requests.count <= most)
            }
        }
    }
}
