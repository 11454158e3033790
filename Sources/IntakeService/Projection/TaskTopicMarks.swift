import LibPQ
import LongshoreDomain
import LongshoreMessages
import RDKafka

/// What the brokers hold of the task topics, and what the projector has read of it.
struct TaskTopicMarks: Sendable {
    let pool: PQPool
    let brokers: KafkaInquiry

    private static let patience = Duration.seconds(5)

    /// The first offset of a partition and the one after its last; nil when there is no such partition.
    ///
    /// - Throws: `KafkaError`, or `CancellationError` between two of many questions.
    func marks(_ partition: TopicPartition) async throws -> (low: Int64, high: Int64)? {
        try Task.checkCancellation()
        do {
            return try await brokers.watermarks(partition, timeout: Self.patience)
        } catch {
            if error.code == .unknownTopic { return nil }
            throw error
        }
    }

    /// Whether the projector has read all that is in a topic.
    func isReadToEnd(_ topic: String) async throws -> Bool {
        guard let partitions = try await partitionCount(topic) else { return true }
        let all = (0..<Int32(partitions)).map { TopicPartition(topic: topic, partition: $0) }
        var found: [TopicPartition: (low: Int64, high: Int64)] = [:]
        for partition in all { found[partition] = try await marks(partition) }
        let offsets = try await ProjectionStore(pool: pool).offsets(for: all)
        return found.allSatisfy { partition, mark in
            mark.high == mark.low || (offsets[partition] ?? 0) >= mark.high
        }
    }

    /// Nil when there is no such topic, and so no message.
    func partitionCount(_ topic: String) async throws -> Int? {
        do {
            return try await brokers.partitionCount(topic: topic, timeout: Self.patience)
        } catch {
            if error.code == .unknownTopic { return nil }
            throw error
        }
    }
}
