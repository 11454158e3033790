import LibPQ
import Logging
import LongshoreMessages
import Metrics
import RDKafka
import ServiceRuntime

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

    /// What the consumer loop calls. The offsets that count are those in Postgres.
    var hooks: KafkaLoopHooks {
        KafkaLoopHooks(
            handle: { batch in try await apply(batch) },
            onAssigned: { partitions in try await store.offsets(for: partitions) }
        )
    }

    /// Applies a batch. Throwing leaves everything as it was: the same records come again.
    func apply(_ batch: KafkaBatch) async throws -> KafkaBatch.Outcome {
        let content = ProjectionBatch(batch.messages)
        for report in await producer.send(content.queuedEvents.map(\.record)) { _ = try report.get() }
        try await metrics.timed("project") { try await store.apply(content, nextOffsets: batch.nextOffsets) }
        metrics.eventsFolded.increment(by: content.events.count)
        return KafkaBatch.Outcome(rejected: content.rejected)
    }
}
