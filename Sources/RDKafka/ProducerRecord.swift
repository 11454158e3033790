/// A record to be produced.
package struct ProducerRecord: Sendable, Hashable {
    /// The topic's name.
    package var topic: String
    /// Records with the same key go to the same partition (murmur2, as Java clients do); `nil` for any partition.
    package var key: [UInt8]?
    /// The value; `nil` is a tombstone on compacted topics.
    package var value: [UInt8]?
    /// The headers, in order.
    package var headers: [KafkaHeader]
    /// The partition; `nil` to choose by key.
    package var partition: Int32?

    /// Makes a record.
    ///
    /// - Parameters:
    ///   - topic: The topic's name.
    ///   - key: The key, by which the partition is chosen.
    ///   - value: The value.
    ///   - headers: The headers, in order.
    ///   - partition: The partition; `nil` to choose by key.
    package init(
        topic: String,
        key: [UInt8]? = nil,
        value: [UInt8]?,
        headers: [KafkaHeader] = [],
        partition: Int32? = nil
    ) {
        self.topic = topic
        self.key = key
        self.value = value
        self.headers = headers
        self.partition = partition
    }

    /// The bytes of key, value and headers, without what the protocol adds.
    package var byteCount: Int {
        (self.key?.count ?? 0) + (self.value?.count ?? 0)
            + self.headers.reduce(0) { $0 + $1.name.utf8.count + ($1.value?.count ?? 0) }
    }
}
