import LongshoreMessages
import NotifierService
import TestSupport
import Testing

@Suite("Receivers whose body goes wrong", .timeLimit(.minutes(4)))
struct ReceiverBodyTests {
    /// Ways in which a body can go wrong after its headers.
    private static let brokenBodies: [(name: String, headers: String, sent: String, end: BodyEnd)] = [
        ("cut", "Content-Length: 100", "short", .close),
        ("reset", "Content-Length: 100", "short", .reset),
        ("hangs", "Content-Length: 100", "short", .hang),
        ("hangs at once", "Content-Length: 100", "", .hang),
        ("chunks cut", "Transfer-Encoding: chunked", "5\r\nab", .close),
        ("chunks hang", "Transfer-Encoding: chunked", "5\r\nabcde\r\n", .hang),
        ("bad chunk", "Transfer-Encoding: chunked", "zz\r\nhello\r\n0\r\n\r\n", .close),
        ("chunk without end", "Transfer-Encoding: chunked", "2\r\nabcdef\r\n0\r\n\r\n", .close),
        ("not gzip", "Content-Encoding: gzip\r\nContent-Length: 5", "hello", .close),
        ("transfer not gzip", "Transfer-Encoding: gzip, chunked", "5\r\nhello\r\n0\r\n\r\n", .close),
        ("gzip cut", "Content-Encoding: gzip\r\nContent-Length: 900", "\u{1F}", .close),
    ]

    private enum BodyEnd: Sendable { case close, reset, hang }

    @Test("are heard by their status, whatever becomes of the body")
    func bodies() async throws {
        let statuses: [(line: String, state: String)] = [
            ("200 OK", "delivered"), ("202 Accepted", "delivered"), ("410 Gone", "disabled"),
            ("429 Too Many Requests", "retrying"), ("503 Service Unavailable", "retrying"),
        ]
        let receiver = try ScriptedHTTPServer { request, connection in
            let parts = request.target.split(separator: "/").compactMap { Int($0) }
            guard parts.count == 2 else { return connection.close() }
            let (broken, line) = (Self.brokenBodies[parts[0]], statuses[parts[1]].line)
            connection.send("HTTP/1.1 \(line)\r\nRetry-After: 1800\r\n\(broken.headers)\r\n\r\n\(broken.sent)")
            switch broken.end {
            case .close: connection.close()
            case .reset:
                // The RST must not overtake the bytes in the peer's receive queue.
                connection.waitForEnd(timeoutMilliseconds: 50)
                connection.reset()
            case .hang:
                connection.waitForEnd()
                connection.close()
            }
        }
        defer { receiver.stop() }
        var configuration = NotifierHarness.configuration(delays: [.zero, .seconds(60)])
        // Whoever waited for the body until then would not be done in time.
        configuration.requestTimeout = .seconds(3_600)
        try await NotifierHarness().run(configuration) { harness in
            var expected: [String: String] = [:]
            for body in Self.brokenBodies.indices {
                for status in statuses.indices {
                    let url = receiver.url("/\(body)/\(status)")
                    let name = "\(Self.brokenBodies[body].name) \(status)"
                    let event = harness.event(try await harness.insertTask(name, url: url), .taskSucceeded)
                    expected[event.id] = statuses[status].state
                    try await harness.publish(event)
                }
            }
            try await waitUntil(timeout: .seconds(90), "all answers") {
                let rows = try await harness.deliveries()
                return rows.count == expected.count
                    && rows.allSatisfy { !["pending", "delivering"].contains($0.state) }
            }
            for row in try await harness.deliveries() { #expect(row.state == expected[row.id], "\(row)") }
            let waits = try await harness.waits()
            #expect(waits.count == 2 * Self.brokenBodies.count)
            #expect(waits.values.allSatisfy { $0 > 1_500 && $0 <= 1_800 }, "\(waits)")
        }
        #expect(receiver.requests.count == Self.brokenBodies.count * statuses.count)
    }
}
