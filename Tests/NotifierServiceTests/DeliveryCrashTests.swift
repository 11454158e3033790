import LibPQ
import LongshoreDomain
import LongshoreMessages
import NotifierService
import ServiceRuntime
import Synchronization
import TestSupport
import Testing
import WireFormats

/// Notifiers that die, stop or come late, and what their deliveries then do.
@Suite("Deliveries that are left behind", .timeLimit(.minutes(4)))
struct DeliveryCrashTests {
    @Test("are sent again with the same id and body when the outcome was not written")
    func outcomeLost() async throws {
        let harness = try await NotifierHarness()
        let lost = harness.makePool()
        let isFirst = Mutex(true)
        let gate = Mutex(false)
        // The first answer comes when the notifier has no database any more: as if it died between answer and record.
        let receiver = try ScriptedHTTPServer { _, connection in
            let waits = isFirst.withLock { first in
                defer { first = false }
                return first
            }
            while waits, !gate.withLock({ $0 }), !connection.waitForEnd(timeoutMilliseconds: 10) {}
            connection.respond(status: 200)
        }
        defer { receiver.stop() }
        var configuration = NotifierHarness.configuration()
        configuration.requestTimeout = .seconds(5)
        configuration.lease = .seconds(10)
        configuration.drainTimeout = .milliseconds(100)
        let task = try await harness.insertTask(url: receiver.url())
        let event = harness.event(task, .taskSucceeded)
        try await harness.run([try harness.service(configuration, database: lost)], keepsOpen: true) { harness in
            try await harness.publish(event)
            try await receiver.waitForRequests(1)
            await lost.close()
            gate.withLock { $0 = true }
        }
        #expect(try await harness.deliveries().map(\.state) == ["delivering"])
        configuration.identity = NotifierConfiguration.randomIdentity()
        try await harness.run([try harness.service(configuration)]) { harness in
            try await receiver.waitForRequests(2, timeout: .seconds(60))
            let rows = try await harness.waitForStates(["delivered"])
            #expect(rows.first?.attempt == 2)
            let errors = try await harness.database.query(
                "SELECT error FROM longshore.delivery_attempts ORDER BY attempt"
            )
            #expect(try errors.first?.text("error").hasPrefix("interrupted: ") == true)
            #expect(receiver.requests.map { $0.header("webhook-id") } == [event.id, event.id])
            #expect(receiver.requests.map { $0.header("longshore-attempt") } == ["1", "2"])
            #expect(receiver.requests.first?.body == receiver.requests.last?.body)
        }
    }

    @Test("use up their attempts, so that a notifier that dies of one does not die of it for ever")
    func boundedAttempts() async throws {
        let receiver = try ScriptedHTTPServer()
        defer { receiver.stop() }
        let harness = try await NotifierHarness()
        for (id, attempt) in [("first", 1), ("second", 2), ("third", 3), ("beyond", 9)] {
            try await harness.insertDelivery(id, url: receiver.url(), state: "delivering", attempt: attempt)
        }
        try await harness.run { harness in
            let rows = try await harness.waitForStates(["exhausted", "delivered", "delivered", "exhausted"])
            #expect(rows.map(\.attempt) == [9, 2, 3, 3])
            #expect(rows.first { $0.id == "third" }?.error?.hasPrefix("interrupted: ") == true)
        }
        #expect(Set(receiver.requests.map { $0.header("webhook-id") }) == ["first", "second"])
        #expect(receiver.requests.count == 2)
    }

    @Test("wait for their time across a restart, and what is overdue goes at once")
    func overdue() async throws {
        let receiver = try ScriptedHTTPServer()
        defer { receiver.stop() }
        let harness = try await NotifierHarness()
        let url = receiver.url()
        // Their tasks are long gone, by retention or by hand: a delivery has all that it needs.
        try await harness.insertDelivery("a-overdue", url: url, state: "retrying", attempt: 1, due: "-1 day")
        try await harness.insertDelivery("b-overdue", url: url, state: "pending", attempt: 0, due: "-30 days")
        try await harness.insertDelivery("c-later", url: url, state: "retrying", attempt: 1, due: "1 hour")
        try await harness.insertDelivery("d-busy", url: url, state: "delivering", attempt: 1, lease: "1 hour")
        try await harness.insertDelivery("e-done", url: url, state: "exhausted", attempt: 3)
        for _ in 0..<2 {
            let service = try harness.service(NotifierHarness.configuration())
            try await harness.run([service], keepsOpen: true) { harness in
                _ = try await harness.waitForStates(["delivered", "delivered", "retrying", "delivering", "exhausted"])
            }
        }
        let waits = try await harness.waits()
        #expect(waits["c-later"].map { $0 > 3_000 } == true)
        #expect(Set(receiver.requests.map { $0.header("webhook-id") }) == ["a-overdue", "b-overdue"])
        #expect(receiver.requests.count == 2)
        await harness.close()
    }

