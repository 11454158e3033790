import CRdKafka

/// A copy of what a cluster tells about its brokers and topics.
struct Metadata: Sendable {
    struct Topic: Sendable {
        var name: String
        var partitions: Int
        var error: rd_kafka_resp_err_t
    }

    enum Scope: Sendable {
        /// Every topic of the cluster.
        case all
        /// Topics that this client knows.
        case known
        /// One topic.
        case topic(String)
    }

    var topics: [Topic]
    var brokers: Int

    /// Asks a broker; blocks for at most `timeout`.
    init(of handle: ClientHandle, scope: Scope, timeout: Duration) throws(KafkaError) {
        let client = handle.pointer
        var topic: OpaquePointer?
        var all: Int32 = 0
        switch scope {
        case .all: all = 1
        case .known: break
        case .topic(let name):
            topic = rd_kafka_topic_new(client, name, nil)
            guard topic != nil else { throw KafkaError(rd_kafka_last_error()) }
        }
        // A topic object that is left alive keeps rd_kafka_destroy from ever returning.
        defer {
            if let topic {
                rd_kafka_topic_destroy(topic)
            }
        }
        var found: UnsafePointer<rd_kafka_metadata>?
        try KafkaError.check(rd_kafka_metadata(client, all, topic, &found, timeout.clampedMilliseconds))
        guard let found else { throw KafkaError(RD_KAFKA_RESP_ERR__FAIL) }
        defer { rd_kafka_metadata_destroy(found) }
        self.brokers = Int(found.pointee.broker_cnt)
        self.topics = (0..<Int(found.pointee.topic_cnt)).map { index in
            let topic = found.pointee.topics[index]
            return Topic(name: String(cString: topic.topic), partitions: Int(topic.partition_cnt), error: topic.err)
        }
    }
}
