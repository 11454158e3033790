import IntakeService
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
        let known = Set(try await refusals(intake).map(\.id))
        let requested = TaskRequested(eventID: "e", source: "/ci", request: request, idempotencyKey: key)
        try await intake.producer.send(requested.event.kafkaRecord(topic: Topics.requests, key: "k"))
        return try await waitForValue("the refusal") { try await refusals(intake).first { !known.contains($0.id) } }
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
}
