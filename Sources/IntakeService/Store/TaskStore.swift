import LibPQ
import LongshoreDomain
import LongshoreMessages
import WireFormats

/// The read model, as the HTTP API reads it, and the rows of tasks that are being accepted.
struct TaskStore: Sendable {
    /// The reason of a row that was given up because no message of it is in Kafka and none was acknowledged.
    static let neverPublished = "NeverPublished"
    /// The reason of a task that was accepted and whose message Kafka has lost.
    static let messageLost = "MessageLost"
    /// The reason of a task that was begun and whose PullTask somebody has deleted, as executors have it.
    static let pullTaskDeleted = "Deleted"

    let pool: PQPool

    // MARK: - Accepting

    /// Writes down tasks before they go to Kafka.
    ///
    /// - Parameter tasks: With different ids.
    /// - Returns: The rows as they are now, by id, those that were there before included.
    /// - Throws: `PQError`.
    func accept(_ tasks: [AcceptedTask]) async throws -> [String: TaskRecord] {
        var inserted: [String: Timestamp] = [:]
        for row in try await pool.pipeline([tasks.insertion])[0] where try row.bool("inserted") {
            inserted[try row.text("id")] = Timestamp(microsecondsSinceEpoch: try row.timestamp("updated_at"))
        }
        var rows: [String: TaskRecord] = [:]
        var others: [String] = []
        for task in tasks {
            let id = task.id.text
            if let time = inserted[id] {
                rows[id] = TaskRecord(task, writtenAt: time)
            } else {
                others.append(id)
            }
        }
        guard !others.isEmpty else { return rows }
        let found = try await pool.query(
            "SELECT \(TaskRecord.columns) FROM longshore.tasks t WHERE t.id = ANY($1)",
            [.textArray(others)]
        )
        for row in found {
            let record = try TaskRecord(whole: row)
            rows[record.id] = record
        }
        return rows
    }

    /// Notes that a task's owner wants it cancelled.
    func noteCancelRequest(_ id: String, at time: Timestamp) async throws {
        try await pool.query(
            """
            UPDATE longshore.tasks SET cancel_requested_at = coalesce(cancel_requested_at, $2), updated_at = now()
            WHERE id = $1
            """,
            [.text(id), .timestamp(microsecondsSince1970: time.microsecondsSinceEpoch)]
        )
    }

    // MARK: - Reading

    /// One task; nil when there is none.
    ///
    /// - Parameters:
    ///   - id: Its id.
    ///   - project: The project whose tasks may be seen; nil for all. A task of another one is not read at all, so that it takes
    ///     no longer to say nothing of it than of one that does not exist.
    /// - Returns: The row.
    /// - Throws: `PQError`.
    func task(_ id: String, project: String? = nil) async throws -> TaskRecord? {
        try await pool.query(
            "SELECT \(TaskRecord.columns) FROM longshore.tasks t WHERE t.id = $1 AND ($2::text IS NULL OR t.project = $2)",
            [.text(id), .text(orNull: project)]
        )
        .first.map { try TaskRecord(whole: $0) }
    }

    /// What a list of tasks is narrowed down to.
    struct Filter: Sendable {
        var project: String?
        var cluster: String?
        /// Only tasks accepted at this time or later.
        var since: Timestamp?
        var phases: [TaskPhase] = []
        var labels: [String: String] = [:]
        var image: String?
        /// Only tasks whose id begins so; digits of a task's id.
        var idPrefix: String?
        /// The last task of the page before.
        var after: (acceptedAt: Timestamp, id: String)?
    }

    /// Tasks, the newest first.
    func tasks(_ filter: Filter, limit: Int) async throws -> [TaskRecord] {
        var conditions: [String] = []
        var parameters: [PQParameter] = []
        func add(_ parameter: PQParameter) -> String {
            parameters.append(parameter)
            return "$\(parameters.count)"
        }
        if let project = filter.project { conditions.append("t.project = \(add(.text(project)))") }
        if let cluster = filter.cluster { conditions.append("t.cluster = \(add(.text(cluster)))") }
        if let since = filter.since {
            let time = add(.timestamp(microsecondsSince1970: since.microsecondsSinceEpoch))
            conditions.append("t.accepted_at >= \(time)")
        }
        if !filter.phases.isEmpty {
            conditions.append("t.phase = ANY(\(add(.textArray(filter.phases.map(\.rawValue)))))")
            // The few that have not ended have an index of their own.
            if !filter.phases.contains(where: \.isTerminal) { conditions.append("t.\(LostTasks.unfinished)") }
        }
        if !filter.labels.isEmpty { conditions.append("t.labels @> \(add(.json(filter.labels.json.text())))") }
        if let image = filter.image { conditions.append("t.images @> \(add(.textArray([image])))") }
        if let prefix = filter.idPrefix {
            // Digits stand before letters in every collation, so that the primary key's index serves.
            let first = add(.text(prefix.padding(with: "0", to: TaskID.length)))
            let last = add(.text(prefix.padding(with: "z", to: TaskID.length)))
            conditions.append("t.id BETWEEN \(first) AND \(last)")
        }
        if let after = filter.after {
            let time = add(.timestamp(microsecondsSince1970: after.acceptedAt.microsecondsSinceEpoch))
            conditions.append("(t.accepted_at, t.id) < (\(time), \(add(.text(after.id))))")
        }
        let narrowed = conditions.isEmpty ? "" : "WHERE \(conditions.joined(separator: " AND "))"
        let rows = try await pool.query(
            """
            SELECT \(TaskRecord.listColumns) FROM longshore.tasks t \(narrowed)
            ORDER BY t.accepted_at DESC, t.id DESC LIMIT \(add(.int(Int64(limit))))
            """,
            parameters
        )
        return try rows.map { try TaskRecord(row: $0) }
    }

