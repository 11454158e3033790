import Logging
import LongshoreMessages
import Metrics
import RDKafka
import ServiceRuntime

/// Publishes events until Kafka has acknowledged them.
struct EventPublisher: Sendable {
    let producer: KafkaProducer
    let metrics: ExecutorMetrics
    let logger: Logger

    /// Sends events in their order and waits for every acknowledgement, however long that takes.
    ///
    /// - Parameters:
    ///   - events: Events of one task.
    ///   - logger: The task's logger.
    /// - Returns: Whether all are acknowledged; false only when cancelled.
    func publish(_ events: [TaskEvent], logger: Logger) async -> Bool {
        var remaining = events.map(\.record)
        var attempt = 0
        while !remaining.isEmpty {
            if Task.isCancelled { return false }
            let results = await producer.send(remaining)
            var failed: [MessageRecord] = []
            var first: KafkaError?
            for (record, result) in zip(remaining, results) {
                guard case .failure(let error) = result else { continue }
                if error.code == .messageTooLarge {
                    // Events are cut well below any sensible limit; to wait would hold up the task for ever.
                    logger.error("An event is too large for the broker and is lost", metadata: ["error": "\(error)"])
                    continue
                }
                first = first ?? error
                failed.append(record)
            }
            metrics.eventsPublished.increment(by: remaining.count - failed.count)
            remaining = failed
            guard let first else { continue }
            attempt += 1
            if attempt == 1 || attempt.isMultiple(of: 20) {
                logger.warning(
                    "Events are not acknowledged",
                    metadata: ["events": "\(failed.count)", "attempt": "\(attempt)", "error": "\(first)"]
                )
            }
            try? await Task.sleep(for: .milliseconds(min(100 << min(attempt, 6), 5_000)))
        }
        return true
    }
}
