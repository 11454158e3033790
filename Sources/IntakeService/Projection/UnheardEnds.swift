import LibPQ
import LongshoreDomain
import LongshoreMessages
import WireFormats

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
    /// The reason of a node whose end an executor has reported when it was asked; one that was set aside has its own.
    static let reported = "EndReported"

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
            UPDATE longshore.task_nodes n SET phase = v.phase,
                -- What was last heard of its images is not how they ended, and nothing else is known of them.
                images = CASE v.phase WHEN 'succeeded' THEN '[]' ELSE n.images END, reason = '\(reason)', updated_at = now(), message = CASE v.phase
                WHEN '\(unknown)' THEN 'The task has ended. No event says how this node did, and neither do the task''s counts.'
                ELSE 'No event says how this node ended: it follows from the counts of the task''s end.' END
            FROM verdict v WHERE n.task_id = v.id AND n.phase IN ('pending', 'pulling')
            """,
            [.textArray(tasks.map(\.text))]
        )
    }

    // MARK: - Asking

    /// Notes ended tasks of which nodes are unknown, or not there at all, for ``NodeRepairs`` to ask executors about.
    static func notice(_ tasks: [TaskID]) -> PQStatement {
        PQStatement(
            """
            INSERT INTO longshore.node_repairs (task_id)
            SELECT t.id FROM unnest($1::text[]) AS u(id),
                LATERAL (SELECT * FROM longshore.tasks t WHERE t.id = u.id OFFSET 0) t
            WHERE t.phase IN ('succeeded', 'failed', 'cancelled')
                AND (EXISTS (SELECT FROM longshore.task_nodes n WHERE n.task_id = t.id AND n.phase = '\(unknown)')
                    OR (SELECT count(*) FROM longshore.task_nodes n WHERE n.task_id = t.id) < t.nodes_total)
            ORDER BY t.id
            ON CONFLICT DO NOTHING
            """,
            [.textArray(tasks.map(\.text))]
        )
    }

    /// What answers of executors change. An answer counts for the question that it answers.
    static func notes(of batch: ProjectionBatch) -> [PQStatement] {
        var statements: [PQStatement] = []
        let ends = batch.nodes.flatMap { answer in answer.nodes.map { (answer, $0) } }
        if !ends.isEmpty { statements.append(fill(ends)) }
        // Whatever is unknown behind the last answer stays so.
        let answered =
            batch.nodes.filter { $0.part.number == $0.part.count }.map {
                ($0.taskID, $0.askedAt, $0.project, $0.cluster)
            }
            + batch.missing.map { ($0.taskID, $0.askedAt, $0.project, $0.cluster) }
        if !answered.isEmpty {
            statements.append(
                PQStatement(
                    """
                    DELETE FROM longshore.node_repairs r
                    USING unnest($1::text[], $2::timestamptz[], $3::text[], $4::text[]) AS u(id, asked_at, project, cluster),
                        longshore.tasks t
                    WHERE r.task_id = u.id AND r.asked_at = u.asked_at
                        AND t.id = u.id AND t.project = u.project AND t.cluster = u.cluster
                    """,
                    [
                        .textArray(answered.map(\.0.text)),
                        .timestampArray(answered.map(\.1.microsecondsSinceEpoch)), .textArray(answered.map(\.2)),
                        .textArray(answered.map(\.3)),
                    ]
                )
            )
        }
        return statements
    }

    /// Sets right what is not known, or was concluded; what was heard of a node stays as it was heard.
    private static func fill(_ ends: [(TaskNodes, TaskNodes.End)]) -> PQStatement {
        PQStatement(
            """
            INSERT INTO longshore.task_nodes AS n (task_id, node, phase, cause, message, reason)
            SELECT DISTINCT ON (t.id, u.node) t.id, u.node, u.phase, u.cause, u.message, coalesce(u.reason, '\(reported)')
            FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::text[], $6::text[], $7::text[], $8::text[],
                $9::text[]) AS u(id, project, cluster, asked_at, node, phase, cause, message, reason)
            JOIN longshore.tasks t ON t.id = u.id AND t.project = u.project AND t.cluster = u.cluster
            JOIN longshore.node_repairs r ON r.task_id = t.id AND r.asked_at = u.asked_at
            WHERE t.finished_at IS NOT NULL
            ORDER BY t.id, u.node
            ON CONFLICT (task_id, node) DO UPDATE SET phase = excluded.phase,
                images = CASE excluded.phase WHEN 'succeeded' THEN '[]' ELSE n.images END, cause = coalesce(excluded.cause, n.cause),
                message = excluded.message, reason = excluded.reason, updated_at = now()
            WHERE n.phase IN ('pending', 'pulling', '\(unknown)') OR n.reason = '\(reason)'
            """,
            [
                .textArray(ends.map(\.0.taskID.text)), .textArray(ends.map(\.0.project)),
                .textArray(ends.map(\.0.cluster)), .timestampArray(ends.map(\.0.askedAt.microsecondsSinceEpoch)),
                .textArray(ends.map(\.1.name)), .textArray(ends.map(\.1.phase.rawValue)),
                .textArray(ends.map(\.1.cause?.rawValue)), .textArray(ends.map(\.1.message)),
                .textArray(ends.map(\.1.reason)),
            ]
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
