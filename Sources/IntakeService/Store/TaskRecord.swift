import LibPQ
import LongshoreDomain
import WireFormats

/// A row of `longshore.tasks`.
struct TaskRecord: Sendable {
    var id: String
    var project: String
    var cluster: String
    var phase: TaskPhase
    var priority: Int
    var priorityClass: PriorityClass
    var source: String
    /// A JSON text.
    var spec: String
    var labels: JSONValue
    var images: [String]
    var requestHash: [UInt8]?
    var counts: TaskCounts
    var sequence: Int
    /// How often the task was begun again for its failed nodes.
    var retries = 0
    var cause: String?
    var message: String?
    var reason: String?
    var acceptedAt: Timestamp
    var queuedAt: Timestamp?
    var startedAt: Timestamp?
    var finishedAt: Timestamp?
    var updatedAt: Timestamp
    var deadlineAt: Timestamp?
    var cancelRequestedAt: Timestamp?
    /// What was wrong with it, a JSON text; not in lists.
    var refusal: String?

    /// All columns.
    static let columns = "\(listColumns), t.refusal"

    /// Those of lists, in the order of the properties.
    static let listColumns = """
        t.id, t.project, t.cluster, t.phase, t.priority, t.priority_class, t.source, t.spec, t.labels, t.images, \
        t.request_hash, t.nodes_total, t.nodes_succeeded, t.nodes_failed, t.nodes_skipped, t.nodes_pulling, t.sequence, t.retries, \
        t.cause, t.message, t.reason, t.accepted_at, t.queued_at, t.started_at, t.finished_at, t.updated_at, \
        t.deadline_at, t.cancel_requested_at
        """

    init(row: PQRow) throws {
        id = try row.text("id")
        project = try row.text("project")
        cluster = try row.text("cluster")
        phase = try Self.choice(row, "phase")
        priority = try row.int("priority")
        priorityClass = try Self.choice(row, "priority_class")
        source = try row.text("source")
        spec = try row.json("spec")
        labels = try JSONValue(parsing: row.json("labels"))
        images = try row.textArray("images").compactMap { $0 }
        requestHash = try row.bytesOrNil("request_hash")
        counts = TaskCounts(
            nodesTotal: try row.int("nodes_total"),
            succeeded: try row.int("nodes_succeeded"),
            failed: try row.int("nodes_failed"),
            skipped: try row.int("nodes_skipped"),
            pulling: try row.int("nodes_pulling")
        )
        sequence = try row.int("sequence")
        retries = try row.int("retries")
        cause = try row.textOrNil("cause")
        message = try row.textOrNil("message")
        reason = try row.textOrNil("reason")
        acceptedAt = Timestamp(microsecondsSinceEpoch: try row.timestamp("accepted_at"))
        queuedAt = try Self.time(row, "queued_at")
        startedAt = try Self.time(row, "started_at")
        finishedAt = try Self.time(row, "finished_at")
        updatedAt = Timestamp(microsecondsSinceEpoch: try row.timestamp("updated_at"))
        deadlineAt = try Self.time(row, "deadline_at")
        cancelRequestedAt = try Self.time(row, "cancel_requested_at")
    }

    /// A row with all columns.
    init(whole row: PQRow) throws {
        try self.init(row: row)
        refusal = try row.jsonOrNil("refusal")
    }

    /// The row of a task that has just been written down for the first time.
    ///
    /// - Parameters:
    ///   - task: The task.
    ///   - time: The row's `updated_at`.
    init(_ task: AcceptedTask, writtenAt time: Timestamp) {
        id = task.id.text
        project = task.spec.project
        cluster = task.spec.cluster
        phase = .accepting
        priority = task.spec.priority
        priorityClass = task.priorityClass
        source = task.source
        spec = task.specText
        labels = task.spec.labels.json
        images = task.spec.images.map(\.reference.canonical)
        requestHash = task.requestHash
        counts = TaskCounts()
        sequence = 0
        acceptedAt = task.acceptedAt
        updatedAt = time
        deadlineAt = task.deadlineAt
    }

    /// The public form with the settings, as a JSON text.
    ///
    /// - Parameters:
    ///   - showsWebhook: Whether the webhook's URL is shown whole; its query may hold the receiver's token.
    ///   - warnings: What the request's author should look at again, in the answer to the request that asked for the task; they
    ///     are told once and not kept.
    /// - Returns: The text's bytes.
    func text(showsWebhook: Bool, warnings: [RequestWarning] = []) -> [UInt8] {
        var json = json
        if !warnings.isEmpty { json["warnings"] = .array(warnings.map(\.json)) }
        if let refusal, let details = try? JSONValue(parsing: refusal) {
            for (key, value) in details.object ?? [:] { json[key] = value }
        }
        // Of what was refused nothing is kept that may be a secret, and so no settings.
        if spec == "{}" { return json.serialized() }
        return json.serialized(adding: ["spec": showsWebhook ? spec : WebhookRedaction.redact(spec: spec)])
    }

    /// The public form without the settings, as in lists.
    var json: JSONValue {
        var json: JSONValue = [
            "id": .string(id), "project": .string(project), "cluster": .string(cluster),
            "status": .string(phase.rawValue), "priority": priority.json,
            "priorityClass": .string(priorityClass.rawValue), "source": .string(source), "images": images.json,
            "labels": labels,
            "counts": [
                "nodesTotal": counts.nodesTotal.json, "nodesSucceeded": counts.succeeded.json,
                "nodesFailed": counts.failed.json, "nodesSkipped": counts.skipped.json,
                "nodesPulling": counts.pulling.json,
            ],
            "retries": retries.json, "acceptedAt": .string(acceptedAt.rfc3339), "updatedAt": .string(updatedAt.rfc3339),
        ]
        for (key, text) in [("cause", cause), ("message", message), ("reason", reason)] {
            if let text { json[key] = .string(text) }
        }
        for (key, time) in [
            ("queuedAt", queuedAt), ("startedAt", startedAt), ("finishedAt", finishedAt), ("deadlineAt", deadlineAt),
            ("cancelRequestedAt", cancelRequestedAt),
        ] {
            if let time { json[key] = .string(time.rfc3339) }
        }
        return json
    }

    private static func choice<Choice: RawRepresentable<String>>(_ row: PQRow, _ column: String) throws -> Choice {
        guard let choice = Choice(rawValue: try row.text(column)) else {
            throw PQError(.decoding, "the column \(column) holds an unknown value")
        }
        return choice
    }

    private static func time(_ row: PQRow, _ column: String) throws -> Timestamp? {
        try row.timestampOrNil(column).map { Timestamp(microsecondsSinceEpoch: $0) }
    }
}
