import LibPQ
import LongshoreDomain
import LongshoreMessages
import RDKafka
import Redaction
import ServiceRuntime
import TestSupport
import Testing
import WireFormats

@testable import IntakeService

@Suite(.timeLimit(.minutes(2)))
struct ProjectionStoreTests {
    private let pool: PQPool
    private let store: ProjectionStore
    private let partition = TopicPartition(topic: Topics.events, partition: 0)

    init() async throws {
        let url = try await PostgresServer.shared().createDatabase()
        pool = PQPool(configuration: PQConfiguration(url: SecretBytes(utf8: url), maximumConnections: 6))
        try await Migrator(pool: pool, logger: quietLogger).run()
        store = ProjectionStore(pool: pool)
    }

    private func makeTask(_ key: String) throws -> TaskSubmitted {
        var spec = TaskSpec(images: [RequestedImage(reference: try ImageReference(parsing: "nginx"))])
        spec.webhookURL = "https://x.example/hook"
        return TaskSubmitted(
            taskID: TaskIDs.derived(project: "default", idempotencyKey: key),
            spec: spec,
            acceptedAt: SystemWallClock().now(),
            requestHash: [1, 2, 3],
            idempotencyKey: key
        )
    }

    private func message(_ record: MessageRecord, offset: Int64) throws -> KafkaMessage {
        try record.read(offset: offset, timestampMilliseconds: 1_700_000_000_000 + offset)
    }

    private func apply(_ records: [MessageRecord], next: Int64 = 1) async throws {
        let messages = try records.enumerated().map { try message($1, offset: Int64($0)) }
        try await store.apply(.init(ProjectionBatch(messages)), nextOffsets: [partition: next])
    }

    private func task(_ id: TaskID) async throws -> TaskRecord? {
        try await TaskStore(pool: pool).task(id.text)
    }

    private func dump() async throws -> [String] {
        var lines: [String] = []
        for sql in [
            "SELECT (to_jsonb(t) - 'updated_at')::text FROM longshore.tasks t ORDER BY id",
            "SELECT to_jsonb(n)::text FROM longshore.task_nodes n ORDER BY task_id, node",
            "SELECT to_jsonb(e)::text FROM longshore.task_events e ORDER BY event_id",
        ] {
            lines += try await pool.query(sql).map { try $0.text(0) }
        }
        return lines
    }

    @Test
    func `A replay of everything changes nothing, in any order of batches`() async throws {
        let submitted = try makeTask("replay")
        let id = submitted.taskID
        var node = TaskEvent.sample(
            .nodeSucceeded,
            of: id,
            sequence: 4,
            node: "a",
            counts: TaskCounts(nodesTotal: 2, succeeded: 1)
        )
        node.images = [EventImage(image: "docker.io/library/nginx:latest", phase: .pulled)]
        let records = [
            submitted.record, TaskEvent.sample(.taskChecking, of: id, sequence: 2).record,
            TaskEvent.sample(.taskPulling, of: id, sequence: 3).record, node.record,
            TaskEvent.sample(.taskSucceeded, of: id, sequence: 5, counts: TaskCounts(nodesTotal: 2, succeeded: 2))
                .record,
        ]
        try await apply(records, next: 5)
        let before = try await dump()
        #expect(try await task(id)?.phase == .succeeded)
        #expect(try await task(id)?.counts.succeeded == 2)
        try await apply(records, next: 5)
        for record in records.reversed() { try await apply([record], next: 5) }
        #expect(try await dump() == before)
        #expect(try await store.offsets(for: [partition]) == [partition: 5])
        await pool.close()
    }

    /// Back to back, both are in one batch.
    @Test(arguments: [true, false])
    func `A refusal of a former release under a task's id does not end the task`(inOneBatch: Bool) async throws {
        let submitted = try makeTask("refused-before")
        let id = submitted.taskID
        let refusal = TaskEvent.sample(.taskRejected, of: id, sequence: 1, counts: TaskCounts()).record
        let own = [
            submitted.record, TaskEvent.sample(.taskChecking, of: id, sequence: 2).record,
            TaskEvent.sample(.taskSucceeded, of: id, sequence: 3, counts: TaskCounts(nodesTotal: 1, succeeded: 1))
                .record,
        ]
        if inOneBatch {
            try await apply([refusal] + own)
        } else {
            for record in [refusal] + own { try await apply([record]) }
        }
        let row = try #require(try await task(id))
        #expect(row.phase == .succeeded)
        #expect(row.counts.succeeded == 1)
        await pool.close()
    }

