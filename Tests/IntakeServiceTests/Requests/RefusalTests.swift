import IntakeService
import LibPQ
import LongshoreDomain
import LongshoreMessages
import RDKafka
import ServiceRuntime
import TestSupport
import Testing
import WireFormats

/// What the refusal of a request may say, and about whom.
@Suite(.timeLimit(.minutes(3)))
struct RefusalTests {
    /// Sends a request that is refused, and returns what is told about it.
    private func refuse(_ intake: Intake, _ request: JSONValue, key: String) async throws -> TaskEvent {
        let requested = TaskRequested(eventID: "e", source: "/ci", request: request, idempotencyKey: key)
        let report = try await intake.producer.send(requested.event.kafkaRecord(topic: Topics.requests, key: "k"))
        let place = TaskEvent.RequestPlace(
            topic: report.topic,
            partition: Int(report.partition),
            offset: report.offset
        )
        return try await waitForValue("the refusal") { try await refusals(intake).first { $0.request == place } }
    }

    private func refusals(_ intake: Intake) async throws -> [TaskEvent] {
        try await intake.records(Topics.events).compactMap { try? TaskEvent(event: CloudEvent($0)) }
            .filter { $0.type == .taskRejected }
    }

    @Test
    func `A refused request in the name of a foreign project says nothing of that project's tasks`() async throws {
        let intake = try await Intake(announcesKey: false) { $0.kafkaProjects = ["a"] }
        let key = "key-\(UInt64.random(in: .min ... .max))"
        let refusal = try await refuse(intake, ["images": [], "project": "default"], key: key)
        #expect(refusal.project != "default" && refusal.project != "a", "told in the name of \(refusal.project)")
        let answer = try await intake.submit(["images": ["nginx"], "project": "default"], key: key)
        let id = try #require(answer.json["id"]?.string.flatMap { TaskID($0) })
        #expect(refusal.taskID != id)
        try await intake.waitForStatus("queued", of: id.text)
        try await intake.publish(.sample(.taskChecking, of: id, sequence: 2))
        try await intake.publish(.sample(.taskSucceeded, of: id, sequence: 3))
        try await intake.waitForStatus("succeeded", of: id.text)
        let stream = try await intake.follow("/v1/tasks/\(id)/events") { _ in false }
        #expect(!stream.contains("task.rejected"))
        #expect(stream.contains("event: task.succeeded"))
        try await intake.stop()
    }

    @Test
    func `A refused request under the key of a task of its own project leaves the task alone, before and after`()
        async throws
    {
        let intake = try await Intake.shared()
        let key = "key-\(UInt64.random(in: .min ... .max))"
        let before = try await refuse(intake, ["images": []], key: key)
        #expect(before.project == "default")
        let id = try #require(try await intake.submit(["images": ["nginx"]], key: key).json["id"]?.string)
        let after = try await refuse(intake, ["images": []], key: key)
        #expect(![before.taskID.text, after.taskID.text].contains(id))
        #expect(before.id != after.id)
        try await intake.waitForStatus("queued", of: id)
        let task = try #require(TaskID(id))
        try await intake.publish(.sample(.taskSucceeded, of: task, sequence: 2))
        try await intake.waitForStatus("succeeded", of: id)
    }

