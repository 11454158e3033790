import BlockingExecutor
import CRdKafka
package import Logging
import Synchronization

/// Produces records and awaits the broker's acknowledgement of each.
///
/// It asks for the acknowledgement of all in-sync replicas and is idempotent: the library's own retries make no
/// duplicates and do not change the order. A send that fails with `isRetryable` may be repeated by the caller; when the
/// error says `mayBePersisted` the repeated record may be a duplicate, which consumers recognise by the event's id.
///
/// After a fatal error the client is replaced. Records that it held fail; none is sent again behind the caller's back,
/// because only the caller knows whether that is still wanted.
///
/// Thread safety: every method may be called from any thread. All calls of librdkafka that touch deliveries run on one
/// own thread, those that may take long on a second one.
package final class KafkaProducer: Sendable {
    /// What can be chosen.
    package struct Options: Sendable, Hashable {
        /// How long a record may take to be acknowledged, retries included; default 30 s.
        package var deliveryTimeout: Duration = .seconds(30)
        /// How long to wait for more records before a request is sent; default 2 ms.
        package var linger: Duration = .milliseconds(2)
        /// The most records on their way; senders beyond it are suspended. Default 10,000.
        package var maximumInFlight: Int = 10_000
        /// The most bytes on their way, in KiB; beyond it records wait in order. Default 65,536.
        package var maximumQueuedKilobytes: Int = 65_536
        /// The largest record in bytes; default 2,000,000, what our own topics let through less overhead.
        package var maximumRecordBytes: Int = 2_000_000
        /// The most bytes of records that are put into one batch; default 1,000,000. A larger record goes alone.
        ///
        /// A topic that takes less makes the producer send smaller batches from then on.
        package var maximumBatchBytes: Int = 1_000_000
        /// How long a topic may be missing before sends to it fail; default 10 s.
        package var topicWait: Duration = .seconds(10)

        /// How often topics are looked up; default 10 s.
        ///
        /// librdkafka refuses records for a topic that it once found missing until its next look, which by its own
        /// default is after 5 minutes.
        package var metadataRefreshInterval: Duration = .seconds(10)

        /// The defaults.
        package init() {}
    }

    private let executor: BlockingExecutor
    private let slowExecutor: BlockingExecutor
    private let core: ProducerCore
    private let permits: SendPermits
    private let logger: Logger
    private let isClosed = Mutex(false)

    /// Makes a producer; connects in the background.
    ///
    /// - Parameters:
    ///   - configuration: How to reach the cluster.
    ///   - options: What can be chosen.
    ///   - logger: Where the library's log lines go.
    /// - Throws: `KafkaError` with code `configuration` when a property is unknown, invalid or reserved.
    package init(
        configuration: KafkaConfiguration,
        options: Options = Options(),
        logger: Logger
    ) throws(KafkaError) {
        self.executor = BlockingExecutor(label: "kafka-producer")
        self.slowExecutor = BlockingExecutor(label: "kafka-slow")
        self.logger = logger
        self.permits = SendPermits(limit: max(1, options.maximumInFlight))
        self.core = try ProducerCore(
            executor: self.executor,
            slowExecutor: self.slowExecutor,
            deliveryTimeout: options.deliveryTimeout,
            batchBytes: configuration.properties["batch.size"].flatMap { Int($0) } ?? options.maximumBatchBytes,
            logger: logger
        ) { (batchBytes, oneAtATime) throws(KafkaError) in
            var reserved = Self.reserved
            reserved["batch.size"] = "\(batchBytes)"
            if oneAtATime { reserved["max.in.flight.requests.per.connection"] = "1" }
            return try ClientHandle(
                type: RD_KAFKA_PRODUCER,
                configuration: configuration,
                defaults: Self.defaults(options),
                reserved: reserved,
                logger: logger,
                prepare: { rd_kafka_conf_set_events($0, RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR) }
            )
        }
        let core = self.core
        self.executor.submit { core.tick() }
    }

    deinit {
        guard !self.isClosed.withLock({ $0 }) else { return }
        self.logger.warning("Kafka producer was released without close")
        let core = self.core
        self.executor.submit { core.stop(timeout: .zero) }
        core.wake()
    }

    private static let reserved = [
        "enable.idempotence": "true", "acks": "all", "delivery.report.only.error": "false",
        // Without it librdkafka numbers what follows a refused batch anew and sends it at once, so that it would overtake the batch
        // when that is sent again in parts. With it the client ends, and `ProducerCore` goes on with another one, in order.
        "enable.gapless.guarantee": "true",
    ]

    private static func defaults(_ options: Options) -> [String: String] {
        [
            "delivery.timeout.ms": "\(max(1, options.deliveryTimeout.clampedMilliseconds))",
            "linger.ms": "\(options.linger.clampedMilliseconds)",
            "queue.buffering.max.messages": "\(max(1, options.maximumInFlight))",
            "queue.buffering.max.kbytes": "\(max(1, options.maximumQueuedKilobytes))",
            "message.max.bytes": "\(options.maximumRecordBytes)",
            "topic.metadata.propagation.max.ms": "\(options.topicWait.clampedMilliseconds)",
            "topic.metadata.refresh.interval.ms": "\(max(10, options.metadataRefreshInterval.clampedMilliseconds))",
            "compression.type": "lz4",
            "partitioner": "murmur2_random",
            "reconnect.backoff.max.ms": "2000",
            "socket.keepalive.enable": "true",
            // A small request must not wait until the one before it is acknowledged, which the other side may delay by 40 ms.
            "socket.nagle.disable": "true",
        ]
    }

    /// How often the client was replaced after a fatal error.
    package var recreations: Int { self.core.recreations }

    /// The most bytes of records that are put into one batch now; smaller than at first where a topic takes less.
    package var batchBytes: Int { self.core.currentBatchBytes }

    /// Makes batches smaller: for a topic of which it is known how much it takes.
    ///
    /// It counts from the next moment on in which no record is on its way. More than the limit of now changes nothing.
    ///
    /// - Parameter bytes: The most bytes of a batch.
    package func limitBatches(to bytes: Int) {
        let core = self.core
        self.executor.submit { core.limitBatches(to: bytes) }
        core.wake()
    }

    /// Sends one record and waits until it is acknowledged.
    ///
    /// Waits at most `Options.deliveryTimeout` once the record was taken. Cancellation ends the wait and does not take the
    /// record back.
    ///
    /// - Parameter record: The record.
    /// - Returns: Where it is.
    /// - Throws: `KafkaError`; retry when it is retryable.
    package func send(_ record: ProducerRecord) async throws(KafkaError) -> DeliveryReport {
        guard let outcome = await self.send([record]).first else { throw .closed }
        return try outcome.get()
    }

    /// Sends records with one hand-over to the producer's thread and waits until each is acknowledged or has failed.
    ///
    /// Cancellation ends the wait: each record fails with code `cancelled`. What was handed over before may arrive all the
    /// same, so its error says `mayBePersisted`, and it keeps its place among the records in flight until that is settled.
    ///
    /// - Parameter records: The records; those for one partition keep their order.
    /// - Returns: What became of each record, in the order given.
    package func send(_ records: [ProducerRecord]) async -> [Result<DeliveryReport, KafkaError>] {
        guard !records.isEmpty else { return [] }
        let count = await self.permits.acquire(records.count)
        guard count > 0, !Task.isCancelled, !self.isClosed.withLock({ $0 }) else {
            self.permits.release(count)
            let isClosed = self.isClosed.withLock { $0 }
            return records.map { _ in .failure(isClosed ? .closed : .cancelled(mayBePersisted: false)) }
        }
        let core = self.core
        let answer = FirstAnswer<[SendBatch.Outcome]>()
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                answer.wait(continuation)
                let batch = SendBatch(records) { [permits] outcomes in
                    permits.release(count)
                    answer.give(outcomes)
                }
                self.executor.submit { core.accept(batch) }
                core.wake()
            }
        } onCancel: {
            answer.give(records.map { _ in .failure(.cancelled(mayBePersisted: true)) })
        }
    }

    /// Checks that a broker answers.
    ///
    /// - Parameter timeout: How long to wait.
    /// - Throws: `KafkaError` when none does.
    package func checkConnection(timeout: Duration) async throws(KafkaError) {
        let core = self.core
        try await self.slowExecutor.run { () throws(KafkaError) in
            guard let handle = core.currentHandle else { throw .closed }
            do throws(KafkaError) {
                _ = try Metadata(of: handle, scope: .known, timeout: timeout)
                handle.noteAnswer()
            } catch {
                throw handle.explain(error)
            }
        }
    }

    /// Asks for the number of a topic's partitions.
    ///
    /// - Parameters:
    ///   - topic: The topic's name. A broker that creates topics by itself may create it.
    ///   - timeout: How long to wait.
    /// - Returns: The number of partitions.
    /// - Throws: `KafkaError`, with code `unknownTopic` when there is none.
    package func partitionCount(topic: String, timeout: Duration) async throws(KafkaError) -> Int {
        let core = self.core
        return try await self.slowExecutor.run { () throws(KafkaError) in
            guard let handle = core.currentHandle else { throw .closed }
            return try handle.partitionCount(topic: topic, timeout: timeout)
        }
    }

    /// Waits for the records on their way, at most `timeout`, fails the rest with code `closed` and frees the client.
    ///
    /// - Parameter timeout: How long to wait for acknowledgements; the client's end takes at most 3 s more.
    package func close(timeout: Duration) async {
        let wasClosed = self.isClosed.withLock { closed in
            defer { closed = true }
            return closed
        }
        guard !wasClosed else { return }
        let core = self.core
        let executor = self.executor
        let slow = self.slowExecutor
        executor.submit { core.stop(timeout: timeout) }
        core.wake()
        let ended = await withDeadline(timeout + .seconds(3)) {
            await executor.run {}
            await slow.run {}
        }
        if !ended {
            self.logger.warning("Kafka producer did not end in time; its threads are left behind")
        }
        self.executor.shutdown()
        self.slowExecutor.shutdown()
    }
}
