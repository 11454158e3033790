import LibPQ
import LongshoreDomain
import LongshoreMessages
import RDKafka
import WireFormats

/// Writes what was consumed into the read model, together with the place up to which it was consumed.
struct ProjectionStore: Sendable {
    /// The name of the projector's rows in `consumer_offsets`.
    static let consumer = "longshore.projector"

    let pool: PQPool

    // MARK: - Offsets

    /// Where the projector goes on.
    func offsets(for partitions: [TopicPartition]) async throws -> [TopicPartition: Int64] {
        let rows = try await pool.query(
            """
            SELECT o.topic, o.partition, o.next_offset FROM longshore.consumer_offsets o
            JOIN unnest($2::text[], $3::bigint[]) AS u(topic, partition) ON o.topic = u.topic AND o.partition = u.partition
            WHERE o.consumer = $1
            """,
            [
                .text(Self.consumer), .textArray(partitions.map(\.topic)),
                .intArray(partitions.map { Int64($0.partition) }),
            ]
        )
        var offsets: [TopicPartition: Int64] = [:]
        for row in rows {
            let partition = TopicPartition(topic: try row.text("topic"), partition: Int32(try row.int("partition")))
            offsets[partition] = Int64(try row.int("next_offset"))
        }
        return offsets
    }

    // MARK: - Applying

    /// What a batch changes. Made without the database, while that is busy with the batch before.
    struct Changes: Sendable {
        let batch: ProjectionBatch
        fileprivate let statements: [PQStatement]

        init(_ batch: ProjectionBatch) {
            self.batch = batch
            let events = batch.events + batch.queuedEvents
            var statements = [ProjectionStore.absent(batch.describedTasks)]
            if !batch.submissions.isEmpty { statements.append(ProjectionStore.turn(batch.submissions)) }
            if !events.isEmpty { statements.append(ProjectionStore.insert(events)) }
            // What the announcements say is in the rows already.
            let told = batch.events.map(\.event)
            statements += Refusals.insertions(told)
            statements += ProjectionStore.update(ProjectionFold(told))
            statements += Refusals.notes(told)
            statements += LostTasks.notes(of: batch)
            statements += UnheardEnds.notes(of: batch)
            self.statements = statements
        }
    }

    /// Applies what a batch changes, in one transaction. The same batch may come again; it changes nothing then.
    func apply(_ changes: Changes, nextOffsets: [TopicPartition: Int64]) async throws {
        try await pool.transaction { connection in
            // On the disk before it counts: the consumer goes on reading behind it, and would not come back for what a crash of
            // the server had forgotten.
            let before = [Self.lookupsOnly, Self.offsets(nextOffsets)]
            let absent = try await connection.pipeline(before + changes.statements)[before.count]
                .map { try $0.text("id") }
            if !absent.isEmpty { try await add(Set(absent), of: changes.batch, connection) }
        }
    }

    /// Adds rows that were missing, because the read model is being rebuilt or the task was made by kubectl: what was heard of
    /// them before must be folded in now.
    private func add(_ ids: Set<String>, of batch: ProjectionBatch, _ connection: PQConnection) async throws {
        let submissions = batch.submissions.filter { ids.contains($0.task.taskID.text) }
        var statements = [PQStatement(Self.insertTasks, batch.tasks { ids.contains($0.text) }.columns)]
        if !submissions.isEmpty { statements.append(Self.turn(submissions)) }
        let inserted = try await connection.pipeline(statements)[0].map { try $0.text("id") }
        if !inserted.isEmpty { try await refold(inserted, connection) }
    }

    private func refold(_ ids: [String], _ connection: PQConnection) async throws {
        let rows = try await connection.query(
            "SELECT event FROM longshore.task_events WHERE task_id = ANY($1) ORDER BY task_id, sequence",
            [.textArray(ids)]
        )
        let events = try rows.compactMap { row -> TaskEvent? in
            let json = try JSONValue(parsing: row.json("event"))
            return try? TaskEvent(event: CloudEvent(structuredJSON: json))
        }
        let statements = Self.update(ProjectionFold(events)) + Refusals.notes(events)
        if !statements.isEmpty { try await connection.pipeline(statements) }
    }

    // MARK: - Statements

    /// For the transaction: everything in it is found by its key, in an index. A planner that knows nothing of a table yet, which
    /// is so on each new day and while the read model is rebuilt, reads all of it for each batch instead.
    private static let lookupsOnly = PQStatement(
        """
        SELECT set_config('enable_seqscan', 'off', true), set_config('enable_hashjoin', 'off', true),
            set_config('enable_mergejoin', 'off', true)
        """
    )

