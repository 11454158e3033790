import Curl
import Synchronization
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(2))) struct CurlStreamTests {
    @Test func `head and pieces come as they are sent`() async throws {
        let step = Mutex(0)
        let steps = Behaviour { _, connection in
            connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-Kind: watch\r\n\r\n")
            for index in 1...3 {
                while step.withLock({ $0 }) < index { if connection.waitForEnd(timeoutMilliseconds: 5) { return } }
                connection.sendChunk(Array("line \(index)\n".utf8))
            }
            connection.sendChunk([])
        }
        try await withServer([steps]) { server, client in
            let response = try await client.stream(CurlRequest(url: server.url()))
            #expect(response.status == 200)
            #expect(response.header("x-kind") == "watch")
            var iterator = response.body.makeAsyncIterator()
            for index in 1...3 {
                step.withLock { $0 = index }
                let piece = try #require(try await iterator.next())
                #expect(String(decoding: piece, as: UTF8.self) == "line \(index)\n")
            }
            #expect(try await iterator.next() == nil)
            #expect(try await iterator.next() == nil)
            #expect(response.body.transfer?.httpVersion == 11)
        }
    }

    @Test func `a slow reader stops the peer, and gets every byte`() async throws {
        let sent = Mutex(0)
        let total = 40 << 20
        let flood = Behaviour { _, connection in
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(total)\r\n\r\n")
            let piece = (0..<65_536).map { UInt8(truncatingIfNeeded: $0) }
            while sent.withLock({ $0 }) < total, connection.send(piece) { sent.withLock { $0 += piece.count } }
        }
        try await withServer([flood]) { server, client in
            let response = try await client.stream(CurlRequest(url: server.url()))
            // The peer's progress must come to rest, with socket buffers full, long before the end.
            var last = -1
            try await waitUntil(interval: .milliseconds(300), "a stop") {
                let now = sent.withLock { $0 }
                defer { last = now }
                return now > 0 && now == last
            }
            #expect(sent.withLock { $0 } < total - (8 << 20))
            var received = 0
            var isRight = true
            for try await piece in response.body {
                for byte in piece {
                    isRight = isRight && byte == UInt8(truncatingIfNeeded: received)
                    received += 1
                }
            }
            #expect(received == total)
            #expect(isRight)
        }
    }

    @Test func `letting go of the body ends the transfer`() async throws {
        try await withServer(then: .endless()) { server, client in
            do {
                let response = try await client.stream(CurlRequest(url: server.url()))
                var iterator = response.body.makeAsyncIterator()
                _ = try await iterator.next()
            }
            try await server.waitForDisconnect()
            let answer = try await client.execute(CurlRequest(method: "HEAD", url: server.url()))
            #expect(answer.status == 200)
        }
    }

    @Test func `letting go of an unread and paused body ends the transfer`() async throws {
        try await withServer(then: .endless()) { server, client in
            _ = try await client.stream(CurlRequest(url: server.url()))
            try await server.waitForDisconnect()
        }
    }

    @Test func `cancelling the reader ends the transfer`() async throws {
        try await withServer(then: .stall(after: "abc", promising: 10)) { server, client in
            let task = Task { () -> CurlError? in
                do throws(CurlError) {
                    let response = try await client.stream(CurlRequest(url: server.url()))
                    for try await _ in response.body {}
                    return nil
                } catch {
                    return error
                }
            }
            try await server.waitForRequests(1)
            task.cancel()
            #expect(await task.value?.code == .cancelled)
            try await server.waitForDisconnect()
        }
    }

    @Test func `a stream that breaks off is told from one that ends`() async throws {
        let queue: [Behaviour] = [
            .raw("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"), .chunked(["abc", "def"]),
        ]
        try await withServer(queue, then: .reset) { server, client in
            let request = CurlRequest(url: server.url())
            let broken = try await client.stream(request)
            await #expect(throws: CurlError.self) { for try await _ in broken.body {} }
            let whole = try await client.stream(request).body.collect(upTo: 100)
            #expect(whole.bytes == Array("abcdef".utf8))
            #expect(!whole.isTruncated)
            await #expect(throws: CurlError.self) { try await client.stream(request) }
        }
    }

    @Test func `collecting stops at its limit`() async throws {
        try await withServer(then: .endless()) { server, client in
            let (bytes, isTruncated) = try await client.stream(CurlRequest(url: server.url())).body.collect(upTo: 1000)
            #expect(bytes.count == 1000)
            #expect(isTruncated)
            try await server.waitForDisconnect()
        }
    }

    @Test func `a silent stream ends at the idle time-out`() async throws {
        try await withServer(then: .stall(after: "abc", promising: 10)) { server, client in
            let request = CurlRequest(url: server.url(), idleTimeout: .milliseconds(300))
            let response = try await client.stream(request)
            let error = await #expect(throws: CurlError.self) { for try await _ in response.body {} }
            #expect(error?.code == .timeout)
        }
    }

    @Test func `the deadline of a stream covers its body`() async throws {
        try await withServer(then: .drip()) { server, client in
            let response = try await client.stream(CurlRequest(url: server.url(), totalTimeout: .milliseconds(500)))
            let error = await #expect(throws: CurlError.self) { for try await _ in response.body {} }
            #expect(error?.code == .timeout)
        }
    }

    @Test func `closing the client ends its streams`() async throws {
        try await withServer(then: .stall(after: "abc", promising: 10)) { server, client in
            let response = try await client.stream(CurlRequest(url: server.url()))
            await client.close()
            let error = await #expect(throws: CurlError.self) { for try await _ in response.body {} }
            #expect(error?.code == .closed)
        }
    }

    @Test func `a body outlives the reference to its client`() async throws {
        let server = try ScriptedHTTPServer(then: .chunked(["abc", "def"]))
        defer { server.stop() }
        let body = try await CurlClient().stream(CurlRequest(url: server.url())).body
        #expect(try await body.collect(upTo: 100).bytes.count == 6)
    }
}
