import Curl
import OCIRegistry
import Redaction
import Synchronization
import TestSupport
import Testing
import WireFormats

/// Which challenge of a registry is answered, with what, and how often.
@Suite(.timeLimit(.minutes(2))) struct ChallengeAnswerTests {
    private static let basic = "Basic \(Base64.encode(Array("robot:pw".utf8)))"
    private static let own = "repository%3Aa%2Fb%3Apull"

    private func resolve(
        _ client: RegistryClient,
        _ server: ScriptedHTTPServer,
        repository: String = "a/b",
        _ credential: RegistryCredential = .password("pw")
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

    /// A registry that gives its content for `Bearer good` and challenges everything else; `REALM` stands for its realm.
    private func registry(challenges: [String]) throws -> ScriptedHTTPServer {
        try ScriptedHTTPServer { request, connection in
            if request.target.hasPrefix("/token") {
                return connection.answer(body: #"{"token":"good"}"#)
            }
            guard request.header("Authorization") != "Bearer good" else { return manifestAnswer()(request, connection) }
            connection.challenge(challenges, realm: "http://\(request.header("Host") ?? "")/token")
        }
    }

    @Test(
        arguments: [
            [#"Basic realm="x""#, #"Bearer realm="REALM",service="hub""#],
            [#"Bearer realm="REALM",service="hub""#, #"Basic realm="x""#],
            [#"Basic realm="x", Bearer realm="REALM",service="hub""#],
            [#"Bearer realm="REALM",service="hub", Basic realm="x", charset="UTF-8""#],
            [#"Negotiate, NTLM dGVzdA==, Basic realm="a, Bearer realm=\"b\"", bEARER service=hub,Realm = "REALM""#],
            ["Negotiate", "Basic", #"Digest realm="x", nonce="y""#, #"Bearer service="hub", realm="REALM""#],
            // What cannot be read in one header, or after a challenge, hides no other.
            [#"Basic realm="open"#, #"Bearer realm="REALM",service="hub""#],
            [#"Bearer realm="REALM",service="hub",scope=repository:a/b:pull"#],
            ["Bearer realm=REALM,service=hub"],
            [#"Bearer realm="REALM",service="hub",error description="x""#],
            // The first of several that can be used.
            ["Bearer", #"Bearer realm="",service="x""#, #"Bearer realm="REALM",service="hub""#],
        ] as [[String]]
    )
    func `Bearer is answered whatever stands before it or beside it`(challenges: [String]) async throws {
        let server = try registry(challenges: challenges)
        defer { server.stop() }
        try await withClient { client in
            #expect(await resolve(client, server) == nil)
            #expect(server.authorizations == [nil, Self.basic, "Bearer good"])
            #expect(server.requests[1].target == "/token?service=hub&scope=\(Self.own)")
        }
    }

    @Test(
        arguments: [
            "", #",scope="""#, #",scope=" ""#, #",scope="repository:a/b:pull""#, #",scope="repository:other/x:pull""#,
            #",scope="repository:a/b:pull repository:other/x:pull,push""#, #",scope="registry:catalog:*""#,
        ]
    )
    func `the own repository is asked for, and nothing else, whatever the challenge names`(scope: String) async throws {
        let server = try registry(challenges: [#"Bearer realm="REALM""# + scope])
        defer { server.stop() }
        try await withClient { client in
            #expect(await resolve(client, server) == nil)
            #expect(server.requests[1].target == "/token?scope=\(Self.own)")
        }
    }

    @Test func `an empty service is not sent`() async throws {
        let server = try registry(challenges: [#"Bearer realm="REALM",service="""#])
        defer { server.stop() }
        try await withClient { client in
            #expect(await resolve(client, server) == nil)
            #expect(server.requests[1].target == "/token?scope=\(Self.own)")
        }
    }

    /// What a registry says to a first token, and what must be sent then.
    @Test(
        arguments: [
            // Another token server, and Basic in place of tokens.
            (#"Bearer realm="REALM/second""#, "/token/second?scope=\(own)", "Bearer good"),
            (#"Basic realm="x""#, nil, basic),
            // More than the own repository: asked for only now that the registry does not take less.
            (
                #"Bearer realm="REALM/first",scope="repository:up/a/b:pull",error="insufficient_scope""#,
                "/token/first?scope=\(own)&scope=repository%3Aup%2Fa%2Fb%3Apull", "Bearer good"
            ),
        ] as [(String, String?, String)]
    )
    func `a second, different challenge after a token is answered once`(
        challenge: String,
        target: String?,
        accepted: String
    ) async throws {
        for isTaken in [true, false] {
            let server = try ScriptedHTTPServer { request, connection in
                let host = request.header("Host") ?? ""
                let shown = request.header("Authorization")
                if request.target.hasPrefix("/token") {
                    let token = request.target == "/token/first?scope=\(Self.own)" ? "first" : "good"
                    return connection.answer(body: #"{"token":"\#(token)"}"#)
                }
                if isTaken, shown == accepted { return manifestAnswer()(request, connection) }
                let next = shown == nil ? #"Bearer realm="REALM/first""# : challenge
                connection.challenge([next], realm: "http://\(host)/token")
            }
            defer { server.stop() }
            try await withClient { client in
                #expect(await resolve(client, server)?.code == (isTaken ? nil : .unauthorized))
                let tokens = server.requests.map(\.target).filter { $0.hasPrefix("/token") }
                #expect(tokens == ["/token/first?scope=\(Self.own)"] + [target].compactMap(\.self))
                let shown = server.requests.filter { $0.target.hasPrefix("/v2/a/b") }.map { $0.header("Authorization") }
                #expect(shown == [nil, "Bearer first", accepted])
                guard isTaken else { return }
                // What was taken in the end is shown at once the next time.
                #expect(await resolve(client, server) == nil)
                #expect(server.requests.last?.header("Authorization") == accepted)
                #expect(server.requests.suffix(2).first?.header("Authorization") == accepted)
            }
        }
    }

    @Test func `challenges that change for ever end`() async throws {
        let count = Mutex(0)
        let server = try ScriptedHTTPServer { request, connection in
            if request.target.hasPrefix("/token") { return connection.answer(body: #"{"token":"t"}"#) }
            let number = count.withLock { count in
                count += 1
                return count
            }
            let challenge = #"Bearer realm="REALM/\#(number)",service="\#(number)",scope="repository:x\#(number):pull""#
            connection.challenge([challenge], realm: "http://\(request.header("Host") ?? "")/token")
        }
        defer { server.stop() }
        try await withClient { client in
            #expect(await resolve(client, server)?.code == .unauthorized)
            #expect(count.withLock { $0 } == 3)
        }
    }

    @Test(arguments: [
        RegistryCredential.password(""), .password("pw", user: ""), .identityToken(SecretBytes(utf8: "t")),
    ])
    func `Basic is not answered with half a pair, as containerd does not`(credential: RegistryCredential) async throws {
        let server = try ScriptedHTTPServer { _, connection in connection.challenge(["Basic"], realm: "") }
        defer { server.stop() }
        try await withClient { client in
            #expect(await resolve(client, server, credential)?.code == .unauthorized)
            #expect(server.authorizations == [nil])
        }
    }

    @Test func `an empty password is no credential to a token server either`() async throws {
        let server = try registry(challenges: [#"Bearer realm="REALM""#])
        defer { server.stop() }
        try await withClient { client in
            #expect(await resolve(client, server, .password("")) == nil)
            #expect(server.authorizations == [nil, nil, "Bearer good"])
        }
    }
}

extension ScriptedConnection {
    /// Answers 401 with one header for each challenge.
    fileprivate func challenge(_ challenges: [String], realm: String) {
        respond(
            status: 401,
            headers: challenges.map { ("WWW-Authenticate", $0.replacing("REALM", with: realm)) },
            body: Array(#"{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}"#.utf8)
        )
    }
}
