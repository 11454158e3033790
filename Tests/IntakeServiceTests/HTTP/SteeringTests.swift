import LongshoreDomain
import LongshoreMessages
import RDKafka
import ServiceRuntime
import TestSupport
import Testing
import WireFormats

@testable import IntakeService

/// Wishes about a task that is there: retry, pause, resume and changes of settings.
@Suite struct SteeringTests {
    private func commands(_ intake: Intake, _ id: String) async throws -> [TaskCommand] {
        let records = try await intake.records(Topics.tasks(cluster: "default", class: .normal))
            .filter { $0.key == Array(id.utf8) }
        // Intake asks executors of its own accord about tasks that have ended.
        return records.compactMap { try? TaskCommand(event: CloudEvent($0)) }.filter { $0.kind != .report }
    }

    private func submitted(_ intake: Intake, _ fields: JSONValue = [:]) async throws -> (String, TaskID) {
        var body: JSONValue = ["images": ["nginx"]]
        for (key, value) in fields.object ?? [:] { body[key] = value }
        let id = try #require(try await intake.submit(body).json["id"]?.string)
        try await intake.waitForStatus("queued", of: id)
        return (id, try #require(TaskID(id)))
    }

    private func again(_ event: TaskEvent, _ retry: Int) -> TaskEvent {
        var event = event
        event.retry = retry
        event.id += "-r\(retry)"
        return event
    }

    @Test func `A finished task goes back to pulling and ends once more`() async throws {
        let intake = try await Intake.shared()
        let (id, task) = try await submitted(intake)
        #expect(try await intake.ask("POST", "/v1/tasks/\(id)/retry").status == 409, "it has not ended")
        var end = TaskEvent.sample(
            .taskFailed,
            of: task,
            sequence: 5,
            counts: TaskCounts(nodesTotal: 2, succeeded: 1, failed: 1)
        )
        (end.cause, end.message, end.reason) = (.disk, "full", "FailureToleranceExceeded")
        try await intake.publish(end)
        try await intake.waitForStatus("failed", of: id)
        #expect(try await intake.read(id)["retries"] == 0)
        #expect(try await intake.ask("POST", "/v1/tasks/\(id)/retry", token: Intake.viewer).status == 403)
        #expect(try await intake.ask("POST", "/v1/tasks/\(id)/retry", token: Intake.other).status == 404)
        for _ in 0..<2 {
            let answer = try await intake.ask("POST", "/v1/tasks/\(id)/retry")
            #expect(answer.status == 202 && answer.header("Location") == "/v1/tasks/\(id)")
        }
        let sent = try await commands(intake, id)
        #expect(sent.map(\.kind) == [.retry, .retry])
        #expect(Set(sent.map(\.id)) == ["\(id)-retry-1"], "asked twice it is one wish")
        let working = TaskCounts(nodesTotal: 2, succeeded: 1, pulling: 1)
        try await intake.publish(again(.sample(.taskProgress, of: task, sequence: 11, counts: working), 1))
        try await intake.waitForStatus("pulling", of: id)
        let shown = try await intake.read(id)
        #expect(shown["retries"] == 1 && shown["finishedAt"] == nil && shown["cause"] == nil && shown["message"] == nil)
        // What was sent before the retry and comes late changes nothing.
        try await intake.publish(.sample(.taskFailed, of: task, sequence: 6))
        try await intake.publish(
            again(.sample(.taskSucceeded, of: task, sequence: 14, counts: TaskCounts(nodesTotal: 2, succeeded: 2)), 1)
        )
        try await intake.waitForStatus("succeeded", of: id)
        let ended = try await intake.read(id)
        #expect(ended["counts"]?["nodesFailed"] == 0 && ended["finishedAt"] != nil && ended["reason"] == nil)
        #expect(try await intake.ask("POST", "/v1/tasks/\(id)/retry").status == 409, "nothing failed")
        let text = try await intake.follow("/v1/tasks/\(id)/events") { _ in false }
        #expect(
            text.contains("event: task.failed") && text.contains("event: task.succeeded"),
            "it ends with the last end"
        )
    }

