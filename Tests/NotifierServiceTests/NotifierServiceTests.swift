import Curl
import LibPQ
import Logging
import LongshoreDomain
import LongshoreMessages
import NotifierService
import Redaction
import ServiceRuntime
import TestSupport
import Testing
import WireFormats

@Suite("Telling subscribers", .timeLimit(.minutes(3)))
struct NotifierServiceTests {
    @Test("sends a task's end once, signed, as the event it was, and logs the attempt")
    func delivers() async throws {
        let receiver = try ScriptedHTTPServer([.respond(status: 202, body: "thanks")])
        defer { receiver.stop() }
        try await NotifierHarness().run { harness in
            let task = try await harness.insertTask(url: receiver.url("/hook?key=1"))
            let event = harness.event(task, .taskSucceeded)
            // The progress is not asked for, and the end arrives twice as after a crash.
            try await harness.publish(harness.event(task, .taskProgress), event, event)
            let rows = try await harness.waitForStates(["delivered"])
            #expect(rows == [.init(id: event.id, state: "delivered", attempt: 1, status: 202, error: nil)])

            let request = try #require(receiver.requests.first)
            #expect(request.method == "POST")
            #expect(request.target == "/hook?key=1")
            #expect(request.header("content-type") == "application/cloudevents+json; charset=utf-8")
            #expect(request.header("webhook-id") == event.id)
            #expect(request.header("longshore-attempt") == "1")
            #expect(try CloudEvent(structuredJSON: JSONValue(parsing: request.body)) == event.event)
            let attempts = try await harness.database.query("SELECT * FROM longshore.delivery_attempts")
            #expect(attempts.count == 1)
            #expect(try attempts.first?.int("status") == 202)
            #expect(try attempts.first?.text("response_excerpt") == "thanks")
            #expect(try attempts.first?.textOrNil("error") == nil)
        }
        #expect(receiver.requests.count == 1)
    }

