import LibPQ
import LongshoreDomain
import WireFormats

extension DeliveryStore {
    /// Serialises claims, so that two notifiers do not both take a host's last free place.
    private static let claimLock: Int64 = 7_310_868_736_829_190_502
    /// How many due deliveries a claim looks at for each that it may take, and at least. Those to hosts without a free place are
    /// not counted, so that a host with many is behind the others at the next claim.
    private static let claimWindow = (each: 4, minimum: 256)

    /// Takes due deliveries for sending: first those to hosts with the fewest in flight, among these the longest due, and never
    /// more to one host than it may have in flight. So a receiver that hangs holds no place that another needs, and of
    /// many that hang each gets no further place before those that answer.
    func claim(_ configuration: NotifierConfiguration, limit: Int) async throws -> [ClaimedDelivery] {
        let results = try await pool.pipeline([
            PQStatement("BEGIN"),
            // A lease that a crash of the server forgets is taken anew, and the delivery sent again: nobody waits for the disk.
            PQStatement("SET LOCAL synchronous_commit TO off"),
            // Rows come into the two indexes of a claim and leave them all the time. A plain scan in the index's order stops when it
            // has enough, and marks the entries that are gone, for the next scan to pass over; a bitmap of all entries does neither.
            PQStatement("SET LOCAL enable_bitmapscan TO off"), PQStatement("SET LOCAL enable_seqscan TO off"),
            PQStatement("SELECT pg_advisory_xact_lock($1)", [.int(Self.claimLock)]),
            PQStatement(
                Self.claimSQL,
                [
                    .int(Int64(limit)), .int(Int64(configuration.maximumInFlightPerHost)),
                    .text(configuration.identity), .int(configuration.lease.wholeMicroseconds),
                    .int(Int64(max(limit * Self.claimWindow.each, Self.claimWindow.minimum))),
                ]
            ),
            PQStatement("COMMIT"),
        ])
        return try results[5].map(Self.claimed)
    }

    private static func claimed(_ row: PQRow) throws(PQError) -> ClaimedDelivery {
        ClaimedDelivery(
            id: try row.text("id"),
            eventID: try row.text("event_id"),
            taskID: try row.text("task_id"),
            project: try row.text("project"),
            url: try row.text("url"),
            secretName: try row.text("secret_name"),
            body: try row.text("body"),
            attempt: try row.int("attempt"),
            claimedAt: Timestamp(microsecondsSinceEpoch: try row.timestamp("claimed_at"))
        )
    }

    /// The rows are picked by an array of ids, which is looked up once: joined to what was ranked, a table whose statistics are
    /// old is gone through again for each row.
    private static let claimSQL = """
        WITH busy AS (
            SELECT host, count(*) AS places
            FROM longshore.deliveries WHERE state = 'delivering' AND lease_until > now() GROUP BY host
        ), due AS (
            SELECT d.id, d.next_attempt_at, d.host
            FROM longshore.deliveries d
            WHERE d.state IN ('pending', 'retrying') AND d.next_attempt_at <= now()
                AND d.host NOT IN (SELECT host FROM busy WHERE places >= $2)
            ORDER BY d.next_attempt_at LIMIT $5
        ), ranked AS (
            SELECT due.id, due.next_attempt_at, coalesce(busy.places, 0)
                + row_number() OVER (PARTITION BY due.host ORDER BY due.next_attempt_at, due.id) AS place
            FROM due LEFT JOIN busy ON busy.host = due.host
        ), picked AS (
            SELECT d.id FROM longshore.deliveries d
            WHERE d.state IN ('pending', 'retrying') AND d.id = ANY (ARRAY(
                SELECT r.id FROM ranked r WHERE r.place <= $2 ORDER BY r.place, r.next_attempt_at LIMIT $1))
            FOR UPDATE OF d SKIP LOCKED
        )
        UPDATE longshore.deliveries d
        SET state = 'delivering', attempt = d.attempt + 1, lease_owner = $3,
            lease_until = now() + $4::bigint * interval '1 microsecond'
        FROM picked WHERE d.id = picked.id
        RETURNING d.id, d.event_id, d.task_id, d.project, d.url, d.secret_name, d.body, d.attempt, now() AS claimed_at
        """

    /// Gives a delivery back that could not be tried for a reason of our own; the attempt does not count.
    func release(_ delivery: ClaimedDelivery, owner: String, after delay: Duration) async throws {
        try await pool.query(
            """
            UPDATE longshore.deliveries
            SET state = CASE WHEN attempt > 1 THEN 'retrying' ELSE 'pending' END, attempt = attempt - 1,
                next_attempt_at = now() + $4::bigint * interval '1 microsecond', lease_until = NULL, lease_owner = NULL
            WHERE id = $1 AND attempt = $2 AND lease_owner = $3 AND state = 'delivering'
            """,
            [.text(delivery.id), .int(Int64(delivery.attempt)), .text(owner), .int(delay.wholeMicroseconds)]
        )
    }

