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
    /// - Returns: Whether all are acknowledged; false only when cancelled: whoever works on the task next publishes them again.
    func publish(_ events: [TaskEvent], logger: Logger) async -> Bool {
        var remaining = events.map(\.record)
        var attempt = 0
        while !remaining.isEmpty {
            if Task.isCancelled {
                logger.warning(
                    "Events were given up unacknowledged; the next owner of the task publishes them again",
                    metadata: ["events": "\(remaining.count)"]
                )
                return false
            }
            let results = await producer.send(remaining)
            var failed: [MessageRecord] = []
            var first: KafkaError?
            var dropped = 0
            for (record, result) in zip(remaining, results) {
                guard case .failure(let error) = result else { continue }
                if error.code == .messageTooLarge {
                    // It was refused alone, and events are cut well below any sensible limit: to wait would hold up the task for ever.
                    dropped += 1
                    logger.error(
                        "An event is larger than its topic takes and is dropped; raise max.message.bytes",
                        metadata: [
                            "\(LogKey.topic)": "\(record.topic)", "bytes": "\(record.value?.count ?? 0)",
                            "event": "\(record.header("ce_id"))", "error": "\(error)",
                        ]
                    )
                    continue
                }
                first = first ?? error
                failed.append(record)
            }
            metrics.eventsDropped.increment(by: dropped)
            metrics.eventsPublished.increment(by: remaining.count - failed.count - dropped)
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

extension MessageRecord {
    /// A header's text; empty where there is none.
    fileprivate func header(_ name: String) -> String {
        headers.first { $0.name == name }?.value.map { String(decoding: $0, as: UTF8.self) } ?? ""
    }
}
