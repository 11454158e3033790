import LibPQ
import Logging
import LongshoreDomain
import LongshoreMessages
import RDKafka

/// Gives up tasks that were written down and that Kafka has not acknowledged, because a process died or Kafka was away in
/// between.
///
/// Their clients got an error or no answer: an acknowledgement is noted before a `202` is sent. So nobody is told by an event,
/// and the same request may come again. A row is given up only when no message of it is to be expected: it is older than any
/// attempt to publish it can take, and the projector has read the task's topic to its end since.
struct UnpublishedSweeper: Sendable {
    /// How long a row may wait for its message. Must exceed the producer's delivery timeout.
    static let age = Duration.seconds(60)

    let pool: PQPool
    let marks: TaskTopicMarks
    let logger: Logger
    var age = Self.age

    init(pool: PQPool, brokers: KafkaInquiry, logger: Logger) {
        self.pool = pool
        self.marks = TaskTopicMarks(pool: pool, brokers: brokers)
        self.logger = logger
    }

    /// Sweeps once.
    ///
    /// - Returns: How many rows were given up.
    @discardableResult
    func sweep() async throws -> Int {
        let seconds = PQParameter.double(age / .seconds(1))
        let rows = try await pool.query(
            """
            SELECT id, cluster, priority_class FROM longshore.tasks
            WHERE \(LostTasks.unfinished) AND phase = 'accepting' AND message_partition IS NULL
                AND updated_at < now() - make_interval(secs => $1)
            LIMIT 1000
            """,
            [seconds]
        )
        guard !rows.isEmpty else { return 0 }
        try await Acknowledgements(pool: pool).carryOver(olderThan: .zero)
        var candidates: [String: [String]] = [:]
        for row in rows {
            guard let priorityClass = PriorityClass(rawValue: try row.text("priority_class")) else { continue }
            let topic = Topics.tasks(cluster: try row.text("cluster"), class: priorityClass)
            candidates[topic, default: []].append(try row.text("id"))
        }
        var count = 0
        for (topic, ids) in candidates where try await marks.isReadToEnd(topic) {
            count += try await giveUp(ids, seconds)
        }
        return count
    }

    private func giveUp(_ ids: [String], _ seconds: PQParameter) async throws -> Int {
        let updated = try await pool.query(
            """
            UPDATE longshore.tasks SET phase = 'rejected', reason = $3, finished_at = now(), updated_at = now(),
                message = 'Kafka has no message of this task, and has acknowledged none as far as is known: it was answered \
            with an error, or not at all. The same idempotency key may be used again.'
            WHERE id = ANY($1) AND phase = 'accepting' AND message_partition IS NULL
                AND updated_at < now() - make_interval(secs => $2)
            """,
            [.textArray(ids), seconds, .text(TaskStore.neverPublished)]
        )
        if updated.affectedRows > 0 {
            logger.notice(
                "Gave up tasks that Kafka has not acknowledged",
                metadata: ["count": "\(updated.affectedRows)"]
            )
        }
        return updated.affectedRows
    }
}