    /// Records what came of attempts, together with the attempts themselves. What another notifier has taken over meanwhile
    /// stays as that one left it; the attempt is logged all the same.
    func complete(_ results: [DeliveryResult], owner: String) async throws {
        guard !results.isEmpty else { return }
        var statements = [
            PQStatement("BEGIN"), PQStatement("SET LOCAL enable_seqscan TO off"), Self.update(results, owner: owner),
            Self.log(results),
        ]
        let disabled = results.filter { $0.phase == .disabled }
        if !disabled.isEmpty { statements.append(Self.disable(disabled)) }
        statements.append(PQStatement("COMMIT"))
        try await pool.pipeline(statements)
    }

    /// Takes deliveries back whose notifier has vanished: its lease has run out and no outcome was recorded.
    ///
    /// - Returns: how many there were.
    func recoverExpired(_ schedule: DeliverySchedule, limit: Int = 1_000) async throws -> Int {
        try await pool.transaction { connection in
            let rows = try await connection.query(
                """
                SELECT id, task_id, url, attempt, lease_owner, lease_until FROM longshore.deliveries
                WHERE state = 'delivering' AND lease_until < now() LIMIT $1 FOR UPDATE SKIP LOCKED
                """,
                [.int(Int64(limit))]
            )
            guard !rows.isEmpty else { return 0 }
            var results: [DeliveryResult] = []
            for row in rows { results.append(try Self.interrupted(row, schedule)) }
            try await connection.pipeline([Self.update(results, owner: nil), Self.log(results)])
            return results.count
        }
    }

    private static func interrupted(_ row: PQRow, _ schedule: DeliverySchedule) throws -> DeliveryResult {
        let attempt = try row.int("attempt")
        let end = Timestamp(microsecondsSinceEpoch: try row.timestamp("lease_until"))
        var machine = DeliveryMachine(phase: .delivering, attempt: attempt, nextAttempt: end, schedule: schedule)
        _ = try machine.recover(at: end, random: Double.random(in: 0..<1))
        return DeliveryResult(
            id: try row.text("id"),
            taskID: try row.text("task_id"),
            url: try row.text("url"),
            attempt: attempt,
            outcome: .interrupted,
            phase: machine.phase,
            retryDelay: machine.phase == .retrying ? machine.nextAttempt.duration(since: end) : nil,
            startedAt: end,
            duration: .zero,
            error: "interrupted: \(try row.textOrNil("lease_owner") ?? "the notifier") did not come back"
        )
    }

    // MARK: - Statements

    /// The rows are picked by an array of ids, as those of a claim are.
    private static func update(_ results: [DeliveryResult], owner: String?) -> PQStatement {
        PQStatement(
            """
            UPDATE longshore.deliveries d
            SET state = r.state, lease_until = NULL, lease_owner = NULL, last_status = r.status, last_error = r.error,
                next_attempt_at = CASE WHEN r.state = 'retrying' THEN now() + r.delay * interval '1 microsecond' END,
                finished_at = CASE WHEN r.state <> 'retrying' THEN now() END
            FROM unnest($1::text[], $2::bigint[], $3::text[], $4::bigint[], $5::bigint[], $6::text[])
                AS r(id, attempt, state, delay, status, error)
            WHERE d.id = ANY ($1) AND d.id = r.id AND d.attempt = r.attempt AND d.state = 'delivering'
                AND ($7::text IS NULL OR d.lease_owner = $7)
            """,
            [
                .textArray(results.map(\.id)), .intArray(results.map { Int64($0.attempt) }),
                .textArray(results.map(\.phase.rawValue)),
                .intArray(results.map { ($0.retryDelay ?? .zero).wholeMicroseconds }),
                .intArray(results.map { $0.status.map(Int64.init) }), .textArray(results.map(\.error)),
                owner.map { .text($0) } ?? .null,
            ]
        )
    }

    private static func log(_ results: [DeliveryResult]) -> PQStatement {
        PQStatement(
            """
            INSERT INTO longshore.delivery_attempts
                (delivery_id, attempt, started_at, duration_ms, status, error, response_excerpt)
            SELECT * FROM unnest($1::text[], $2::bigint[], $3::timestamptz[], $4::bigint[], $5::bigint[], $6::text[],
                $7::text[])
            ON CONFLICT DO NOTHING
            """,
            [
                .textArray(results.map(\.id)), .intArray(results.map { Int64($0.attempt) }),
                .timestampArray(results.map { $0.startedAt.microsecondsSinceEpoch }),
                .intArray(results.map { $0.duration.wholeMicroseconds / 1_000 }),
                .intArray(results.map { $0.status.map(Int64.init) }), .textArray(results.map(\.error)),
                .textArray(results.map(\.excerpt)),
            ]
        )
    }

    /// A receiver that has answered 410 wants nothing more of the task.
    private static func disable(_ results: [DeliveryResult]) -> PQStatement {
        PQStatement(
            """
            UPDATE longshore.deliveries d SET state = 'disabled', finished_at = now(), next_attempt_at = NULL
            FROM unnest($1::text[], $2::text[]) AS r(task_id, url)
            WHERE d.task_id = r.task_id AND d.url = r.url AND d.state IN ('pending', 'retrying')
            """,
            [.textArray(results.map(\.taskID)), .textArray(results.map(\.url))]
        )
    }
}

extension Duration {
    /// Whole microseconds, rounded down.
    var wholeMicroseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds * 1_000_000 + attoseconds / 1_000_000_000_000
    }
}
