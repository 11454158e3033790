import Glibc
import RDKafka
import TestSupport
import Testing

/// A cluster that the conformance suite runs on: the mock, and a real one when `LONGSHORE_TEST_KAFKA` names it.
enum TestedCluster: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case mock
    case real

    static let realServers = getenv("LONGSHORE_TEST_KAFKA").map { String(cString: $0) } ?? ""
    static let available: [Self] = realServers.isEmpty ? [.mock] : [.mock, .real]

    var testDescription: String { self.rawValue }

    /// Calls with the cluster's address and the name of a new topic.
    func withTopic(partitions: Int, _ body: (KafkaConfiguration, String) async throws -> Void) async throws {
        let topic = "longshore-test-\(UInt64.random(in: 0 ... .max))"
        switch self {
        case .mock:
            let cluster = try MockCluster(brokers: 1)
            try cluster.createTopic(topic, partitions: partitions)
            try await body(cluster.configuration(), topic)
        case .real:
            let configuration = KafkaConfiguration(bootstrapServers: Self.realServers, clientID: "longshore-test")
            let admin = try KafkaAdmin(configuration: configuration, logger: quietLogger)
            let new = KafkaAdmin.NewTopic(
                name: topic,
                partitions: partitions,
                replication: 1,
                config: ["cleanup.policy": "delete"]
            )
            try await admin.createTopics([new], timeout: .seconds(20))
            // Creating it again changes nothing.
            try await admin.createTopics([new], timeout: .seconds(20))
            try await waitUntil("the topic") { try await admin.topics(timeout: .seconds(10))[topic] == partitions }
            try await body(configuration, topic)
            await admin.close()
        }
    }
}