    @Test
    func `A refused request is listed and read by its project, with its faults and without a value of it`() async throws
    {
        let intake = try await Intake.shared()
        let request: JSONValue = [
            "images": ["::"], "password": "hunter2-canary", "webhookUrl": "https://ci.example.com/hook?token=t-canary",
            "webhookEvents": ["task.rejected"], "colour": "canary",
        ]
        let refusal = try await refuse(intake, request, key: "key-\(UInt64.random(in: .min ... .max))")
        let id = refusal.taskID.text
        #expect(
            refusal.webhook == WebhookWish(url: "https://ci.example.com/hook?token=t-canary", events: ["task.rejected"])
        )
        try await intake.waitForStatus("rejected", of: id)
        let shown = try await intake.ask("GET", "/v1/tasks/\(id)", token: Intake.viewer)
        #expect(shown.status == 200)
        #expect(shown.json["source"] == "kafka" && shown.json["project"] == "default" && shown.json["spec"] == nil)
        #expect(Set(shown.pointers).isSuperset(of: ["/images/0", "/password", "/colour"]))
        #expect(shown.json["errorCount"]?.integer == shown.pointers.count)
        #expect(shown.json["reason"] == "PlaintextCredential")
        #expect(shown.json["request"]?["offset"]?.integer.map { Int64($0) } == refusal.request?.offset)
        #expect(!shown.json.text().contains("canary"))
        for (token, sees) in [(Intake.viewer, true), (Intake.admin, true), (Intake.other, false)] {
            let list = try await intake.ask("GET", "/v1/tasks?status=rejected&limit=100", token: token)
            let ids = list.json["items"]?.array?.compactMap { $0["id"]?.string } ?? []
            #expect(ids.contains(id) == sees)
            #expect(try await intake.ask("GET", "/v1/tasks/\(id)", token: token).status == (sees ? 200 : 404))
        }
        // The stream has the refusal itself, and hides the receiver's token from who is no administrator.
        let stream = try await intake.follow("/v1/tasks/\(id)/events") { _ in false }
        #expect(stream.contains("event: task.rejected") && stream.contains("token=***") && !stream.contains("canary"))
        #expect(try await intake.ask("DELETE", "/v1/tasks/\(id)").status == 409)
        // What is kept of it.
        let rows = try await intake.pool.query(
            "SELECT (to_jsonb(t) - 'webhook_url')::text AS row FROM longshore.tasks t WHERE id = $1",
            [.text(id)]
        )
        #expect(try !rows[0].text("row").contains("canary"))
    }

    @Test
    func `A refusal in the name of a foreign project is shown to tokens for all projects alone, and told nobody`()
        async throws
    {
        let intake = try await Intake(announcesKey: false) { $0.kafkaProjects = ["a"] }
        let request: JSONValue = ["images": [], "project": "default", "webhookUrl": "https://ci.example.com/hook"]
        let refusal = try await refuse(intake, request, key: "k")
        #expect(refusal.webhook == nil)
        try await intake.waitForStatus("rejected", of: refusal.taskID.text)
        #expect(try await intake.ask("GET", "/v1/tasks/\(refusal.taskID)", token: Intake.viewer).status == 404)
        #expect(try await intake.ask("GET", "/v1/tasks/\(refusal.taskID)", token: Intake.admin).status == 200)
        try await intake.stop()
    }

    @Test
    func `A PullTask that an executor has refused is listed, and a task that it refused has its faults`() async throws {
        let intake = try await Intake.shared()
        func rejection(of task: TaskID, source: TaskSource?) -> TaskEvent {
            var event = TaskEvent.sample(.taskRejected, of: task, sequence: 2, counts: TaskCounts())
            event.faults = [EventFault(pointer: "/images/0", code: "invalidReference", detail: "no")]
            event.reason = "InvalidSpec"
            event.source = source
            return event
        }
        let made = TaskIDs.derived(project: "default", idempotencyKey: "\(UInt64.random(in: .min ... .max))")
        try await intake.publish(rejection(of: made, source: .kubernetes))
        try await intake.waitForStatus("rejected", of: made.text)
        let row = try await intake.read(made.text)
        #expect(row["source"] == "kubernetes" && row["errors"]?[0]?["pointer"] == "/images/0")
        let accepted = try #require(try await intake.submit(["images": ["nginx"]]).json["id"]?.string)
        try await intake.waitForStatus("queued", of: accepted)
        try await intake.publish(rejection(of: try #require(TaskID(accepted)), source: nil))
        try await intake.waitForStatus("rejected", of: accepted)
        let task = try await intake.read(accepted)
        #expect(task["source"] == "http" && task["errors"]?[0]?["code"] == "invalidReference" && task["spec"] != nil)
    }

    @Test
    func `A refusal that its topic does not take is cut, and given up when that does not help, and holds up nothing`()
        async throws
    {
        let intake = try await Intake(announcesKey: false)
        // The request itself is taken. Its dead letter is refused whole and without its value, the event with all its faults, with
        // few and without any.
        intake.cluster.pushRequestErrors(api: 0, [0] + Array(repeating: 10, count: 5))
        let requested = TaskRequested(eventID: "e", source: "/ci", request: ["images": []])
        try await intake.producer.send(requested.event.kafkaRecord(topic: Topics.requests, key: "k"))
        try await waitUntil("the refusal to be given up") {
            let line = "A refusal is larger than its topic takes and is dropped"
            return intake.logs.lines.count { $0.contains(line) } == 2
        }
        let next = try await refuse(intake, ["images": [], "priority": 99], key: "next")
        #expect(next.faults.contains { $0.pointer == "/priority" })
        try await intake.stop()
    }
}
