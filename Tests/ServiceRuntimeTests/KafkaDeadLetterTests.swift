import RDKafka
import ServiceRuntime
import Testing

@Suite struct KafkaDeadLetterTests {
    private let original = ConsumerRecord(
        topicPartition: TopicPartition(topic: "t", partition: 3),
        offset: 42,
        timestampMilliseconds: 1000,
        key: [1],
        value: Array("secret".utf8),
        headers: [
            KafkaHeader(name: "ce_id", value: Array("id".utf8)), KafkaHeader(name: "authorization", value: [2]),
            KafkaHeader(name: "ce_subject", value: [UInt8](repeating: 65, count: 5000)),
            KafkaHeader(name: "longshore-reason", value: Array("old".utf8)),
        ]
    )

    private func text(_ name: String, of record: ProducerRecord) -> String? {
        let found = record.headers.filter { $0.name == name }
        guard found.count == 1, let value = found[0].value else { return nil }
        return String(decoding: value, as: UTF8.self)
    }

    @Test func `tells where the record was and why it is here`() {
        let rejection = KafkaRejection(code: "malformedJSON", detail: "line 1", redactsValue: false)
        let record = KafkaDeadLetter.record(for: self.original, rejection: rejection, topic: "dlq")
        #expect(record.topic == "dlq")
        #expect(record.key == [1])
        #expect(record.value == self.original.value)
        #expect(self.text(KafkaDeadLetter.topicHeader, of: record) == "t")
        #expect(self.text(KafkaDeadLetter.partitionHeader, of: record) == "3")
        #expect(self.text(KafkaDeadLetter.offsetHeader, of: record) == "42")
        #expect(self.text(KafkaDeadLetter.timestampHeader, of: record) == "1000")
        #expect(self.text(KafkaDeadLetter.reasonHeader, of: record) == "malformedJSON")
        #expect(self.text(KafkaDeadLetter.detailHeader, of: record) == "line 1")
        #expect(self.text(KafkaDeadLetter.valueHeader, of: record) == nil)
        #expect(self.text("ce_id", of: record) == "id")
        #expect(record.headers.contains { $0.name == "authorization" })
    }

    @Test func `a redacted one has neither the value nor headers that could hold it`() {
        let rejection = KafkaRejection(code: "plaintextCredential", detail: "rotate it")
        let record = KafkaDeadLetter.record(for: self.original, rejection: rejection, topic: "dlq")
        #expect(record.value == nil)
        #expect(self.text(KafkaDeadLetter.valueHeader, of: record) == "redacted")
        #expect(self.text("ce_id", of: record) == "id")
        #expect(!record.headers.contains { $0.name == "authorization" || $0.name == "ce_subject" })
        #expect(!record.headers.contains { $0.value == self.original.value })
    }
}