    @Test func `A retry that makes no sense is a conflict that says why`() async throws {
        let intake = try await Intake.shared()
        let (cancelled, task) = try await submitted(intake)
        try await intake.publish(.sample(.taskCancelled, of: task, sequence: 5))
        try await intake.waitForStatus("cancelled", of: cancelled)
        let answer = try await intake.ask("POST", "/v1/tasks/\(cancelled)/retry")
        #expect(answer.status == 409 && answer.json["detail"]?.string?.contains("make a new task") == true)
        let credential: JSONValue = [["registry": "docker.io", "username": "u", "password": "p"]]
        let (secret, other) = try await submitted(intake, ["registryCredentials": credential])
        try await intake.publish(.sample(.taskFailed, of: other, sequence: 5))
        try await intake.waitForStatus("failed", of: secret)
        let refused = try await intake.ask("POST", "/v1/tasks/\(secret)/retry")
        #expect(refused.status == 409 && refused.json["detail"]?.string?.contains("secretRef") == true)
        let (gone, third) = try await submitted(intake, ["ttlSecondsAfterFinished": 0])
        try await intake.publish(.sample(.taskFailed, of: third, sequence: 5))
        try await intake.waitForStatus("failed", of: gone)
        #expect(try await intake.ask("POST", "/v1/tasks/\(gone)/retry").status == 409)
        #expect(try await intake.ask("POST", "/v1/tasks/\(String(repeating: "0", count: 26))/retry").status == 404)
        #expect(try await intake.ask("GET", "/v1/tasks/\(gone)/retry").header("Allow") == "POST")
        for id in [cancelled, secret, gone] { #expect(try await commands(intake, id).isEmpty) }
    }

    @Test func `Pausing, resuming and changing settings go to the task's own topic, in order`() async throws {
        let intake = try await Intake.shared()
        let (id, task) = try await submitted(intake, ["retryDelay": 5, "retryMaxDelaySeconds": 50])
        func patch(_ body: JSONValue, key: String? = nil) async throws -> Intake.Answer {
            let headers = key.map { [(name: "Idempotency-Key", value: $0)] } ?? []
            return try await intake.ask("PATCH", "/v1/tasks/\(id)", body: body.serialized(), headers: headers)
        }
        #expect(try await intake.ask("POST", "/v1/tasks/\(id)/pause").status == 202)
        #expect(try await patch(["batchSize": 50, "priority": 9]).status == 202)
        #expect(try await patch(["retryMaxDelaySeconds": 10], key: "k").status == 202)
        #expect(try await patch(["retryMaxDelaySeconds": 10], key: "k").status == 202)
        #expect(try await intake.ask("POST", "/v1/tasks/\(id)/resume").status == 202)
        let sent = try await commands(intake, id)
        #expect(sent.map(\.kind) == [.pause, .patch, .patch, .patch, .resume])
        #expect(sent[1].patch == TaskPatch(batchSize: 50, priority: 9))
        #expect(sent[2].id == sent[3].id && sent[1].id != sent[2].id)
        for (body, code) in [
            (["images": ["redis"]], "notSupported"), (["batchSize": 0], "outOfRange"),
            (["batchSize": nil], "wrongType"),
            (["nonsense": 1], "notSupported"), ([:], "required"), (["retryMaxDelaySeconds": 2], "conflict"),
            ([], "wrongType"),
        ] as [(JSONValue, String)] {
            let answer = try await patch(body)
            #expect(answer.status == 422 && answer.codes == [code], "\(body): \(answer.json)")
        }
        // What the executor says it works by is what is shown.
        var changed = TaskEvent.sample(.taskProgress, of: task, sequence: 7)
        changed.settings = TaskPatch(batchSize: 50, priority: 9, deadlineSeconds: 100)
        try await intake.publish(changed)
        try await waitUntil("the settings") { try await intake.read(id)["spec"]?["batchSize"] == 50 }
        let shown = try await intake.read(id)
        #expect(shown["priority"] == 9 && shown["priorityClass"] == "normal" && shown["spec"]?["retryDelay"] == 5)
        let accepted = try #require(shown["acceptedAt"]?.string.flatMap { Timestamp(rfc3339: $0) })
        let deadline = try #require(shown["deadlineAt"]?.string.flatMap { Timestamp(rfc3339: $0) })
        #expect(deadline.duration(since: accepted) == .seconds(100))
        try await intake.publish(.sample(.taskSucceeded, of: task, sequence: 9))
        try await intake.waitForStatus("succeeded", of: id)
        #expect(try await patch(["batchSize": 2]).status == 409)
        #expect(try await intake.ask("POST", "/v1/tasks/\(id)/pause").status == 409)
        #expect(try await intake.ask("POST", "/v1/tasks/\(id)/resume").status == 409)
    }
}
