/// A record that was read.
package struct ConsumerRecord: Sendable, Hashable {
    /// Where it was read from.
    package var topicPartition: TopicPartition
    /// Its offset; the next one to read is at least this plus 1.
    package var offset: Int64
    /// When it was made (or appended, as the topic is configured), in milliseconds since 1970.
    package var timestampMilliseconds: Int64?
    /// The key; `nil` is Kafka's null.
    package var key: [UInt8]?
    /// The value; `nil` is Kafka's null, a tombstone.
    package var value: [UInt8]?
    /// The headers, in order.
    package var headers: [KafkaHeader]

    /// Makes a record.
    ///
    /// - Parameters:
    ///   - topicPartition: Where it was read from.
    ///   - offset: Its offset.
    ///   - timestampMilliseconds: When it was made.
    ///   - key: The key.
    ///   - value: The value.
    ///   - headers: The headers, in order.
    package init(
        topicPartition: TopicPartition,
        offset: Int64,
        timestampMilliseconds: Int64? = nil,
        key: [UInt8]? = nil,
        value: [UInt8]?,
        headers: [KafkaHeader] = []
    ) {
        self.topicPartition = topicPartition
        self.offset = offset
        self.timestampMilliseconds = timestampMilliseconds
        self.key = key
        self.value = value
        self.headers = headers
    }
}

/// What a poll of a consumer yields.
package enum ConsumerEvent: Sendable, Hashable {
    /// A record.
    case record(ConsumerRecord)
    /// The group gave these partitions to this consumer; takes effect at the next poll.
    case assigned([TopicPartition])
    /// The group takes these partitions away; takes effect at the next poll. When they are `lost`, others may read them
    /// already and offsets can no longer be committed.
    case revoked([TopicPartition], lost: Bool)
    /// The end of the partition was reached; the offset is the next one. Only with `Options.reportsEndOfPartition`.
    case endOfPartition(TopicPartition, Int64)
    /// Something went wrong. The consumer goes on by itself unless the error is fatal.
    case failure(KafkaError)
}
