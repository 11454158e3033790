import Curl
import Glibc
import OCIRegistry
import Redaction
import Synchronization
import TestSupport
import Testing
import WireFormats

@Suite(.timeLimit(.minutes(2))) struct RegistryFaultTests {
    private func resolve(
        _ server: ScriptedHTTPServer,
        reference: String = "v1",
        _ configuration: RegistryClient.Configuration = .init(),
        credential: RegistryCredential = .anonymous
    ) async throws -> RegistryError? {
        try await withClient(configuration) { client in
            await registryError { () throws(RegistryError) in
                try await client.resolve(
                    host: server.registryHost,
                    repository: "a/b",
                    reference: reference,
                    credential: credential
                )
            }
        }
    }

    private func blob(
        _ server: ScriptedHTTPServer,
        _ digest: OCIDigest,
        size: Int? = nil
    ) async throws -> RegistryError? {
        try await withClient { client in
            await registryError { () throws(RegistryError) in
                let blob = try await client.blob(
                    host: server.registryHost,
                    repository: "a/b",
                    digest: digest,
                    size: size,
                    credential: .password("canary")
                )
                return try await blob.collect(upTo: 1 << 20)
            }
        }
    }

    @Test(
        arguments: [
            (.respond(status: 401), .unauthorized, false), (.respond(status: 403), .forbidden, false),
            (.respond(status: 402), .policyDenied, false), (.respond(status: 412), .policyDenied, false),
            (.respond(status: 451), .policyDenied, false),
            (
                .respond(status: 403, body: #"{"errors":[{"code":"PROJECTPOLICYVIOLATION","message":"not signed"}]}"#),
                .policyDenied, false
            ),
            (.respond(status: 404), .notFound, false), (.respond(status: 429), .rateLimited, true),
            (.respond(status: 500), .unavailable, true), (.respond(status: 502), .unavailable, true),
            (.respond(status: 503, headers: [("Retry-After", "3")]), .unavailable, true),
            (.respond(status: 504), .unavailable, true), (.respond(status: 400), .invalidResponse, true),
            (.respond(status: 418), .invalidResponse, true), (.respond(body: "<html>"), .invalidResponse, true),
            (.respond(body: ""), .invalidResponse, true), (.respond(status: 204), .invalidResponse, true),
            (
                .respond(
                    headers: [("Content-Type", "application/vnd.docker.distribution.manifest.v1+prettyjws")],
                    body: #"{"schemaVersion":1}"#
                ), .unsupported, false
            ),
            // Schema 1 is said of schema 1 only, whatever the header calls it.
            (.respond(body: #"{"schemaVersion":1,"fsLayers":[]}"#), .unsupported, false),
            (
                .respond(headers: [("Content-Type", OCIMediaType.manifest)], body: #"{"schemaVersion":2}"#),
                .invalidResponse, true
            ),
            (.endless(), .tooLarge, false), (.reset, .network, true), (.raw("SSH-2.0\r\n"), .invalidResponse, true),
            (.stall(after: "{", promising: 10), .timeout, true), (.endlessHeaders, .tooLarge, false),
            (.redirect(to: "/v2/loop"), .invalidResponse, true), (.redirect(to: "ftp://x/"), .invalidResponse, true),
            (.redirect(to: "http://192.0.2.1/"), .invalidResponse, true),
            (.respond(status: 401, headers: [("WWW-Authenticate", "Digest realm=\"x\"")]), .unauthorized, false),
            (.respond(status: 401, headers: [("WWW-Authenticate", "Bearer")]), .unsupported, false),
        ] as [(Behaviour, RegistryError.Code, Bool)]
    )
    func `each failure has its kind`(answer: Behaviour, code: RegistryError.Code, isRetryable: Bool) async throws {
        let server = try ScriptedHTTPServer(then: answer)
        defer { server.stop() }
        let error = try await resolve(server, .init(requestTimeout: .seconds(1)))
        #expect(error?.code == code, "\(String(describing: error))")
        #expect(error?.isRetryable == isRetryable)
        #expect(error?.host == server.registryHost)
    }

    @Test(arguments: [("5", 5), ("0", 0), ("999999999", 86_400), ("99999999999999999999999999", 86_400)])
    func `the time that a registry asks for is bounded`(value: String, seconds: Int) async throws {
        let server = try ScriptedHTTPServer(then: .respond(status: 429, headers: [("Retry-After", value)]))
        defer { server.stop() }
        #expect(try await resolve(server)?.retryAfter == .seconds(seconds))
    }

    @Test(
        arguments: [
            ("Sunday, 06-Nov-94 08:49:37 GMT", 37), ("Sun Nov  6 08:49:37 1994", 37),
            ("Sun, 06 Nov 1994 08:49:37 GMT", 37), ("Mon, 07 Nov 1994 08:49:00 GMT", 86_400),
            ("Tue, 08 Nov 1994 08:49:00 GMT", 86_400), ("Sun, 06 Nov 1994 08:48:59 GMT", nil),
            ("Sun, 06 Nov 1994 08:49:37", nil),
        ] as [(String, Int?)]
    )
    func `a date to come back at is read by the registry's own clock`(value: String, seconds: Int?) async throws {
        // The two differ by decades from the clock here: only their difference counts.
        let headers = [("Date", "Sun, 06 Nov 1994 08:49:00 GMT"), ("Retry-After", value)]
        for answer in [Behaviour.respond(status: 429, headers: headers), .respond(status: 503, headers: headers)] {
            let server = try ScriptedHTTPServer(then: answer)
            defer { server.stop() }
            #expect(try await resolve(server)?.retryAfter == seconds.map { .seconds($0) })
        }
        let token = Behaviour.respond(status: 429, headers: headers)
        let server = try tokenRegistry(token: token, content: manifestAnswer())
        defer { server.stop() }
        #expect(try await resolve(server, credential: .password("pw"))?.retryAfter == seconds.map { .seconds($0) })
    }

    @Test(arguments: ["-5", "soon", "", "Fri, 31 Dec 1999 23:59:59 GMT", "1.5"])
    func `any other such time is ignored`(value: String) async throws {
        let server = try ScriptedHTTPServer(then: .respond(status: 429, headers: [("Retry-After", value)]))
        defer { server.stop() }
        let error = try await resolve(server)
        #expect(error?.code == .rateLimited)
        #expect(error?.retryAfter == nil)
    }

    @Test func `a registry's words are kept, bounded and scrubbed`() async throws {
        let echo = Behaviour { request, connection in
            if let header = request.header("Authorization") {
                let text = String(repeating: "x", count: 5000)
                let body = #"{"errors":[{"code":"DENIED","message":"no: \#(header) canary-4711 \#(text)"}]}"#
                connection.respond(status: 403, body: Array(body.utf8))
            } else {
                connection.respond(status: 401, headers: [("WWW-Authenticate", "Basic realm=\"x\"")])
            }
        }
        let server = try ScriptedHTTPServer(then: echo)
        defer { server.stop() }
        let error = try #require(try await resolve(server, credential: .password("canary-4711")))
        #expect(error.code == .forbidden)
        #expect(error.message.hasPrefix("DENIED: no:"))
        #expect(error.message.utf8.count <= 520)
        let encoded = Base64.encode(Array("robot:canary-4711".utf8))
        #expect(!String(reflecting: error).contains("canary"))
        #expect(!String(reflecting: error).contains(encoded))
    }

    /// What `compose/chaos` found: the first calls to a registry after a start, with two credentials at once.
    @Test func `a credential that was not shown yet is not called wrong because another call has shown its own`()
        async throws
    {
        let late = Mutex(false)
        let server = try ScriptedHTTPServer { request, connection in
            guard request.header("Authorization") == nil else {
                manifestAnswer()(request, connection)
                return
            }
            // The first call hears that the registry wants Basic only after the second one has found it out.
            if request.target.hasSuffix("/first") {
                while !late.withLock({ $0 }) { usleep(1_000) }
            }
            connection.respond(status: 401, headers: [("WWW-Authenticate", "Basic realm=\"x\"")])
        }
        defer { server.stop() }
        try await withClient(.init()) { client in
            @Sendable func resolve(_ reference: String, _ password: String) async -> RegistryError? {
                await registryError { () throws(RegistryError) in
                    try await client.resolve(
                        host: server.registryHost,
                        repository: "a/b",
                        reference: reference,
                        credential: .password(password)
                    )
                }
            }
            async let first = resolve("first", "one")
            try await server.waitForRequests(1)
            #expect(await resolve("second", "two") == nil)
            late.withLock { $0 = true }
            #expect(await first == nil)
        }
    }

    @Test func `a manifest that is not what its digest says is refused`() async throws {
        let image = sampleImage()
        let server = try ScriptedHTTPServer(then: Behaviour(manifestAnswer(image)))
        defer { server.stop() }
        #expect(try await resolve(server, reference: image.descriptor.digest.description) == nil)
        #expect(try await resolve(server, reference: OCIDigest(of: [1]).description)?.code == .digestMismatch)
    }

    @Test func `a manifest that is not what the registry announces is refused`() async throws {
        let headers = [("Docker-Content-Digest", OCIDigest(of: [1]).description)]
        let server = try ScriptedHTTPServer(then: .respond(headers: headers, bytes: sampleImage().manifest))
        defer { server.stop() }
        #expect(try await resolve(server)?.code == .digestMismatch)
    }

    @Test func `a blob that is cut, changed or too long is found out`() async throws {
        let bytes = [UInt8](repeating: 5, count: 10_000)
        let digest = OCIDigest(of: bytes)
        let cases: [(Behaviour, RegistryError.Code?)] = [
            (.respond(bytes: bytes), nil),
            (.raw("HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\nshort"), .network),
            // Without a length the cut can only be seen by the digest.
            (.raw("HTTP/1.1 200 OK\r\n\r\nshort"), .digestMismatch),
            (.respond(bytes: [UInt8](repeating: 6, count: 10_000)), .digestMismatch),
            (.respond(bytes: bytes + [5]), .tooLarge), (.respond(bytes: []), .digestMismatch), (.endless(), .tooLarge),
        ]
        for (answer, code) in cases {
            let server = try ScriptedHTTPServer(then: answer)
            defer { server.stop() }
            #expect(try await blob(server, digest, size: bytes.count)?.code == code)
        }
    }

    @Test func `a blob's redirect is followed without the credential`() async throws {
        let bytes = Array("layer".utf8)
        let storage = try ScriptedHTTPServer(then: .respond(bytes: bytes))
        defer { storage.stop() }
        let server = try ScriptedHTTPServer { request, connection in
            if request.header("Authorization") == nil {
                connection.respond(status: 401, headers: [("WWW-Authenticate", "Basic realm=\"x\"")])
            } else if request.target.hasSuffix("/moved") {
                connection.respond(status: 302, headers: [("Location", storage.url("/bucket?signature=s"))])
            } else {
                // Within the registry the credential goes along.
                connection.respond(status: 307, headers: [("Location", "/v2/moved")])
            }
        }
        defer { server.stop() }
        #expect(try await blob(server, OCIDigest(of: bytes)) == nil)
        #expect(storage.requests.map(\.target) == ["/bucket?signature=s"])
        #expect(storage.authorizations == [nil])
        #expect(server.authorizations.compactMap(\.self).count == 2)
    }

    @Test func `another port of the same host is another host`() async throws {
        let other = try ScriptedHTTPServer(then: .respond(status: 401))
        defer { other.stop() }
        let server = try tokenRegistry { _, connection in
            connection.respond(status: 307, headers: [("Location", other.url())])
        }
        defer { server.stop() }
        #expect(try await blob(server, OCIDigest(of: []))?.code == .unauthorized)
        #expect(other.authorizations.allSatisfy { $0 == nil })
    }

    @Test func `redirects in a circle end`() async throws {
        let server = try ScriptedHTTPServer(then: .redirect(status: 307, to: "/v2/again"))
        defer { server.stop() }
        #expect(try await blob(server, OCIDigest(of: []))?.code == .invalidResponse)
        #expect(server.requests.count == 6)
    }

    @Test func `a redirect inwards is refused by the address policy`() async throws {
        let inner = try ScriptedHTTPServer(host: "127.0.0.9")
        defer { inner.stop() }
        let server = try ScriptedHTTPServer(then: .redirect(status: 307, to: inner.url()))
        defer { server.stop() }
        let policy = AddressPolicy(allowed: [try #require(CIDR("127.0.0.1/32"))])
        #expect(try await resolve(server, .init(addressPolicy: policy))?.code == .addressRefused)
        #expect(inner.connectionCount == 0)
    }

    @Test func `an upload is not redirected, and its location must be allowed`() async throws {
        let elsewhere = try ScriptedHTTPServer()
        defer { elsewhere.stop() }
        let server = try ScriptedHTTPServer { request, connection in
            switch request.method {
            case "HEAD": connection.send("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
            case "POST": connection.respond(status: 202, headers: [("Location", "http://192.0.2.1/upload")])
            default: connection.respond(status: 307, headers: [("Location", elsewhere.url())])
            }
        }
        defer { server.stop() }
        try await withClient { client in
            let upload = await registryError { () throws(RegistryError) in
                try await client.uploadBlob(host: server.registryHost, repository: "a", bytes: [1])
            }
            #expect(upload?.code == .invalidReference)
            let manifest = await registryError { () throws(RegistryError) in
                try await client.putManifest(
                    host: server.registryHost,
                    repository: "a",
                    reference: "v1",
                    bytes: [1],
                    mediaType: OCIMediaType.manifest
                )
            }
            #expect(manifest?.code == .invalidResponse)
            #expect(elsewhere.connectionCount == 0)
        }
    }

    @Test func `a cancelled task ends its request`() async throws {
        let server = try ScriptedHTTPServer(then: .hang)
        defer { server.stop() }
        try await withClient { client in
            let task = Task {
                await registryError { () throws(RegistryError) in
                    try await client.ping(host: server.registryHost, credential: .password("pw"))
                }
            }
            try await server.waitForRequests(1)
            task.cancel()
            #expect(await task.value?.code == .cancelled)
        }
    }
}
