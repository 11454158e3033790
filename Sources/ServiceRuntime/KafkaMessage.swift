package import LongshoreMessages
package import RDKafka

/// A CloudEvent with the place it was read from. A class, because it is handed on many times and never changed: to copy all
/// that it is made of took more time than to read it.
package final class KafkaMessage: Sendable {
    /// The topic and partition.
    package let topicPartition: TopicPartition
    /// The record's offset.
    package let offset: Int64
    /// The record's key.
    package let key: [UInt8]?
    /// When the record was made, in milliseconds since 1970.
    package let timestampMilliseconds: Int64?
    /// The event.
    package let event: CloudEvent

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
