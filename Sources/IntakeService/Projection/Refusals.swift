import LibPQ
import LongshoreDomain
import LongshoreMessages
import WireFormats

/// Writes refusals into the read model: the rows of requests and PullTasks that never became tasks, and what was wrong with those
/// that executors have rejected.
///
/// Such a row holds nothing of what was asked for but where it was to be done and who is to be told; a refused request may have a
/// secret in any place.
enum Refusals {
    /// The rows of what is told of nowhere else. One that is there already stays as it is.
    ///
    /// - Parameter events: All events of a batch.
    /// - Returns: Nothing where none is such a refusal.
    static func insertions(_ events: [TaskEvent]) -> [PQStatement] {
        let refusals = events.filter { $0.isOnlyTrace && ($0.part?.number ?? 1) == 1 }
        guard !refusals.isEmpty else { return [] }
        return [
            PQStatement(
                """
                INSERT INTO longshore.tasks (id, project, cluster, phase, priority, priority_class, source, spec, sequence, reason,
                    message, accepted_at, finished_at, traceparent, webhook_url, webhook_events, refusal)
                SELECT u.id, u.project, u.cluster, 'rejected', 5, 'normal', u.source, '{}', u.sequence, u.reason,
                    u.message, u.accepted_at, u.finished_at, u.traceparent, u.webhook_url,
                    ARRAY(SELECT jsonb_array_elements_text(u.webhook_events)), u.refusal
                FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::text[],
                    $8::timestamptz[], $9::timestamptz[], $10::text[], $11::text[], $12::jsonb[], $13::jsonb[])
                  AS u(id, project, cluster, source, sequence, reason, message, accepted_at, finished_at, traceparent,
                    webhook_url, webhook_events, refusal)
                ORDER BY u.id
                ON CONFLICT (id) DO NOTHING
                """,
                [
                    .textArray(refusals.map(\.taskID.text)), .textArray(refusals.map(\.project)),
                    .textArray(refusals.map(\.cluster)),
                    .textArray(refusals.map { ($0.source ?? .kafka).rawValue }), .intArray(refusals.map(\.sequence)),
                    .textArray(refusals.map(\.reason)), .textArray(refusals.map(\.message)),
                    .timestampArray(refusals.map { ($0.acceptedAt ?? $0.time).microsecondsSinceEpoch }),
                    .timestampArray(refusals.map(\.time.microsecondsSinceEpoch)),
                    .textArray(refusals.map(\.traceParent)), .textArray(refusals.map(\.webhook?.url)),
                    .jsonArray(refusals.map { ($0.webhook?.events ?? []).json.text() }),
                    .jsonArray(refusals.map { details(of: $0).text() }),
                ]
            )
        ]
    }

    /// What was wrong with tasks that intake had accepted. Comes after their phase was written.
    static func notes(_ events: [TaskEvent]) -> [PQStatement] {
        let rejections = events.filter { $0.type == .taskRejected && !$0.isOnlyTrace && !$0.faults.isEmpty }
            .sorted { $0.taskID < $1.taskID }
        guard !rejections.isEmpty else { return [] }
        return [
            PQStatement(
                """
                UPDATE longshore.tasks t SET refusal = u.refusal
                FROM unnest($1::text[], $2::text[], $3::text[], $4::jsonb[]) AS u(id, project, cluster, refusal)
                WHERE t.id = u.id AND t.project = u.project AND t.cluster = u.cluster AND t.phase = 'rejected'
                    AND t.refusal IS NULL
                """,
                [
                    .textArray(rejections.map(\.taskID.text)), .textArray(rejections.map(\.project)),
                    .textArray(rejections.map(\.cluster)), .jsonArray(rejections.map { details(of: $0).text() }),
                ]
            )
        ]
    }

    /// Every fault that the event lists, how many there are, and where a request on Kafka stands.
    private static func details(of event: TaskEvent) -> JSONValue {
        var json: JSONValue = [
            "errors": event.faults.json, "errorCount": (event.faultCount ?? event.faults.count).json,
        ]
        json["request"] = event.data["request"]
        return json
    }
}