    /// Whoever may write to the topic of events can name any task's id.
    @Test(arguments: [true, false])
    func `Events that name another project or cluster are none of the task's`(isRowFirst: Bool) async throws {
        let submitted = try makeTask("foreign")
        let id = submitted.taskID
        var foreign: [MessageRecord] = []
        for (project, cluster) in [("other", "default"), ("default", "west")] {
            for var event in [
                TaskEvent.sample(.nodeFailed, of: id, sequence: 50, node: "a"),
                TaskEvent.sample(.taskFailed, of: id, sequence: 51, counts: TaskCounts(nodesTotal: 9, failed: 9)),
                TaskEvent.sample(.taskSucceeded, of: id, sequence: 52, counts: TaskCounts(nodesTotal: 9, succeeded: 9)),
            ] {
                event.project = project
                event.cluster = cluster
                foreign.append(event.record)
            }
        }
        if isRowFirst { try await apply([submitted.record]) }
        try await apply(foreign)
        let node = TaskEvent.sample(.nodeSucceeded, of: id, sequence: 3, node: "a", counts: TaskCounts(nodesTotal: 1))
        let end = TaskEvent.sample(.taskSucceeded, of: id, sequence: 4, counts: TaskCounts(nodesTotal: 1, succeeded: 1))
        try await apply([submitted.record] + foreign + [node.record, end.record] + foreign)
        let row = try #require(try await task(id))
        #expect(row.phase == .succeeded)
        #expect(row.counts == TaskCounts(nodesTotal: 1, succeeded: 1))
        let nodes = try await TaskStore(pool: pool).nodes(of: id.text, phases: [], after: nil, limit: 10)
        #expect(nodes.map { $0["state"]?.string } == ["succeeded"])
        await pool.close()
    }

    /// Two nodes are in work when their events stop; the task's end says how many ended in which way.
    @Test(arguments: [
        (TaskCounts(nodesTotal: 3, succeeded: 3), "succeeded"),
        (TaskCounts(nodesTotal: 3, succeeded: 1, failed: 2), "failed"),
        (TaskCounts(nodesTotal: 3, succeeded: 1, skipped: 2), "skipped"),
        (TaskCounts(nodesTotal: 3, succeeded: 2, failed: 1), "unknown"),
        (TaskCounts(nodesTotal: 3, succeeded: 1), "unknown"),
    ])
    func `Nodes whose events are gone are in work no more when their task has ended`(
        counts: TaskCounts,
        state: String
    )
        async throws
    {
        let submitted = try makeTask("unheard")
        let id = submitted.taskID
        try await apply([
            submitted.record,
            TaskEvent.sample(.taskPulling, of: id, sequence: 2, counts: TaskCounts(nodesTotal: 3)).record,
            TaskEvent.sample(.nodePulling, of: id, sequence: 3, node: "a").record,
            TaskEvent.sample(.nodePulling, of: id, sequence: 4, node: "b").record,
            TaskEvent.sample(.nodeSucceeded, of: id, sequence: 5, node: "c").record,
        ])
        let type: EventType = counts.failed > 0 ? .taskFailed : .taskSucceeded
        try await apply([TaskEvent.sample(type, of: id, sequence: 50, counts: counts).record])
        let nodes = try await TaskStore(pool: pool).nodes(of: id.text, phases: [], after: nil, limit: 10)
        #expect(nodes.map { $0["state"]?.string } == [state, state, "succeeded"])
        #expect(nodes[0]["reason"]?.string == "EndNotHeard" && nodes[0]["message"]?.string?.isEmpty == false)
        #expect(nodes[2]["reason"] == nil)
        // What is heard after all counts more, and nothing is in work again.
        try await apply([
            TaskEvent.sample(.nodeFailed, of: id, sequence: 51, node: "a").record,
            TaskEvent.sample(.nodePulling, of: id, sequence: 52, node: "b").record,
        ])
        let later = try await TaskStore(pool: pool).nodes(of: id.text, phases: [], after: nil, limit: 10)
        #expect(later[0]["state"]?.string == "failed")
        #expect(later[1]["state"]?.string != "pulling")
        await pool.close()
    }

    @Test
    func `Events that come before their task are folded in when it comes`() async throws {
        let submitted = try makeTask("early")
        let id = submitted.taskID
        try await apply([
            TaskEvent.sample(.taskChecking, of: id, sequence: 2).record,
            TaskEvent.sample(.nodeFailed, of: id, sequence: 3, node: "a").record,
            TaskEvent.sample(.taskFailed, of: id, sequence: 4, counts: TaskCounts(nodesTotal: 1, failed: 1)).record,
        ])
        #expect(try await task(id) == nil)
        try await apply([submitted.record])
        let row = try #require(try await task(id))
        #expect(row.phase == .failed)
        #expect(row.counts.failed == 1)
        #expect(row.finishedAt != nil)
        let spec = try JSONValue(parsing: Array(row.spec.utf8))
        #expect(spec["webhookUrl"]?.string == "https://x.example/hook")
        await pool.close()
    }

