import Curl
import LibPQ
import LongshoreDomain
import LongshoreMessages
import NotifierService
import Synchronization
import TestSupport
import Testing
import WireFormats

@Suite("Receivers that misbehave", .timeLimit(.minutes(4)))
struct ReceiverFaultTests {
    /// What a receiver does first; then it answers well.
    private struct Fault: Sendable {
        var name: String
        var behaviour: Behaviour
        /// How the first attempt's error begins; nil when the attempt counts as received.
        var error: String?
    }

    private static let faults: [Fault] = [
        Fault(name: "slow drip", behaviour: .drip(intervalMilliseconds: 100), error: nil),
        Fault(name: "no answer", behaviour: .hang, error: "timeout"),
        Fault(name: "half-open", behaviour: .stall(after: "x", promising: 10), error: nil),
        Fault(name: "no headers' end", behaviour: .endlessHeaders, error: "protocol"),
        Fault(name: "reset", behaviour: .reset, error: "protocol"),
        Fault(name: "closed", behaviour: .closeWithoutAnswer, error: "protocol"),
        Fault(
            name: "two lengths",
            behaviour: .raw("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc"),
            error: "protocol"
        ),
        Fault(name: "not HTTP", behaviour: .raw("SSH-2.0-OpenSSH_9.2\r\n"), error: "protocol"),
        Fault(
            name: "body too long",
            behaviour: .raw("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabcdef"),
            error: nil
        ),
        Fault(name: "endless chunks", behaviour: .endless(chunked: true), error: nil),
        Fault(name: "endless body", behaviour: .endless(chunked: false), error: nil),
        Fault(name: "a gigabyte", behaviour: gigabyte, error: nil),
        Fault(name: "gzip bomb", behaviour: bomb, error: nil),
        Fault(name: "bytes that are no text", behaviour: .respond(bytes: [0, 0xFF, 0xC0, 0x80, 0x41]), error: nil),
        Fault(name: "100-continue", behaviour: .interim([100, 102, 103], then: .respond(status: 204)), error: nil),
    ]

    private static let gigabyte = Behaviour { _, connection in
        connection.send("HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n")
        let piece = [UInt8](repeating: 0x61, count: 64 << 10)
        for _ in 0..<16_384 where !connection.send(piece) { break }
        connection.close()
    }

    /// Ten bytes of a header and what would unpack to a great deal; nobody may unpack it.
    private static let bomb = Behaviour.respond(
        headers: [("Content-Encoding", "gzip")],
        bytes: [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3] + [UInt8](repeating: 0xED, count: 60_000)
    )

