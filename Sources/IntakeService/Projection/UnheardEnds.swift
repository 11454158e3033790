import LibPQ
import LongshoreDomain

/// What becomes of nodes whose task has ended and whose own ends were not heard: their events are gone from Kafka, because intake
/// was away for longer than they are kept, or a broker has lost them.
///
/// The task's last event says how many nodes ended in which way. It stands behind the events of the nodes in the same partition, so
/// whatever is missing by then is lost. Where what is missing ended all in one way, each node did; of the others nobody knows more
/// than that they ended. An end that is heard later all the same takes the place of what was concluded.
enum UnheardEnds {
    /// The state of a node that has ended in a way that is not known.
    static let unknown = "unknown"
    /// The reason of a node whose end was concluded, or is not known.
    static let reason = "EndNotHeard"

    /// Settles the nodes of tasks that have ended.
    ///
    /// - Parameter tasks: Tasks; of those that have not ended, or whose nodes have all ended, nothing is changed.
    /// - Returns: A statement that reads a task's nodes only if one of them is open, which an index tells.
    static func settle(_ tasks: [TaskID]) -> PQStatement {
        PQStatement(
            """
            WITH ended AS MATERIALIZED (
                SELECT t.id, t.nodes_total AS total, t.nodes_succeeded AS succeeded, t.nodes_failed AS failed,
                    t.nodes_skipped AS skipped
                FROM unnest($1::text[]) AS u(id), LATERAL (SELECT * FROM longshore.tasks t WHERE t.id = u.id OFFSET 0) t
                WHERE t.phase IN ('succeeded', 'failed', 'cancelled') AND EXISTS (
                    SELECT FROM longshore.task_nodes n WHERE n.task_id = t.id AND n.phase IN ('pending', 'pulling'))
            ), missing AS MATERIALIZED (
                SELECT e.id, e.total, e.succeeded + e.failed + e.skipped AS counted,
                    e.succeeded - h.succeeded AS succeeded, e.failed - h.failed AS failed, e.skipped - h.skipped AS skipped
                FROM ended e, LATERAL (
                    SELECT count(*) FILTER (WHERE n.phase = 'succeeded') AS succeeded,
                        count(*) FILTER (WHERE n.phase = 'failed') AS failed,
                        count(*) FILTER (WHERE n.phase = 'skipped') AS skipped
                    FROM longshore.task_nodes n WHERE n.task_id = e.id) h
            ), verdict AS MATERIALIZED (
                SELECT id, CASE
                    WHEN counted < total THEN '\(unknown)'
                    WHEN succeeded > 0 AND failed <= 0 AND skipped <= 0 THEN 'succeeded'
                    WHEN failed > 0 AND succeeded <= 0 AND skipped <= 0 THEN 'failed'
                    WHEN skipped > 0 AND succeeded <= 0 AND failed <= 0 THEN 'skipped'
                    ELSE '\(unknown)' END AS phase
                FROM missing
            )
            UPDATE longshore.task_nodes n SET phase = v.phase, reason = '\(reason)', updated_at = now(), message = CASE v.phase
                WHEN '\(unknown)' THEN 'The event with which this node ended is gone from Kafka: the task''s counts do not say how it ended.'
                ELSE 'The event with which this node ended is gone from Kafka: how it ended follows from the task''s counts.' END
            FROM verdict v WHERE n.task_id = v.id AND n.phase IN ('pending', 'pulling')
            """,
            [.textArray(tasks.map(\.text))]
        )
    }
}

/// The states in which nodes are shown and can be asked for: those of the domain, and ``UnheardEnds/unknown``.
enum ShownNodeState: String, CaseIterable {
    case pending
    case pulling
    case succeeded
    case failed
    case skipped
    case unknown
}
