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
            prepare: { messages in
                let changes = await read(messages)
                return { batch in try await apply(changes, nextOffsets: batch.nextOffsets) }
            },
            onAssigned: { partitions in
                announced.begin(try await consumer.committed(partitions, timeout: .seconds(5)))
                let kept = try await store.offsets(for: partitions)
                return partitions.reduce(into: [:]) { $0[$1] = kept[$1] ?? KafkaConsumer.firstOffset }
            }
        )
    }

    /// Reads messages; changes nothing in the read model.
    private func read(_ messages: [KafkaMessage]) async -> ProjectionStore.Changes {
        let batch = await ProjectionBatch.reading(messages, isWritten: written.contains)
        // Noted before it is so: the announcement is passed over on the way, and stands in the same transaction as what
        // announces it, which comes again until it is written.
        written.insert(batch.queuedEvents)
        return ProjectionStore.Changes(batch)
    }

    /// Applies what a batch changes. Throwing leaves everything as it was: the same records come again.
    private func apply(
        _ changes: ProjectionStore.Changes,
        nextOffsets: [TopicPartition: Int64]
    ) async throws -> KafkaBatch.Outcome {
        // Who subscribes to “queued” is told once, not again with each rebuild.
        let fresh = changes.batch.queuedEvents(where: { announced.isNew($0, at: $1) })
        for report in await producer.send(fresh.map(\.record)) { _ = try report.get() }
        try await metrics.timed("project") { try await store.apply(changes, nextOffsets: nextOffsets) }
        metrics.eventsFolded.increment(by: changes.batch.events.count)
        return KafkaBatch.Outcome(rejected: changes.batch.rejected)
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

/// Announcements that this process writes into the read model together with their tasks, and that it is to read from the topic
/// a moment later.
private final class WrittenAnnouncements: Sendable {
    private let ids = Mutex(RecentSet<String>(limit: 4_096))

    func insert(_ events: [ProjectionBatch.Event]) {
        ids.withLock { ids in for event in events { ids.insert(event.event.id) } }
    }

    func contains(_ id: String) -> Bool { ids.withLock { $0.contains(id) } }
}
