import LibPQ
import LongshoreDomain
import LongshoreMessages
import RDKafka
import ServiceRuntime
import TestSupport
import Testing
import WireFormats

@testable import IntakeService

/// Tasks whose messages are gone end when the executors say that they have no PullTask of them, and not before.
@Suite(.timeLimit(.minutes(3)))
struct LostTaskSweeperTests {
    private let topic = Topics.tasks(cluster: "default", class: .normal)

    private func makeSweeper(_ intake: Intake) throws -> (LostTaskSweeper, KafkaInquiry) {
        let brokers = KafkaInquiry(
            configuration: KafkaConfiguration(bootstrapServers: intake.cluster.bootstrapServers, clientID: "sweeper"),
            logger: quietLogger
        )
        var sweeper = LostTaskSweeper(
            pool: intake.pool,
            brokers: brokers,
            producer: intake.producer,
            metrics: IntakeMetrics(),
            logger: intake.logs.logger
        )
        sweeper.settling = .seconds(30)
        return (sweeper, brokers)
    }

    private func makeTask(_ key: String) throws -> TaskSubmitted {
        TaskSubmitted(
            taskID: TaskIDs.derived(project: "default", idempotencyKey: key),
            spec: TaskSpec(images: [RequestedImage(reference: try ImageReference(parsing: "nginx"))]),
            acceptedAt: SystemWallClock().now(),
            requestHash: [1],
            idempotencyKey: key
        )
    }

    /// A row of a task that was accepted and whose message is not there.
    private func insert(_ intake: Intake, _ key: String, phase: String, offset: Int64) async throws -> TaskSubmitted {
        let submitted = try makeTask(key)
        let store = TaskStore(pool: intake.pool)
        let row = AcceptedTask(
            id: submitted.taskID,
            spec: submitted.spec,
            source: "http",
            requestHash: submitted.requestHash,
            idempotencyKey: key,
            acceptedAt: submitted.acceptedAt
        )
        _ = try await store.accept([row])
        let acknowledgements = Acknowledgements(pool: intake.pool)
        try await acknowledgements.note([MessagePlace(task: submitted.taskID, partition: 1, offset: offset)])
        try await acknowledgements.carryOver(olderThan: .zero)
        try await intake.pool.query(
            "UPDATE longshore.tasks SET phase = $2, updated_at = now() - interval '1 minute' WHERE id = $1",
            [.text(submitted.taskID.text), .text(phase)]
        )
        return submitted
    }

    private func questions(_ intake: Intake, about task: TaskID) async throws -> [(record: ConsumerRecord, TaskCommand)]
    {
        try await intake.records(topic).filter { $0.key == Array(task.text.utf8) }.compactMap { record in
            let event = try CloudEvent(record)
            return event.eventType == .taskCommand ? (record, try TaskCommand(event: event)) : nil
        }
    }

    private func ends(_ intake: Intake, of task: TaskID) async throws -> [TaskEvent] {
        try await intake.records(Topics.events).compactMap { try? TaskEvent(event: CloudEvent($0)) }
            .filter { $0.taskID == task && $0.type.isTerminal }
    }

    @Test
    func `A task whose message is gone is asked about and ends with the answer, with one event`() async throws {
        let intake = try await Intake(announcesKey: false)
        let (sweeper, brokers) = try makeSweeper(intake)
        let lost = try await insert(intake, "lost", phase: "queued", offset: 1_000)
        try await sweeper.sweep()
        try await sweeper.sweep()
        let asked = try await questions(intake, about: lost.taskID)
        #expect(asked.map(\.1.kind) == [.confirm])
        // Behind the message, wherever the key would go today.
        let first = try #require(asked.first)
        #expect(first.record.topicPartition.partition == 1)
        // A late answer to another question says nothing about this acceptance.
        var stale = TaskMissing(answering: first.1)
        stale.askedAt = Timestamp(microsecondsSinceEpoch: stale.askedAt.microsecondsSinceEpoch - 1_000)
        try await intake.producer.send(stale.record)
        let other = try #require(try await intake.submit(["images": ["nginx"]]).json["id"]?.string)
        try await intake.waitForStatus("queued", of: other)
        try await sweeper.sweep()
        #expect(try await intake.read(lost.taskID.text)["status"]?.string == "queued")

        try await intake.producer.send(TaskMissing(answering: first.1).record)
        try await waitUntil("the task to end") {
            try await sweeper.sweep()
            return try await intake.read(lost.taskID.text)["status"]?.string == "failed"
        }
        let end = try await intake.read(lost.taskID.text)
        #expect(end["reason"]?.string == "MessageLost")
        #expect(end["cause"]?.string == "Internal")
        let events = try await ends(intake, of: lost.taskID)
        #expect(Set(events.map(\.id)) == ["\(lost.taskID)-failed"])
        #expect(Set(events.map(\.time)).count == 1)
        try await sweeper.sweep()
        #expect(try await ends(intake, of: lost.taskID).count == events.count)
        #expect(intake.logs.lines.contains { $0.hasPrefix("error Kafka has lost an accepted task") })
        await brokers.close(timeout: .seconds(2))
        try await intake.stop()
    }

