import DeploymentSupport
import Logging
import RDKafka
import TestSupport
import Testing
import WireFormats

/// What somebody can write to longshore.requests: it ends on the dead-letter topic with its faults, and the next one is read.
@Suite("Bad records over Kafka", .tags(.integration), .timeLimit(.minutes(3)))
struct BadRecordTests {
    private static let attributes = [
        ("ce_specversion", "1.0"), ("ce_source", "/tests"), ("ce_type", "dev.longshore.task.requested.v1"),
        ("content-type", "application/json"),
    ]

    @Test("Each bad record is dead-lettered, a plaintext password nowhere, and the topic goes on")
    func deadLetters() async throws {
        let deployment = try await SharedDeployment.instance.get()
        let run = UInt32.random(in: 0...UInt32.max)
        let secret = "plain-on-kafka-\(run)"
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let producer = try KafkaProducer(
            configuration: KafkaConfiguration(bootstrapServers: deployment.kafka),
            logger: logger
        )
        func record(_ id: String, _ value: [UInt8]?, headers: [(String, String)]? = nil) -> ProducerRecord {
            ProducerRecord(
                topic: "longshore.requests",
                key: Array(id.utf8),
                value: value,
                headers: ((headers ?? Self.attributes) + [("ce_id", id)]).map {
                    KafkaHeader(name: $0.0, value: Array($0.1.utf8))
                }
            )
        }
        let plain =
            #"{"images": ["a.example.com/x:1"], "registryCredentials": [{"registry": "a.example.com", "username": "u", "password": "\#(secret)"}]}"#
        let good = #"{"images": ["127.0.0.1:9/nothing:1"], "nodes": {"names": ["no-such-node"]}, "checks": []}"#
        let bad: [(String, [UInt8]?)] = [
            ("json", Array("{".utf8)), ("utf8", [0xFF, 0xFE]), ("null", nil), ("fault", Array(#"{"images": 1}"#.utf8)),
            ("plain", Array(plain.utf8)), ("large", Array(repeating: UInt8(ascii: "x"), count: 600_000)),
        ]
        var records = bad.map { record("\($0.0)-\(run)", $0.1) }
        records.append(record("headers-\(run)", Array(good.utf8), headers: [("ce_specversion", "9.9")]))
        records.append(record("good-\(run)", Array(good.utf8)))
        for result in await producer.send(records) { _ = try result.get() }
        await producer.close(timeout: .seconds(5))
        // The good one is on some partition behind a bad one, or not; all must be read.
        let letters = try await waitForValue(timeout: .seconds(60), "the dead letters") {
            let letters = try await KafkaTopics.records(of: "longshore.requests.dlq", deployment: deployment)
                .filter { record in record.key.map { String(decoding: $0, as: UTF8.self).hasSuffix("-\(run)") } ?? false
                }
            return letters.count >= bad.count + 1 ? letters : nil
        }
        for letter in letters {
            let text =
                (letter.value.map { String(decoding: $0, as: UTF8.self) } ?? "")
                + letter.headers.map { String(decoding: $0.value ?? [], as: UTF8.self) }.joined()
            #expect(!text.contains(secret))
        }
        let answer = try await waitForValue(timeout: .seconds(60), "the good task") {
            let answer = try await deployment.api.send("GET", "/v1/tasks?limit=100")
            return (answer.json["items"]?.array ?? []).first {
                $0["images"]?.array?.contains("127.0.0.1:9/nothing:1") == true && $0["source"]?.string == "kafka"
            }
        }
        #expect(answer["id"]?.string?.count == 26)
        #expect(!deployment.log.contains(secret))
    }
}
