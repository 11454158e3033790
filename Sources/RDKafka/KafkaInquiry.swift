import BlockingExecutor
import CRdKafka
package import Logging

/// A client that asks brokers about partitions and reads none: the second client of a group's member, or of several.
///
/// A broker answers the requests of one connection in their order, and holds back a fetch that finds nothing new for as long as
/// `fetch.wait.max.ms`. On the consumer's own connections a question waits behind that, once for each partition, and the poll
/// waits with it because both run on one thread: records then come as much as a second late.
///
/// Thread safety: every method may be called from any thread; the calls run one after another on an own thread. The client is
/// made for the first question, so that a consumer that asks nothing costs no connection. A process that reads in several groups
/// shares one among its consumers, because each client of librdkafka has some five threads.
package final class KafkaInquiry: Sendable {
    private let executor = BlockingExecutor(label: "kafka-inquiry")
    private let core: Core
    private let logger: Logger

    /// Makes a client that connects when it is first asked.
    ///
    /// - Parameters:
    ///   - configuration: How to reach the cluster.
    ///   - logger: Where the library's log lines go.
    package init(configuration: KafkaConfiguration, logger: Logger) {
        self.core = Core(configuration: configuration, logger: logger)
        self.logger = logger
    }

    deinit {
        let core = self.core
        self.executor.submit { core.close() }
    }

    /// Runs questions on the client's thread.
    ///
    /// librdkafka waits for the answer to some of them for as long as for any request, which is a minute by default. So the
    /// caller's own limit is kept here: the question goes on by itself after it.
    ///
    /// - Parameters:
    ///   - limit: The longest wait; the thread may be at another question, or at the end of a client whose broker hangs.
    ///   - body: Asks; on the client's thread.
    /// - Returns: What `body` returns.
    /// - Throws: What `body` throws; `KafkaError` with code `timedOut` when the time is over.
    func run<Success: Sendable>(
        within limit: Duration,
        _ body: @Sendable @escaping (ClientHandle) throws(KafkaError) -> Success
    ) async throws(KafkaError) -> Success {
        let core = self.core
        let result: Result<Success, KafkaError> = await withCheckedContinuation { continuation in
            let answer = FirstAnswer<Result<Success, KafkaError>>()
            answer.wait(continuation)
            self.executor.submit {
                answer.give(
                    Result { () throws(KafkaError) in
                        defer { core.drain() }
                        return try body(try core.handle())
                    }
                )
            }
            Task {
                try? await Task.sleep(for: limit)
                answer.give(.failure(KafkaError(RD_KAFKA_RESP_ERR__TIMED_OUT)))
            }
        }
        return try result.get()
    }

    /// Writes the client's log lines, which nobody else reads.
    func writeLog() {
        let core = self.core
        self.executor.submit { core.drain() }
    }

    /// Asks for a partition's range of offsets.
    ///
    /// - Parameters:
    ///   - partition: The partition.
    ///   - timeout: How long to wait.
    /// - Returns: The oldest offset, and the one that the next record will get.
    /// - Throws: `KafkaError` when the broker does not answer.
    package func watermarks(
        _ partition: TopicPartition,
        timeout: Duration
    ) async throws(KafkaError) -> (low: Int64, high: Int64) {
        try await self.run(within: timeout) { client throws(KafkaError) in
            try client.watermarks(partition, timeout: timeout)
        }
    }

    /// Asks for the number of a topic's partitions.
    ///
    /// - Parameters:
    ///   - topic: The topic's name.
    ///   - timeout: How long to wait.
    /// - Returns: The number of partitions.
    /// - Throws: `KafkaError`, with code `unknownTopic` when there is none.
    package func partitionCount(topic: String, timeout: Duration) async throws(KafkaError) -> Int {
        try await self.run(within: timeout) { client throws(KafkaError) in
            try client.partitionCount(topic: topic, timeout: timeout)
        }
    }

    /// Frees the client; waits at most `timeout` for its threads. Later questions fail with code `closed`.
    ///
    /// - Parameter timeout: How long to wait.
    package func close(timeout: Duration) async {
        let (core, executor) = (self.core, self.executor)
        let ended = await withDeadline(timeout) { await executor.run { core.close() } }
        if !ended {
            self.logger.warning("Kafka client for questions did not end in time; it goes on by itself")
        }
        executor.shutdown()
    }
}

extension KafkaInquiry {
    /// What the thread owns. Thread safety: touched only there.
    private final class Core: @unchecked Sendable {
        private let configuration: KafkaConfiguration
        private let logger: Logger
        private var client: ClientHandle?
        private var isClosed = false

        init(configuration: KafkaConfiguration, logger: Logger) {
            self.configuration = configuration
            self.logger = logger
        }

        func handle() throws(KafkaError) -> ClientHandle {
            guard !self.isClosed else { throw .closed }
            if let client { return client }
            let client = try ClientHandle(
                type: RD_KAFKA_CONSUMER,
                configuration: self.configuration,
                defaults: KafkaConsumer.Options.connectionProperties,
                reserved: [:],
                logger: self.logger
            )
            self.client = client
            return client
        }

        func drain() {
            self.client?.drain()
        }

        func close() {
            self.isClosed = true
            self.drain()
            self.client?.destroy()
            self.client = nil
        }
    }
}

// MARK: - Questions

extension ClientHandle {
    /// The oldest offset of a partition and the one that the next record will get; blocks for at most `timeout`.
    func watermarks(_ partition: TopicPartition, timeout: Duration) throws(KafkaError) -> (low: Int64, high: Int64) {
        var low: Int64 = 0
        var high: Int64 = 0
        try KafkaError.check(
            rd_kafka_query_watermark_offsets(
                self.pointer,
                partition.topic,
                partition.partition,
                &low,
                &high,
                timeout.clampedMilliseconds
            )
        )
        return (low, high)
    }

    /// The number of a topic's partitions; blocks for at most `timeout`.
    func partitionCount(topic: String, timeout: Duration) throws(KafkaError) -> Int {
        let metadata = try Metadata(of: self, scope: .topic(topic), timeout: timeout)
        guard let found = metadata.topics.first(where: { $0.name == topic }) else {
            throw KafkaError(RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC)
        }
        try KafkaError.check(found.error)
        return found.partitions
    }
}
