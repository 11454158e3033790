package import RDKafka

/// Messages that are handed to a handler together.
package struct KafkaBatch: Sendable {
    /// The messages; those of one partition in their order, topics in the order of the loop's configuration.
    package var messages: [KafkaMessage]
    /// The next offset to read, by partition, once every message of the batch is done.
    ///
    /// For handlers that keep offsets themselves. It counts records that were moved to the dead-letter topic before.
    package var nextOffsets: [TopicPartition: Int64]

    /// Makes a batch.
    ///
    /// - Parameters:
    ///   - messages: The messages.
    ///   - nextOffsets: The next offset to read, by partition.
    package init(messages: [KafkaMessage], nextOffsets: [TopicPartition: Int64] = [:]) {
        self.messages = messages
        self.nextOffsets = nextOffsets
    }
}

extension KafkaBatch {
    /// What a handler has made of a batch. A message that is not named is done.
    package struct Outcome: Sendable {
        /// Messages, by index, that can never be handled: they go to the dead-letter topic.
        package var rejected: [Int: KafkaRejection]
        /// Messages, by index, to be handed over again after a pause; their partition's offset stays before them.
        package var retried: Set<Int>

        /// Every message is done.
        package static let done = Outcome()

        /// Describes an outcome.
        ///
        /// - Parameters:
        ///   - rejected: Messages, by index, that can never be handled.
        ///   - retried: Messages, by index, to be handed over again.
        package init(rejected: [Int: KafkaRejection] = [:], retried: Set<Int> = []) {
            self.rejected = rejected
            self.retried = retried
        }
    }
}

/// Why a record can never be handled.
package struct KafkaRejection: Sendable, Hashable {
    /// A constant word, a metric label and a header of the dead letter.
    package var code: String
    /// One sentence; must quote nothing of the record.
    package var detail: String
    /// Whether the dead letter must not carry the record's value, because it may hold a secret.
    package var redactsValue: Bool

    /// Describes a rejection.
    ///
    /// - Parameters:
    ///   - code: A constant word.
    ///   - detail: One sentence that quotes nothing of the record.
    ///   - redactsValue: Whether the dead letter must not carry the record's value; default yes.
    package init(code: String, detail: String, redactsValue: Bool = true) {
        self.code = code
        self.detail = detail
        self.redactsValue = redactsValue
    }
}