    @Test
    func `A task that has ended before its message was read says when it was queued`() async throws {
        let submitted = try makeTask("overtaken")
        let id = submitted.taskID
        _ = try await TaskStore(pool: pool).accept([
            AcceptedTask(
                id: id,
                spec: submitted.spec,
                source: "http",
                requestHash: submitted.requestHash,
                acceptedAt: submitted.acceptedAt
            )
        ])
        try await apply([
            TaskEvent.sample(.taskChecking, of: id, sequence: 2).record,
            TaskEvent.sample(.taskFailed, of: id, sequence: 3, counts: TaskCounts(nodesTotal: 1, failed: 1)).record,
        ])
        #expect(try await task(id)?.queuedAt == nil)
        try await apply([submitted.record])
        let row = try #require(try await task(id))
        #expect(row.phase == .failed)
        #expect(row.finishedAt != nil)
        #expect(row.sequence == 3)
        #expect(row.queuedAt == Timestamp(microsecondsSinceEpoch: 1_700_000_000_000_000))
        await pool.close()
    }

    @Test
    func `A task made by kubectl appears with its first event`() async throws {
        let id = TaskIDs.derived(project: "default", idempotencyKey: "kubectl")
        var first = TaskEvent.sample(.taskChecking, of: id, sequence: 2)
        first.spec = TaskSpec(images: [RequestedImage(reference: try ImageReference(parsing: "quay.io/a:1"))])
        first.source = .kubernetes
        first.acceptedAt = SystemWallClock().now()
        try await apply([first.record])
        let row = try #require(try await task(id))
        #expect(row.source == "kubernetes")
        #expect(row.phase == .checking)
        #expect(row.images == ["quay.io/a:1"])
        await pool.close()
    }

    /// Only the days on which an event can have been are looked at.
    @Test(arguments: [true, false])
    func `An event sent again with another time is the same event, however old its task is`(hasRow: Bool) async throws {
        var submitted = try makeTask("again")
        submitted.acceptedAt = SystemWallClock().now() + .seconds(-20 * 86_400)
        if hasRow { try await apply([submitted.record]) }
        var event = TaskEvent.sample(.taskChecking, of: submitted.taskID, sequence: 2)
        event.time = submitted.acceptedAt + .seconds(60)
        try await apply([event.record])
        for later in [90_000, 10 * 86_400, 21 * 86_400] {
            event.time = submitted.acceptedAt + .seconds(later)
            try await apply([event.record])
        }
        let count = try await pool.query(
            "SELECT count(*) AS n FROM longshore.task_events WHERE event_id = $1",
            [.text(event.id)]
        )
        #expect(try count[0].int("n") == 1)
        await pool.close()
    }

    @Test
    func `Images of parts that come in different batches add up`() async throws {
        let submitted = try makeTask("parts")
        let id = submitted.taskID
        try await apply([submitted.record])
        for (number, image) in ["one", "two", "three"].enumerated() {
            var event = TaskEvent.sample(.nodeSucceeded, of: id, sequence: Int64(2 + number), node: "a")
            event.id += "-p\(number)"
            event.images = [EventImage(image: image, phase: .pulled)]
            event.part = TaskEvent.Part(number: number + 1, count: 3)
            try await apply([event.record])
        }
        let nodes = try await TaskStore(pool: pool).nodes(of: id.text, phases: [], after: nil, limit: 10)
        #expect(nodes[0]["images"]?.array?.compactMap { $0["image"]?.string } == ["one", "two", "three"])
        await pool.close()
    }

    @Test
    func `What cannot be read is passed over`() async throws {
        let event = CloudEvent(id: "x", source: "/x", type: EventType.taskChecking.rawValue, data: ["a": 1])
        let other = CloudEvent(id: "y", source: "/x", type: "com.example.other", data: [:])
        let submitted = CloudEvent(id: "z", source: "/x", type: EventType.taskSubmitted.rawValue, data: [])
        try await apply([event, other, submitted].map { $0.kafkaRecord(topic: Topics.events) }, next: 9)
        #expect(try await store.offsets(for: [partition]) == [partition: 9])
        await pool.close()
    }

