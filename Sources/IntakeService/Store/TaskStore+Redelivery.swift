import LibPQ
import LongshoreDomain
import WireFormats

extension TaskStore {
    /// Which deliveries are sent again.
    struct RedeliveryFilter: Sendable, Equatable {
        var project: String?
        var task: TaskID?
        /// Finished deliveries only: one that is still tried needs no help.
        var states: [DeliveryMachine.Phase] = [.exhausted, .disabled]
        /// Of events that were recorded from here on.
        var since: Timestamp?
        /// Of events that were recorded before this.
        var until: Timestamp?
    }

    /// The most deliveries that are put back at once: they stay locked meanwhile.
    static let maximumRedelivered = 5_000

    /// Whose a delivery is; nil when there is none, or none of the one project whose deliveries may be seen.
    func projectOfDelivery(_ id: String, in visible: String?) async throws -> String? {
        let rows = try await pool.query(
            "SELECT project FROM longshore.deliveries WHERE id = $1 AND ($2::text IS NULL OR project = $2)",
            [.text(id), .text(orNull: visible)]
        )
        return try rows.first?.text("project")
    }

    /// Makes a delivery due at once, whatever has become of it. Its attempts are counted on, so that after the schedule's last
    /// one it is one more; a receiver that has answered 410 gets the task's later events again.
    ///
    /// - Returns: The delivery; nil when it is on its way at this moment, or is not there.
    func redeliver(_ id: String) async throws -> JSONValue? {
        let updated = try await pool.query(
            """
            UPDATE longshore.deliveries d SET \(Self.madeDue) WHERE d.id = $1 AND d.state <> 'delivering'
            RETURNING \(Self.deliveryColumns)
            """,
            [.text(id)]
        )
        return try updated.first.map { try Self.delivery($0) }
    }

    /// Makes the oldest of many deliveries due at once.
    ///
    /// - Returns: How many, at most ``maximumRedelivered``.
    func redeliver(_ filter: RedeliveryFilter) async throws -> Int {
        try await pool.query(
            """
            UPDATE longshore.deliveries d SET \(Self.madeDue)
            WHERE d.id = ANY (ARRAY(
                SELECT id FROM longshore.deliveries WHERE \(Self.redeliveryCondition)
                ORDER BY created_at, id LIMIT \(Self.maximumRedelivered) FOR UPDATE SKIP LOCKED))
            """,
            filter.parameters
        )
        .affectedRows
    }

    /// How many deliveries a filter finds.
    func count(_ filter: RedeliveryFilter) async throws -> Int {
        let sql = "SELECT count(*) AS count FROM longshore.deliveries WHERE \(Self.redeliveryCondition)"
        return try await pool.query(sql, filter.parameters).first?.int("count") ?? 0
    }

    private static let madeDue = """
        state = CASE WHEN d.attempt > 0 THEN 'retrying' ELSE 'pending' END, next_attempt_at = now(), finished_at = NULL
        """

    private static let redeliveryCondition = """
        state = ANY($1) AND ($2::text IS NULL OR project = $2) AND ($3::text IS NULL OR task_id = $3)
            AND ($4::timestamptz IS NULL OR created_at >= $4) AND ($5::timestamptz IS NULL OR created_at < $5)
        """
}

extension TaskStore.RedeliveryFilter {
    /// In the order of the condition.
    fileprivate var parameters: [PQParameter] {
        [
            .textArray(states.map(\.rawValue)), .text(orNull: project), .text(orNull: task?.text),
            since.map { .timestamp(microsecondsSince1970: $0.microsecondsSinceEpoch) } ?? .null,
            until.map { .timestamp(microsecondsSince1970: $0.microsecondsSinceEpoch) } ?? .null,
        ]
    }
}
