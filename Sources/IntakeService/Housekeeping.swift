import LibPQ
import Logging
import LongshoreDomain
import ServiceRuntime

/// Keeps the database in shape and its numbers in the metrics.
struct Housekeeping: Sendable {
    let pool: PQPool
    let retentionDays: Int
    let metrics: IntakeMetrics
    let logger: Logger

    /// Works until the task is cancelled.
    func run() async {
        var round = 0
        while !Task.isCancelled {
            await attempt("count tasks") { try await measure() }
            // Partitions are made days ahead, so an hour is often enough; the first time is at once.
            if round % 240 == 0 {
                await attempt("make partitions") { try await pool.query("SELECT longshore.make_partitions(7)") }
                await attempt("remove old rows") { try await removeOld() }
            }
            round += 1
            try? await Task.sleep(for: .seconds(15))
        }
    }

    func measure() async throws {
        let rows = try await pool.query(
            """
            SELECT phase, count(*) AS count, extract(epoch FROM now() - min(accepted_at))::float8 AS oldest
            FROM longshore.tasks WHERE \(LostTasks.unfinished) GROUP BY phase
            """
        )
        var counts: [String: (count: Int, oldest: Double)] = [:]
        for row in rows { counts[try row.text("phase")] = (try row.int("count"), try row.double("oldest")) }
        for phase in TaskPhase.allCases where !phase.isTerminal {
            metrics.setTasks(phase: phase.rawValue, counts[phase.rawValue]?.count ?? 0)
            metrics.setOldest(phase: phase.rawValue, seconds: max(0, counts[phase.rawValue]?.oldest ?? 0))
        }
    }

    func removeOld() async throws {
        var removed = 0
        repeat {
            removed =
                try await pool.query(
                    "SELECT longshore.remove_old($1::int, 1000) AS removed",
                    [.int(Int64(retentionDays))]
                ).first?.int("removed") ?? 0
        } while removed == 1_000 && !Task.isCancelled
    }

    private func attempt(_ what: String, _ body: () async throws -> Void) async {
        do { try await body() } catch {
            logger.debug("Housekeeping has to wait", metadata: ["task": "\(what)", LogKey.error: "\(error)"])
        }
    }
}