    @Test
    func `Tasks whose messages are there are never asked about, and nothing is said for those that live`() async throws
    {
        let intake = try await Intake(announcesKey: false)
        let (sweeper, brokers) = try makeSweeper(intake)
        let id = try #require(try await intake.submit(["images": ["nginx"]]).json["id"]?.string)
        try await intake.waitForStatus("queued", of: id)
        try await sweeper.sweep()
        let task = try #require(TaskID(id))
        #expect(try await questions(intake, about: task).isEmpty)
        // Wrongly suspected, because a broker told nonsense for a while: nobody answers, and the task lives on.
        try await intake.pool.query("UPDATE longshore.tasks SET suspected_at = now() WHERE id = $1", [.text(id)])
        try await sweeper.sweep()
        try await sweeper.sweep()
        #expect(try await questions(intake, about: task).count == 1)
        try await intake.publish(.sample(.taskPulling, of: task, sequence: 2))
        try await intake.publish(.sample(.taskSucceeded, of: task, sequence: 3))
        try await intake.waitForStatus("succeeded", of: id)
        // An answer that comes after the end changes nothing.
        let question = try #require(try await questions(intake, about: task).first?.1)
        try await intake.producer.send(TaskMissing(answering: question).record)
        let next = try #require(try await intake.submit(["images": ["nginx"]]).json["id"]?.string)
        try await intake.waitForStatus("queued", of: next)
        try await sweeper.sweep()
        #expect(try await ends(intake, of: task).map(\.type) == [.taskSucceeded])
        await brokers.close(timeout: .seconds(2))
        try await intake.stop()
    }

    @Test
    func `A task that was acknowledged and never read back is asked about, and not given up in silence`() async throws {
        let intake = try await Intake(announcesKey: false)
        let (sweeper, brokers) = try makeSweeper(intake)
        // Another message of the topic stands where this one was.
        let used = try #require(try await intake.submit(["images": ["nginx"]]).json["id"]?.string)
        try await intake.waitForStatus("queued", of: used)
        let lost = try await insert(intake, "unread", phase: "accepting", offset: 0)
        try await intake.pool.query("UPDATE longshore.tasks SET message_offset = NULL WHERE phase = 'accepting'")
        let unpublished = UnpublishedSweeper(pool: intake.pool, brokers: brokers, logger: quietLogger)
        #expect(try await unpublished.sweep() == 0)
        try await waitUntil("the question") {
            try await sweeper.sweep()
            return try await questions(intake, about: lost.taskID).count == 1
        }
        let question = try #require(try await questions(intake, about: lost.taskID).first?.1)
        try await intake.producer.send(TaskMissing(answering: question).record)
        try await waitUntil("the task to end") {
            try await sweeper.sweep()
            return try await intake.read(lost.taskID.text)["status"]?.string == "failed"
        }
        await brokers.close(timeout: .seconds(2))
        try await intake.stop()
    }

    @Test
    func `A request that comes again while it is asked about is a new message, and the old answer is not its own`()
        async throws
    {
        let intake = try await Intake(announcesKey: false)
        let (sweeper, brokers) = try makeSweeper(intake)
        let lost = try await insert(intake, "again", phase: "accepting", offset: 1_000)
        try await sweeper.sweep()
        let question = try #require(try await questions(intake, about: lost.taskID).first?.1)
        // The same request again: the row waits for another message.
        let row = AcceptedTask(
            id: lost.taskID,
            spec: lost.spec,
            source: "http",
            requestHash: lost.requestHash,
            idempotencyKey: "again",
            acceptedAt: SystemWallClock().now()
        )
        _ = try await TaskStore(pool: intake.pool).accept([row])
        try await intake.producer.send(TaskMissing(answering: question).record)
        try await intake.producer.send(lost.record)
        try await intake.waitForStatus("queued", of: lost.taskID.text)
        try await sweeper.sweep()
        #expect(try await intake.read(lost.taskID.text)["status"]?.string == "queued")
        #expect(try await ends(intake, of: lost.taskID).isEmpty)
        await brokers.close(timeout: .seconds(2))
        try await intake.stop()
    }
}
