import LibPQ
import Logging
import LongshoreDomain
import LongshoreMessages
import RDKafka
import ServiceRuntime

/// Gives up tasks that were written down and never reached Kafka, because a process died or Kafka was away in between.
///
/// Their clients never got a `202`. A row is given up only when it is certain that there is no message: it is older than any
/// attempt to publish it can take, and the projector has read the task's topic to its end since.
struct UnpublishedSweeper: Sendable {
    /// How long a row may wait for its message. Must exceed the producer's delivery timeout.
    static let age = Duration.seconds(60)
    /// How often rows are looked at.
    static let interval = Duration.seconds(10)

    let pool: PQPool
    let consumer: KafkaConsumer
    let logger: Logger
    var age = Self.age

    /// Sweeps until the task is cancelled.
    func run() async {
        while (try? await Task.sleep(for: Self.interval)) != nil {
            do { try await sweep() } catch {
                logger.debug("Unpublished tasks could not be looked for", metadata: [LogKey.error: "\(error)"])
            }
        }
    }

    /// Sweeps once.
    ///
    /// - Returns: How many rows were given up.
    @discardableResult
    func sweep() async throws -> Int {
        let seconds = PQParameter.double(age / .seconds(1))
        let rows = try await pool.query(
            """
            SELECT id, cluster, priority_class FROM longshore.tasks
            WHERE phase = 'accepting' AND updated_at < now() - make_interval(secs => $1) LIMIT 1000
            """,
            [seconds]
        )
        var candidates: [String: [String]] = [:]
        for row in rows {
            guard let priorityClass = PriorityClass(rawValue: try row.text("priority_class")) else { continue }
            let topic = Topics.tasks(cluster: try row.text("cluster"), class: priorityClass)
            candidates[topic, default: []].append(try row.text("id"))
        }
        var count = 0
        for (topic, ids) in candidates where try await isReadToEnd(topic) {
            count += try await giveUp(ids, seconds)
        }
        return count
    }

    private func isReadToEnd(_ topic: String) async throws -> Bool {
        guard let partitions = try await partitionCount(topic) else { return true }
        let all = (0..<Int32(partitions)).map { TopicPartition(topic: topic, partition: $0) }
        var marks: [TopicPartition: (low: Int64, high: Int64)] = [:]
        for partition in all { marks[partition] = try await consumer.watermarks(partition, timeout: .seconds(5)) }
        let offsets = try await ProjectionStore(pool: pool).offsets(for: all)
        return marks.allSatisfy { partition, mark in
            mark.high == mark.low || (offsets[partition] ?? 0) >= mark.high
        }
    }

    /// Nil when there is no such topic, and so no message.
    private func partitionCount(_ topic: String) async throws -> Int? {
        do {
            return try await consumer.partitionCount(topic: topic, timeout: .seconds(5))
        } catch {
            if error.code == .unknownTopic { return nil }
            throw error
        }
    }

    private func giveUp(_ ids: [String], _ seconds: PQParameter) async throws -> Int {
        let updated = try await pool.query(
            """
            UPDATE longshore.tasks SET phase = 'rejected', reason = $3, finished_at = now(), updated_at = now(),
                message = 'the task was never published, and its client was never told that it had been accepted'
            WHERE id = ANY($1) AND phase = 'accepting' AND updated_at < now() - make_interval(secs => $2)
            """,
            [.textArray(ids), seconds, .text(TaskStore.neverPublished)]
        )
        if updated.affectedRows > 0 {
            logger.notice("Gave up tasks that were never published", metadata: ["count": "\(updated.affectedRows)"])
        }
        return updated.affectedRows
    }
}