    @Test("signs so that the receiver's check holds, with a secret that was made when it was first needed")
    func signs() async throws {
        let receiver = try ScriptedHTTPServer()
        defer { receiver.stop() }
        try await NotifierHarness().run { harness in
            let task = try await harness.insertTask(url: receiver.url())
            try await harness.publish(harness.event(task, .taskFailed))
            try await harness.waitForStates(["delivered"])
            let secret = try #require(harness.kubernetes.secret("webhook-default"))
            #expect(secret[path: "metadata", "labels"]?["app.kubernetes.io/managed-by"] == "longshore")
            #expect(secret["type"] == "Opaque")
            let text = try #require(secret[path: "data", "secret"]?.string.flatMap(Base64.decode))
            let value = String(decoding: text, as: UTF8.self)
            #expect(value.hasPrefix("whsec_"))
            #expect(Base64.decode(String(value.dropFirst(6)))?.count == 32)
            #expect(
                harness.kubernetes.requests.filter { $0.contains("secrets") }.allSatisfy {
                    $0 == "POST /api/v1/namespaces/longshore-webhooks/secrets"
                        || $0 == "GET /api/v1/namespaces/longshore-webhooks/secrets/webhook-default"
                }
            )
        }
    }

    /// The receiver's side in Python, as subscribers have it.
    private static let receiverProgram = """
        import json, sys
        from standardwebhooks.webhooks import Webhook, WebhookVerificationError
        try:
            from cloudevents.v1.http import from_http
        except ImportError:
            from cloudevents.http import from_http
        case = json.load(open(sys.argv[1]))
        body = case["body"]
        Webhook(case["secret"]).verify(body, case["headers"])
        for name, broken in (("body", body + " "), ("secret", body)):
            try:
                secret = case["secret"] if name == "body" else "whsec_" + "A" * 43 + "="
                Webhook(secret).verify(broken, case["headers"])
                print("accepted with another " + name)
            except WebhookVerificationError:
                pass
        event = from_http(case["headers"], body)
        print(event["id"], event["type"], event["subject"], event["sequence"], event.data["phase"], end="")
        """

    @Test(
        "is understood by the official Python libraries",
        .enabled("needs the Python packages standardwebhooks and cloudevents") {
            await Python.has("standardwebhooks", "cloudevents")
        }
    )
    func understoodByPython() async throws {
        let receiver = try ScriptedHTTPServer()
        defer { receiver.stop() }
        let (eventID, task, secret) = try await NotifierHarness().run { harness in
            let task = try await harness.insertTask(url: receiver.url())
            let event = harness.event(task, .taskSucceeded)
            try await harness.publish(event)
            try await harness.waitForStates(["delivered"])
            let data = harness.kubernetes.secret("webhook-default")?[path: "data", "secret"]?.string
            return (event.id, task, String(decoding: Base64.decode(data ?? "") ?? [], as: UTF8.self))
        }
        let request = try #require(receiver.requests.first)
        let names = ["webhook-id", "webhook-timestamp", "webhook-signature", "content-type"]
        let headers = Dictionary(uniqueKeysWithValues: names.map { ($0, request.header($0) ?? "") })
        let directory = try TemporaryDirectory()
        let path = try directory.write(
            "case.json",
            (["secret": .string(secret), "headers": headers.json, "body": .string(request.text)] as JSONValue).text()
        )
        let output = try await Python.run(Self.receiverProgram, [path])
        #expect(output == "\(eventID) dev.longshore.task.succeeded.v1 \(task) 000000000007 succeeded")
    }

    @Test("tries again until it is received, each attempt in the log")
    func retries() async throws {
        let receiver = try ScriptedHTTPServer([
            .respond(status: 500, body: "password=hunter2 \u{1B}[31m"), .raw("NOT HTTP\r\n\r\n"),
            .redirect(to: "/elsewhere"), .respond(),
        ])
        defer { receiver.stop() }
        let configuration = NotifierHarness.configuration(delays: Array(repeating: .milliseconds(20), count: 6))
        try await NotifierHarness().run(configuration) { harness in
            let task = try await harness.insertTask(url: receiver.url())
            try await harness.publish(harness.event(task, .taskCancelled))
            let rows = try await harness.waitForStates(["delivered"])
            #expect(rows.first?.attempt == 4)
            let attempts = try await harness.database.query(
                "SELECT attempt, status, error, response_excerpt FROM longshore.delivery_attempts ORDER BY attempt"
            )
            #expect(try attempts.map { row in try row.intOrNil("status") } == [500, nil, 302, 200])
            #expect(
                try attempts.map { row in try row.textOrNil("error")?.prefix(8) } == [
                    "status 5", "protocol", "status 3", nil,
                ]
            )
            #expect(try attempts.first?.text("response_excerpt") == "password=<redacted>  [31m")
        }
        // Every attempt has the same id, and no redirect was followed.
        #expect(Set(receiver.requests.map { $0.header("webhook-id") }).count == 1)
        #expect(receiver.requests.allSatisfy { $0.target == "/" })
        #expect(receiver.requests.map { $0.header("longshore-attempt") } == ["1", "2", "3", "4"])
    }

    @Test("gives up when the schedule ends")
    func exhausts() async throws {
        let receiver = try ScriptedHTTPServer(then: .respond(status: 404))
        defer { receiver.stop() }
        try await NotifierHarness().run { harness in
            let task = try await harness.insertTask(url: receiver.url())
            try await harness.publish(harness.event(task, .taskFailed))
            let rows = try await harness.waitForStates(["exhausted"])
            #expect(rows.first?.attempt == 3)
            #expect(rows.first?.status == 404)
            #expect(rows.first?.error == "status 404")
        }
        #expect(receiver.requests.count == 3)
    }

    @Test("waits as long as a busy receiver asks for, by the database's clock")
    func honoursRetryAfter() async throws {
        let receiver = try ScriptedHTTPServer(
            then: .respond(status: 503, headers: [(name: "Retry-After", value: "1800")])
        )
        defer { receiver.stop() }
        try await NotifierHarness().run { harness in
            let task = try await harness.insertTask(url: receiver.url())
            try await harness.publish(harness.event(task, .taskFailed))
            try await harness.waitForStates(["retrying"])
            let wait = try await harness.database.query(
                "SELECT extract(epoch FROM next_attempt_at - now())::float8 AS wait FROM longshore.deliveries"
            )
            let seconds = try #require(wait.first).double("wait")
            #expect(seconds > 1_500)
            #expect(seconds <= 1_800)
        }
    }

    @Test("sends nothing more of a task to a receiver that is gone")
    func disables() async throws {
        let receiver = try ScriptedHTTPServer(then: .respond(status: 410))
        defer { receiver.stop() }
        try await NotifierHarness().run { harness in
            let task = try await harness.insertTask(url: receiver.url(), events: ["task.pulling", "task.succeeded"])
            try await harness.publish(harness.event(task, .taskPulling))
            try await harness.waitForStates(["disabled"])
            let other = try await harness.insertTask("other", url: receiver.url())
            try await harness.publish(harness.event(task, .taskSucceeded), harness.event(other, .taskFailed))
            try await receiver.waitForRequests(2)
            let states = Set(try await harness.waitForStates(["disabled", "disabled"]).map(\.id))
            #expect(
                states == [
                    EventIdentity.event(task, type: .taskPulling), EventIdentity.event(other, type: .taskFailed),
                ]
            )
        }
        #expect(receiver.requests.count == 2)
    }

    @Test("connects to no inner address unless the operator allows it")
    func refusesInnerAddresses() async throws {
        let receiver = try ScriptedHTTPServer()
        defer { receiver.stop() }
        var configuration = NotifierHarness.configuration()
        configuration.addressPolicy = .publicOnly
        try await NotifierHarness().run(configuration) { harness in
            for (index, host) in ["127.0.0.1", "localhost", "2130706433", "[::ffff:127.0.0.1]", "127.1"].enumerated() {
                let task = try await harness.insertTask("t\(index)", url: "http://\(host):\(receiver.port)/")
                try await harness.publish(harness.event(task, .taskSucceeded))
            }
            let rows = try await harness.waitForStates(Array(repeating: "exhausted", count: 5))
            #expect(rows.allSatisfy { $0.attempt == 1 && $0.error?.hasPrefix("blocked") == true }, "\(rows)")
        }
        #expect(receiver.connectionCount == 0)
    }

    @Test("gives a receiver that hangs its own places and nobody else's")
    func isolatesHosts() async throws {
        let hanging = try ScriptedHTTPServer(then: .hang)
        let healthy = try ScriptedHTTPServer()
        defer { hanging.stop() }
        defer { healthy.stop() }
        var configuration = NotifierHarness.configuration()
        configuration.maximumInFlight = 16
        configuration.requestTimeout = .seconds(120)
        configuration.lease = .seconds(200)
        configuration.drainTimeout = .milliseconds(100)
        try await NotifierHarness().run(configuration) { harness in
            let names = (0..<40).map { "node-\($0)" }
            let stuck = try await harness.insertTask("stuck", url: hanging.url(), events: ["node.succeeded"])
            try await harness.publish(names.map { harness.event(stuck, .nodeSucceeded, node: $0) })
            try await hanging.waitForRequests(8)
            let fine = try await harness.insertTask("fine", url: healthy.url(), events: ["node.succeeded"])
            try await harness.publish(names.map { harness.event(fine, .nodeSucceeded, node: $0) })
            try await healthy.waitForRequests(40)
            #expect(hanging.requests.count == 8)
            let states = try await harness.database.query(
                "SELECT count(*) AS n FROM longshore.deliveries WHERE state = 'delivering' AND task_id = $1",
                [.text(stuck.text)]
            )
            #expect(try states.first?.int("n") == 8)
        }
    }

    @Test("sends each delivery once, however many notifiers there are")
    func sharesWork() async throws {
        let receiver = try ScriptedHTTPServer()
        defer { receiver.stop() }
        let harness = try await NotifierHarness()
        let services = try (0..<2).map { _ in try harness.service(NotifierHarness.configuration()) }
        try await harness.run(services) { harness in
            let task = try await harness.insertTask(url: receiver.url(), events: ["node.succeeded"])
            try await harness.publish((0..<100).map { harness.event(task, .nodeSucceeded, node: "node-\($0)") })
            try await harness.waitForStates(Array(repeating: "delivered", count: 100), timeout: .seconds(90))
        }
        #expect(receiver.requests.count == 100)
        #expect(Set(receiver.requests.map { $0.header("webhook-id") }).count == 100)
    }

    @Test("takes over what a notifier left behind that has died")
    func recoversLeases() async throws {
        let receiver = try ScriptedHTTPServer()
        defer { receiver.stop() }
        let harness = try await NotifierHarness()
        try await harness.database.query(
            """
            INSERT INTO longshore.deliveries (id, event_id, task_id, project, url, secret_name, body, state, attempt,
                lease_until, lease_owner)
            VALUES ('dead', 'dead', 't', 'default', $1, 'webhook-default', '{}', 'delivering', 1, now() - interval '1 s', 'gone'),
                ('alive', 'alive', 't', 'default', $1, 'webhook-default', '{}', 'delivering', 1, now() + interval '1 h', 'busy')
            """,
            [.text(receiver.url())]
        )
        try await harness.run { harness in
            try await harness.waitForStates(["delivering", "delivered"])
            let attempts = try await harness.database.query(
                "SELECT attempt, error FROM longshore.delivery_attempts WHERE delivery_id = 'dead' ORDER BY attempt"
            )
            #expect(try attempts.map { row in try row.int("attempt") } == [1, 2])
            #expect(try attempts.first?.text("error") == "interrupted: gone did not come back")
        }
        #expect(receiver.requests.map { $0.header("webhook-id") } == ["dead"])
    }

    @Test("leaves a Secret alone that is not ours, and waits without using up attempts")
    func refusesForeignSecrets() async throws {
        let receiver = try ScriptedHTTPServer()
        defer { receiver.stop() }
        let harness = try await NotifierHarness()
        let foreign: JSONValue = [
            "metadata": ["name": "webhook-default", "namespace": "longshore-webhooks"],
            "data": ["secret": .string(Base64.encode(Array("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".utf8)))],
        ]
        harness.kubernetes.put("webhook-default", foreign)
        try await harness.run { harness in
            let task = try await harness.insertTask(url: receiver.url())
            try await harness.publish(harness.event(task, .taskSucceeded))
            try await waitUntil("the delivery to be given back") {
                let rows = try await harness.database.query(
                    "SELECT 1 AS x FROM longshore.deliveries WHERE state = 'pending' AND attempt = 0 AND next_attempt_at > now()"
                )
                return !rows.isEmpty
            }
            #expect(harness.kubernetes.secret("webhook-default") == foreign)
        }
        #expect(receiver.requests.isEmpty)
    }

    @Test("finishes what it is sending when it is stopped")
    func drains() async throws {
        let receiver = try ScriptedHTTPServer(then: .delayed(milliseconds: 700, .respond(status: 200)))
        defer { receiver.stop() }
        let harness = try await NotifierHarness()
        let service = try harness.service(NotifierHarness.configuration())
        try await harness.run(
            [service],
            afterStop: { harness in
                let states = try await harness.deliveries().map(\.state)
                #expect(states == ["delivered"])
            },
            { harness in
                let task = try await harness.insertTask(url: receiver.url())
                try await harness.publish(harness.event(task, .taskSucceeded))
                try await receiver.waitForRequests(1)
                #expect(try await harness.deliveries().map(\.state) == ["delivering"])
            }
        )
        #expect(receiver.requests.count == 1)
    }

    @Test("records that it was interrupted when the stop cannot wait")
    func interrupts() async throws {
        let receiver = try ScriptedHTTPServer(then: .hang)
        defer { receiver.stop() }
        var configuration = NotifierHarness.configuration(delays: [.zero, .seconds(3_600)])
        configuration.drainTimeout = .milliseconds(50)
        let harness = try await NotifierHarness()
        let service = try harness.service(configuration)
        try await harness.run(
            [service],
            afterStop: { harness in
                let rows = try await harness.deliveries()
                #expect(rows.map(\.state) == ["retrying"])
                #expect(rows.first?.error?.hasPrefix("interrupted") == true)
            },
            { harness in
                let task = try await harness.insertTask(url: receiver.url())
                try await harness.publish(harness.event(task, .taskSucceeded))
                try await receiver.waitForRequests(1)
            }
        )
    }

    @Test("goes on when the database comes back")
    func survivesDatabaseRestart() async throws {
        let receiver = try ScriptedHTTPServer()
        defer { receiver.stop() }
        let server = try await PostgresServer()
        try await NotifierHarness(server: server).run { harness in
            let task = try await harness.insertTask(url: receiver.url())
            try await harness.publish(harness.event(task, .taskPulling))
            await server.stop(.immediate)
            try await harness.publish(harness.event(task, .taskSucceeded))
            try await server.start()
            try await receiver.waitForRequests(1, timeout: .seconds(90))
        }
        await server.stop()
        #expect(receiver.requests.map { $0.header("webhook-id") }.count == 1)
    }

    @Test("is ready when Kafka, Postgres and Kubernetes answer")
    func readiness() async throws {
        let harness = try await NotifierHarness()
        let service = try harness.service(NotifierHarness.configuration())
        try await harness.run([service]) { harness in
            let readiness = Readiness(logger: .init(label: "test"))
            service.addChecks(to: readiness)
            try await waitUntil("readiness") { await readiness.faults().isEmpty }
            harness.kubernetes.stop()
            try await waitUntil("the fault to be seen") { Set(await readiness.faults().keys) == ["kubernetes"] }
        }
    }
}