    private static func offsets(_ offsets: [TopicPartition: Int64]) -> PQStatement {
        let sorted = offsets.sorted { $0.key < $1.key }
        return PQStatement(
            """
            INSERT INTO longshore.consumer_offsets (consumer, topic, partition, next_offset)
            SELECT $1, u.* FROM unnest($2::text[], $3::bigint[], $4::bigint[]) AS u(topic, partition, next_offset)
            ON CONFLICT (consumer, topic, partition)
            DO UPDATE SET next_offset = excluded.next_offset, updated_at = now()
            """,
            [
                .text(consumer), .textArray(sorted.map(\.key.topic)),
                .intArray(sorted.map { Int64($0.key.partition) }), .intArray(sorted.map(\.value)),
            ]
        )
    }

    /// A row that waits for its message, or was given up.
    private static let waits =
        "(t.phase = 'accepting' OR (t.phase = 'rejected' AND t.reason = '\(TaskStore.neverPublished)'))"

    /// Finds the tasks that have no row. Comes before ``turn(_:)``: what it sees, that sees too.
    fileprivate static func absent(_ tasks: [TaskID]) -> PQStatement {
        PQStatement(
            """
            SELECT u.id FROM unnest($1::text[]) AS u(id)
            WHERE NOT EXISTS (SELECT FROM longshore.tasks t WHERE t.id = u.id)
            """,
            [.textArray(tasks.map(\.text))]
        )
    }

    private static let insertTasks = """
        INSERT INTO longshore.tasks (\([AcceptedTask].columnNames), phase, sequence)
        SELECT r.*, 'queued', CASE WHEN r.queued_at IS NULL THEN 0 ELSE 1 END FROM (\([AcceptedTask].rowsSQL)) r ORDER BY r.id
        ON CONFLICT (id) DO NOTHING
        RETURNING id
        """

    /// A message in Kafka is what makes a task queued: a row that waits for it, or was given up, becomes so. That is what the
    /// announcement says too, the first of the task's events, which needs no folding then. Where later events were quicker,
    /// only the time and the message's place are missing. A message at another place is another message: what was suspected of
    /// the last one is over.
    fileprivate static func turn(_ submissions: [ProjectionBatch.Submission]) -> PQStatement {
        // Rows are locked in the order of their ids, so that two that turn the same tasks cannot lock each other out. Of a task
        // that was sent twice the first message is when it was queued, and the last one is where it is.
        PQStatement(
            """
            WITH u AS (
                SELECT DISTINCT ON (id) id, min(queued_at) OVER (PARTITION BY id) AS queued_at, partition, place
                FROM unnest($1::text[], $2::timestamptz[], $3::bigint[], $4::bigint[])
                    AS u(id, queued_at, partition, place)
                ORDER BY id, place DESC NULLS LAST
            ), found AS (
                SELECT t.id, u.queued_at AS heard_at, u.partition, u.place,
                    \(waits) AS waits,
                    (t.message_partition, t.message_offset) IS DISTINCT FROM (u.partition, u.place) AS moved
                FROM longshore.tasks t JOIN u ON u.id = t.id ORDER BY t.id FOR NO KEY UPDATE OF t
            )
            UPDATE longshore.tasks t SET
                phase = CASE WHEN u.waits THEN 'queued' ELSE t.phase END,
                cause = CASE WHEN u.waits THEN NULL ELSE t.cause END,
                message = CASE WHEN u.waits THEN NULL ELSE t.message END,
                reason = CASE WHEN u.waits THEN NULL ELSE t.reason END,
                finished_at = CASE WHEN u.waits THEN NULL ELSE t.finished_at END,
                updated_at = now(), sequence = greatest(t.sequence, 1), queued_at = coalesce(t.queued_at, u.heard_at),
                message_partition = u.partition, message_offset = u.place,
                suspected_at = CASE WHEN u.moved THEN NULL ELSE t.suspected_at END,
                asked_at = CASE WHEN u.moved THEN NULL ELSE t.asked_at END,
                lost_at = CASE WHEN u.moved THEN NULL ELSE t.lost_at END
            FROM found u WHERE t.id = u.id AND (u.waits OR u.moved OR t.queued_at IS NULL)
            """,
            [
                .textArray(submissions.map(\.task.taskID.text)),
                .timestampArray(submissions.map(\.publishedAt.microsecondsSinceEpoch)),
                .intArray(submissions.map { Int64($0.place.partition) }), .intArray(submissions.map(\.place.offset)),
            ]
        )
    }

    /// Names an event. Whoever may write to the topic can use any id: two that speak for different tasks are two.
    private struct EventKey: Hashable {
        let id: String
        let task: TaskKey

        init(_ event: TaskEvent) {
            id = event.id
            task = TaskKey(event)
        }
    }

