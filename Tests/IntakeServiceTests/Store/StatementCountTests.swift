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

/// How many statements Postgres gets for many tasks: as many as for one. Counted by the server itself.
@Suite(.timeLimit(.minutes(2)))
struct StatementCountTests {
    private static let tasks = 100
    private let pool: PQPool
    private let server: PostgresServer

    init() async throws {
        server = try await PostgresServer(settings: ["shared_preload_libraries": "pg_stat_statements"])
        pool = PQPool(configuration: PQConfiguration(url: SecretBytes(utf8: server.url()), maximumConnections: 2))
        try await Migrator(pool: pool, logger: quietLogger).run()
        try await pool.query("CREATE EXTENSION pg_stat_statements")
    }

    /// The statements on Longshore's tables during the body.
    private func statements(_ body: () async throws -> Void) async throws -> Int {
        try await pool.query("SELECT pg_stat_statements_reset()")
        try await body()
        let rows = try await pool.query(
            "SELECT coalesce(sum(calls), 0)::bigint AS calls FROM pg_stat_statements WHERE query LIKE '%longshore.%'"
        )
        return try #require(rows.first).int("calls")
    }

    @Test
    func `A hundred tasks are accepted, noted and projected with as many statements as one`() async throws {
        let submitted = try (0..<Self.tasks).map { number in
            TaskSubmitted(
                taskID: TaskIDs.derived(project: "default", idempotencyKey: "task-\(number)"),
                spec: TaskSpec(images: [RequestedImage(reference: try ImageReference(parsing: "nginx:1.\(number)"))]),
                acceptedAt: SystemWallClock().now(),
                requestHash: [1, 2, 3]
            )
        }
        let store = TaskStore(pool: pool)
        let accepting = try await statements {
            let rows = try await store.accept(
                submitted.map {
                    AcceptedTask(
                        id: $0.taskID,
                        spec: $0.spec,
                        source: "http",
                        requestHash: $0.requestHash,
                        acceptedAt: $0.acceptedAt
                    )
                }
            )
            #expect(rows.count == Self.tasks)
        }
        #expect(accepting == 1)
        let noting = try await statements {
            try await Acknowledgements(pool: pool).note(
                submitted.enumerated().map { MessagePlace(task: $1.taskID, partition: 0, offset: Int64($0)) }
            )
        }
        #expect(noting == 1)

        let messages = try submitted.enumerated().map { number, task in
            try task.record.read(offset: Int64(number), timestampMilliseconds: 1_700_000_000_000)
        }
        let projecting = try await statements {
            try await ProjectionStore(pool: pool).apply(
                ProjectionStore.Changes(ProjectionBatch(messages)),
                nextOffsets: [TopicPartition(topic: Topics.events, partition: 0): 1]
            )
        }
        // Offsets, which tasks are missing, what becomes of the others, events, and two that look for messages that Kafka has lost.
        #expect(projecting == 6)
        #expect(try await store.task(submitted[7].taskID.text)?.phase == .queued)
        await pool.close()
        await server.stop()
    }

    /// Rows that were read of a day's events, by going through them or through an index of them.
    private static let readRows = """
        SELECT (SELECT coalesce(sum(seq_tup_read), 0) FROM pg_stat_user_tables WHERE relname LIKE 'task_events%')
            + (SELECT coalesce(sum(idx_tup_read), 0) FROM pg_stat_user_indexes WHERE relname LIKE 'task_events%') AS count
        """

    @Test
    func `New events are found to be new without reading those that are there, whatever the planner knows`()
        async throws
    {
        // Nothing is ever known of the tables. One connection, so that what is counted can be asked for.
        try await pool.query("ALTER SYSTEM SET autovacuum = off")
        try await pool.query("SELECT pg_reload_conf()")
        let single = PQPool(configuration: PQConfiguration(url: SecretBytes(utf8: server.url()), maximumConnections: 1))
        let store = ProjectionStore(pool: single)
        let tasks = try (0..<10).map { number in
            TaskSubmitted(
                taskID: TaskIDs.derived(project: "default", idempotencyKey: "read-\(number)"),
                spec: TaskSpec(images: [RequestedImage(reference: try ImageReference(parsing: "nginx"))]),
                acceptedAt: SystemWallClock().now(),
                requestHash: [1]
            )
        }
        func apply(_ records: [MessageRecord], from first: Int) async throws {
            let messages = try records.enumerated().map { index, record in
                let now = SystemWallClock().now().microsecondsSinceEpoch / 1_000
                return try record.read(offset: Int64(first + index), timestampMilliseconds: now)
            }
            try await store.apply(
                .init(ProjectionBatch(messages)),
                nextOffsets: [TopicPartition(topic: Topics.events, partition: 0): Int64(first + records.count)]
            )
        }
        try await apply(tasks.map(\.record), from: 0)
        for batch in 0..<10 {
            let events = (0..<200).map { number in
                TaskEvent.sample(
                    .nodeSucceeded,
                    of: tasks[number % 10].taskID,
                    sequence: Int64(2 + batch * 20 + number / 10),
                    node: "node-\(batch)-\(number)"
                )
            }
            try await apply(events.map(\.record), from: 200 * batch)
        }
        try await single.query("SELECT pg_stat_force_next_flush()")
        let count = try await single.query("SELECT count(*) AS n FROM longshore.task_events")[0].int("n")
        #expect(count == 2_010)
        try await single.query("SELECT pg_stat_force_next_flush()")
        let read = try await single.query(Self.readRows)[0].int("count")
        // Those that were just counted among them. Going through what is there for each batch would be ten thousand more.
        #expect(read < 2 * count)
        await single.close()
        await pool.close()
        await server.stop()
    }
}
