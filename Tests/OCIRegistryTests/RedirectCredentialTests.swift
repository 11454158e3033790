import OCIRegistry
import Redaction
import Synchronization
import TestSupport
import Testing
import WireFormats

/// A credential goes only to the host that it was given for, and a token only to the host whose token server gave it.
@Suite(.timeLimit(.minutes(2))) struct RedirectCredentialTests {
    private static let credentials: [RegistryCredential] = [
        .password("canary-pass"), .identityToken(SecretBytes(utf8: "canary-identity")),
        .registryToken(SecretBytes(utf8: "canary-registry")),
    ]
    private static let secrets = [
        "canary", Base64.encode(Array("robot:canary-pass".utf8)), "robot", "token-of-a",
    ]

    private func resolve(
        _ client: RegistryClient,
        _ host: String,
        reference: String = "v1",
        _ credential: RegistryCredential
    ) async -> RegistryError? {
        await registryError { () throws(RegistryError) in
            try await client.resolve(host: host, repository: "a/b", reference: reference, credential: credential)
        }
    }

    /// Registry A: takes each of ``credentials`` by way of its token server, and redirects who has got through.
    private func redirectingRegistry(
        to location: @escaping @Sendable (ScriptedRequest) -> String
    ) throws -> ScriptedHTTPServer {
        try ScriptedHTTPServer { request, connection in
            if request.target.hasPrefix("/token") {
                connection.respond(body: Array(#"{"token":"token-of-a","expires_in":300}"#.utf8))
            } else if ["Bearer token-of-a", "Bearer canary-registry"].contains(request.header("Authorization")) {
                connection.respond(status: 307, headers: [("Location", location(request))])
            } else {
                let realm = "http://\(request.header("Host") ?? "")/token"
                connection.challenge(#"Bearer realm="\#(realm)",service="a""#)
            }
        }
    }

    /// Host B: gives what is asked for to those who show its token, which `/token` gives to everybody.
    private func tokenHost(
        realm: String? = nil,
        host: String = "127.0.0.1",
        content: @escaping @Sendable (ScriptedRequest, ScriptedConnection) -> Void = manifestAnswer()
    ) throws -> ScriptedHTTPServer {
        try ScriptedHTTPServer(host: host) { request, connection in
            if request.target.hasPrefix("/token") {
                connection.respond(body: Array(#"{"token":"token-of-b","expires_in":300}"#.utf8))
            } else if request.header("Authorization") == "Bearer token-of-b" {
                content(request, connection)
            } else {
                let own = "http://\(request.header("Host") ?? "")/token"
                connection.challenge(#"Bearer realm="\#(realm ?? own)",service="b",scope="repository:c/d:pull""#)
            }
        }
    }

    private func expectNoSecret(in server: ScriptedHTTPServer, _ secrets: [String] = RedirectCredentialTests.secrets) {
        for secret in secrets { #expect(!server.received.contains(secret), "\(secret)") }
    }

    @Test(arguments: credentials, ["127.0.0.1", "127.0.0.9"])
    func `the challenge of a host behind a redirect is answered without the credential`(
        credential: RegistryCredential,
        host: String
    ) async throws {
        let tokens = try ScriptedHTTPServer(then: .respond(body: #"{"token":"token-of-b"}"#))
        defer { tokens.stop() }
        let other = try tokenHost(realm: tokens.url("/token"), host: host)
        defer { other.stop() }
        let server = try redirectingRegistry { other.url($0.target) }
        defer { server.stop() }
        try await withClient { client in
            for reference in ["v1", "v2"] {
                #expect(await resolve(client, server.registryHost, reference: reference, credential) == nil)
            }
        }
        expectNoSecret(in: other)
        expectNoSecret(in: tokens)
        expectNoSecret(in: server, ["token-of-b"])
        #expect(tokens.requests.map(\.target) == ["/token?service=b&scope=repository%3Ac%2Fd%3Apull"])
        #expect(tokens.authorizations == [nil])
        #expect(other.authorizations == [nil, "Bearer token-of-b", "Bearer token-of-b"])
    }

    @Test(arguments: credentials) func `a Basic challenge behind a redirect is not answered`(
        credential: RegistryCredential
    ) async throws {
        let other = try ScriptedHTTPServer { _, connection in connection.challenge(#"Basic realm="b""#) }
        defer { other.stop() }
        let server = try redirectingRegistry { other.url($0.target) }
        defer { server.stop() }
        try await withClient { client in
            for _ in 0..<2 {
                let error = await resolve(client, server.registryHost, credential)
                #expect(error?.code == .unauthorized && error?.host == server.registryHost)
                #expect(error?.message.contains("127.0.0.1") == true)
            }
        }
        #expect(other.authorizations == [nil, nil])
        // What the registry itself has said still holds: its token is not forgotten, and it is not asked by Basic.
        #expect(server.requests.filter { $0.target.hasPrefix("/token") }.count <= 1)
        #expect(server.authorizations.last == server.authorizations.dropLast().last)
    }

    @Test func `a refusal behind a redirect does not hold the credential for wrong`() async throws {
        let other = try tokenHost(realm: "http://127.0.0.1:1/token")
        defer { other.stop() }
        let refusing = try ScriptedHTTPServer(then: .respond(status: 401))
        defer { refusing.stop() }
        let guarded = try tokenHost(realm: refusing.url("/token"))
        defer { guarded.stop() }
        let home = Mutex("")
        let server = try ScriptedHTTPServer { request, connection in
            guard request.header("Authorization") != nil else {
                connection.challenge(#"Basic realm="a""#)
                return
            }
            let target = home.withLock { $0 }
            if target.isEmpty { return manifestAnswer()(request, connection) }
            connection.respond(status: 307, headers: [("Location", target)])
        }
        defer { server.stop() }
        try await withClient { client in
            for (target, code) in [(guarded.url(), RegistryError.Code.unauthorized), (other.url(), .network)] {
                home.withLock { $0 = target }
                #expect(await resolve(client, server.registryHost, .password("canary-pass"))?.code == code)
                home.withLock { $0 = "" }
                #expect(await resolve(client, server.registryHost, .password("canary-pass")) == nil)
            }
        }
        for server in [other, refusing, guarded] { expectNoSecret(in: server) }
    }

    @Test(arguments: credentials) func `a redirect back to the registry is asked without the credential`(
        credential: RegistryCredential
    ) async throws {
        let home = Mutex("")
        let other = try tokenHost { _, connection in
            connection.respond(status: 307, headers: [("Location", home.withLock { $0 })])
        }
        defer { other.stop() }
        let server = try ScriptedHTTPServer { request, connection in
            let shown = request.header("Authorization")
            if request.target.hasPrefix("/token") {
                let isAnonymous = shown == nil && request.body.isEmpty
                let token = isAnonymous ? "anonymous-of-a" : "token-of-a"
                connection.respond(body: Array(#"{"token":"\#(token)"}"#.utf8))
            } else if shown == nil {
                let realm = "http://\(request.header("Host") ?? "")/token"
                connection.challenge(#"Bearer realm="\#(realm)""#)
            } else if request.target.hasSuffix("/back") {
                manifestAnswer()(request, connection)
            } else {
                connection.respond(status: 307, headers: [("Location", other.url())])
            }
        }
        defer { server.stop() }
        home.withLock { $0 = server.url("/v2/back") }
        try await withClient { client in
            #expect(await resolve(client, server.registryHost, credential) == nil)
        }
        expectNoSecret(in: other, Self.secrets + ["anonymous-of-a"])
        let back = server.requests.filter { $0.target == "/v2/back" }
        #expect(back.map { $0.header("Authorization") } == [nil, "Bearer anonymous-of-a"])
        expectNoSecret(in: server, ["token-of-b"])
    }

    @Test func `an upload location on another host gets an anonymous token at most`() async throws {
        let bearer = try tokenHost { _, connection in connection.respond(status: 201) }
        defer { bearer.stop() }
        let basic = try ScriptedHTTPServer { _, connection in connection.challenge(#"Basic realm="b""#) }
        defer { basic.stop() }
        for (target, code) in [(bearer, nil), (basic, .unauthorized)] as [(ScriptedHTTPServer, RegistryError.Code?)] {
            let server = try ScriptedHTTPServer { request, connection in
                if request.header("Authorization") == nil {
                    connection.challenge(#"Basic realm="a""#)
                } else if request.method == "POST" {
                    connection.respond(status: 202, headers: [("Location", target.url("/upload?state=s"))])
                } else {
                    connection.send("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
                }
            }
            defer { server.stop() }
            let error = try await withClient { client in
                await registryError { () throws(RegistryError) in
                    try await client.uploadBlob(
                        host: server.registryHost,
                        repository: "a/b",
                        bytes: [1, 2, 3],
                        credential: .password("canary-pass")
                    )
                }
            }
            #expect(error?.code == code)
            expectNoSecret(in: target)
            expectNoSecret(in: server, ["token-of-b"])
        }
        #expect(bearer.requests.last?.body == [1, 2, 3])
    }

    @Test(arguments: credentials) func `storage behind a blob's redirect gets no authorization at all`(
        credential: RegistryCredential
    ) async throws {
        let bytes = Array("layer".utf8)
        let storage = try ScriptedHTTPServer(then: .respond(bytes: bytes))
        defer { storage.stop() }
        let server = try redirectingRegistry { _ in storage.url("/bucket?signature=s") }
        defer { server.stop() }
        try await withClient { client in
            for _ in 0..<2 {
                let blob = try await client.blob(
                    host: server.registryHost,
                    repository: "a/b",
                    digest: OCIDigest(of: bytes),
                    credential: credential
                )
                #expect(try await blob.collect(upTo: 100) == bytes)
            }
        }
        #expect(storage.authorizations == [nil, nil])
        expectNoSecret(in: storage)
    }

    @Test func `the token server that the registry itself names gets the credential, wherever it is`() async throws {
        let tokens = try ScriptedHTTPServer(
            then: .respond(body: #"{"token":"good"}"#),
            host: "127.0.0.9"
        )
        defer { tokens.stop() }
        let server = try tokenRegistry(realm: tokens.url("/token"), content: manifestAnswer())
        defer { server.stop() }
        try await withClient { client in
            #expect(await resolve(client, server.registryHost, .password("canary-pass")) == nil)
        }
        #expect(tokens.authorizations == ["Basic \(Base64.encode(Array("robot:canary-pass".utf8)))"])
        expectNoSecret(in: server, ["canary", Base64.encode(Array("robot:canary-pass".utf8))])
    }

    @Test func `the same host in upper case is the same host, and user information is refused`() async throws {
        let location = Mutex("")
        let server = try ScriptedHTTPServer { request, connection in
            if request.target == "/v2/moved" { return manifestAnswer()(request, connection) }
            guard request.header("Authorization") != nil else { return connection.challenge(#"Basic realm="a""#) }
            connection.respond(status: 307, headers: [("Location", location.withLock { $0 })])
        }
        defer { server.stop() }
        let host = "localhost:\(server.port)"
        try await withClient { client in
            location.withLock { $0 = "HTTP://LOCALHOST:\(server.port)/v2/moved" }
            #expect(await resolve(client, host, .password("canary-pass")) == nil)
            #expect(server.requests.last?.target == "/v2/moved")
            #expect(server.authorizations.last?.map { $0.hasPrefix("Basic ") } == true)
            let count = server.requests.count
            for user in ["user@", "user:canary@", "localhost:\(server.port)@", "x\\@"] {
                location.withLock { $0 = "http://\(user)localhost:\(server.port)/v2/moved" }
                #expect(await resolve(client, host, .password("canary-pass"))?.code == .invalidResponse)
            }
            #expect(server.requests.count == count + 4)
            #expect(server.requests.suffix(4).allSatisfy { $0.target != "/v2/moved" })
        }
    }

    /// Hosts that answer at random: any redirect, any challenge with any token server, for many seeds.
    @Test(arguments: 0..<24) func `no walk through hosts takes a secret to a host that must not have it`(
        seed: Int
    ) async throws {
        let world = Mutex(SeededGenerator(seed: UInt64(seed)))
        let urls = Mutex<[String]>([])
        @Sendable func pick(_ count: Int) -> Int { world.withLock { Int.random(in: 0..<count, using: &$0) } }
        var servers: [ScriptedHTTPServer] = []
        defer { for server in servers { server.stop() } }
        for number in 0..<4 {
            servers.append(
                try ScriptedHTTPServer { request, connection in
                    let other = urls.withLock { $0 }[pick(4)]
                    if request.target.hasPrefix("/token") {
                        let owner = request.target.split(separator: "/").last?.prefix { $0.isNumber } ?? ""
                        connection.respond(body: Array(#"{"token":"<token-of-\#(owner)>"}"#.utf8))
                        return
                    }
                    // The registry's own token servers are its own choice, and in this test it chooses itself.
                    let realm = number == 0 ? urls.withLock { $0 }[0] : other
                    switch pick(5) {
                    case 0: manifestAnswer()(request, connection)
                    case 1, 2: connection.respond(status: 307, headers: [("Location", "\(other)/v2/\(pick(9))")])
                    case 3 where number != 0: connection.challenge(#"Basic realm="x""#)
                    default: connection.challenge(#"Bearer realm="\#(realm)/token/\#(number)""#)
                    }
                }
            )
        }
        urls.withLock { $0 = servers.map { String($0.url().dropLast()) } }
        try await withClient { client in
            for index in 0..<8 {
                _ = await resolve(client, servers[0].registryHost, reference: "v\(index)", Self.credentials[seed % 3])
            }
        }
        for (number, server) in servers.enumerated() {
            if number != 0 { expectNoSecret(in: server, Array(Self.secrets.dropLast())) }
            let foreign = (0..<4).filter { $0 != number }.map { "<token-of-\($0)>" }
            expectNoSecret(in: server, foreign)
        }
    }
}

extension ScriptedHTTPServer {
    /// Everything that has been received: request lines, headers and bodies.
    fileprivate var received: String {
        requests.map { request in
            let headers = request.headers.map { "\($0.name): \($0.value)" }.joined(separator: "\n")
            return "\(request.method) \(request.target)\n\(headers)\n\n\(request.text)"
        }.joined(separator: "\n")
    }
}

extension ScriptedConnection {
    fileprivate func challenge(_ text: String) {
        respond(
            status: 401,
            headers: [("WWW-Authenticate", text)],
            body: Array(#"{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}"#.utf8)
        )
    }
}
