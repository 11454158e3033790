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
            let record = task.record
            let read = ConsumerRecord(
                topicPartition: TopicPartition(topic: record.topic, partition: 0),
                offset: Int64(number),
                timestampMilliseconds: 1_700_000_000_000,
                key: record.key,
                value: record.value,
                headers: record.headers.map { KafkaHeader(name: $0.name, value: $0.value) }
            )
            return KafkaMessage(record: read, event: try CloudEvent(read))
        }
        let projecting = try await statements {
            try await ProjectionStore(pool: pool).apply(
                ProjectionBatch(messages),
                nextOffsets: [TopicPartition(topic: Topics.events, partition: 0): 1]
            )
        }
        // Offsets, which tasks are missing, what becomes of the others, events, and two that look for messages that Kafka has lost.
        #expect(projecting == 6)
        #expect(try await store.task(submitted[7].taskID.text)?.phase == .queued)
        await pool.close()
        await server.stop()
    }
}
