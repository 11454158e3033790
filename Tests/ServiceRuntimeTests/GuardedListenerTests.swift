import NIOCore
import Synchronization
import TestSupport
import Testing

@testable import ServiceRuntime

/// What a listener does with clients that send what they should not, or nothing, or too slowly, over real sockets.
@Suite("A guarded listener", .timeLimit(.minutes(3)))
struct GuardedListenerTests {
    struct Sample: Sendable, CustomTestStringConvertible {
        let name: String
        let text: String
        let status: Int
        var testDescription: String { name }

        init(_ name: String, _ text: String, _ status: Int) {
            (self.name, self.text, self.status) = (name, text, status)
        }
    }

    static let samples: [Sample] = [
        Sample("no Host", "GET / HTTP/1.1\r\n\r\n", 400),
        Sample("two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        Sample("no Host in HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", 200),
        Sample("a bad chunk", "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n", 400),
        Sample(
            "a bad chunk after a good one",
            "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nx\r\n",
            400
        ),
        Sample(
            "a chunk longer than its size",
            "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabcd\r\n0\r\n\r\n",
            400
        ),
        Sample("another coding", "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\nabc", 501),
        Sample(
            "another coding before chunks",
            "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
            501
        ),
        Sample("identity", "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n", 501),
        Sample(
            "a length and chunks",
            "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
            400
        ),
        Sample(
            "chunks and a length",
            "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
            400
        ),
        Sample(
            "two lengths",
            "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
            400
        ),
        Sample("a negative length", "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: -3\r\n\r\nabc", 400),
        Sample("a length of words", "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: three\r\n\r\nabc", 400),
        Sample("no HTTP", "hello there\r\n\r\n", 400),
        Sample("TLS", "\u{16}\u{03}\u{01}\u{02}\u{00}\u{01}\u{00}\u{01}\r\n\r\n", 400),
        Sample("a header without a name", "GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n", 400),
        Sample("a space before the colon", "GET / HTTP/1.1\r\nHost: a\r\nX : b\r\n\r\n", 400),
        Sample("HTTP/3", "GET / HTTP/3.0\r\nHost: a\r\n\r\n", 505),
        Sample(
            "another expectation",
            "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: more\r\nContent-Length: 3\r\n\r\n",
            417
        ),
        Sample(
            "a field that is too long",
            "GET / HTTP/1.1\r\nHost: a\r\nX: \(String(repeating: "x", count: 70_000))\r\n\r\n",
            431
        ),
    ]

    @Test("answers what is no proper request with 4xx or 501, never with 500, and ends it there", arguments: samples)
    func answers(sample: Sample) async throws {
        let listener = try await GuardedListener()
        let answer = try await listener.exchange(sample.text)
        let begins = ["HTTP/1.1 \(sample.status) ", "HTTP/1.0 \(sample.status) "].contains { answer.hasPrefix($0) }
        #expect(begins, "\(answer)")
        #expect(answer.components(separatedBy: "HTTP/1.").count == 2, "one answer: \(answer)")
        try await listener.stop()
    }

    @Test("does not take a body for complete that was cut off")
    func cutOff() async throws {
        let listener = try await GuardedListener()
        let connection = try listener.connect()
        try await connection.send("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
        connection.closeSending()
        let answer = try await connection.readToEnd()
        #expect(answer.hasPrefix("HTTP/1.1 400 "), "\(answer)")
        try await listener.stop()
    }

    @Test("keeps a connection for further requests, pipelined ones too")
    func keepsConnections() async throws {
        let listener = try await GuardedListener()
        let connection = try listener.connect()
        let post = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
        try await connection.send(post)
        try await connection.read(until: "read 3")
        try await connection.send(post + post + "GET /close HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        let text = try await connection.readToEnd()
        #expect(text.components(separatedBy: "read 3").count == 4)
        #expect(text.lowercased().components(separatedBy: "connection: close").count == 2, "\(text)")
        #expect(text.hasSuffix("ok"))
        #expect(listener.seen.count.load(ordering: .relaxed) == 4)
        try await listener.stop()
    }

    @Test("asks for a body that is held back, and only when it is going to be read")
    func expectations() async throws {
        let listener = try await GuardedListener()
        let head = "HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"
        let wanted = try listener.connect()
        try await wanted.send("POST /echo \(head)")
        try await wanted.read(until: "HTTP/1.1 100 Continue\r\n\r\n")
        try await wanted.send("abc")
        try await wanted.read(until: "read 3")
        // The same connection again: the first one's body was read to its end.
        try await wanted.send("POST /refuse \(head)")
        let text = try await wanted.readToEnd()
        #expect(text.components(separatedBy: "100 Continue").count == 2, "\(text)")
        #expect(text.contains("HTTP/1.1 401"))
        try await listener.stop()
    }

    @Test("gives the answer to a client that is still sending, and does not read what it sends")
    func refusedBody() async throws {
        let listener = try await GuardedListener { $0.lingerBytes = 256 << 10 }
        let connection = try listener.connect()
        try await connection.send("POST /refuse HTTP/1.1\r\nHost: a\r\nContent-Length: 3221225472\r\n\r\n")
        let chunk = [UInt8](repeating: 0x61, count: 64 << 10)
        var sent = 0
        try await waitUntil("the end of the connection") {
            guard let count = connection.trySend(chunk[...]) else { return true }
            sent += count
            return false
        }
        // What the kernel holds at both ends comes to what was read.
        #expect(sent < 64 << 20, "\(sent)")
        try await listener.stop()

        let patient = try await GuardedListener()
        let reader = try patient.connect()
        try await reader.send("POST /refuse HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n")
        try await reader.send(String(repeating: "a", count: 50_000))
        let answer = try await reader.readToEnd()
        #expect(answer.hasPrefix("HTTP/1.1 401 "))
        #expect(answer.lowercased().contains("connection: close"))
        #expect(answer.hasSuffix("who are you"))
        try await patient.stop()
    }

    @Test("ends connections that are silent, slow with the head, slow with the body or idle")
    func timeouts() async throws {
        let listener = try await GuardedListener {
            $0.headTimeout = .milliseconds(400)
            $0.bodyTimeout = .milliseconds(400)
            $0.idleTimeout = .milliseconds(400)
        }
        let silent = try listener.connect()
        #expect(try await silent.readToEnd().isEmpty)
        let head = try listener.connect()
        #expect(try await drip("GET / HTTP/1.1\r\nHost: a\r\nX: ", on: head).hasPrefix("HTTP/1.1 408 "))
        let body = try listener.connect()
        let begun = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n"
        #expect(try await drip(begun, on: body).hasPrefix("HTTP/1.1 408 "))
        let refused = try listener.connect()
        let text = try await drip("POST /refuse HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n", on: refused)
        #expect(text.hasPrefix("HTTP/1.1 401 "))
        let idle = try listener.connect()
        try await idle.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try await idle.readToEnd().hasSuffix("ok"))
        try await waitUntil("all connections to be closed") { listener.connections.count == 0 }
        try await listener.stop()
    }

    /// Sends a text and then a byte now and then, as long as the connection takes it.
    private func drip(_ text: String, on connection: RawConnection) async throws -> String {
        try await connection.send(text)
        try await waitUntil(interval: .milliseconds(50), "a slow connection to be ended") {
            connection.trySend([0x61]) == nil
        }
        return try await connection.readToEnd()
    }

    @Test("ends a stream whose client takes nothing, and holds little for it")
    func stalledStream() async throws {
        let listener = try await GuardedListener {
            $0.stallTimeout = .milliseconds(500)
            $0.sendBufferBytes = 64 << 10
        }
        let connection = try listener.connect(receiveBuffer: 16 << 10)
        try await connection.send("GET /stream HTTP/1.1\r\nHost: a\r\n\r\n")
        try await waitUntil("the stream to be ended") { listener.seen.streamsEnded.load(ordering: .relaxed) == 1 }
        #expect(listener.seen.streamed.load(ordering: .relaxed) < 1 << 20)
        try await waitUntil("the connection to be closed") { listener.connections.count == 0 }
        try await listener.stop()
    }

    @Test("keeps a stream whose client reads slowly")
    func slowStream() async throws {
        let listener = try await GuardedListener {
            $0.stallTimeout = .seconds(2)
            $0.headTimeout = .milliseconds(300)
            $0.bodyTimeout = .milliseconds(300)
            $0.idleTimeout = .milliseconds(300)
        }
        let connection = try listener.connect()
        try await connection.send("GET /stream HTTP/1.1\r\nHost: a\r\n\r\n")
        // Well beyond every other time, as data is taken.
        let begun = ContinuousClock.now
        try await waitUntil(interval: .milliseconds(100), "a second of streaming") {
            try await connection.read(until: "aaaa")
            return ContinuousClock.now - begun > .seconds(1)
        }
        #expect(listener.seen.streamsEnded.load(ordering: .relaxed) == 0)
        connection.close()
        try await waitUntil("the stream to end") { listener.seen.streamsEnded.load(ordering: .relaxed) == 1 }
        try await listener.stop()
    }

    @Test("answers with 503 above its cap, and serves again when there is room")
    func overload() async throws {
        let listener = try await GuardedListener { $0.maximumConnections = 4 }
        let idle = try (0..<4).map { _ in try listener.connect() }
        try await waitUntil("the connections to be there") { listener.connections.count == 4 }
        let text = try await listener.exchange("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(text.hasPrefix("HTTP/1.1 503 "), "\(text)")
        #expect(text.contains("Retry-After: 5"))
        for connection in idle { connection.close() }
        try await waitUntil("room") { listener.connections.count == 0 }
        let connection = try listener.connect()
        try await connection.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        try await connection.read(until: "ok")
        try await listener.stop()
    }

    @Test("never has more connections than its cap and those it is refusing")
    func flood() async throws {
        let listener = try await GuardedListener {
            $0.maximumConnections = 4
            $0.lingerTimeout = .milliseconds(100)
            $0.headTimeout = .milliseconds(500)
        }
        let flood = try (0..<100).map { _ in try listener.connect() }
        var most = 0
        try await waitUntil("all to be refused or timed out") {
            most = max(most, listener.connections.count)
            // An answer of 200 would keep the connection open for a further request.
            let text = try await listener.exchange("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            return text.hasPrefix("HTTP/1.1 200") || text.hasPrefix("HTTP/1.1 503") && listener.connections.count <= 1
        }
        // The listener takes up to four at once from the kernel before it looks again.
        #expect(most <= 4 + ListenerLimits.refusedAtOnce + 4, "\(most)")
        for connection in flood { connection.close() }
        try await listener.stop()
    }
}

extension String {
    fileprivate func components(separatedBy separator: String) -> [Substring] {
        split(separator: separator, omittingEmptySubsequences: false)
    }
}
