import BlockingExecutor
import CRdKafka
package import Logging
import Synchronization

/// Lists and creates topics.
///
/// Thread safety: every method may be called from any thread; the calls run one after another on an own thread.
package final class KafkaAdmin: Sendable {
    /// A topic to be created.
    package struct NewTopic: Sendable, Hashable {
        /// The topic's name.
        package var name: String
        /// How many partitions.
        package var partitions: Int
        /// How many replicas; -1 for the broker's default.
        package var replication: Int
        /// The topic's settings, for example `cleanup.policy`.
        package var config: [String: String]

        /// Describes a topic.
        ///
        /// - Parameters:
        ///   - name: The topic's name.
        ///   - partitions: How many partitions.
        ///   - replication: How many replicas; -1 for the broker's default.
        ///   - config: The topic's settings.
        package init(name: String, partitions: Int, replication: Int = -1, config: [String: String] = [:]) {
            self.name = name
            self.partitions = partitions
            self.replication = replication
            self.config = config
        }
    }

    private let executor: BlockingExecutor
    private let core: Core
    private let logger: Logger
    private let isClosed = Mutex(false)

    /// Makes an admin client; connects in the background.
    ///
    /// - Parameters:
    ///   - configuration: How to reach the cluster.
    ///   - logger: Where the library's log lines go.
    /// - Throws: `KafkaError` with code `configuration` when a property is unknown, invalid or reserved.
    package init(configuration: KafkaConfiguration, logger: Logger) throws(KafkaError) {
        self.executor = BlockingExecutor(label: "kafka-admin")
        self.logger = logger
        let handle = try ClientHandle(
            type: RD_KAFKA_PRODUCER,
            configuration: configuration,
            defaults: [:],
            reserved: [:],
            logger: logger,
            prepare: { rd_kafka_conf_set_events($0, RD_KAFKA_EVENT_ERROR) }
        )
        self.core = Core(handle: handle)
    }

    deinit {
        let core = self.core
        self.executor.submit { core.close() }
    }

    /// Lists the cluster's topics that can be used.
    ///
    /// - Parameter timeout: How long to wait.
    /// - Returns: The number of partitions by topic.
    /// - Throws: `KafkaError` when no broker answers, with code `authentication` when brokers refuse the credentials or TLS fails.
    package func topics(timeout: Duration) async throws(KafkaError) -> [String: Int] {
        let core = self.core
        return try await self.executor.run { () throws(KafkaError) in try core.topics(timeout: timeout) }
    }

    /// Creates topics; those that exist are left as they are.
    ///
    /// - Parameters:
    ///   - topics: The topics.
    ///   - timeout: How long to wait.
    /// - Returns: Why not, for each topic that could not be created; the others are created all the same.
    /// - Throws: `KafkaError` when the request as a whole fails.
    @discardableResult
    package func createTopics(_ topics: [NewTopic], timeout: Duration) async throws(KafkaError) -> [String: KafkaError]
    {
        guard !topics.isEmpty else { return [:] }
        let core = self.core
        return try await self.executor.run { () throws(KafkaError) in try core.create(topics, timeout: timeout) }
    }

    /// Asks for the largest batch of records that topics take, their `max.message.bytes`.
    ///
    /// - Parameters:
    ///   - topics: The topics' names.
    ///   - timeout: How long to wait.
    /// - Returns: The bytes by topic, without topics whose settings may not be read.
    /// - Throws: `KafkaError` when the request as a whole fails.
    package func maximumBatchBytes(of topics: [String], timeout: Duration) async throws(KafkaError) -> [String: Int] {
        try await self.settings(["max.message.bytes"], of: topics, timeout: timeout)
            .compactMapValues { $0["max.message.bytes"].flatMap { Int($0) } }
    }

    /// Asks for settings of topics, such as `retention.ms`.
    ///
    /// - Parameters:
    ///   - names: The settings' names, as Kafka has them.
    ///   - topics: The topics' names.
    ///   - timeout: How long to wait.
    /// - Returns: The values by topic and name, defaults included, without topics whose settings may not be read.
    /// - Throws: `KafkaError` when the request as a whole fails.
    package func settings(
        _ names: Set<String>,
        of topics: [String],
        timeout: Duration
    ) async throws(KafkaError) -> [String: [String: String]] {
        guard !topics.isEmpty else { return [:] }
        let core = self.core
        return try await self.executor.run { () throws(KafkaError) in
            try core.settings(names, of: topics, timeout: timeout)
        }
    }

    /// Frees the client; waits at most 5 s for its threads.
    package func close() async {
        let wasClosed = self.isClosed.withLock { closed in
            defer { closed = true }
            return closed
        }
        guard !wasClosed else { return }
        let core = self.core
        let executor = self.executor
        let ended = await withDeadline(.seconds(5)) { await executor.run { core.close() } }
        if !ended {
            self.logger.warning("Kafka admin client did not end in time; its threads are left behind")
        }
        executor.shutdown()
    }
}
