import LibPQ
import LongshoreDomain
import LongshoreMessages
import RDKafka
import ServiceRuntime
import TestSupport
import Testing
import WireFormats

@testable import IntakeService

/// Events of nodes that are gone from Kafka before they are read.
@Suite(.timeLimit(.minutes(3)))
struct NodeRepairsTests {
    private func questions(_ intake: Intake, about task: TaskID) async throws -> [TaskCommand] {
        try await intake.messages(of: task.text).filter { $0.eventType == .taskCommand }
            .map { try TaskCommand(event: $0) }.filter { $0.kind == .report }
    }

    /// A task that has ended with four nodes, of which two were heard to begin and the others, one of them set aside, were not
    /// heard of at all.
    private func endTask(_ intake: Intake) async throws -> TaskID {
        let answer = try await intake.submit(["images": ["nginx"]])
        let id = try #require(answer.json["id"]?.string.flatMap { TaskID($0) })
        try await intake.waitForStatus("queued", of: id.text)
        try await intake.publish(.sample(.nodePulling, of: id, sequence: 3, node: "a"))
        try await intake.publish(.sample(.nodePulling, of: id, sequence: 4, node: "b"))
        let counts = TaskCounts(nodesTotal: 4, succeeded: 2, failed: 1, skipped: 1)
        try await intake.publish(.sample(.taskFailed, of: id, sequence: 50, counts: counts))
        try await intake.waitForStatus("failed", of: id.text)
        return id
    }

    private func states(_ intake: Intake, _ id: TaskID) async throws -> [String: String] {
        let nodes = try await intake.ask("GET", "/v1/tasks/\(id)/nodes").json["items"]?.array ?? []
        return Dictionary(
            uniqueKeysWithValues: nodes.map { ($0["node"]?.string ?? "", $0["state"]?.string ?? "") }
        )
    }

    @Test
    func `Executors are asked how nodes ended, and what they say is shown`() async throws {
        let intake = try await Intake(announcesKey: false)
        try await intake.announceKey(cluster: "default")
        let id = try await endTask(intake)
        #expect(try await states(intake, id) == ["a": "unknown", "b": "unknown"])
        let repairs = NodeRepairs(pool: intake.pool, producer: intake.producer, logger: quietLogger)
        try await repairs.sweep()
        try await repairs.sweep()
        let question = try await waitForValue("the question") { try await questions(intake, about: id).first }
        #expect(try await questions(intake, about: id).count == 1)
        let ends = [
            TaskNodes.End(name: "a", phase: .succeeded),
            TaskNodes.End(name: "b", phase: .failed, cause: .notFound, message: "manifest unknown"),
            TaskNodes.End(name: "c", phase: .succeeded),
            TaskNodes.End(name: "d", phase: .skipped, reason: "Virtual", message: "no image store"),
        ]
        // What another project, or an answer to another question, says counts for nothing.
        for change: @Sendable (inout TaskCommand) -> Void in [
            { $0.project = "other" }, { $0.requestedAt = $0.requestedAt + .seconds(-1) },
        ] {
            var wrong = question
            change(&wrong)
            let lies = ends.map { TaskNodes.End(name: $0.name, phase: .skipped) }
            for answer in TaskNodes.answers(to: wrong, nodes: lies) { try await intake.producer.send(answer.record) }
        }
        for answer in TaskNodes.answers(to: question, nodes: ends) { try await intake.producer.send(answer.record) }
        try await waitUntil("the nodes to be known") {
            try await states(intake, id) == ["a": "succeeded", "b": "failed", "c": "succeeded", "d": "skipped"]
        }
        let failed = try await intake.ask("GET", "/v1/tasks/\(id)/nodes?state=failed").json["items"]?[0]
        #expect(failed?["cause"]?.string == "NotFound" && failed?["message"]?.string == "manifest unknown")
        let aside = try await intake.ask("GET", "/v1/tasks/\(id)/nodes?state=skipped").json["items"]?[0]
        #expect(aside?["reason"]?.string == "Virtual" && aside?["message"]?.string == "no image store")
        let left = try await intake.pool.query("SELECT count(*) AS n FROM longshore.node_repairs")
        #expect(try left[0].int("n") == 0)
        try await intake.stop()
    }

    @Test
    func `What nobody knows any more stays unknown, with a reason, and is not asked again`() async throws {
        let intake = try await Intake(announcesKey: false)
        try await intake.announceKey(cluster: "default")
        let id = try await endTask(intake)
        var repairs = NodeRepairs(pool: intake.pool, producer: intake.producer, logger: quietLogger)
        repairs.patience = .zero
        try await repairs.sweep()
        let question = try await waitForValue("the question") { try await questions(intake, about: id).last }
        try await intake.producer.send(TaskMissing(answering: question).record)
        try await waitUntil("the question to be settled") {
            try await intake.pool.query("SELECT count(*) AS n FROM longshore.node_repairs")[0].int("n") == 0
        }
        let asked = try await questions(intake, about: id).count
        try await repairs.sweep()
        #expect(try await questions(intake, about: id).count == asked)
        let node = try await intake.ask("GET", "/v1/tasks/\(id)/nodes?state=unknown").json["items"]?[0]
        #expect(node?["node"]?.string == "a" && node?["reason"]?.string == "EndNotHeard")
        try await intake.stop()
    }

    @Test
    func `A hundred thousand ends are answered in records that every broker takes`() throws {
        let command = TaskCommand(
            id: "q",
            taskID: TaskIDs.derived(project: "default", idempotencyKey: "large"),
            project: "default",
            cluster: "default",
            priorityClass: .normal,
            kind: .report,
            requestedAt: Timestamp(microsecondsSinceEpoch: 1_800_000_000_000_000)
        )
        let ends = (0..<100_000).map {
            TaskNodes.End(name: "ip-10-0-0-\($0).eu-central-1.compute.internal", phase: .succeeded)
        }
        let answers = TaskNodes.answers(to: command, nodes: ends)
        #expect(answers.flatMap(\.nodes) == ends)
        #expect(answers.allSatisfy { ($0.record.value?.count ?? 0) < 60 << 10 })
        #expect(answers.map(\.part.number) == Array(1...answers.count))
    }
}
