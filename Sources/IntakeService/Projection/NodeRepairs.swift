import LibPQ
import Logging
import LongshoreMessages
import RDKafka
import ServiceRuntime

/// Asks executors how the nodes of ended tasks did whose own events are gone from Kafka.
///
/// The projector notes such tasks when it reads their end; what they answer it reads from the topic of events. A PullTask says it
/// until its TTL has passed. After that nobody knows, and what is unknown stays so, which the answer `task.missing` tells.
struct NodeRepairs: Sendable {
    /// After how long executors are asked again; the pause doubles each time.
    static let patience = Duration.seconds(60)
    /// After how long without an answer nobody is asked any more. No PullTask is kept for longer by default, and a cluster may be gone.
    static let limit = Duration.seconds(7 * 86_400)

    let pool: PQPool
    let producer: KafkaProducer
    let logger: Logger
    var patience = Self.patience

    /// Asks about what is due.
    ///
    /// - Throws: `PQError`; what was not asked is asked the next time.
    func sweep() async throws {
        // Milliseconds, so that the time is the same in every form it takes on its way.
        let rows = try await pool.query(
            """
            WITH gone AS (
                DELETE FROM longshore.node_repairs r WHERE r.noticed_at < now() - make_interval(secs => $2)
                    OR NOT EXISTS (SELECT FROM longshore.tasks t WHERE t.id = r.task_id)
            )
            UPDATE longshore.node_repairs r SET asked_at = date_trunc('milliseconds', clock_timestamp())
            FROM longshore.tasks t
            WHERE t.id = r.task_id AND r.task_id IN (
                SELECT task_id FROM longshore.node_repairs
                WHERE noticed_at >= now() - make_interval(secs => $2) AND (asked_at IS NULL
                    OR now() - asked_at > greatest(make_interval(secs => $1), asked_at - noticed_at))
                ORDER BY noticed_at LIMIT 500 FOR UPDATE SKIP LOCKED)
            RETURNING t.id, t.project, t.cluster, t.priority_class, t.message_partition, t.traceparent, r.asked_at
            """,
            [.double(patience / .seconds(1)), .double(Self.limit / .seconds(1))]
        )
        let questions = try rows.compactMap { try TaskQuestions.question($0, .report) }
        guard !questions.isEmpty else { return }
        logger.notice(
            "Events of nodes are gone from Kafka; the executors are asked how they ended",
            metadata: ["tasks": "\(questions.count)"]
        )
        // What could not be asked is asked again when the pause is over.
        for case .failure(let error) in await TaskQuestions.send(questions, producer) {
            logger.debug("Executors could not be asked about nodes", metadata: [LogKey.error: "\(error)"])
        }
    }
}
