import DeploymentSupport
import LongshoreDomain
import LongshoreMessages
import RDKafka
import ServiceRuntime
import TestSupport
import Testing
import WireFormats

extension BrokerTests {
    /// Records that nobody can ever read, on every topic that is read: kept with a reason and without their values, told of, and
    /// passed over.
    @Suite("Poisoned topics", .serialized)
    struct PoisonTests {
        private static let canary = "poison-canary-7f3a"

        /// One of each kind for a partition.
        private static func poison(_ topic: String, partition: Int32) -> [ProducerRecord] {
            func header(_ name: String, _ value: String) -> KafkaHeader {
                KafkaHeader(name: name, value: Array(value.utf8))
            }
            func record(_ value: [UInt8]?, _ headers: [KafkaHeader], key: [UInt8]? = Array("k".utf8)) -> ProducerRecord
            {
                ProducerRecord(topic: topic, key: key, value: value, headers: headers, partition: partition)
            }
            func event(_ type: String, version: String = "1.0") -> [KafkaHeader] {
                [
                    header("ce_specversion", version), header("ce_id", "poison"), header("ce_source", "/poison"),
                    header("ce_type", type), header("content-type", "application/json"),
                ]
            }
            let types = [
                Topics.requests: EventType.taskRequested, Topics.events: .taskSucceeded,
                Topics.clusters: .clusterAnnounced,
            ]
            let type = (types[topic] ?? .taskSubmitted).rawValue
            let value = Array(#"{"password": "\#(canary)""#.utf8)
            let whole = value + Array("}".utf8)
            return [
                record(value, event(type)), record(value, []), record(nil, event(type)), record(nil, [], key: nil),
                record(whole, event(type), key: nil), record(whole, event(type, version: "9.9")),
                record([0xFF, 0xFE, 0xC0] + value, event(type)),
                record(Array(canary.utf8), [header("content-type", "text/plain")]),
                record(whole, event(type) + [header("ce_type", type)]),
                record(value, [header("content-type", "application/cloudevents+json")]),
                record(whole, [header("content-type", "application/cloudevents+json; charset=none")]),
                record(Array(repeating: UInt8(ascii: "["), count: 900_000) + Array(canary.utf8), event(type)),
            ]
        }

        @Test("Each topic goes on behind them, dead letters say why and where from, and none holds a value")
        func everyTopic() async throws {
            let world = try await BrokerWorld.shared()
            let producer = try KafkaProducer(
                configuration: KafkaConfiguration(bootstrapServers: world.cluster.bootstrapServers),
                logger: quietLogger
            )
            var sent: [String: Int] = [:]
            let tasks = Topics.tasks(cluster: "default", class: .normal)
            for topic in [Topics.requests, tasks, Topics.events, Topics.clusters] {
                for partition in 0..<Int32(topic == Topics.clusters ? 1 : 2) {
                    let records = Self.poison(topic, partition: partition)
                    for report in await producer.send(records) { _ = try report.get() }
                    sent[topic, default: 0] += records.count
                }
            }
            // What is in order comes behind them in the same partitions, and is done.
            for partition in Int32(0)..<2 {
                let request = TaskRequested(
                    eventID: "good-\(partition)",
                    source: "/tests",
                    request: ["images": ["127.0.0.1:1/none:1"], "checks": [], "deadlineSeconds": 300],
                    idempotencyKey: "request-behind-poison-\(partition)"
                )
                var record = ProducerRecord(request.event.kafkaRecord(topic: Topics.requests))
                record.partition = partition
                _ = try await producer.send(record)
                let id = TaskIDs.derived(project: "default", idempotencyKey: request.idempotencyKey).text
                try await waitUntil(timeout: .seconds(90), "the request behind the poison") {
                    (try? await world.fleet.api.send("GET", "/v1/tasks/\(id)").status) == 200
                }
            }
            try await world.expectDone(try await world.submit(6, "behind-poison"))
            for (deadLetters, origin) in [
                (Topics.requestsDeadLetter, Topics.requests), (Topics.tasksDeadLetter, tasks),
                (Topics.eventsDeadLetter, Topics.events),
            ] {
                try await expectDeadLetters(in: deadLetters, from: origin, world)
            }
            for group in [
                "longshore.intake", "longshore.executor.default", "longshore.projector", "longshore.notifier",
            ] {
                #expect(
                    try await world.metrics(
                        of: group == "longshore.executor.default"
                            ? .executor : group == "longshore.notifier" ? .notifier : .intake
                    )
                    .contains("longshore_kafka_dead_letters_total"),
                    "\(group)"
                )
            }
            #expect(world.logs.contains("Record can never be handled"))
            #expect(world.logs.contains("Record is no CloudEvent and is skipped"))
            #expect(!world.logs.contains(Self.canary))
            await producer.close(timeout: .seconds(5))
        }

        private func expectDeadLetters(in topic: String, from origin: String, _ world: BrokerWorld) async throws {
            let letters = try await waitForValue(timeout: .seconds(60), "dead letters of \(origin)") {
                let found = try await KafkaTopics.records(of: topic, deployment: world.fleet.host)
                return found.isEmpty ? nil : found
            }
            var places: Set<String> = []
            for letter in letters {
                func header(_ name: String) -> String? {
                    letter.headers.first { $0.name == name }?.value.map { String(decoding: $0, as: UTF8.self) }
                }
                #expect(header("longshore-origin-topic") == origin)
                #expect(header("longshore-reason")?.isEmpty == false)
                places.insert(
                    "\(header("longshore-origin-partition") ?? "")/\(header("longshore-origin-offset") ?? "")"
                )
                let text =
                    String(decoding: letter.value ?? [], as: UTF8.self)
                    + letter.headers.map { String(decoding: $0.value ?? [], as: UTF8.self) }.joined()
                #expect(!text.contains(Self.canary), "\(origin)")
            }
            // Two partitions, and of each at least those that are no events at all.
            #expect(places.count >= 14, "\(origin): \(places.count)")
        }
    }
}