/// What must hold on every broker. Nothing here asserts lag or time, which some brokers answer wrongly.
@Suite(.timeLimit(.minutes(3))) struct KafkaConformanceTests {
    private func consumer(_ configuration: KafkaConfiguration, group: String?) throws -> KafkaConsumer {
        var options = KafkaConsumer.Options()
        options.sessionTimeout = .seconds(6)
        options.heartbeatInterval = .milliseconds(500)
        options.fetchWaitMaximum = .milliseconds(10)
        return try KafkaConsumer(configuration: configuration, group: group, options: options, logger: quietLogger)
    }

    private func send(_ numbers: Range<Int>, to topic: String, with producer: KafkaProducer) async throws {
        let outcomes = await producer.send(
            numbers.map { ProducerRecord(topic: topic, key: Array("\($0)".utf8), value: Array("\($0)".utf8)) }
        )
        for outcome in outcomes { _ = try outcome.get() }
    }

    @Test(arguments: TestedCluster.available) func `records come back as they were sent`(
        cluster: TestedCluster
    ) async throws {
        try await cluster.withTopic(partitions: 1) { configuration, topic in
            let producer = try KafkaProducer(configuration: configuration, logger: quietLogger)
            let sent = [
                ProducerRecord(
                    topic: topic,
                    key: [1, 0, 2],
                    value: Array("value".utf8),
                    headers: [
                        KafkaHeader(name: "a", value: [255]), KafkaHeader(name: "null", value: nil),
                        KafkaHeader(name: "a", value: []),
                    ]
                ),
                ProducerRecord(topic: topic, key: nil, value: nil),
                ProducerRecord(topic: topic, key: [], value: []),
                ProducerRecord(topic: topic, value: [UInt8](repeating: 7, count: 500_000)),
            ]
            let reports = try await producer.send(sent).map { try $0.get() }
            #expect(reports.map(\.offset) == [0, 1, 2, 3])
            let consumer = try self.consumer(configuration, group: nil)
            try await consumer.assign([partition(topic): .beginning])
            var reader = Reader(consumer)
            try await reader.poll { $0.records.count == 4 }
            #expect(reader.records.map(\.key) == sent.map(\.key))
            #expect(reader.records.map(\.value) == sent.map(\.value))
            #expect(reader.records.map(\.headers) == sent.map(\.headers))
            await consumer.close(timeout: .seconds(10))
            await producer.close(timeout: .seconds(10))
        }
    }

    @Test(arguments: TestedCluster.available) func `a group goes on at its commit`(cluster: TestedCluster) async throws
    {
        try await cluster.withTopic(partitions: 3) { configuration, topic in
            let producer = try KafkaProducer(configuration: configuration, logger: quietLogger)
            try await self.send(0..<300, to: topic, with: producer)
            let group = "\(topic)-group"
            let first = try self.consumer(configuration, group: group)
            try await first.subscribe([topic])
            var reader = Reader(first)
            try await reader.poll { $0.records.count >= 300 }
            #expect(reader.values.sorted() == Array(0..<300))
            var next: [TopicPartition: Int64] = [:]
            for record in reader.records { next[record.topicPartition] = record.offset + 1 }
            try await first.store(next)
            try await first.commitStored()
            #expect(try await first.committed(Array(next.keys), timeout: .seconds(10)) == next)
            await first.close(timeout: .seconds(10))

            try await self.send(300..<330, to: topic, with: producer)
            let second = try self.consumer(configuration, group: group)
            try await second.subscribe([topic])
            var again = Reader(second)
            try await again.poll { $0.records.count >= 30 }
            #expect(again.values.sorted() == Array(300..<330))
            await second.close(timeout: .seconds(10))
            await producer.close(timeout: .seconds(10))
        }
    }

    @Test(arguments: TestedCluster.available)
    func `members share the partitions and lose nothing when one leaves`(cluster: TestedCluster) async throws {
        try await cluster.withTopic(partitions: 4) { configuration, topic in
            let producer = try KafkaProducer(configuration: configuration, logger: quietLogger)
            let consumers = try (0..<2).map { _ in try self.consumer(configuration, group: "\(topic)-group") }
            var readers = consumers.map(Reader.init)
            for consumer in consumers { try await consumer.subscribe([topic]) }
            func pollAll(_ members: [Int]) async throws {
                for member in members {
                    var next: [TopicPartition: Int64] = [:]
                    for case .record(let record) in try await readers[member].poll() {
                        next[record.topicPartition] = record.offset + 1
                    }
                    // A commit in a rebalance may fail: then the records come again.
                    try? await consumers[member].store(next)
                    try? await consumers[member].commitStored()
                }
            }
            try await waitUntil(timeout: .seconds(60), "both to have a share") {
                try await pollAll([0, 1])
                let first = await consumers[0].assignment()
                let second = await consumers[1].assignment()
                return first.count == 2 && second.count == 2
            }
            try await self.send(0..<200, to: topic, with: producer)
            try await waitUntil("all records") {
                try await pollAll([0, 1])
                return Set(readers.flatMap(\.values)).count == 200
            }
            #expect(readers.allSatisfy { !$0.records.isEmpty })
            await consumers[1].close(timeout: .seconds(10))
            try await self.send(200..<300, to: topic, with: producer)
            try await waitUntil(timeout: .seconds(60), "the rest") {
                try await pollAll([0])
                return Set(readers.flatMap(\.values)).count == 300
            }
            await consumers[0].close(timeout: .seconds(10))
            await producer.close(timeout: .seconds(10))
        }
    }

    @Test(arguments: TestedCluster.available)
    func `pauses hold and resumes miss nothing`(cluster: TestedCluster) async throws {
        try await cluster.withTopic(partitions: 2) { configuration, topic in
            let producer = try KafkaProducer(configuration: configuration, logger: quietLogger)
            let consumer = try self.consumer(configuration, group: nil)
            await consumer.pause([partition(topic, 1)])
            try await consumer.assign([partition(topic, 0): .beginning, partition(topic, 1): .beginning])
            try await self.send(0..<100, to: topic, with: producer)
            var reader = Reader(consumer)
            try await reader.poll { !$0.records.isEmpty }
            for _ in 0..<5 { try await reader.poll() }
            #expect(Set(reader.records.map(\.topicPartition)) == [partition(topic, 0)])
            await consumer.resume([partition(topic, 1)])
            try await reader.poll { $0.records.count >= 100 }
            #expect(reader.values.sorted() == Array(0..<100))
            await consumer.close(timeout: .seconds(10))
            await producer.close(timeout: .seconds(10))
        }
    }
}
