package import LongshoreMessages
package import RDKafka

// Messages know no client library and the client knows no messages; they meet here.

extension ProducerRecord {
    /// The record of a message.
    ///
    /// - Parameter record: The message as it is to be written.
    package init(_ record: MessageRecord) {
        self.init(
            topic: record.topic,
            key: record.key,
            value: record.value,
            headers: record.headers.map { KafkaHeader(name: $0.name, value: $0.value) }
        )
    }
}

extension MessageRecord {
    /// A record that was read, as a message.
    ///
    /// - Parameter record: The record.
    package init(_ record: ConsumerRecord) {
        self.init(
            topic: record.topicPartition.topic,
            key: record.key,
            value: record.value,
            headers: record.headers.map { MessageHeader(name: $0.name, value: $0.value) }
        )
    }
}

extension CloudEvent {
    /// Reads the event that a record carries, in binary or structured mode.
    ///
    /// - Parameter record: The record.
    /// - Throws: `CloudEventError`, which never quotes the record.
    package init(_ record: ConsumerRecord) throws(CloudEventError) {
        try self.init(
            headers: record.headers.map { MessageHeader(name: $0.name, value: $0.value) },
            value: record.value
        )
    }
}

extension KafkaProducer {
    /// Sends one message and waits until it is acknowledged.
    ///
    /// - Parameter record: The message.
    /// - Returns: Where it is.
    /// - Throws: `KafkaError`; retry when it is retryable.
    @discardableResult
    package func send(_ record: MessageRecord) async throws(KafkaError) -> DeliveryReport {
        try await self.send(ProducerRecord(record))
    }

    /// Sends messages and waits until each is acknowledged or has failed.
    ///
    /// - Parameter records: The messages; those with the same key keep their order.
    /// - Returns: What became of each, in the order given.
    package func send(_ records: [MessageRecord]) async -> [Result<DeliveryReport, KafkaError>] {
        await self.send(records.map(ProducerRecord.init))
    }
}