    /// The nodes of a task by name, as they are shown.
    func nodes(of id: String, phases: [ShownNodeState], after: String?, limit: Int) async throws -> [JSONValue] {
        let rows = try await pool.query(
            """
            SELECT node, phase, attempt, images, cause, message, reason, updated_at FROM longshore.task_nodes
            WHERE task_id = $1 AND (cardinality($2::text[]) = 0 OR phase = ANY($2)) AND ($3::text IS NULL OR node > $3)
            ORDER BY node LIMIT $4
            """,
            [.text(id), .textArray(phases.map(\.rawValue)), .text(orNull: after), .int(Int64(limit))]
        )
        return try rows.map { row in
            var json: JSONValue = [
                "node": .string(try row.text("node")), "state": .string(try row.text("phase")),
                "attempt": .integer(Int64(try row.int("attempt"))),
                "images": try JSONValue(parsing: row.json("images")),
                "updatedAt": .string(Timestamp(microsecondsSinceEpoch: try row.timestamp("updated_at")).rfc3339),
            ]
            for key in ["cause", "message", "reason"] {
                if let text = try row.textOrNil(key) { json[key] = .string(text) }
            }
            return json
        }
    }

    /// An event as it is streamed.
    struct Event: Sendable {
        let sequence: Int
        let type: String
        /// The CloudEvent in structured JSON.
        let text: String
    }

    /// The events of a task after a sequence, in order, as many as fit: only those that speak for its project and cluster,
    /// whoever has written others before the task had a row, and no refusal of a request that would have become the task. Of a refusal
    /// that is told of under an id of its own, itself.
    ///
    /// - Parameters:
    ///   - task: The task.
    ///   - sequence: That of the event before the first.
    ///   - limit: The most events.
    ///   - bytes: How much their JSON may come to before the last of them. So there is always one, however large it is, and
    ///     an event is at most 64 KiB by the contract.
    /// - Returns: The events; none when there are no more at the moment.
    /// - Throws: `PQError`.
    func events(of task: TaskRecord, after sequence: Int, limit: Int, bytes: Int) async throws -> [Event] {
        let rows = try await pool.query(
            """
            SELECT sequence, type, event FROM (
                SELECT sequence, type, event, sum(octet_length(event::text)) OVER (
                    ORDER BY sequence GROUPS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
                FROM (SELECT sequence, type, event FROM longshore.task_events WHERE task_id = $1 AND sequence > $2
                        AND event #>> '{data,project}' = $5 AND event #>> '{data,cluster}' = $6
                        AND ($7 OR NOT (sequence <= 1 AND type = '\(EventType.taskRejected.rawValue)'))
                    ORDER BY sequence LIMIT $3) e
            ) e WHERE before IS NULL OR before < $4 ORDER BY sequence
            """,
            [
                .text(task.id), .int(Int64(sequence)), .int(Int64(limit)), .int(Int64(bytes)), .text(task.project),
                .text(task.cluster), .bool(TaskID(task.id)?.isRefusal ?? false),
            ]
        )
        return try rows.map { Event(sequence: try $0.int(0), type: try $0.text(1), text: try $0.json(2)) }
    }

    /// What has been sent, or is to be sent, to whom about a task.
    func deliveries(of id: String) async throws -> [JSONValue] {
        let rows = try await pool.query(
            """
            SELECT \(Self.deliveryColumns) FROM longshore.deliveries d WHERE d.task_id = $1 ORDER BY d.created_at, d.id LIMIT 500
            """,
            [.text(id)]
        )
        return try rows.map(Self.delivery)
    }

    /// What ``delivery(_:)`` reads, of a delivery `d`.
    static let deliveryColumns = """
        d.id, d.event_id, d.url, d.state, d.attempt, d.next_attempt_at, d.created_at, d.finished_at,
        d.last_status, d.last_error,
        (SELECT jsonb_agg(jsonb_build_object('attempt', a.attempt, 'startedAt', a.started_at, 'durationMs', a.duration_ms,
            'status', a.status, 'error', a.error) ORDER BY a.attempt, a.started_at)
         FROM longshore.delivery_attempts a WHERE a.delivery_id = d.id) AS attempts
        """

    static func delivery(_ row: PQRow) throws -> JSONValue {
        var json: JSONValue = [
            "id": .string(try row.text("id")), "eventId": .string(try row.text("event_id")),
            "url": .string(try row.text("url")), "state": .string(try row.text("state")),
            "attempt": .integer(Int64(try row.int("attempt"))),
        ]
        if let status = try row.intOrNil("last_status") { json["lastStatus"] = .integer(Int64(status)) }
        if let error = try row.textOrNil("last_error") { json["lastError"] = .string(error) }
        for (key, column) in [
            ("createdAt", "created_at"), ("nextAttemptAt", "next_attempt_at"), ("finishedAt", "finished_at"),
        ] {
            guard let time = try row.timestampOrNil(column) else { continue }
            json[key] = .string(Timestamp(microsecondsSinceEpoch: time).rfc3339)
        }
        json["attempts"] = try row.jsonOrNil("attempts").map { try JSONValue(parsing: $0) } ?? []
        return json
    }
}
