import LibPQ
import LongshoreDomain
import WireFormats

/// What is written down about a task before Kafka has it. A class, because it is handed on many times and never changed.
final class AcceptedTask: Sendable {
    let id: TaskID
    let spec: TaskSpec
    /// The spec as it is written down and answered.
    let specText: String
    /// `http` or `kafka`.
    let source: String
    let requestHash: [UInt8]
    let idempotencyKey: String?
    let acceptedAt: Timestamp
    let traceparent: String?
    /// When Kafka took its message; nil while that is not known, and for tasks that were not asked of intake.
    let queuedAt: Timestamp?

    /// Makes one; `specText` is the spec's, where that is made already.
    init(
        id: TaskID,
        spec: TaskSpec,
        specText: String? = nil,
        source: String,
        requestHash: [UInt8],
        idempotencyKey: String? = nil,
        acceptedAt: Timestamp,
        traceparent: String? = nil,
        queuedAt: Timestamp? = nil
    ) {
        self.id = id
        self.spec = spec
        self.specText = specText ?? spec.text
        self.source = source
        self.requestHash = requestHash
        self.idempotencyKey = idempotencyKey
        self.acceptedAt = acceptedAt
        self.traceparent = traceparent
        self.queuedAt = queuedAt
    }

    var deadlineAt: Timestamp { acceptedAt + .seconds(spec.deadlineSeconds) }
    var priorityClass: PriorityClass { PriorityClass(priority: spec.priority) }
}

extension [AcceptedTask] {
    /// Inserts all of them with one statement, and returns id and time of those that are written down now, and whether their
    /// rows are new.
    ///
    /// A row that is there already stays as it is, but for one whose message has not reached Kafka, be it still waited for or
    /// given up: the same request tries again.
    var insertion: PQStatement {
        PQStatement(Self.insertSQL, columns)
    }

    /// The values, column by column, in the order of the insertion's parameters.
    var columns: [PQParameter] {
        [
            .textArray(map(\.id.text)), .textArray(map(\.spec.project)), .textArray(map(\.spec.cluster)),
            .intArray(map { Int64($0.spec.priority) }), .textArray(map(\.priorityClass.rawValue)),
            .textArray(map(\.source)), .jsonArray(map(\.specText)),
            .jsonArray(map { $0.spec.labels.json.text() }),
            .jsonArray(map { $0.spec.images.map(\.reference.canonical).json.text() }),
            .bytesArray(map(\.requestHash)), .textArray(map(\.idempotencyKey)), .textArray(map(\.spec.webhookURL)),
            .jsonArray(map { $0.spec.webhookURL == nil ? "[]" : $0.spec.webhookEvents.json.text() }),
            .timestampArray(map(\.acceptedAt.microsecondsSinceEpoch)),
            .timestampArray(map(\.deadlineAt.microsecondsSinceEpoch)), .textArray(map(\.traceparent)),
            .timestampArray(map(\.queuedAt?.microsecondsSinceEpoch)),
        ]
    }

    /// The rows of the columns; arrays within an array travel as JSON, since `unnest` would flatten them.
    static let rowsSQL = """
        SELECT u.id, u.project, u.cluster, u.priority, u.priority_class, u.source, u.spec, u.labels,
            ARRAY(SELECT jsonb_array_elements_text(u.images)) AS images, u.request_hash, u.idempotency_key, u.webhook_url,
            ARRAY(SELECT jsonb_array_elements_text(u.webhook_events)) AS webhook_events, u.accepted_at, u.deadline_at,
            u.traceparent, u.queued_at
        FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::text[], $7::jsonb[], $8::jsonb[],
            $9::jsonb[], $10::bytea[], $11::text[], $12::text[], $13::jsonb[], $14::timestamptz[], $15::timestamptz[],
            $16::text[], $17::timestamptz[])
          AS u(id, project, cluster, priority, priority_class, source, spec, labels, images, request_hash,
            idempotency_key, webhook_url, webhook_events, accepted_at, deadline_at, traceparent, queued_at)
        """

    /// The columns that ``rowsSQL`` fills.
    static let columnNames = """
        id, project, cluster, priority, priority_class, source, spec, labels, images, request_hash, idempotency_key, \
        webhook_url, webhook_events, accepted_at, deadline_at, traceparent, queued_at
        """

    private static let insertSQL = """
        INSERT INTO longshore.tasks (\(columnNames), phase)
        SELECT r.*, 'accepting' FROM (\(rowsSQL)) r
        ON CONFLICT (id) DO UPDATE
        SET phase = 'accepting', accepted_at = excluded.accepted_at, deadline_at = excluded.deadline_at,
            finished_at = NULL, cause = NULL, message = NULL, reason = NULL, updated_at = now(),
            message_partition = NULL, message_offset = NULL, suspected_at = NULL, asked_at = NULL, lost_at = NULL
        WHERE (tasks.phase = 'accepting' OR (tasks.phase = 'rejected' AND tasks.reason = '\(TaskStore.neverPublished)'))
            AND tasks.request_hash = excluded.request_hash
        RETURNING id, updated_at, xmax = 0 AS inserted
        """
}
