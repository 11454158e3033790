import LibPQ
import LongshoreDomain
import LongshoreMessages
import WireFormats

/// The delivery log in Postgres. All times are the database's, so that notifiers need not agree about the time.
struct DeliveryStore: Sendable {
    let pool: PQPool

    /// The receivers of tasks. A task without one has none in the answer's value; a task that is not known is not in the answer.
    func targets(of tasks: [TaskID]) async throws -> [TaskID: WebhookTarget?] {
        let rows = try await pool.query(
            """
            SELECT id, project, webhook_url, webhook_events FROM longshore.tasks WHERE id = ANY($1)
            """,
            [.textArray(tasks.map(\.text))]
        )
        var targets: [TaskID: WebhookTarget?] = [:]
        for row in rows {
            guard let task = TaskID(try row.text("id")) else { continue }
            guard let url = try row.textOrNil("webhook_url"), !url.isEmpty else {
                targets.updateValue(nil, forKey: task)
                continue
            }
            let events = try row.textArray("webhook_events").compactMap { $0 }
            targets[task] = WebhookTarget(project: try row.text("project"), url: url, events: Set(events))
        }
        return targets
    }

    /// Records deliveries, due at once; those that are there already stay as they are.
    ///
    /// A receiver that has answered 410 for a task gets nothing more of it.
    /// - Returns: the ids of those that are new.
    func insert(_ deliveries: [NewDelivery]) async throws -> Set<String> {
        guard !deliveries.isEmpty else { return [] }
        let rows = try await pool.query(
            """
            INSERT INTO longshore.deliveries
                (id, event_id, task_id, project, url, secret_name, body, state, next_attempt_at)
            SELECT n.id, n.id, n.task_id, n.project, n.url, n.secret_name, n.body, 'pending', now()
            FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[])
                AS n(id, task_id, project, url, secret_name, body)
            WHERE NOT EXISTS (
                SELECT 1 FROM longshore.deliveries d
                WHERE d.task_id = n.task_id AND d.url = n.url AND d.state = 'disabled')
            ON CONFLICT (id) DO NOTHING
            RETURNING id
            """,
            [
                .textArray(deliveries.map(\.eventID)), .textArray(deliveries.map(\.taskID.text)),
                .textArray(deliveries.map(\.target.project)), .textArray(deliveries.map(\.target.url)),
                .textArray(deliveries.map(\.secretName)), .textArray(deliveries.map(\.body)),
            ]
        )
        return Set(try rows.map { row in try row.text("id") })
    }

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