    @Test("are not sent by a notifier whose lease ran out while it waited for the Secret")
    func lateSecret() async throws {
        let receiver = try ScriptedHTTPServer()
        defer { receiver.stop() }
        let harness = try await NotifierHarness()
        harness.kubernetes.put("webhook-default", Self.secret(["secret": Self.newKey]))
        // Longer than the lease and the next look for leases that have run out.
        harness.kubernetes.delayNextSecret(by: .seconds(14))
        var configuration = NotifierHarness.configuration(delays: Array(repeating: .milliseconds(50), count: 6))
        configuration.requestTimeout = .seconds(3)
        configuration.lease = .seconds(6)
        let services = try (0..<2).map { _ in
            configuration.identity = NotifierConfiguration.randomIdentity()
            return try harness.service(configuration)
        }
        try await harness.run(services) { harness in
            let task = try await harness.insertTask(url: receiver.url())
            try await harness.publish(harness.event(task, .taskSucceeded))
            try await harness.waitForStates(["delivered"], timeout: .seconds(60))
            // The late one has its Secret now, and its stop waits for what it does with it.
            try await waitUntil(timeout: .seconds(60), "the late answer") { !harness.kubernetes.isDelaying }
        }
        #expect(receiver.requests.count == 1, "\(receiver.requests.map { $0.header("longshore-attempt") ?? "" })")
    }

    @Test("are never in two requests at once, even with a lease that was set too short")
    func shortLease() async throws {
        let overlap = Mutex((now: [String: Int](), most: 0))
        let receiver = try ScriptedHTTPServer { request, connection in
            let id = request.header("webhook-id") ?? ""
            overlap.withLock { state in
                state.now[id, default: 0] += 1
                state.most = max(state.most, state.now[id, default: 0])
            }
            _ = connection.waitForEnd(timeoutMilliseconds: 6_500)
            overlap.withLock { $0.now[id, default: 0] -= 1 }
            connection.respond(status: 200)
        }
        defer { receiver.stop() }
        var configuration = NotifierHarness.configuration(delays: Array(repeating: .milliseconds(50), count: 6))
        configuration.requestTimeout = .seconds(20)
        configuration.lease = .seconds(1)
        let harness = try await NotifierHarness()
        let services = try (0..<2).map { _ in
            configuration.identity = NotifierConfiguration.randomIdentity()
            return try harness.service(configuration)
        }
        try await harness.run(services) { harness in
            let task = try await harness.insertTask(url: receiver.url())
            try await harness.publish(harness.event(task, .taskSucceeded))
            let rows = try await harness.waitForStates(["delivered"], timeout: .seconds(60))
            #expect(rows.first?.attempt == 1)
        }
        #expect(overlap.withLock { $0.most } == 1)
        #expect(receiver.requests.count == 1)
    }

    // MARK: - Signatures

    private static let oldKey = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    private static let newKey = "whsec_" + Base64.encode([UInt8](repeating: 7, count: 32))

    private static func secret(_ data: [String: String]) -> JSONValue {
        [
            "metadata": [
                "name": "webhook-default", "namespace": "longshore-webhooks",
                "labels": ["app.kubernetes.io/managed-by": "longshore"],
            ],
            "data": data.mapValues { Base64.encode(Array($0.utf8)) }.json,
        ]
    }

    /// Verifies each request with each secret as subscribers do, at the time that the request was made.
    private static let verifier = """
        import json, sys, datetime
        from standardwebhooks.webhooks import Webhook, WebhookVerificationError
        import standardwebhooks.webhooks as module
        result = []
        for case in json.load(open(sys.argv[1])):
            then = datetime.datetime.fromtimestamp(int(case["headers"]["webhook-timestamp"]), datetime.timezone.utc)
            class At(datetime.datetime):
                @classmethod
                def now(cls, tz=None):
                    return then
            module.datetime = At
            for secret in case["secrets"]:
                try:
                    Webhook(secret).verify(case["body"].encode(), case["headers"])
                    result.append("1")
                except WebhookVerificationError:
                    result.append("0")
        print("".join(result))
        """