    /// The same event may be sent again with another time; its id is what makes it the same. It is looked for on the days on which
    /// it can have been: not before its task was accepted, give or take what clocks differ, and not after today.
    fileprivate static func insert(_ events: [ProjectionBatch.Event]) -> PQStatement {
        var seen: Set<EventKey> = []
        let unique = events.filter { seen.insert(EventKey($0.event)).inserted }
        let latest = unique.map(\.event.time.microsecondsSinceEpoch).max() ?? 0
        return PQStatement(
            """
            WITH u AS (
                SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::timestamptz[], $6::jsonb[],
                        $9::text[], $10::text[]) AS u(event_id, task_id, sequence, type, time, event, project, cluster)
                -- What somebody else says about a task is none of its events, and must not take their ids.
                WHERE NOT EXISTS (SELECT FROM longshore.tasks t
                    WHERE t.id = u.task_id AND (t.project <> u.project OR t.cluster <> u.cluster) OFFSET 0)
            ), days AS (
                SELECT CASE WHEN count(*) = cardinality($7) THEN min(accepted_at) - interval '1 day' ELSE '-infinity' END AS first
                FROM longshore.tasks WHERE id = ANY($7)
            ), fresh AS (
                INSERT INTO longshore.task_events (event_id, task_id, sequence, type, time, event)
                SELECT u.event_id, u.task_id, u.sequence, u.type, u.time, u.event FROM u
                WHERE NOT EXISTS (SELECT FROM longshore.task_events e WHERE e.event_id = u.event_id
                    AND e.event #>> '{data,project}' = u.project AND e.event #>> '{data,cluster}' = u.cluster
                    AND e.time >= (SELECT first FROM days) AND e.time <= greatest(now(), $8) + interval '1 day'
                    -- One at a time: a join goes through all that are within the time.
                    OFFSET 0)
                ON CONFLICT DO NOTHING
                RETURNING task_id
            )
            SELECT pg_notify('\(EventFeed.channel)', string_agg(task_id, ' '))
            FROM (SELECT task_id, row_number() OVER () / \(EventFeed.maximumNames) AS part
                FROM (SELECT DISTINCT task_id FROM fresh) d) p
            GROUP BY part
            """,
            [
                .textArray(unique.map(\.event.id)), .textArray(unique.map(\.event.taskID.text)),
                .intArray(unique.map(\.event.sequence)), .textArray(unique.map(\.event.type.rawValue)),
                .timestampArray(unique.map(\.event.time.microsecondsSinceEpoch)), .jsonArray(unique.map(\.text)),
                .textArray(Set(unique.map(\.event.taskID.text)).sorted()), .timestamp(microsecondsSince1970: latest),
                .textArray(unique.map(\.event.project)), .textArray(unique.map(\.event.cluster)),
            ]
        )
    }

    fileprivate static func update(_ fold: ProjectionFold) -> [PQStatement] {
        var statements: [PQStatement] = []
        if !fold.tasks.isEmpty { statements.append(updateTasks(fold)) }
        if !fold.nodes.isEmpty { statements.append(upsertNodes(fold)) }
        let ended = fold.tasksToSettle
        if !ended.isEmpty { statements += [UnheardEnds.settle(ended), UnheardEnds.notice(ended)] }
        return statements
    }

