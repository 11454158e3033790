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
            logger: logger
        )
        self.core = Core(handle: handle)
    }

    deinit {
        let core = self.core
        self.executor.submit { core.close() }
    }

    /// Lists the cluster's topics.
    ///
    /// - Parameter timeout: How long to wait.
    /// - Returns: The number of partitions by topic.
    /// - Throws: `KafkaError` when no broker answers.
    package func topics(timeout: Duration) async throws(KafkaError) -> [String: Int] {
        let core = self.core
        return try await self.executor.run { () throws(KafkaError) in try core.topics(timeout: timeout) }
    }

    /// Creates topics; those that exist are left as they are.
    ///
    /// - Parameters:
    ///   - topics: The topics.
    ///   - timeout: How long to wait.
    /// - Throws: `KafkaError` of the first topic that could not be created; the others are created all the same.
    package func createTopics(_ topics: [NewTopic], timeout: Duration) async throws(KafkaError) {
        guard !topics.isEmpty else { return }
        let core = self.core
        try await self.executor.run { () throws(KafkaError) in try core.create(topics, timeout: timeout) }
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

extension KafkaAdmin {
    /// What the admin client's thread owns. Thread safety: touched only there.
    private final class Core: @unchecked Sendable {
        private var handle: ClientHandle?

        init(handle: ClientHandle) {
            self.handle = handle
        }

        func topics(timeout: Duration) throws(KafkaError) -> [String: Int] {
            guard let handle else { throw .closed }
            defer { handle.drain() }
            let metadata = try Metadata(of: handle, scope: .all, timeout: timeout)
            return Dictionary(metadata.topics.map { ($0.name, $0.partitions) }) { first, _ in first }
        }

        func create(_ topics: [NewTopic], timeout: Duration) throws(KafkaError) {
            guard let handle else { throw .closed }
            defer { handle.drain() }
            var objects: [OpaquePointer?] = []
            defer {
                for case let object? in objects {
                    rd_kafka_NewTopic_destroy(object)
                }
            }
            for topic in topics {
                objects.append(try Self.object(for: topic))
            }
            let options = rd_kafka_AdminOptions_new(handle.pointer, RD_KAFKA_ADMIN_OP_CREATETOPICS)
            defer { rd_kafka_AdminOptions_destroy(options) }
            let milliseconds = max(1, timeout.clampedMilliseconds)
            rd_kafka_AdminOptions_set_request_timeout(options, milliseconds, nil, 0)
            rd_kafka_AdminOptions_set_operation_timeout(options, milliseconds, nil, 0)
            guard let queue = rd_kafka_queue_new(handle.pointer) else { throw KafkaError(RD_KAFKA_RESP_ERR__FAIL) }
            defer { rd_kafka_queue_destroy(queue) }
            rd_kafka_CreateTopics(handle.pointer, &objects, objects.count, options, queue)
            guard let event = rd_kafka_queue_poll(queue, milliseconds + 1000) else {
                throw KafkaError(RD_KAFKA_RESP_ERR__TIMED_OUT)
            }
            defer { rd_kafka_event_destroy(event) }
            try Self.check(event)
        }

        private static func object(for topic: NewTopic) throws(KafkaError) -> OpaquePointer {
            // librdkafka 2.0.2 would send it and leave the refusal to the broker.
            guard topic.partitions >= 1 else {
                throw KafkaError(code: .configuration, message: "\(topic.name): a topic has at least one partition")
            }
            var text = [CChar](repeating: 0, count: 512)
            guard
                let object = rd_kafka_NewTopic_new(
                    topic.name,
                    Int32(clamping: topic.partitions),
                    Int32(clamping: topic.replication),
                    &text,
                    text.count
                )
            else { throw KafkaError(code: .configuration, message: String(decodingCString: text)) }
            for (name, value) in topic.config.sorted(by: { $0.key < $1.key }) {
                rd_kafka_NewTopic_set_config(object, name, value)
            }
            return object
        }

        private static func check(_ event: OpaquePointer) throws(KafkaError) {
            let error = rd_kafka_event_error(event)
            guard error == RD_KAFKA_RESP_ERR_NO_ERROR else {
                throw KafkaError(error, String(cString: rd_kafka_event_error_string(event)))
            }
            var count = 0
            guard let result = rd_kafka_event_CreateTopics_result(event),
                let topics = rd_kafka_CreateTopics_result_topics(result, &count)
            else { return }
            for index in 0..<count {
                let error = rd_kafka_topic_result_error(topics[index])
                guard error != RD_KAFKA_RESP_ERR_NO_ERROR, error != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS else {
                    continue
                }
                let name = String(cString: rd_kafka_topic_result_name(topics[index]))
                let text = rd_kafka_topic_result_error_string(topics[index]).map { String(cString: $0) } ?? ""
                throw KafkaError(error, "\(name): \(text)")
            }
        }

        func close() {
            guard let handle = self.handle else { return }
            self.handle = nil
            handle.drain()
            handle.destroy()
        }
    }
}
