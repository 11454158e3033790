import Curl
import Redaction
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(2))) struct CurlClientTests {
    @Test func `a response arrives whole`() async throws {
        let headers = [("X-One", "1"), ("x-one", "2"), ("Content-Type", "text/plain")]
        try await withServer([.respond(status: 201, headers: headers, body: "héllo")]) { server, client in
            let response = try await client.execute(CurlRequest(url: server.url("/a/../b?c=d")))
            #expect(response.status == 201)
            #expect(response.text == "héllo")
            #expect(response.header("X-ONE") == "1")
            #expect(response.headers("X-One") == ["1", "2"])
            #expect(response.header("Missing") == nil)
            #expect(response.transfer.httpVersion == 11)
            #expect(server.requests.map(\.target) == ["/a/../b?c=d"])
        }
    }

    @Test(arguments: ["GET", "DELETE", "POST", "PUT", "PATCH", "OPTIONS", "QUERY"])
    func `every method carries a body or none`(method: String) async throws {
        try await withServer { server, client in
            _ = try await client.execute(CurlRequest(method: method, url: server.url()))
            _ = try await client.execute(CurlRequest(method: method, url: server.url(), body: Array("{}".utf8)))
            #expect(server.requests.map(\.method) == [method, method])
            #expect(server.requests.map(\.text) == ["", "{}"])
            #expect(server.requests.allSatisfy { $0.header("Content-Type") == nil && $0.header("Expect") == nil })
            let sendsEmptyBody = ["POST", "PUT", "PATCH"].contains(method)
            #expect(server.requests[0].header("Content-Length") == (sendsEmptyBody ? "0" : nil))
        }
    }

    @Test func `HEAD waits for no body`() async throws {
        let head = Behaviour { _, connection in connection.send("HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n") }
        try await withServer([head]) { server, client in
            let response = try await client.execute(CurlRequest(method: "HEAD", url: server.url()))
            #expect(response.header("content-length") == "5000")
            #expect(response.body.isEmpty)
            let again = try await client.execute(CurlRequest(url: server.url()))
            #expect(again.text == "hello")
            #expect(again.transfer.reusedConnection)
        }
    }

    @Test func `a large body is sent without waiting for 100-continue`() async throws {
        try await withServer { server, client in
            let body = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
            _ = try await client.execute(CurlRequest(method: "POST", url: server.url(), body: body))
            #expect(server.requests[0].body == body)
            #expect(server.requests[0].header("Expect") == nil)
        }
    }

    @Test func `headers are sent as given`() async throws {
        try await withServer { server, client in
            let request = CurlRequest(
                url: server.url(),
                headers: [("Accept", "application/json"), ("X-Empty", ""), ("User-Agent", "other")],
                secretHeaders: [("Authorization", SecretBytes(utf8: "Bearer s3cret-token"))]
            )
            _ = try await client.execute(request)
            let sent = server.requests[0]
            #expect(sent.header("Authorization") == "Bearer s3cret-token")
            #expect(sent.header("Accept") == "application/json")
            #expect(sent.header("X-Empty")?.isEmpty == true)
            #expect(sent.headers.filter { $0.name.lowercased() == "user-agent" }.map(\.value) == ["other"])
        }
    }

    @Test func `the client names itself`() async throws {
        try await withServer(configuration: .init(userAgent: "ship/1")) { server, client in
            _ = try await client.execute(CurlRequest(url: server.url()))
            #expect(server.requests[0].header("User-Agent") == "ship/1")
        }
    }

    @Test(arguments: [
        CurlRequest(method: "GET X", url: "http://127.0.0.1/"), CurlRequest(method: "", url: "http://127.0.0.1/"),
        CurlRequest(method: "GET\r\nX: y", url: "http://127.0.0.1/"),
        CurlRequest(url: "http://127.0.0.1/", headers: [("A\r\nB", "c")]),
        CurlRequest(url: "http://127.0.0.1/", headers: [("A", "c\r\nInjected: 1")]),
        CurlRequest(url: "http://127.0.0.1/", headers: [("A", "c\u{0}d")]),
        CurlRequest(url: "http://127.0.0.1/", headers: [("", "c")]),
        CurlRequest(url: "http://127.0.0.1/", headers: [("Content-Length", "5")]),
        CurlRequest(url: "http://127.0.0.1/", headers: [("transfer-Encoding", "chunked")]),
        CurlRequest(url: "http://127.0.0.1/", secretHeaders: [("A", SecretBytes(utf8: "s3cret\nvalue"))]),
        CurlRequest(method: "HEAD", url: "http://127.0.0.1/", body: [1]),
    ])
    func `a request that would break the message is refused`(request: CurlRequest) async throws {
        let client = try CurlClient()
        let error = await failure(client, request)
        #expect(error?.code == .invalidRequest)
        #expect(error?.requestMayHaveBeenSent == false)
        #expect(error?.description.contains("s3cret") == false)
        await client.close()
    }

    @Test func `connections are reused`() async throws {
        try await withServer { server, client in
            for _ in 0..<20 { _ = try await client.execute(CurlRequest(url: server.url())) }
            #expect(server.connectionCount == 1)
        }
    }

    @Test func `a reused connection that the peer has closed is replaced`() async throws {
        try await withServer { server, client in
            _ = try await client.execute(CurlRequest(url: server.url()))
            server.dropConnections()
            try await server.waitForDisconnect()
            let response = try await client.execute(CurlRequest(method: "POST", url: server.url(), body: [1]))
            #expect(response.status == 200)
            #expect(server.connectionCount == 2)
        }
    }

    @Test(arguments: [301, 302, 303, 307, 308])
    func `redirects are returned, not followed`(status: Int) async throws {
        let target = try ScriptedHTTPServer()
        defer { target.stop() }
        try await withServer([.redirect(status: status, to: target.url())]) { server, client in
            let response = try await client.execute(CurlRequest(url: server.url()))
            #expect(response.status == status)
            #expect(response.header("Location") == target.url())
            #expect(target.connectionCount == 0)
        }
    }

    @Test func `resolve overrides replace the resolver`() async throws {
        let server = try ScriptedHTTPServer()
        defer { server.stop() }
        let address = try #require(IPAddress("127.0.0.1"))
        let override = CurlClient.ResolveOverride(host: "Hub.Test", port: server.port, addresses: [address])
        let client = try CurlClient(configuration: .init(resolveOverrides: [override]))
        let response = try await client.execute(CurlRequest(url: "http://hub.test:\(server.port)/"))
        #expect(response.status == 200)
        #expect(server.requests[0].header("Host") == "hub.test:\(server.port)")
        await client.close()
    }

    @Test func `a cancelled task ends its transfer`() async throws {
        try await withServer(then: .hang) { server, client in
            let task = Task { await failure(client, CurlRequest(url: server.url())) }
            try await server.waitForRequests(1)
            task.cancel()
            #expect(await task.value?.code == .cancelled)
            try await server.waitForDisconnect()
        }
    }

    @Test func `a task that was cancelled before does not send`() async throws {
        try await withServer { server, client in
            let task = Task {
                withUnsafeCurrentTask { $0?.cancel() }
                return await failure(client, CurlRequest(url: server.url()))
            }
            #expect(await task.value?.code == .cancelled)
            #expect(server.requests.isEmpty)
        }
    }

    @Test func `closing ends what is under way and refuses the rest`() async throws {
        try await withServer(then: .hang) { server, client in
            let running = Task { await failure(client, CurlRequest(url: server.url())) }
            try await server.waitForRequests(1)
            await client.close()
            #expect(await running.value?.code == .closed)
            #expect(await failure(client, CurlRequest(url: server.url()))?.code == .closed)
            await client.close()
        }
    }

    @Test func `a client that is let go ends its thread and its connections`() async throws {
        let server = try ScriptedHTTPServer()
        defer { server.stop() }
        do {
            let client = try CurlClient()
            _ = try await client.execute(CurlRequest(url: server.url()))
        }
        try await server.waitForDisconnect()
    }
}
