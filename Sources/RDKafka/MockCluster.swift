import CRdKafka
import Glibc
import Synchronization

/// librdkafka's own cluster of mock brokers, reachable over TCP on the loopback interface.
///
/// For tests and for a single-machine development run. It keeps everything in memory, at most 5 MiB a partition (older
/// records vanish), refuses the creation of topics through the admin API, knows no TLS or SASL, and aborts the process
/// when two members of a group name different assignors.
///
/// Thread safety: librdkafka's mock functions lock by themselves; `close()` may be called once others have ended.
package final class MockCluster: Sendable {
    private struct Pointers: @unchecked Sendable {
        let client: OpaquePointer
        let cluster: OpaquePointer
    }

    private let pointers: Pointers
    private let isClosed = Mutex(false)
    /// The brokers' addresses, comma-separated.
    package let bootstrapServers: String

    /// Starts a cluster. Broker ids run from 1.
    ///
    /// - Parameter brokers: How many brokers, at least 1.
    /// - Throws: `KafkaError` when it cannot be started.
    package init(brokers: Int) throws(KafkaError) {
        guard let properties = rd_kafka_conf_new() else { preconditionFailure("librdkafka allocates or aborts") }
        rd_kafka_conf_set_log_cb(properties, nil)
        var text = [CChar](repeating: 0, count: 512)
        _ = rd_kafka_conf_set(properties, "client.id", "mock", &text, text.count)
        guard let client = rd_kafka_new(RD_KAFKA_PRODUCER, properties, &text, text.count) else {
            rd_kafka_conf_destroy(properties)
            throw KafkaError(code: .configuration, message: String(decodingCString: text))
        }
        guard let cluster = rd_kafka_mock_cluster_new(client, Int32(clamping: max(1, brokers))) else {
            rd_kafka_destroy(client)
            throw KafkaError(code: .other, message: "The mock cluster could not be started")
        }
        self.pointers = Pointers(client: client, cluster: cluster)
        let bootstrapServers = String(cString: rd_kafka_mock_cluster_bootstraps(cluster))
        self.bootstrapServers = bootstrapServers
        let ports = bootstrapServers.split(separator: ",").compactMap { address in
            address.split(separator: ":").last.flatMap { UInt16($0) }
        }
        ListenerDelay.turnOff(ports: Set(ports))
    }

    deinit {
        self.close()
    }

    /// Creates a topic. A topic that is used without being created gets 4 partitions.
    ///
    /// - Parameters:
    ///   - name: The topic's name.
    ///   - partitions: How many partitions.
    /// - Throws: `KafkaError` when it exists.
    package func createTopic(_ name: String, partitions: Int) throws(KafkaError) {
        try KafkaError.check(
            rd_kafka_mock_topic_create(self.pointers.cluster, name, Int32(clamping: partitions), 1)
        )
    }

    /// Lets the next requests of a kind fail, one error each.
    ///
    /// - Parameters:
    ///   - api: Kafka's number of the request, for example 0 for Produce.
    ///   - errors: Codes of `rd_kafka_resp_err_t`; -195 drops the connection.
    package func pushRequestErrors(api: Int16, _ errors: [Int32]) {
        let codes = errors.map { rd_kafka_resp_err_t(rawValue: $0) }
        rd_kafka_mock_push_request_errors_array(self.pointers.cluster, api, codes.count, codes)
    }

    /// Forgets errors that were pushed and have not happened.
    ///
    /// - Parameter api: Kafka's number of the request.
    package func clearRequestErrors(api: Int16) {
        rd_kafka_mock_clear_request_errors(self.pointers.cluster, api)
    }

    /// Lets a broker answer the next request of a kind late.
    ///
    /// - Parameters:
    ///   - broker: The broker's id.
    ///   - api: Kafka's number of the request.
    ///   - error: A code of `rd_kafka_resp_err_t`; 0 for a late success.
    ///   - delay: How late.
    /// - Throws: `KafkaError` when there is no such broker.
    package func pushRequestErrorWithDelay(
        broker: Int32,
        api: Int16,
        error: Int32,
        delay: Duration
    ) throws(KafkaError) {
        try KafkaError.check(
            longshore_mock_push_error_rtt(
                self.pointers.cluster,
                broker,
                api,
                rd_kafka_resp_err_t(rawValue: error),
                delay.clampedMilliseconds
            )
        )
    }

    /// Disconnects a broker's clients and refuses new ones.
    ///
    /// - Parameter broker: The broker's id.
    /// - Throws: `KafkaError` when there is no such broker.
    package func setBrokerDown(_ broker: Int32) throws(KafkaError) {
        try KafkaError.check(rd_kafka_mock_broker_set_down(self.pointers.cluster, broker))
    }

    /// Lets a broker take connections again.
    ///
    /// The broker listens on its old port again, and librdkafka aborts the process when another socket of the machine has
    /// taken that meanwhile. So this waits, at most 30 s, until the port is free.
    ///
    /// - Parameter broker: The broker's id.
    /// - Throws: `KafkaError` when there is no such broker, or with `timedOut` when its port stays taken.
    package func setBrokerUp(_ broker: Int32) throws(KafkaError) {
        let addresses = bootstrapServers.split(separator: ",")
        if addresses.indices.contains(Int(broker) - 1),
            let port = addresses[Int(broker) - 1].split(separator: ":").last.flatMap({ UInt16($0) })
        {
            var looks = 0
            while !Self.isFree(port) {
                looks += 1
                guard looks < 600 else {
                    throw KafkaError(code: .timedOut, message: "The port \(port) of broker \(broker) is taken")
                }
                usleep(50_000)
            }
        }
        try KafkaError.check(rd_kafka_mock_broker_set_up(self.pointers.cluster, broker))
    }

    /// Whether a listener could take the port now.
    private static func isFree(_ port: UInt16) -> Bool {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { return false }
        defer { _ = Glibc.close(descriptor) }
        var on: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let size = socklen_t(MemoryLayout<sockaddr_in>.size)
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, size) == 0 }
        }
    }

    /// Lets a broker answer everything late.
    ///
    /// - Parameters:
    ///   - broker: The broker's id.
    ///   - delay: How late; zero ends it.
    /// - Throws: `KafkaError` when there is no such broker.
    package func setRoundTripTime(_ broker: Int32, _ delay: Duration) throws(KafkaError) {
        try KafkaError.check(
            rd_kafka_mock_broker_set_rtt(self.pointers.cluster, broker, delay.clampedMilliseconds)
        )
    }

    /// Moves a partition's leader. Leaders do not move by themselves when a broker goes down.
    ///
    /// - Parameters:
    ///   - topicPartition: The partition.
    ///   - broker: The broker's id; -1 for no leader.
    /// - Throws: `KafkaError` when there is no such partition or broker.
    package func setPartitionLeader(_ topicPartition: TopicPartition, broker: Int32) throws(KafkaError) {
        try KafkaError.check(
            rd_kafka_mock_partition_set_leader(
                self.pointers.cluster,
                topicPartition.topic,
                topicPartition.partition,
                broker
            )
        )
    }

    /// Moves a group's coordinator.
    ///
    /// - Parameters:
    ///   - group: The group's id.
    ///   - broker: The broker's id.
    /// - Throws: `KafkaError` when there is no such broker.
    package func setCoordinator(group: String, broker: Int32) throws(KafkaError) {
        try KafkaError.check(rd_kafka_mock_coordinator_set(self.pointers.cluster, "group", group, broker))
    }

    /// Lets metadata requests fail for a topic.
    ///
    /// - Parameters:
    ///   - topic: The topic's name.
    ///   - error: A code of `rd_kafka_resp_err_t`; 0 ends it.
    package func setTopicError(_ topic: String, _ error: Int32) {
        rd_kafka_mock_topic_set_error(self.pointers.cluster, topic, rd_kafka_resp_err_t(rawValue: error))
    }

    /// Ends the cluster; its clients see their connections break.
    package func close() {
        let wasClosed = self.isClosed.withLock { closed in
            defer { closed = true }
            return closed
        }
        guard !wasClosed else { return }
        rd_kafka_mock_cluster_destroy(self.pointers.cluster)
        rd_kafka_destroy(self.pointers.client)
    }
}
