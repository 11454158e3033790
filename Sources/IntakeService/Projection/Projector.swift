import LibPQ
import Logging
import LongshoreMessages
import Metrics
import RDKafka
import ServiceRuntime
import Synchronization

/// Folds task messages and events into the read model.
///
/// It is the message in Kafka, not the request's handler, that makes a task queued: the projector announces it, waits for the
/// announcement's acknowledgement, and only then turns the row.
struct Projector: Sendable {
    /// The consumer group.
    static let group = "longshore.projector"
    /// What it reads.
    static let topics = [Topics.allTasksPattern, Topics.events]

    let store: ProjectionStore
    let producer: KafkaProducer
    let metrics: IntakeMetrics
    private let announced = AnnouncedBefore()
    private let written = WrittenAnnouncements()

    init(store: ProjectionStore, producer: KafkaProducer, metrics: IntakeMetrics) {
        self.store = store
        self.producer = producer
        self.metrics = metrics
    }

    /// What the consumer loop calls. The offsets that count are those in Postgres; where it has none, because the database is
    /// new or the read model is being rebuilt, reading begins at the beginning.
    ///
    /// - Parameter consumer: The loop's consumer. The offsets that were committed to Kafka tell what was announced already.
    /// - Returns: The hooks.
    func hooks(_ consumer: KafkaConsumer) -> KafkaLoopHooks {
        KafkaLoopHooks(
            handle: { batch in try await apply(batch) },
            onAssigned: { partitions in
                announced.begin(try await consumer.committed(partitions, timeout: .seconds(5)))
                let kept = try await store.offsets(for: partitions)
                return partitions.reduce(into: [:]) { $0[$1] = kept[$1] ?? KafkaConsumer.firstOffset }
            }
        )
    }

    /// Applies a batch. Throwing leaves everything as it was: the same records come again.
    func apply(_ batch: KafkaBatch) async throws -> KafkaBatch.Outcome {
        let content = await ProjectionBatch.reading(batch.messages, isWritten: written.contains)
        // Who subscribes to “queued” is told once, not again with each rebuild.
        let fresh = content.queuedEvents(where: { announced.isNew($0, at: $1) })
        for report in await producer.send(fresh.map(\.record)) { _ = try report.get() }
        try await metrics.timed("project") { try await store.apply(content, nextOffsets: batch.nextOffsets) }
        written.insert(content.queuedEvents)
        metrics.eventsFolded.increment(by: content.events.count)
        return KafkaBatch.Outcome(rejected: content.rejected)
    }
}

/// Up to where task messages were announced as queued before this process began to read them.
private final class AnnouncedBefore: Sendable {
    private let offsets = Mutex<[TopicPartition: Int64]>([:])

    /// Begins with what the group has committed: a batch is committed after its announcements were acknowledged.
    func begin(_ committed: [TopicPartition: Int64]) {
        offsets.withLock { $0 = committed }
    }

    /// Whether a message may not have been announced.
    func isNew(_ partition: TopicPartition, at offset: Int64) -> Bool {
        offsets.withLock { $0[partition] }.map { offset >= $0 } ?? true
    }
}

/// Announcements that this process has written into the read model together with their tasks, and that it is to read from the
/// topic a moment later.
private final class WrittenAnnouncements: Sendable {
    private let ids = Mutex(RecentSet<String>(limit: 4_096))

    func insert(_ events: [ProjectionBatch.Event]) {
        ids.withLock { ids in for event in events { ids.insert(event.event.id) } }
    }

    func contains(_ id: String) -> Bool { ids.withLock { $0.contains(id) } }
}
