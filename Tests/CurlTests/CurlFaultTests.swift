import Curl
import Glibc
import Redaction
import TestSupport
import Testing

/// What a hostile or broken peer can do, each with the deadline or cap that must end it.
@Suite(.timeLimit(.minutes(2))) struct CurlFaultTests {
    private func request(
        _ server: ScriptedHTTPServer,
        total: Duration? = .seconds(20),
        idle: Duration? = nil,
        maximum: Int? = nil,
        truncates: Bool = false
    ) -> CurlRequest {
        CurlRequest(
            url: server.url(),
            totalTimeout: total,
            idleTimeout: idle,
            maximumResponseBytes: maximum,
            truncatesResponse: truncates
        )
    }

    @Test func `a refused connection was surely not written to`() async throws {
        let client = try CurlClient()
        let error = await failure(client, CurlRequest(url: "http://127.0.0.1:\(try freePort())/"))
        #expect(error?.code == .couldNotConnect)
        #expect(error?.isRetryable == true)
        #expect(error?.requestMayHaveBeenSent == false)
        await client.close()
    }

    @Test func `a name that does not exist`() async throws {
        let client = try CurlClient()
        let error = await failure(client, CurlRequest(url: "http://no-such-host.invalid/", totalTimeout: .seconds(20)))
        #expect(error?.code == .resolve || error?.code == .timeout)
        #expect(error?.requestMayHaveBeenSent == false)
        await client.close()
    }

    @Test(
        arguments: [
            .stall(after: "x", promising: 10), .drip(),
            .rawThenReset("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nx"),
            .raw("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nx"),
            .raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
        ] as [Behaviour]
    )
    func `a request that wants the status only gets it, and what there is of the body`(
        behaviour: Behaviour
    )
        async throws
    {
        try await withServer(then: behaviour) { server, client in
            var wanted = request(server, total: .seconds(3_600))
            wanted.toleratesBrokenBody = true
            wanted.bodyTimeout = .milliseconds(300)
            let response = try await client.execute(wanted)
            #expect(response.status == 200 && response.isTruncated)
            try await server.waitForDisconnect()
        }
    }

    @Test(arguments: [.hang, .endlessHeaders, .closeWithoutAnswer] as [Behaviour])
    func `a response that ends before its body has no status to tell`(behaviour: Behaviour) async throws {
        try await withServer(then: behaviour) { server, client in
            var wanted = request(server, total: .seconds(2))
            wanted.toleratesBrokenBody = true
            wanted.bodyTimeout = .milliseconds(1)
            #expect(await failure(client, wanted) != nil)
        }
    }

    @Test func `a request that is cancelled in its body has no response`() async throws {
        try await withServer(then: .stall(after: "x", promising: 10)) { server, client in
            var wanted = request(server, total: nil)
            wanted.toleratesBrokenBody = true
            let task = Task { [wanted] in try await client.execute(wanted) }
            try await server.waitForRequests(1)
            task.cancel()
            await #expect(throws: CurlError.self) { try await task.value }
        }
    }

    @Test func `no answer at all ends at the deadline`() async throws {
        try await withServer(then: .hang) { server, client in
            let error = await failure(client, request(server, total: .milliseconds(300)))
            #expect(error?.code == .timeout)
            #expect(error?.isRetryable == true)
            #expect(error?.requestMayHaveBeenSent == true)
            try await server.waitForDisconnect()
        }
    }

    @Test func `a body that drips ends at the deadline`() async throws {
        try await withServer(then: .drip()) { server, client in
            let error = await failure(client, request(server, total: .milliseconds(500)))
            #expect(error?.code == .timeout)
            try await server.waitForDisconnect()
        }
    }

    @Test func `silence ends at the idle time-out, a drip does not`() async throws {
        try await withServer([.stall(after: "abc", promising: 10), .drip(intervalMilliseconds: 10, total: 100)]) {
            server,
            client in
            #expect(await failure(client, request(server, idle: .milliseconds(300)))?.code == .timeout)
            let response = try await client.execute(request(server, idle: .seconds(5)))
            #expect(response.body.count == 100)
        }
    }

    @Test func `a body that is taken slowly is not silence`() async throws {
        let size = 16 << 20
        let slow: @Sendable (ScriptedConnection) -> Bool = { connection in
            var received = 0
            while received < size {
                let count = connection.discard()
                if count == 0 { return false }
                received += count
                usleep(5_000)
            }
            connection.respond(body: Array("taken".utf8))
            return false
        }
        try await withServer(greeting: slow) { server, client in
            var request = request(server, total: .seconds(100), idle: .milliseconds(600))
            request.method = "PUT"
            request.body = [UInt8](repeating: 1, count: size)
            let start = ContinuousClock.now
            let answer = try await client.execute(request)
            #expect(answer.text == "taken")
            #expect(ContinuousClock.now - start > .milliseconds(600))
        }
    }

    @Test func `silence before the status line ends at the idle time-out`() async throws {
        try await withServer(then: .hang) { server, client in
            #expect(await failure(client, request(server, total: nil, idle: .milliseconds(200)))?.code == .timeout)
        }
    }

    @Test(arguments: [true, false])
    func `an endless body ends at the cap`(isChunked: Bool) async throws {
        try await withServer(then: .endless(chunked: isChunked)) { server, client in
            let error = await failure(client, request(server, maximum: 100_000))
            #expect(error?.code == .tooLarge)
            #expect(error?.isRetryable == false)
            let cut = try await client.execute(request(server, maximum: 100_001, truncates: true))
            #expect(cut.isTruncated)
            #expect(cut.body.count == 100_001)
            try await server.waitForDisconnect()
        }
    }

    @Test func `a body of exactly the cap is whole`() async throws {
        try await withServer(then: .respond(body: "12345")) { server, client in
            let whole = try await client.execute(request(server, maximum: 5, truncates: true))
            #expect(whole.text == "12345")
            #expect(!whole.isTruncated)
            let none = try await client.execute(request(server, maximum: 0, truncates: true))
            #expect(none.body.isEmpty)
            #expect(none.isTruncated)
            #expect(await failure(client, request(server, maximum: 4))?.code == .tooLarge)
        }
    }

    @Test func `the client's own cap holds where the request has none`() async throws {
        try await withServer(then: .endless(), configuration: .init(maximumBufferedBytes: 200_000)) { server, client in
            #expect(await failure(client, request(server))?.code == .tooLarge)
        }
    }

    @Test func `a gzip bomb stays as small as it was sent`() async throws {
        let headers = [("Content-Encoding", "gzip")]
        let bytes: [UInt8] = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3] + [UInt8](repeating: 0xAA, count: 990)
        try await withServer([.respond(headers: headers, bytes: bytes)]) { server, client in
            let response = try await client.execute(request(server, maximum: 1000))
            #expect(response.body == bytes)
            #expect(server.requests[0].header("Accept-Encoding") == nil)
        }
    }

    @Test func `endless headers end at the cap`() async throws {
        try await withServer(then: .endlessHeaders) { server, client in
            #expect(await failure(client, request(server))?.code == .tooLarge)
            try await server.waitForDisconnect()
        }
    }

    @Test func `one header line without end ends`() async throws {
        let line = Behaviour { _, connection in
            connection.send("HTTP/1.1 200 OK\r\nX: ")
            while connection.send(String(repeating: "a", count: 10_000)) {}
            connection.close()
        }
        try await withServer(then: line) { server, client in
            #expect(await failure(client, request(server)) != nil)
            try await server.waitForDisconnect()
        }
    }

    @Test(
        arguments: [
            (.reset, .sendReceive), (.closeWithoutAnswer, .sendReceive),
            (.raw("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort"), .sendReceive),
            (.rawThenReset("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort"), .sendReceive),
            (.raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel"), .sendReceive),
            (.raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n"), .sendReceive),
            (.raw("SSH-2.0-OpenSSH_9.2\r\n"), .protocol), (.raw("HTTP/1.1 2xx OK\r\n\r\n"), .protocol),
            (.raw("HTTP/1.1 200 OK\r\nA: 1"), .sendReceive), (.raw("\r\n\r\n"), .protocol),
            (.raw("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 7\r\n\r\nhelloxx"), .protocol),
            (.raw("HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello"), .protocol),
            (.raw("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\nhello"), .protocol),
        ] as [(Behaviour, CurlError.Code)]
    )
    func `a broken answer is an error that may pass`(behaviour: Behaviour, code: CurlError.Code) async throws {
        try await withServer(then: behaviour) { server, client in
            let error = await failure(client, request(server))
            #expect([code, .sendReceive, .protocol].contains(error?.code), "\(String(describing: error))")
            #expect(error?.isRetryable == true)
            #expect(error?.requestMayHaveBeenSent == true, "\(String(describing: error))")
        }
    }

    @Test func `a half-open peer that finishes its sending half is answered in full`() async throws {
        let half = Behaviour { _, connection in
            connection.send("HTTP/1.1 200 OK\r\n\r\nuntil the end")
            connection.finishSending()
            connection.waitForEnd()
        }
        try await withServer([half]) { server, client in
            let answer = try await client.execute(request(server))
            #expect(answer.text == "until the end")
        }
    }

    @Test func `interim responses are skipped`() async throws {
        let interim = Behaviour.interim([100, 102, 103, 103], then: .respond(status: 202, body: "ok"))
        try await withServer([interim]) { server, client in
            let response = try await client.execute(request(server))
            #expect(response.status == 202)
            #expect(response.header("X-Interim") == nil)
        }
    }

    @Test func `interim responses without end end at the deadline or the cap`() async throws {
        let endless = Behaviour { _, connection in while connection.send("HTTP/1.1 100 Continue\r\n\r\n") {} }
        try await withServer(then: endless) { server, client in
            let error = await failure(client, request(server, total: .seconds(10)))
            #expect(error?.code == .tooLarge || error?.code == .timeout)
        }
    }

    @Test func `a peer that accepts and never reads`() async throws {
        let deaf: @Sendable (ScriptedConnection) -> Bool = { connection in
            connection.waitForEnd()
            return false
        }
        try await withServer(greeting: deaf) { server, client in
            var request = request(server, total: .milliseconds(500))
            request.method = "POST"
            request.body = [UInt8](repeating: 1, count: 30_000_000)
            #expect(await failure(client, request)?.code == .timeout)
        }
    }

    @Test func `an RST instead of a greeting`() async throws {
        let rude: @Sendable (ScriptedConnection) -> Bool = { connection in
            connection.reset()
            return false
        }
        try await withServer(greeting: rude) { server, client in
            #expect(await failure(client, request(server))?.isRetryable == true)
        }
    }

    @Test func `a total time-out that has passed sends nothing`() async throws {
        try await withServer { server, client in
            let error = await failure(client, request(server, total: .zero))
            #expect(error?.code == .timeout)
            #expect(error?.requestMayHaveBeenSent == false)
            #expect(server.connectionCount == 0)
        }
    }

    @Test func `no error text holds a secret that the peer echoes`() async throws {
        let echo = Behaviour { request, connection in
            connection.send("\(request.header("Authorization") ?? "") is not HTTP\r\n\r\n")
            connection.close()
        }
        try await withServer(then: echo) { server, client in
            var request = request(server)
            request.secretHeaders = [("Authorization", SecretBytes(utf8: "Bearer canary-4711"))]
            let error = try #require(await failure(client, request))
            #expect(!"\(error)".contains("canary"))
            #expect(!String(reflecting: error).contains("canary"))
            #expect(!String(reflecting: request).contains("canary"))
        }
    }
}
