import LibPQ
import LongshoreDomain

/// What Kafka has acknowledged, written down before a client hears of it, so that the loss of a message can be told from its
/// never having been there.
///
/// The projector writes a message's place into the task's row when it reads it, which is a moment later. Only what it has not
/// come to by then is carried over into the rows.
struct Acknowledgements: Sendable {
    /// After how long the projector is behind.
    static let delay = Duration.seconds(10)
    /// The most hand-overs that are carried over at once.
    private static let limit = 500
    // …503 is that of a rebuild.
    private static let lockKey: Int64 = 7_310_868_736_829_190_504

    let pool: PQPool

    /// Notes the places.
    func note(_ places: [MessagePlace]) async throws {
        // The projector finds the same in the message itself, so that a crash of the server may forget this: nobody waits for
        // the disk.
        _ = try await pool.pipeline([
            PQStatement("SELECT set_config('synchronous_commit', 'off', true)"),
            PQStatement(
                "INSERT INTO longshore.acknowledgements (tasks, partitions, offsets) VALUES ($1, $2, $3)",
                [
                    .textArray(places.map(\.task.text)), .intArray(places.map { Int64($0.partition) }),
                    .intArray(places.map(\.offset)),
                ]
            ),
        ])
    }

    /// Carries what was noted over into the rows of tasks whose message has not been read. When it returns, that is done for
    /// all that was noted before it was called and is old enough, whoever did it.
    ///
    /// - Parameter age: Younger notes may wait.
    /// - Throws: `PQError`; what was carried over stays so.
    func carryOver(olderThan age: Duration) async throws {
        var count = Self.limit
        while count == Self.limit {
            let results = try await pool.pipeline([
                // One at a time: what somebody else is carrying over is not there and not yet in the rows.
                PQStatement("SELECT pg_advisory_xact_lock($1)", [.int(Self.lockKey)]),
                PQStatement(Self.carryOverSQL, [.double(age / .seconds(1)), .int(Int64(Self.limit))]),
            ])
            count = try results[1].first?.int("count") ?? 0
        }
    }

    /// A message at another place is another message: what was suspected of the last one is over.
    private static let carryOverSQL = """
        WITH taken AS (
            DELETE FROM longshore.acknowledgements WHERE id IN (
                SELECT id FROM longshore.acknowledgements WHERE noted_at <= now() - make_interval(secs => $1)
                ORDER BY id LIMIT $2)
            RETURNING *
        ), latest AS (
            SELECT DISTINCT ON (u.task) u.task, u.partition, u.place, a.noted_at
            FROM taken a, unnest(a.tasks, a.partitions, a.offsets) AS u(task, partition, place)
            ORDER BY u.task, a.id DESC
        ), unread AS (
            SELECT t.id, u.partition, u.place, u.noted_at FROM longshore.tasks t JOIN latest u ON u.task = t.id
            WHERE t.\(LostTasks.unfinished) AND (t.phase = 'accepting' OR t.message_partition IS NULL)
                AND (t.message_partition, t.message_offset) IS DISTINCT FROM (u.partition, u.place)
            ORDER BY t.id FOR NO KEY UPDATE OF t
        ), noted AS (
            UPDATE longshore.tasks t SET message_partition = u.partition, message_offset = u.place,
                updated_at = greatest(t.updated_at, u.noted_at), suspected_at = NULL, asked_at = NULL, lost_at = NULL
            FROM unread u WHERE t.id = u.id
        )
        SELECT count(*) AS count FROM taken
        """
}
