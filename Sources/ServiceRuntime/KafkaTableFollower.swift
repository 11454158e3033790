package import Logging
package import LongshoreMessages
package import RDKafka
import Redaction
import ServiceLifecycle
import Synchronization

/// Follows a compacted topic from its beginning, without a group: every process that does so sees the whole table.
///
/// Records that are no CloudEvents are counted and skipped. Losing the connection only delays; what was read stays.
package final class KafkaTableFollower: Service {
    /// A change of the table.
    package enum Change: Sendable, Hashable {
        /// A row was written.
        case updated(key: [UInt8], CloudEvent)
        /// A row was removed.
        case removed(key: [UInt8])
    }

    private let makeConsumer: @Sendable () throws(KafkaError) -> KafkaConsumer
    private let topic: String
    private let logger: Logger
    private let apply: @Sendable (Change) async -> Void
    private let metrics: KafkaLoopMetrics
    private let caughtUp = Mutex(false)

    /// Makes a follower.
    ///
    /// - Parameters:
    ///   - configuration: How to reach the cluster.
    ///   - topic: The compacted topic.
    ///   - options: The consumer's options; ends of partitions are always reported.
    ///   - logger: For what goes wrong.
    ///   - apply: Takes each change, in the order of the topic's partitions. Changes come again after a reconnect.
    package init(
        configuration: KafkaConfiguration,
        topic: String,
        options: KafkaConsumer.Options = KafkaConsumer.Options(),
        logger: Logger,
        apply: @escaping @Sendable (Change) async -> Void
    ) {
        var options = options
        options.reportsEndOfPartition = true
        options.offsetReset = .earliest
        let fixed = options
        self.makeConsumer = { () throws(KafkaError) in
            try KafkaConsumer(configuration: configuration, group: nil, options: fixed, logger: logger)
        }
        self.topic = topic
        self.logger = logger
        self.apply = apply
        self.metrics = KafkaLoopMetrics(consumer: topic)
    }

    /// Whether everything has been read that was there at the start.
    package var hasCaughtUp: Bool { self.caughtUp.withLock { $0 } }

    /// Runs until a graceful stop or cancellation.
    ///
    /// - Throws: `KafkaError` when the configuration is of no use.
    package func run() async throws {
        let consumer = try self.makeConsumer()
        do {
            try await self.follow(with: consumer)
        } catch {
            await consumer.close(timeout: StopRequest.allowance(.seconds(2), share: 3))
            throw error
        }
        await consumer.close(timeout: StopRequest.allowance(.seconds(2), share: 3))
    }

    private static var isStopping: Bool { Task.isCancelled || Task.isShuttingDownGracefully }

    private func follow(with consumer: KafkaConsumer) async throws {
        var count = 0
        var ended: Set<TopicPartition> = []
        var nextLook = ContinuousClock.now
        while !Self.isStopping {
            if ContinuousClock.now >= nextLook {
                let found = await self.partitionCount(with: consumer)
                if let found, found > count {
                    // Partitions were added, or this is the start. Known ones go on where they are.
                    count = found
                    ended = []
                    let all = (0..<Int32(clamping: found)).map { TopicPartition(topic: self.topic, partition: $0) }
                    try await consumer.assign(Dictionary(uniqueKeysWithValues: all.map { ($0, .beginning) }))
                }
                nextLook = .now + (count == 0 ? .seconds(1) : .seconds(60))
            }
            for event in try await consumer.poll(maximum: 500, timeout: .milliseconds(250)) {
                await self.take(event, ended: &ended)
            }
            self.metrics.lastPoll(secondsAgo: consumer.secondsSinceLastPoll)
            if count > 0, ended.count == count {
                self.caughtUp.withLock { $0 = true }
            }
        }
    }

    private func partitionCount(with consumer: KafkaConsumer) async -> Int? {
        do {
            return try await consumer.partitionCount(topic: self.topic, timeout: .seconds(5))
        } catch {
            self.logger.warning(
                "Topic cannot be followed yet",
                metadata: ["\(LogKey.topic)": "\(self.topic)", "\(LogKey.error)": "\(error)"]
            )
            return nil
        }
    }

    private func take(_ event: ConsumerEvent, ended: inout Set<TopicPartition>) async {
        switch event {
        case .record(let record):
            await self.take(record)
        case .endOfPartition(let partition, _):
            ended.insert(partition)
        case .failure(let error):
            self.metrics.clientError()
            self.logger.warning("Kafka consumer reports an error", metadata: ["\(LogKey.error)": "\(error)"])
        case .assigned, .revoked:
            break
        }
    }

    private func take(_ record: ConsumerRecord) async {
        guard let key = record.key else { return }
        guard record.value != nil else {
            await self.apply(.removed(key: key))
            return
        }
        do {
            await self.apply(.updated(key: key, try CloudEvent(record)))
            self.metrics.records(1, topic: self.topic, outcome: "done")
        } catch {
            self.metrics.records(1, topic: self.topic, outcome: "skipped")
            self.logger.warning(
                "Record is no CloudEvent and is skipped",
                metadata: [
                    "\(LogKey.topic)": "\(self.topic)", "\(LogKey.offset)": "\(record.offset)",
                    "\(LogKey.error)": "\(error)",
                ]
            )
        }
    }
}