    @Test("cost an attempt at most: time and bytes are bounded, and the place is free again")
    func faults() async throws {
        let servers = try Self.faults.map { try ScriptedHTTPServer([$0.behaviour]) }
        defer { for server in servers { server.stop() } }
        var configuration = NotifierHarness.configuration()
        configuration.requestTimeout = .seconds(6)
        try await NotifierHarness().run(configuration) { harness in
            var ids: [String] = []
            for (fault, server) in zip(Self.faults, servers) {
                let task = try await harness.insertTask(fault.name, url: server.url())
                let event = harness.event(task, .taskSucceeded)
                ids.append(event.id)
                try await harness.publish(event)
            }
            let delivered = Array(repeating: "delivered", count: ids.count)
            try await harness.waitForStates(delivered, timeout: .seconds(120))
            let rows = try await harness.database.query(
                """
                SELECT delivery_id, error, coalesce(octet_length(response_excerpt), 0) AS kept
                FROM longshore.delivery_attempts WHERE attempt = 1
                """
            )
            for (id, fault) in zip(ids, Self.faults) {
                let row = try #require(try rows.first { row in try row.text("delivery_id") == id })
                let error = try row.textOrNil("error")
                #expect(
                    error?.split(separator: ":").first.map { String($0) } == fault.error,
                    "\(fault.name): \(error ?? "")"
                )
                // Bytes that are no text take three each when they are kept.
                #expect(try row.int("kept") <= 3 * 16 << 10, "\(fault.name)")
            }
        }
        for (fault, server) in zip(Self.faults, servers) {
            #expect(server.requests.count == (fault.error == nil ? 1 : 2), "\(fault.name)")
            #expect(Set(server.requests.map { $0.header("webhook-id") }).count == 1)
        }
    }

    @Test("are told apart when they are not there at all")
    func absent() async throws {
        var configuration = NotifierHarness.configuration(delays: [.zero, .zero])
        configuration.nameLookup = NameLookup { _ in [] }
        let port = try freePort()
        try await NotifierHarness().run(configuration) { harness in
            let refusing = try await harness.insertTask("refusing", url: "http://127.0.0.1:\(port)/")
            let unknown = try await harness.insertTask("unknown", url: "http://gone.test/")
            let (first, second) = (harness.event(refusing, .taskFailed), harness.event(unknown, .taskFailed))
            try await harness.publish(first, second)
            let rows = try await harness.waitForStates(["exhausted", "exhausted"])
            for row in rows {
                #expect(row.attempt == 2)
                #expect(row.error?.hasPrefix(row.id == first.id ? "connection" : "resolution") == true, "\(row)")
            }
        }
    }

    @Test("say with the status whether it was received, is to be tried again or is wanted no more")
    func statuses() async throws {
        let received = [200, 201, 202, 203, 204, 206, 226, 299]
        let failed = [
            300, 301, 302, 303, 304, 307, 308, 400, 401, 402, 403, 404, 405, 406, 407, 408, 409, 411, 412, 413, 415,
            418, 421, 422, 425, 429, 431, 451, 500, 501, 502, 503, 504, 505, 507, 511, 599, 600, 999,
        ]
        let receiver = try Self.statusReceiver()
        defer { receiver.stop() }
        let configuration = NotifierHarness.configuration(delays: [.zero, .seconds(3_600)])
        try await NotifierHarness().run(configuration) { harness in
            var expected: [String: String] = [:]
            for status in received + failed + [410] {
                let task = try await harness.insertTask("status \(status)", url: receiver.url("/\(status)"))
                let event = harness.event(task, .taskSucceeded)
                expected[event.id] = received.contains(status) ? "delivered" : status == 410 ? "disabled" : "retrying"
                try await harness.publish(event)
            }
            try await waitUntil(timeout: .seconds(60), "all answers") {
                let rows = try await harness.deliveries()
                return rows.count == expected.count
                    && rows.allSatisfy { !["pending", "delivering"].contains($0.state) }
            }
            for row in try await harness.deliveries() { #expect(row.state == expected[row.id], "\(row)") }
            let waits = try await harness.waits()
            #expect(waits.count == failed.count)
            // An hour and a fifth more or less; what has passed since counts against it.
            #expect(waits.values.allSatisfy { $0 > 2_700 && $0 <= 4_320 }, "\(waits)")
            #expect(Set(waits.values.map { Int($0 / 10) }).count > 3, "all wait alike: \(waits)")
        }
        #expect(receiver.requests.count == received.count + failed.count + 1)
    }

    /// Answers with the status that the path names.
    private static func statusReceiver() throws -> ScriptedHTTPServer {
        try ScriptedHTTPServer { request, connection in
            let status = Int(request.target.dropFirst()) ?? 500
            let body = [204, 304].contains(status) ? "" : "no more"
            connection.respond(status: status, headers: [("Location", "/elsewhere")], body: Array(body.utf8))
        }
    }

    @Test("may ask for time, by seconds or by their own clock, and not for more than an hour")
    func retryAfter() async throws {
        let date = "Sun, 06 Nov 1994 08:49:00 GMT"
        // The wait without it is a minute, give or take a fifth.
        let cases: [(status: Int, value: String, seconds: ClosedRange<Double>)] = [
            (429, "1800", 1_500...1_800), (503, "1800", 1_500...1_800),
            (429, "Sun, 06 Nov 1994 09:19:00 GMT", 1_500...1_800),
            (429, "999999999", 3_300...3_600), (503, "Sun, 06 Nov 2094 08:49:00 GMT", 3_300...3_600),
            (429, "0", 0...72), (429, "-1800", 0...72), (429, "soon", 0...72), (429, "1800.5", 0...72),
            (429, "Sunday, 06-Nov-94 09:19:00 GMT", 1_500...1_800), (503, "Sun Nov  6 09:19:00 1994", 1_500...1_800),
            (429, "000000000000000000001800", 1_500...1_800),
            (429, "", 0...72), (503, "99999999999999999999999", 3_300...3_600),
            (429, "Sat, 05 Nov 1994 08:49:00 GMT", 0...72),
            (500, "1800", 0...72), (502, "1800", 0...72), (404, "1800", 0...72),
        ]
        let receiver = try ScriptedHTTPServer { request, connection in
            guard let index = Int(request.target.dropFirst()) else { return connection.close() }
            let headers = [("Date", date), ("Retry-After", cases[index].value)]
            connection.respond(status: cases[index].status, headers: headers)
        }
        defer { receiver.stop() }
        let configuration = NotifierHarness.configuration(delays: [.zero, .seconds(60)])
        try await NotifierHarness().run(configuration) { harness in
            var ids: [String] = []
            for index in cases.indices {
                let task = try await harness.insertTask("case \(index)", url: receiver.url("/\(index)"))
                let event = harness.event(task, .taskSucceeded)
                ids.append(event.id)
                try await harness.publish(event)
            }
            try await harness.waitForStates(Array(repeating: "retrying", count: cases.count), timeout: .seconds(60))
            let waits = try await harness.waits()
            for (id, item) in zip(ids, cases) {
                let wait = try #require(waits[id])
                #expect(item.seconds.contains(max(wait, 0)), "\(item.status) \(item.value): \(wait)")
            }
        }
    }

    @Test("are not followed when they send elsewhere, neither outwards nor inwards")
    func redirects() async throws {
        let elsewhere = try ScriptedHTTPServer()
        let receiver = try ScriptedHTTPServer { request, connection in
            let parts = request.target.split(separator: "/")
            let targets = [
                elsewhere.url("/landed"), "http://169.254.169.254/latest/meta-data/", "//127.0.0.1/", "/again",
            ]
            guard parts.count == 2, let status = Int(parts[0]), let index = Int(parts[1]) else {
                return connection.close()
            }
            connection.respond(status: status, headers: [("Location", targets[index])])
        }
        defer { elsewhere.stop() }
        defer { receiver.stop() }
        let configuration = NotifierHarness.configuration(delays: [.zero])
        try await NotifierHarness().run(configuration) { harness in
            for status in [301, 302, 303, 307, 308] {
                for index in 0..<4 {
                    let url = receiver.url("/\(status)/\(index)")
                    let task = try await harness.insertTask("\(status) \(index)", url: url)
                    try await harness.publish(harness.event(task, .taskSucceeded))
                }
            }
            let rows = try await harness.waitForStates(Array(repeating: "exhausted", count: 20), timeout: .seconds(60))
            #expect(rows.allSatisfy { $0.status.map { 300..<400 ~= $0 } == true }, "\(rows)")
        }
        #expect(receiver.requests.count == 20)
        #expect(elsewhere.connectionCount == 0)
    }

    @Test("hold up nobody when one of a hundred is dead")
    func oneOfAHundred() async throws {
        let receiver = try ScriptedHTTPServer(host: "0.0.0.0") { request, connection in
            if request.header("Host")?.hasPrefix("127.0.1.1:") == true {
                return Behaviour.hang.act(request, connection)
            }
            connection.respond(status: 204)
        }
        defer { receiver.stop() }
        var configuration = NotifierHarness.configuration()
        configuration.requestTimeout = .seconds(120)
        configuration.drainTimeout = .milliseconds(100)
        let nodes = (0..<12).map { "node-\($0)" }
        try await NotifierHarness().run(configuration) { harness in
            for number in 1...100 {
                let url = "http://127.0.1.\(number):\(receiver.port)/"
                let task = try await harness.insertTask("receiver \(number)", url: url, events: ["node.succeeded"])
                try await harness.publish(nodes.map { harness.event(task, .nodeSucceeded, node: $0) })
            }
            let delivered = 99 * nodes.count
            try await waitUntil(timeout: .seconds(120), interval: .milliseconds(100), "the others' deliveries") {
                let counts = try await harness.stateCounts()
                return counts["delivered"] == delivered
            }
            // The dead one has its own places, all of them, and nothing else.
            let counts = try await harness.stateCounts()
            let others = try await harness.database.query(
                "SELECT state || ': ' || coalesce(last_error, '') AS text FROM longshore.deliveries WHERE state = 'retrying'"
            )
            let errors = try others.map { try $0.text("text") }
            #expect(counts == ["delivered": delivered, "delivering": 8, "pending": nodes.count - 8], "\(errors)")
        }
    }

    @Test("hold up nobody when there are more dead ones than places")
    func manyDead() async throws {
        let healthy = Mutex(0)
        let dead = Mutex(0)
        let receiver = try ScriptedHTTPServer(host: "0.0.0.0") { request, connection in
            if request.header("Host")?.hasPrefix("127.0.0.1:") == true {
                let before = dead.withLock { $0 }
                healthy.withLock { $0 = before }
                _ = connection.respond(status: 204)
                return
            }
            dead.withLock { $0 += 1 }
            Behaviour.hang.act(request, connection)
        }
        defer { receiver.stop() }
        var configuration = NotifierHarness.configuration(delays: [.zero, .seconds(3_600)])
        configuration.maximumInFlight = 16
        configuration.requestTimeout = .seconds(5)
        configuration.drainTimeout = .milliseconds(100)
        let nodes = (0..<24).map { "node-\($0)" }
        try await NotifierHarness().run(configuration) { harness in
            for number in 1...4 {
                let url = "http://127.0.1.\(number):\(receiver.port)/"
                let task = try await harness.insertTask("dead \(number)", url: url, events: ["node.succeeded"])
                try await harness.publish(nodes.map { harness.event(task, .nodeSucceeded, node: $0) })
            }
            try await receiver.waitForRequests(16)
            let task = try await harness.insertTask("healthy", url: "http://127.0.0.1:\(receiver.port)/")
            let event = harness.event(task, .taskSucceeded)
            try await harness.publish(event)
            try await waitUntil(timeout: .seconds(90), "the one that answers") {
                try await harness.deliveries().contains { $0.id == event.id && $0.state == "delivered" }
            }
        }
        // 96 are due before it; it goes as soon as a place is free, not after them. A few may be ahead of its event.
        #expect(healthy.withLock { $0 } <= 48)
    }

    @Test("are not told anything over TLS that proves nothing")
    func certificates() async throws {
        let (certificates, other) = (try await TestCertificates(), try await TestCertificates(name: "Other"))
        let receiver = try ScriptedHTTPServer()
        defer { receiver.stop() }
        let good = try await certificates.issue("good")
        let proxies = [
            try await TLSProxy(try await certificates.issue("expired", isExpired: true), backendPort: receiver.port),
            try await TLSProxy(try await other.issue("unknown"), backendPort: receiver.port),
            try await TLSProxy(other.authority, backendPort: receiver.port),
            try await TLSProxy(
                try await certificates.issue("elsewhere", for: ["DNS:elsewhere.test"]),
                backendPort: receiver.port
            ),
            try await TLSProxy(good, backendPort: receiver.port, maximumProtocol: "TLSv1.1"),
            try await TLSProxy(good, backendPort: receiver.port),
        ]
        var configuration = NotifierHarness.configuration(delays: [.zero, .milliseconds(10)])
        configuration.caBundlePath = certificates.authority.certificatePath
        try await NotifierHarness().run(configuration) { harness in
            var good = ""
            for (index, proxy) in proxies.enumerated() {
                let task = try await harness.insertTask("proxy \(index)", url: proxy.url("/hook"))
                let event = harness.event(task, .taskSucceeded)
                try await harness.publish(event)
                good = event.id
            }
            try await waitUntil(timeout: .seconds(60), "all to end") {
                let rows = try await harness.deliveries()
                return rows.count == 6 && rows.allSatisfy { ["delivered", "exhausted"].contains($0.state) }
            }
            for row in try await harness.deliveries() {
                #expect(row.state == (row.id == good ? "delivered" : "exhausted"), "\(row)")
                if row.id != good { #expect(row.attempt == 2 && row.error?.hasPrefix("tls:") == true, "\(row)") }
            }
        }
        #expect(receiver.requests.map(\.target) == ["/hook"])
        for proxy in proxies { await proxy.stop() }
    }

    @Test("that are slow hear where a task is, not everywhere it has been")
    func coalesces() async throws {
        let receiver = try ScriptedHTTPServer(then: .hang)
        defer { receiver.stop() }
        var configuration = NotifierHarness.configuration(delays: [.zero, .seconds(3_600)])
        configuration.requestTimeout = .seconds(120)
        configuration.drainTimeout = .milliseconds(100)
        let count: Int64 = 5_000
        try await NotifierHarness().run(configuration) { harness in
            let names = ["task.progress", "task.succeeded"]
            let task = try await harness.insertTask(url: receiver.url(), events: names)
            let other = try await harness.insertTask("other", url: receiver.url(), events: names)
            for start in stride(from: 1, through: count, by: 500) {
                let events = (start..<start + 500).map { harness.event(task, .taskProgress, sequence: $0) }
                // What comes twice, or late, changes nothing.
                try await harness.publish(events + events.prefix(3))
            }
            try await harness.publish(harness.event(other, .taskProgress, sequence: 1))
            try await harness.publish(harness.event(task, .taskSucceeded), harness.event(other, .taskSucceeded))
            try await waitUntil(timeout: .seconds(90), "both ends") {
                try await harness.deliveries().filter { $0.id.hasSuffix("-succeeded") }.count == 2
            }
            let rows = try await harness.deliveries()
            // At most its eight places and one that waits; a late repetition may have taken a place of its own.
            #expect(rows.count <= 8 + 1 + 1 + 2, "\(rows.map(\.id))")
            #expect(rows.contains { $0.id == "\(task)-progress-\(count)" })
            #expect(rows.contains { $0.id == "\(other)-progress-1" })
            let bodies = try await harness.database.query("SELECT id, event_id, body FROM longshore.deliveries")
            for row in bodies {
                let event = try CloudEvent(structuredJSON: JSONValue(parsing: Array(try row.text("body").utf8)))
                #expect(try row.text("id") == event.id)
                #expect(try row.text("event_id") == event.id)
            }
        }
    }
}

extension NotifierHarness {
    /// For how many seconds each delivery that is to be tried again still waits.
    func waits() async throws -> [String: Double] {
        let rows = try await database.query(
            """
            SELECT id, extract(epoch FROM next_attempt_at - now())::float8 AS wait FROM longshore.deliveries
            WHERE state = 'retrying'
            """
        )
        return Dictionary(uniqueKeysWithValues: try rows.map { row in (try row.text("id"), try row.double("wait")) })
    }

    /// How many deliveries there are in each state.
    func stateCounts() async throws -> [String: Int] {
        let rows = try await database.query("SELECT state, count(*) AS n FROM longshore.deliveries GROUP BY 1")
        return Dictionary(uniqueKeysWithValues: try rows.map { row in (try row.text("state"), try row.int("n")) })
    }
}
