/// A record as it is written to Kafka, free of any client library.
package struct MessageRecord: Sendable, Hashable {
    /// The topic.
    package var topic: String
    /// The key, which chooses the partition: records of one task stay in order.
    package var key: [UInt8]?
    /// The value; nil is a tombstone on a compacted topic.
    package var value: [UInt8]?
    /// The headers, in their order.
    package var headers: [MessageHeader]

    /// Makes a record.
    package init(topic: String, key: [UInt8]?, value: [UInt8]?, headers: [MessageHeader] = []) {
        self.topic = topic
        self.key = key
        self.value = value
        self.headers = headers
    }
}

/// A header of a record.
package struct MessageHeader: Sendable, Hashable {
    /// The name; names may repeat.
    package var name: String
    /// The value, by CloudEvents UTF-8.
    package var value: [UInt8]?

    /// Makes a header.
    package init(name: String, value: [UInt8]?) {
        self.name = name
        self.value = value
    }

    /// Makes a header whose value is text.
    package init(name: String, text: String) { self.init(name: name, value: Array(text.utf8)) }
}
