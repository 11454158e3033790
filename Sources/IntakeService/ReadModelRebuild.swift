package import LibPQ
import LongshoreMessages

/// Makes the projector read all topics again, from their beginnings.
///
/// What the topics still have is written anew; what they no longer have is kept, unless it is to be discarded. Subscribers
/// are told nothing twice: the notifier reads the events' topic at its own place.
package struct ReadModelRebuild: Sendable {
    /// What was done.
    package struct Report: Sendable, Equatable {
        /// How many partitions are read again.
        package var partitions: Int
        /// How many tasks were discarded.
        package var discarded: Int
    }

    /// Why nothing was done.
    package enum Refusal: Error, Equatable, CustomStringConvertible {
        /// An intake is connected to the database: it would go on from where it is.
        case intakeIsRunning

        /// What to do about it.
        package var description: String {
            """
            An intake is connected to this database. Stop all of them first (kubectl scale deployment longshore-intake \
            --replicas=0), and start them again afterwards: they read the topics from the beginning.
            """
        }
    }

    /// Taken by every intake for as long as it is connected.
    static let sharedLock = "SELECT pg_advisory_lock_shared(\(lockKey))"
    // …500 is the migrator's, …501 that of the functions in 001_schema.sql, …502 the notifier's.
    private static let lockKey: Int64 = 7_310_868_736_829_190_503

    private let pool: PQPool

    /// Makes one for a database whose schema is up to date.
    ///
    /// - Parameter pool: Whose account owns the schema.
    package init(pool: PQPool) {
        self.pool = pool
    }

    /// Forgets how far the projector has read, in one transaction.
    ///
    /// - Parameter discarding: Also forget tasks, their nodes and their events. Tasks that are older than the topics' retention are
    ///   lost then.
    /// - Returns: What was done.
    /// - Throws: ``Refusal``, or `PQError` when the database does not answer. Nothing is changed then.
    package func run(discarding: Bool = false) async throws -> Report {
        try await pool.withConnection { connection in
            try await connection.transaction { connection in
                let isFree = try await connection.query(
                    "SELECT pg_try_advisory_xact_lock($1) AS free",
                    [.int(Self.lockKey)]
                )
                guard try isFree.first?.bool("free") == true else { throw Refusal.intakeIsRunning }
                try await connection.script("SET LOCAL statement_timeout = '30min'")
                var discarded = 0
                if discarding {
                    let rows = try await connection.query("SELECT count(*) AS n FROM longshore.tasks")
                    discarded = try rows.first?.int("n") ?? 0
                    try await connection.script(
                        "TRUNCATE longshore.tasks, longshore.task_nodes, longshore.task_events, longshore.acknowledgements, longshore.node_repairs"
                    )
                }
                let forgotten = try await connection.query(
                    "DELETE FROM longshore.consumer_offsets WHERE consumer = $1 RETURNING 1 AS one",
                    [.text(ProjectionStore.consumer)]
                )
                return Report(partitions: forgotten.count, discarded: discarded)
            }
        }
    }
}
