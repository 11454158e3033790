import RDKafka
import Redaction
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

    @Test(arguments: [true, false]) func `key and headers are bounded, and no secret is left in them`(isKept: Bool) {
        let secret = "hunter2-canary"
        func header(_ name: String, _ value: String) -> KafkaHeader {
            KafkaHeader(name: name, value: Array(value.utf8))
        }
        var headers = [
            header("ce_id", "id-\(secret)"), header("ce_source", "https://user:\(secret)@host/?token=\(secret)&x=1"),
            header("ce_type", "a\u{61C}b\u{202E}c"), header("ce_subject", "aHVudGVyMi1jYW5hcnk="),
            header("ce_time", String(repeating: "t", count: 2_000)), header("ce_password", "any"),
            header("X-Auth-Token", "any"), header("a b", "x"), header(secret, "x"),
            header("ce_traceparent", "00-1-2-01"),
            header(String(repeating: "n", count: 200), "x"), KafkaHeader(name: "ce_binary", value: [0xFF]),
        ]
        headers += (0..<100).map { header("ce_filler\($0)", "x") }
        var large = self.original
        large.headers = headers
        large.key = Array("key of \(secret)\(String(repeating: "k", count: 5_000))".utf8)
        let record = KafkaDeadLetter.record(
            for: large,
            rejection: KafkaRejection(code: "invalid", detail: "1 fault", redactsValue: !isKept),
            topic: "dlq",
            scrubber: Scrubber([SecretBytes(utf8: secret)])
        )
        #expect((record.key?.count ?? 0) <= 256 && record.headers.count <= 40)
        #expect(record.key.map { String(decoding: $0, as: UTF8.self).hasPrefix("key of <redacted>k") } == true)
        for header in record.headers {
            let text = "\(header.name)=\(String(decoding: header.value ?? [], as: UTF8.self))"
            #expect(!text.contains("hunter2") && !text.contains("aHVudGVyMi1j") && !text.contains("any"), "\(text)")
            #expect(text.utf8.count <= 1_100)
        }
        #expect(self.text("ce_id", of: record) == "id-<redacted>")
        #expect(self.text("ce_source", of: record) == "https://user:<redacted>@host/?token=<redacted>&x=1")
        #expect(self.text("ce_type", of: record) == "a b c")
        #expect(self.text("ce_subject", of: record)?.hasPrefix("<redacted>") == true)
        #expect(self.text("ce_traceparent", of: record) == (isKept ? "00-1-2-01" : nil))
        #expect(self.text("ce_password", of: record) == (isKept ? "<redacted>" : nil))
    }
}