    private static func verify(_ requests: [ScriptedRequest], _ secrets: [String]) async throws -> String {
        let names = ["webhook-id", "webhook-timestamp", "webhook-signature"]
        let cases = requests.map { request -> JSONValue in
            let headers = Dictionary(uniqueKeysWithValues: names.map { ($0, request.header($0) ?? "") })
            return [
                "headers": headers.json, "body": .string(request.text), "secrets": .array(secrets.map { .string($0) }),
            ]
        }
        let directory = try TemporaryDirectory()
        let path = try directory.write("cases.json", JSONValue.array(cases).text())
        return try await Python.run(verifier, [path]).filter { $0 != "\n" }
    }

    @Test(
        "are signed with the new and the old secret during a rotation, and with the new one alone after it",
        .enabled("needs Python with standardwebhooks") { await Python.has("standardwebhooks") }
    )
    func rotation() async throws {
        let receiver = try ScriptedHTTPServer()
        defer { receiver.stop() }
        let harness = try await NotifierHarness()
        let secrets = [Self.newKey, Self.oldKey, "whsec_" + Base64.encode([UInt8](repeating: 8, count: 32))]
        let stages: [[String: String]] = [
            ["secret": Self.oldKey], ["secret": Self.newKey, "previous": Self.oldKey], ["secret": Self.newKey],
        ]
        for (index, stage) in stages.enumerated() {
            harness.kubernetes.put("webhook-default", Self.secret(stage))
            // Each has read the Secret afresh.
            let service = try harness.service(NotifierHarness.configuration())
            try await harness.run([service], keepsOpen: true) { harness in
                let task = try await harness.insertTask("stage \(index)", url: receiver.url())
                var event = harness.event(task, .taskFailed)
                event.message = "nœud 节点 🚢 \u{1}\"\\ 9007199254740993"
                event.counts = TaskCounts(nodesTotal: 9_007_199_254_740_993)
                try await harness.publish(event)
                _ = try await harness.waitForStates(Array(repeating: "delivered", count: index + 1))
            }
        }
        await harness.close()
        #expect(try await Self.verify(receiver.requests, secrets) == "010" + "110" + "100")
        #expect(receiver.requests.allSatisfy { $0.text.contains("9007199254740993") && $0.text.contains("节点") })
    }

    private final class MovingClock: WallClock {
        private let time = Mutex(Timestamp(rfc3339: "2026-11-21T01:02:03Z")!)
        func now() -> Timestamp { time.withLock { $0 } }
        func move(by duration: Duration) { time.withLock { $0 = $0 + duration } }
    }

    @Test(
        "are signed anew for each attempt, since receivers refuse what is older than five minutes",
        .enabled("needs Python with standardwebhooks") { await Python.has("standardwebhooks") }
    )
    func signedAnew() async throws {
        let clock = MovingClock()
        let receiver = try ScriptedHTTPServer { request, connection in
            clock.move(by: .seconds(600))
            connection.respond(status: request.header("longshore-attempt") == "3" ? 200 : 500)
        }
        defer { receiver.stop() }
        let harness = try await NotifierHarness()
        harness.kubernetes.put("webhook-default", Self.secret(["secret": Self.newKey]))
        try await harness.run([try harness.service(NotifierHarness.configuration(), clock: clock)]) { harness in
            let task = try await harness.insertTask(url: receiver.url())
            try await harness.publish(harness.event(task, .taskSucceeded))
            try await harness.waitForStates(["delivered"])
        }
        let requests = receiver.requests
        let times = requests.compactMap { $0.header("webhook-timestamp").flatMap { Int($0) } }
        #expect(times.count == 3)
        #expect(zip(times, times.dropFirst()).allSatisfy { $1 - $0 == 600 })
        #expect(Set(requests.map { $0.header("webhook-signature") }).count == 3)
        #expect(Set(requests.map { $0.header("webhook-id") }).count == 1)
        #expect(Set(requests.map(\.body)).count == 1)
        #expect(try await Self.verify(requests, [Self.newKey]) == "111")
    }
}

extension NotifierHarness {
    /// A delivery as a notifier has left it.
    func insertDelivery(
        _ id: String,
        url: String,
        state: String,
        attempt: Int,
        due: String = "0",
        lease: String = "-1 second"
    ) async throws {
        try await database.query(
            """
            INSERT INTO longshore.deliveries (id, event_id, task_id, project, url, secret_name, body, state, attempt,
                next_attempt_at, lease_until, lease_owner)
            VALUES ($1, $1, 't', 'default', $2, 'webhook-default', '{}', $3, $4,
                CASE WHEN $3 IN ('pending', 'retrying') THEN now() + $5::interval END,
                CASE WHEN $3 = 'delivering' THEN now() + $6::interval END,
                CASE WHEN $3 = 'delivering' THEN 'gone' END)
            """,
            [.text(id), .text(url), .text(state), .int(Int64(attempt)), .text(due), .text(lease)]
        )
    }
}
