import LibPQ
import LongshoreDomain

/// Where Kafka has a task's message: the topic follows from the task.
struct MessagePlace: Sendable {
    var task: TaskID
    var partition: Int32
    /// Nil when the broker did not tell.
    var offset: Int64?
}

extension [MessagePlace] {
    /// Notes the places. A message at another place is another message: what was suspected of the last one is over.
    ///
    /// - Parameter skipsLocked: Whether to leave out rows that somebody else is changing now instead of waiting for them.
    /// - Returns: The statement.
    func noting(skipsLocked: Bool) -> PQStatement {
        // Sorted, so that two that note the same tasks cannot lock each other out.
        let places = sorted { $0.task < $1.task }
        return PQStatement(
            """
            WITH free AS (
                SELECT id FROM longshore.tasks WHERE id = ANY($1::text[]) ORDER BY id
                FOR NO KEY UPDATE\(skipsLocked ? " SKIP LOCKED" : "")
            )
            UPDATE longshore.tasks t SET message_partition = u.partition, message_offset = u.place, updated_at = now(),
                suspected_at = NULL, asked_at = NULL, lost_at = NULL
            FROM unnest($1::text[], $2::bigint[], $3::bigint[]) AS u(id, partition, place) JOIN free ON free.id = u.id
            WHERE t.id = u.id AND (t.message_partition, t.message_offset) IS DISTINCT FROM (u.partition, u.place)
            """,
            [
                .textArray(places.map(\.task.text)), .intArray(places.map { Int64($0.partition) }),
                .intArray(places.map(\.offset)),
            ]
        )
    }
}
