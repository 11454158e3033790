import LongshoreMessages
import Testing
import WireFormats

@Suite("CloudEvents on Kafka")
struct CloudEventTests {
    static let event = CloudEvent(
        id: "id-1",
        source: "/x",
        type: "t.v1",
        subject: "süb ject",
        time: Timestamp(rfc3339: "2026-01-02T03:04:05Z"),
        dataSchema: "https://x/s.json",
        extensions: ["partitionkey": "k", "sequence": "000000000001"],
        data: ["a": [1, nil, "é"]]
    )

    private static func headers(_ pairs: [(String, String)]) -> [MessageHeader] {
        pairs.map { MessageHeader(name: $0.0, text: $0.1) }
    }

    private static let minimal = [("ce_specversion", "1.0"), ("ce_id", "1"), ("ce_source", "/s"), ("ce_type", "t")]

    @Test("are written in binary mode as the binding has it")
    func writesBinary() {
        let record = Self.event.kafkaRecord(topic: "t")
        #expect(record.topic == "t")
        #expect(record.key == Array("k".utf8))
        #expect(record.value == Array(#"{"a":[1,null,"é"]}"#.utf8))
        let expected = [
            "ce_specversion": "1.0", "ce_id": "id-1", "ce_source": "/x", "ce_type": "t.v1", "ce_subject": "süb ject",
            "ce_time": "2026-01-02T03:04:05Z", "ce_dataschema": "https://x/s.json", "ce_partitionkey": "k",
            "ce_sequence": "000000000001", "content-type": "application/json",
        ]
        let found = record.headers.map { ($0.name, String(decoding: $0.value ?? [], as: UTF8.self)) }
        #expect(Dictionary(uniqueKeysWithValues: found) == expected)
    }

    @Test("without data are a tombstone")
    func writesTombstone() throws {
        let event = CloudEvent(id: "1", source: "/s", type: "t")
        let record = event.kafkaRecord(topic: "t", key: "key")
        #expect(record.value == nil)
        #expect(record.key == Array("key".utf8))
        #expect(!record.headers.contains { $0.name == "content-type" })
        var read = try CloudEvent(headers: record.headers, value: nil)
        #expect(read.data == nil)
        read.dataContentType = CloudEvent.jsonContentType
        #expect(read == event)
    }

    @Test("are read from headers in any letter case, and from any kind of JSON")
    func readsVariants() throws {
        for type in ["application/json", "Application/JSON; charset=utf-8", "text/json", "application/vnd.x+json"] {
            let headers = Self.headers([
                ("CE_specversion", "1.0"), ("ce_ID", "1"), ("ce_source", "/s"), ("ce_type", "t"),
                ("Content-Type", type),
            ])
            #expect(try CloudEvent(headers: headers, value: Array("[1]".utf8)).data == [1])
        }
        let bare = try CloudEvent(headers: Self.headers(Self.minimal), value: Array("{}".utf8))
        #expect(bare.data == [:])
        #expect(bare.time == nil)
    }

    @Test("ignore headers that are not attributes")
    func ignoresOthers() throws {
        let headers = Self.headers(
            Self.minimal + [
                ("x-trace", "1"), ("ce_not-an-attribute", "1"), ("ce_", "1"), ("ce_datacontenttype", "x"),
                // The accent makes one letter of itself and what stands before it.
                ("ce_\u{301}id", "other"), ("CE_\u{301}type", "other"),
            ]
        )
        #expect(try CloudEvent(headers: headers, value: nil).extensions == [:])
    }

