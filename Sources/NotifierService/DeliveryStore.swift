import LibPQ
import LongshoreDomain
import LongshoreMessages
import WireFormats

/// The delivery log in Postgres. All times are the database's, so that notifiers need not agree about the time.
struct DeliveryStore: Sendable {
    let pool: PQPool

    /// What a task's row says about who is told of it.
    struct Receiver: Sendable {
        var project: String
        var cluster: String
        /// Nil when nobody is.
        var target: WebhookTarget?
    }

    /// The receivers of tasks. A task without one has none in the answer's value; a task that is not known is not in the answer.
    func targets(of tasks: [TaskID]) async throws -> [TaskID: Receiver] {
        let rows = try await pool.query(
            """
            SELECT id, project, cluster, webhook_url, webhook_events FROM longshore.tasks WHERE id = ANY($1)
            """,
            [.textArray(tasks.map(\.text))]
        )
        var targets: [TaskID: Receiver] = [:]
        for row in rows {
            guard let task = TaskID(try row.text("id")) else { continue }
            var receiver = Receiver(project: try row.text("project"), cluster: try row.text("cluster"))
            if let url = try row.textOrNil("webhook_url"), !url.isEmpty {
                let events = try row.textArray("webhook_events").compactMap { $0 }
                receiver.target = WebhookTarget(project: receiver.project, url: url, events: Set(events))
            }
            targets[task] = receiver
        }
        return targets
    }

    /// Records deliveries, due at once; those that are there already stay as they are.
    ///
    /// A receiver that has answered 410 for a task gets nothing more of it. Progress takes the place of older progress of the
    /// same task that no attempt has been made for, and comes too late after newer: a slow receiver hears where the task is,
    /// not where it was.
    /// - Returns: the ids of those that are new, and how many took another's place.
    func insert(_ deliveries: [NewDelivery]) async throws -> (inserted: Set<String>, replaced: Int) {
        guard !deliveries.isEmpty else { return ([], 0) }
        let rows = try await pool.query(
            Self.insertSQL,
            [
                .textArray(deliveries.map(\.eventID)), .textArray(deliveries.map(\.taskID.text)),
                .textArray(deliveries.map(\.target.project)), .textArray(deliveries.map(\.target.url)),
                .textArray(deliveries.map(\.secretName)), .textArray(deliveries.map(\.body)),
            ]
        )
        let inserted = try rows.compactMap { row in try row.bool("is_new") ? try row.text("id") : nil }
        return (Set(inserted), rows.count - inserted.count)
    }

    /// Ids of progress end in its sequence number without leading zeros, so that of two of a task the longer or the greater
    /// is the newer one.
    private static let insertSQL = """
        WITH n AS (
            SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[])
                AS n(id, task_id, project, url, secret_name, body)
        ), replaced AS (
            UPDATE longshore.deliveries d SET id = n.id, event_id = n.id, body = n.body FROM n
            WHERE n.id ~ '-progress-[0-9]+$' AND d.state = 'pending' AND d.attempt = 0
                AND d.id = (
                    SELECT p.id FROM longshore.deliveries p
                    WHERE p.task_id = n.task_id AND p.url = n.url AND p.state = 'pending' AND p.attempt = 0
                        AND p.id ~ '-progress-[0-9]+$'
                    ORDER BY length(p.id) DESC, p.id COLLATE "C" DESC LIMIT 1)
                AND (length(d.id), d.id COLLATE "C") < (length(n.id), n.id COLLATE "C")
                AND NOT EXISTS (SELECT 1 FROM longshore.deliveries e WHERE e.id = n.id)
            RETURNING n.id
        ), inserted AS (
            INSERT INTO longshore.deliveries
                (id, event_id, task_id, project, url, secret_name, body, state, next_attempt_at)
            SELECT n.id, n.id, n.task_id, n.project, n.url, n.secret_name, n.body, 'pending', now() FROM n
            WHERE n.id NOT IN (SELECT id FROM replaced) AND NOT EXISTS (
                SELECT 1 FROM longshore.deliveries d
                WHERE d.task_id = n.task_id AND d.url = n.url
                    AND (d.state = 'disabled' OR n.id ~ '-progress-[0-9]+$' AND d.id ~ '-progress-[0-9]+$'
                        AND (length(d.id), d.id COLLATE "C") > (length(n.id), n.id COLLATE "C")))
            ON CONFLICT (id) DO NOTHING
            RETURNING id
        )
        SELECT id, true AS is_new FROM inserted UNION ALL SELECT id, false FROM replaced
        """

    /// How many deliveries are not finished, and for how many seconds the oldest due one has been due.
    func backlog() async throws -> (unfinished: Int, oldestDueSeconds: Double) {
        let rows = try await pool.query(
            """
            SELECT count(*) AS unfinished,
                coalesce(extract(epoch FROM now() - min(next_attempt_at) FILTER (WHERE next_attempt_at <= now())), 0)::float8
                    AS oldest
            FROM longshore.deliveries WHERE state IN ('pending', 'retrying')
            """
        )
        guard let row = rows.first else { return (0, 0) }
        return (try row.int("unfinished"), try row.double("oldest"))
    }

    /// Makes the partitions of the coming days.
    func makePartitions() async throws {
        try await pool.query("SELECT longshore.make_partitions()")
    }
}
