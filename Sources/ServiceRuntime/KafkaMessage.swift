package import LongshoreMessages
package import RDKafka

/// A CloudEvent with the place it was read from.
package struct KafkaMessage: Sendable, Hashable {
    /// The topic and partition.
    package var topicPartition: TopicPartition
    /// The record's offset.
    package var offset: Int64
    /// The record's key.
    package var key: [UInt8]?
    /// When the record was made, in milliseconds since 1970.
    package var timestampMilliseconds: Int64?
    /// The event.
    package var event: CloudEvent

    /// Describes a message.
    ///
    /// - Parameters:
    ///   - record: Where it was read.
    ///   - event: What it says.
    package init(record: ConsumerRecord, event: CloudEvent) {
        self.topicPartition = record.topicPartition
        self.offset = record.offset
        self.key = record.key
        self.timestampMilliseconds = record.timestampMilliseconds
        self.event = event
    }
}
