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

/// What Kafka has acknowledged reaches the rows of those tasks whose messages were not read, and only those.
@Suite(.timeLimit(.minutes(2)))
struct AcknowledgementsTests {
    private let pool: PQPool
    private let acknowledgements: Acknowledgements

    init() async throws {
        let url = try await PostgresServer.shared().createDatabase()
        pool = PQPool(configuration: PQConfiguration(url: SecretBytes(utf8: url), maximumConnections: 6))
        try await Migrator(pool: pool, logger: quietLogger).run()
        acknowledgements = Acknowledgements(pool: pool)
    }

    private func accept(_ keys: [String]) async throws -> [TaskID] {
        let tasks = try keys.map { key in
            AcceptedTask(
                id: TaskIDs.derived(project: "default", idempotencyKey: key),
                spec: TaskSpec(images: [RequestedImage(reference: try ImageReference(parsing: "nginx"))]),
                source: "http",
                requestHash: [1],
                idempotencyKey: key,
                acceptedAt: SystemWallClock().now()
            )
        }
        _ = try await TaskStore(pool: pool).accept(tasks)
        return tasks.map(\.id)
    }

    private func place(of task: TaskID) async throws -> [Int?] {
        let rows = try await pool.query(
            "SELECT message_partition, message_offset FROM longshore.tasks WHERE id = $1",
            [.text(task.text)]
        )
        let row = try #require(rows.first)
        return [try row.intOrNil("message_partition"), try row.intOrNil("message_offset")]
    }

    private func waiting() async throws -> Int {
        try #require(try await pool.query("SELECT count(*) AS n FROM longshore.acknowledgements").first).int("n")
    }

    @Test
    func `Notes that are old enough are carried over once, and the latest of a task counts`() async throws {
        let tasks = try await accept(["a", "b", "c"])
        try await acknowledgements.note([
            MessagePlace(task: tasks[0], partition: 3, offset: 7),
            MessagePlace(task: tasks[1], partition: 1, offset: nil),
        ])
        try await acknowledgements.note([MessagePlace(task: tasks[0], partition: 3, offset: 9)])
        try await acknowledgements.carryOver(olderThan: .seconds(60))
        #expect(try await place(of: tasks[0]) == [nil, nil])
        #expect(try await waiting() == 2)
        try await acknowledgements.carryOver(olderThan: .zero)
        #expect(try await place(of: tasks[0]) == [3, 9])
        #expect(try await place(of: tasks[1]) == [1, nil])
        #expect(try await place(of: tasks[2]) == [nil, nil])
        #expect(try await waiting() == 0)
        await pool.close()
    }

    @Test
    func `A message that was read says itself where it is`() async throws {
        let tasks = try await accept(["read", "ended", "given up"])
        let places = tasks.map { MessagePlace(task: $0, partition: 0, offset: 5) }
        try await pool.query(
            """
            UPDATE longshore.tasks SET phase = 'queued', message_partition = 2, message_offset = 8 WHERE id = $1
            """,
            [.text(tasks[0].text)]
        )
        try await pool.query(
            "UPDATE longshore.tasks SET phase = 'failed', finished_at = now() WHERE id = $1",
            [.text(tasks[1].text)]
        )
        try await acknowledgements.note(places)
        try await acknowledgements.carryOver(olderThan: .zero)
        #expect(try await place(of: tasks[0]) == [2, 8])
        #expect(try await place(of: tasks[1]) == [nil, nil])
        #expect(try await place(of: tasks[2]) == [0, 5])
        await pool.close()
    }

    @Test
    func `Several that carry over at once lose nothing, and none returns before all is in the rows`() async throws {
        let tasks = try await accept((0..<60).map { "task-\($0)" })
        // More hand-overs than are taken at once.
        for round in 0..<12 {
            for task in tasks {
                try await acknowledgements.note([MessagePlace(task: task, partition: 0, offset: Int64(round))])
            }
        }
        try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    try await acknowledgements.carryOver(olderThan: .zero)
                    let rows = try await pool.query(
                        "SELECT count(*) AS n FROM longshore.tasks WHERE message_offset IS DISTINCT FROM 11"
                    )
                    return try #require(rows.first).int("n")
                }
            }
            for try await missing in group { #expect(missing == 0) }
        }
        #expect(try await waiting() == 0)
        await pool.close()
    }
}