    /// Only what is newer than the row's sequence counts, and nothing follows the end unless the task is begun again: then what is
    /// known of its end is over.
    private static func updateTasks(_ fold: ProjectionFold) -> PQStatement {
        // Sorted, so that two projectors that touch the same rows cannot lock each other out.
        let tasks = fold.tasks.sorted { $0.key < $1.key }
        func times(_ path: KeyPath<ProjectionFold.Task, Timestamp?>) -> PQParameter {
            .timestampArray(tasks.map { $0.value[keyPath: path]?.microsecondsSinceEpoch })
        }
        func integers(_ path: KeyPath<ProjectionFold.Task, Int>) -> PQParameter {
            .intArray(tasks.map { Int64($0.value[keyPath: path]) })
        }
        return PQStatement(
            """
            UPDATE longshore.tasks t SET
                phase = u.phase, sequence = u.sequence,
                nodes_total = greatest(t.nodes_total, u.total), nodes_succeeded = u.succeeded, nodes_failed = u.failed,
                nodes_skipped = u.skipped, nodes_pulling = u.pulling,
                cause = coalesce(u.cause, CASE WHEN u.retries = t.retries THEN t.cause END),
                message = coalesce(u.message, CASE WHEN u.retries = t.retries THEN t.message END),
                reason = coalesce(u.reason, CASE WHEN u.retries = t.retries THEN t.reason END), queued_at = coalesce(t.queued_at, u.queued_at),
                started_at = coalesce(t.started_at, u.started_at),
                finished_at = coalesce(u.finished_at, CASE WHEN u.retries = t.retries THEN t.finished_at END),
                retries = u.retries,
                spec = CASE WHEN u.settings IS NULL THEN t.spec ELSE t.spec || u.settings END,
                priority = coalesce((u.settings ->> 'priority')::integer, t.priority),
                deadline_at = coalesce(
                    t.accepted_at + (u.settings ->> 'deadlineSeconds')::integer * interval '1 second', t.deadline_at),
                updated_at = now()
            FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[],
                $8::bigint[], $9::text[], $10::text[], $11::text[], $12::timestamptz[], $13::timestamptz[],
                $14::timestamptz[], $15::text[], $16::text[], $17::jsonb[], $18::bigint[])
              AS u(id, phase, sequence, total, succeeded, failed, skipped, pulling, cause, message, reason, queued_at,
                started_at, finished_at, project, cluster, settings, retries)
            WHERE t.id = u.id AND t.project = u.project AND t.cluster = u.cluster AND u.sequence > t.sequence
                AND u.retries >= t.retries
                AND (t.phase NOT IN ('succeeded', 'failed', 'cancelled', 'rejected') OR u.retries > t.retries
                    OR (t.phase = 'rejected' AND t.reason = '\(TaskStore.neverPublished)'))
            """,
            [
                .textArray(tasks.map(\.key.task.text)), .textArray(tasks.map(\.value.phase.rawValue)),
                .intArray(tasks.map(\.value.sequence)), integers(\.counts.nodesTotal), integers(\.counts.succeeded),
                integers(\.counts.failed), integers(\.counts.skipped), integers(\.counts.pulling),
                .textArray(tasks.map(\.value.cause)), .textArray(tasks.map(\.value.message)),
                .textArray(tasks.map(\.value.reason)), times(\.queuedAt), times(\.startedAt), times(\.finishedAt),
                .textArray(tasks.map(\.key.project)), .textArray(tasks.map(\.key.cluster)),
                .jsonArray(tasks.map { $0.value.settings?.json.text() }), integers(\.retries),
            ]
        )
    }

    /// Nodes of tasks that have a row: those of others are folded in when it comes.
    private static func upsertNodes(_ fold: ProjectionFold) -> PQStatement {
        let nodes = fold.nodes.sorted { $0.key < $1.key }
        return PQStatement(
            """
            INSERT INTO longshore.task_nodes AS n
                (task_id, node, phase, attempt, images, cause, message, reason, sequence, updated_at)
            SELECT u.task_id, u.node, u.phase, u.attempt, u.images, u.cause, u.message, u.reason, u.sequence, u.updated_at
            FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::jsonb[], $6::text[], $7::text[],
                $8::text[], $9::bigint[], $10::timestamptz[], $13::text[], $14::text[])
              AS u(task_id, node, phase, attempt, images, cause, message, reason, sequence, updated_at, project, cluster)
            JOIN longshore.tasks t ON t.id = u.task_id AND t.project = u.project AND t.cluster = u.cluster
            ON CONFLICT (task_id, node) DO UPDATE SET
                phase = excluded.phase, attempt = excluded.attempt,
                images = CASE
                    WHEN excluded.images = '[]' THEN n.images
                    WHEN (n.task_id, n.node) IN (SELECT * FROM unnest($11::text[], $12::text[]))
                        THEN n.images || excluded.images
                    ELSE excluded.images END,
                cause = excluded.cause, message = excluded.message, reason = excluded.reason,
                sequence = excluded.sequence, updated_at = excluded.updated_at
            WHERE excluded.sequence > n.sequence
            """,
            [
                .textArray(nodes.map(\.key.task.task.text)), .textArray(nodes.map(\.key.node)),
                .textArray(nodes.map(\.value.phase.rawValue)), .intArray(nodes.map { Int64($0.value.attempt) }),
                .jsonArray(nodes.map { $0.value.images.json.text() }), .textArray(nodes.map(\.value.cause)),
                .textArray(nodes.map(\.value.message)), .textArray(nodes.map(\.value.reason)),
                .intArray(nodes.map(\.value.sequence)),
                .timestampArray(nodes.map(\.value.updatedAt.microsecondsSinceEpoch)),
                .textArray(nodes.filter(\.value.addsImages).map(\.key.task.task.text)),
                .textArray(nodes.filter(\.value.addsImages).map(\.key.node)),
                .textArray(nodes.map(\.key.task.project)), .textArray(nodes.map(\.key.task.cluster)),
            ]
        )
    }
}
