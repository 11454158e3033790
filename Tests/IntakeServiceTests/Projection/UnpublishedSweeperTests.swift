import LibPQ
import LongshoreDomain
import LongshoreMessages
import RDKafka
import ServiceRuntime
import TestSupport
import Testing
import WireFormats

@testable import IntakeService

@Suite(.timeLimit(.minutes(2)))
struct UnpublishedSweeperTests {
    private func insert(_ intake: Intake, _ submitted: TaskSubmitted, olderBy seconds: Int) async throws {
        let row = AcceptedTask(
            id: submitted.taskID,
            spec: submitted.spec,
            source: "http",
            requestHash: submitted.requestHash,
            idempotencyKey: submitted.idempotencyKey,
            acceptedAt: submitted.acceptedAt
        )
        _ = try await TaskStore(pool: intake.pool).accept([row])
        try await intake.pool.query(
            "UPDATE longshore.tasks SET updated_at = now() - make_interval(secs => $2) WHERE id = $1",
            [.text(submitted.taskID.text), .double(Double(seconds))]
        )
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

    @Test
    func `Only what can have no message is given up, and a message that comes after all brings it back`() async throws {
        let intake = try await Intake(announcesKey: false)
        let brokers = KafkaInquiry(
            configuration: KafkaConfiguration(bootstrapServers: intake.cluster.bootstrapServers, clientID: "sweeper"),
            logger: quietLogger
        )
        let sweeper = UnpublishedSweeper(pool: intake.pool, brokers: brokers, logger: quietLogger)
        // The topic is in use: the projector must have read it.
        let used = try #require(try await intake.submit(["images": ["nginx"]]).json["id"]?.string)
        try await intake.waitForStatus("queued", of: used)

        let lost = try makeTask("lost")
        let young = try makeTask("young")
        try await insert(intake, lost, olderBy: 61)
        try await insert(intake, young, olderBy: 30)
        try await waitUntil("the sweep") { try await sweeper.sweep() == 1 }
        let given = try await intake.read(lost.taskID.text)
        #expect(given["status"]?.string == "rejected")
        #expect(given["reason"]?.string == "NeverPublished")
        #expect(try await intake.read(young.taskID.text)["status"]?.string == "accepting")
        #expect(try await sweeper.sweep() == 0)

        try await intake.producer.send(lost.record)
        try await intake.waitForStatus("queued", of: lost.taskID.text)
        #expect(try await intake.read(lost.taskID.text)["reason"] == nil)

        // A topic with messages that the projector has not read says nothing yet.
        let behind = try makeTask("behind")
        try await insert(intake, behind, olderBy: 120)
        try await intake.pool.query("UPDATE longshore.consumer_offsets SET next_offset = 0")
        #expect(try await sweeper.sweep() == 0)
        #expect(try await intake.read(behind.taskID.text)["status"]?.string == "accepting")
        await brokers.close(timeout: .seconds(2))
        try await intake.stop()
    }
}