    @Test("are read in structured mode with typed extensions and data in base64")
    func readsStructured() throws {
        let text = #"""
            {"specversion":"1.0","id":"1","source":"/s","type":"t","n":7,"flag":true,"nothing":null,
             "datacontenttype":"application/json","data_base64":"eyJhIjoxfQ=="}
            """#
        let headers = Self.headers([
            ("content-type", "application/cloudevents+json; charset=UTF-8"), ("ce_id", "other"),
        ])
        let event = try CloudEvent(headers: headers, value: Array(text.utf8))
        #expect(event.id == "1")
        #expect(event.extensions == ["n": "7", "flag": "true"])
        #expect(event.data == ["a": 1])
    }

    static let badBinary: [([(String, String)], String, CloudEventError.Code)] = [
        ([], "{}", .notACloudEvent),
        ([("content-type", "application/json")], "{}", .notACloudEvent),
        ([("ce_id", "1")], "{}", .notACloudEvent),
        (
            [("ce_specversion", "0.3"), ("ce_id", "1"), ("ce_source", "/s"), ("ce_type", "t")], "{}",
            .unsupportedVersion
        ),
        ([("ce_specversion", "1.0"), ("ce_source", "/s"), ("ce_type", "t")], "{}", .missingAttribute),
        ([("ce_specversion", "1.0"), ("ce_id", ""), ("ce_source", "/s"), ("ce_type", "t")], "{}", .missingAttribute),
        (minimal + [("ce_id", "2")], "{}", .invalidAttribute),
        (minimal + [("ce_time", "yesterday")], "{}", .invalidAttribute),
        (minimal + [("ce_subject", "a\0b")], "{}", .invalidAttribute),
        (minimal + [("ce_subject", String(repeating: "x", count: 5_000))], "{}", .invalidAttribute),
        (minimal + [("content-type", "text/plain")], "x", .unsupportedContentType),
        (minimal + [("content-type", "application/cloudevents+avro")], "{}", .unsupportedContentType),
        ([("content-type", "application/cloudevents-batch+json")], "[]", .unsupportedContentType),
        (minimal, "{", .malformedJSON),
        (minimal, #"{"a":"\u0000"}"#, .malformedJSON),
        (minimal, #"{"a":1,"a":2}"#, .malformedJSON),
        ([("content-type", "application/cloudevents+json")], "[]", .notACloudEvent),
        ([("content-type", "application/cloudevents+json")], "", .malformedJSON),
        (
            [("content-type", "application/cloudevents+json")],
            #"{"specversion":"1.0","id":1,"source":"/s","type":"t"}"#, .invalidAttribute
        ),
        (
            [("content-type", "application/cloudevents+json")],
            #"{"specversion":"1.0","id":"1","source":"/s","type":"t","x":{}}"#, .invalidAttribute
        ),
        (
            [("content-type", "application/cloudevents+json")],
            #"{"specversion":"1.0","id":"1","source":"/s","type":"t","Bad":"x"}"#, .invalidAttribute
        ),
        (
            [("content-type", "application/cloudevents+json")],
            #"{"specversion":"1.0","id":"1","source":"/s","type":"t","data_base64":"!"}"#, .invalidAttribute
        ),
        (
            [("content-type", "application/cloudevents+json")],
            #"{"specversion":"1.0","id":"1","source":"/s","type":"t","data":1,"data_base64":"MQ=="}"#, .invalidAttribute
        ),
        (
            [("content-type", "application/cloudevents+json")],
            #"{"specversion":"1.0","id":"1","source":"/s","type":"t","datacontenttype":"text/plain","data":{}}"#,
            .unsupportedContentType
        ),
    ]

    @Test("are refused with a code where they are none", arguments: badBinary)
    func refuses(pairs: [(String, String)], value: String, code: CloudEventError.Code) {
        let error = #expect(throws: CloudEventError.self) {
            try CloudEvent(headers: Self.headers(pairs), value: Array(value.utf8))
        }
        #expect(error?.code == code)
        #expect(error?.isRetryable == false)
    }

    @Test("are refused when they are not UTF-8 or too long, without being quoted")
    func refusesBytes() {
        var headers = Self.headers(Self.minimal)
        headers.append(MessageHeader(name: "ce_subject", value: [0xFF]))
        #expect(throws: CloudEventError.self) { try CloudEvent(headers: headers, value: nil) }
        headers[headers.count - 1].value = nil
        #expect(throws: CloudEventError.self) { try CloudEvent(headers: headers, value: nil) }
        let long = [UInt8](repeating: 0x20, count: CloudEvent.maximumValueBytes + 1)
        let error = #expect(throws: CloudEventError.self) {
            try CloudEvent(headers: Self.headers(Self.minimal), value: long)
        }
        #expect(error?.code == .tooLarge)
        let secret = #expect(throws: CloudEventError.self) {
            try CloudEvent(headers: Self.headers(Self.minimal), value: Array(#"{"password":"hunter2"#.utf8))
        }
        #expect(secret.map { !"\($0)".contains("hunter2") } == true)
    }

    @Test("have no longer attributes in one mode than in the other, for they are passed on in the other")
    func boundsAttributes() throws {
        for length in [4_096, 4_097] {
            var event = Self.event
            event.extensions["traceparent"] = String(repeating: "a", count: length)
            for record in [event.kafkaRecord(topic: "t"), event.structuredKafkaRecord(topic: "t")] {
                let again = try? CloudEvent(headers: record.headers, value: record.value)
                #expect(again == (length > 4_096 ? nil : event))
            }
        }
    }

    @Test("never crash the reader, whatever is flipped in them")
    func survivesMutations() {
        let records = [Self.event.kafkaRecord(topic: "t"), Self.event.structuredKafkaRecord(topic: "t")]
        var state: UInt64 = 3
        func random(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }
        var accepted = 0
        for _ in 0..<10_000 {
            var record = records[random(2)]
            for _ in 0...random(3) {
                if random(2) == 0, var value = record.value, !value.isEmpty {
                    value[random(value.count)] = UInt8(random(256))
                    record.value = value
                } else {
                    let index = random(record.headers.count)
                    if var value = record.headers[index].value, !value.isEmpty {
                        value[random(value.count)] = UInt8(random(256))
                        record.headers[index].value = value
                    }
                }
            }
            if (try? CloudEvent(headers: record.headers, value: record.value)) != nil { accepted += 1 }
        }
        #expect(accepted > 0)
        #expect(accepted < 10_000)
    }
}