    @Test
    func `A message at the place of one that was accepted long before gives away that the log was begun anew`()
        async throws
    {
        func submitted(_ key: String, secondsAgo: Int) throws -> TaskSubmitted {
            var task = try makeTask(key)
            task.acceptedAt = task.acceptedAt + .seconds(-secondsAgo)
            return task
        }
        let before = try [submitted("done", secondsAgo: 300), submitted("lost", secondsAgo: 290)]
        try await apply(
            before.map(\.record) + [TaskEvent.sample(.taskFailed, of: before[0].taskID, sequence: 2).record]
        )
        let young = try message(submitted("young", secondsAgo: 30).record, offset: 3)
        try await store.apply(.init(ProjectionBatch([young])), nextOffsets: [partition: 4])
        // Read again from the beginning, nothing has changed its place.
        try await apply(before.map(\.record))
        #expect(try await suspected() == [])
        try await apply([try submitted("new", secondsAgo: 0).record])
        // Nothing younger stands at the place of the one that is younger itself.
        #expect(try await suspected() == [before[1].taskID.text])
        let soon = try message(submitted("soon", secondsAgo: 20).record, offset: 3)
        try await store.apply(.init(ProjectionBatch([soon])), nextOffsets: [partition: 4])
        #expect(Set(try await suspected()) == [before[1].taskID.text, try makeTask("young").taskID.text])
        // Its message was sent again after all.
        let again = try message(before[1].record, offset: 7)
        try await store.apply(.init(ProjectionBatch([again])), nextOffsets: [partition: 8])
        #expect(try await suspected() == [try makeTask("young").taskID.text])
        await pool.close()
    }

    @Test
    func `An announcement that is in the read model already is passed over, and nothing else is`() async throws {
        let submitted = try makeTask("own")
        let first = ProjectionBatch([try message(submitted.record, offset: 0)])
        try await store.apply(.init(first), nextOffsets: [partition: 1])
        let before = try await dump()
        let announcements = Set(first.queuedEvents.map(\.event.id))
        let other = try makeTask("other")
        let messages = try [
            try #require(first.queuedEvents.first).record,
            TaskEvent.sample(.taskQueued, of: other.taskID, sequence: 1).record,
            TaskEvent.sample(.taskPulling, of: submitted.taskID, sequence: 2).record,
        ].enumerated().map { try message($1, offset: Int64($0)) }
        let batch = ProjectionBatch(messages, isWritten: announcements.contains)
        #expect(batch.count == 3 && batch.ignored == 1)
        #expect(batch.events.map(\.event.type) == [.taskQueued, .taskPulling])
        try await store.apply(.init(batch), nextOffsets: [partition: 4])
        #expect(try await dump().count == before.count + 2)
        #expect(try await store.offsets(for: [partition]) == [partition: 4])
        #expect(try await task(submitted.taskID)?.phase == .pulling)
        await pool.close()
    }

    @Test
    func `What a message turns is its row, with its place, and once`() async throws {
        let submitted = try makeTask("turned")
        let row = AcceptedTask(
            id: submitted.taskID,
            spec: submitted.spec,
            source: "http",
            requestHash: submitted.requestHash,
            acceptedAt: submitted.acceptedAt
        )
        _ = try await TaskStore(pool: pool).accept([row])
        try await apply([submitted.record, submitted.record])
        let turned = try #require(try await task(submitted.taskID))
        #expect(turned.phase == .queued && turned.sequence == 1 && turned.queuedAt != nil)
        let place = try await pool.query("SELECT message_offset FROM longshore.tasks")
        #expect(try #require(place.first).int("message_offset") == 1, "the later one of the two")
        try await pool.query("UPDATE longshore.tasks SET suspected_at = now()")
        let version = try await version()
        let again = try message(submitted.record, offset: 1)
        try await store.apply(.init(ProjectionBatch([again])), nextOffsets: [partition: 2])
        #expect(try await self.version() == version)
        #expect(try await suspected() == [submitted.taskID.text], "it is the message that was suspected")
        await pool.close()
    }

    private func version() async throws -> String {
        try #require(try await pool.query("SELECT xmin::text AS version FROM longshore.tasks").first).text("version")
    }

    private func suspected() async throws -> [String] {
        try await pool.query("SELECT id FROM longshore.tasks WHERE suspected_at IS NOT NULL").map { try $0.text(0) }
    }

    @Test
    func `Two projectors that work on the same tasks do not lock each other out`() async throws {
        let tasks = try (0..<20).map { try makeTask("pair-\($0)") }
        try await apply(tasks.map(\.record))
        try await withThrowingTaskGroup(of: Void.self) { group in
            for round in 0..<8 {
                group.addTask {
                    try await apply(
                        tasks.shuffled().map {
                            TaskEvent.sample(.taskProgress, of: $0.taskID, sequence: Int64(2 + round), phase: .pulling)
                                .record
                        }
                    )
                }
            }
            try await group.waitForAll()
        }
        for submitted in tasks { #expect(try await task(submitted.taskID)?.sequence == 9) }
        await pool.close()
    }
}
