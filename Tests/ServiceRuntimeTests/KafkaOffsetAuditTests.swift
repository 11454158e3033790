import Logging
import RDKafka
import Synchronization
import TestSupport
import Testing

@testable import ServiceRuntime

/// What is lost is told, and what only looks like a loss is not.
@Suite(.timeLimit(.minutes(2))) struct KafkaOffsetAuditTests {
    private let partition = TopicPartition(topic: "topic", partition: 0)
    private let cluster: MockCluster
    private let log = LogLines()

    init() throws {
        cluster = try MockCluster(brokers: 1)
        try cluster.createTopic("topic", partitions: 1)
    }

    /// The mock keeps 5 MiB of a partition: what is older goes, as with a retention that is too short.
    private func fill(_ records: Int, bytes: Int = 900_000) async throws {
        let producer = try cluster.makeProducer()
        // Random, so that nothing is gained by compression; one at a time, since whole batches go.
        let value = Self.random(bytes)
        for _ in 0..<records {
            _ = try await producer.send(ProducerRecord(topic: "topic", value: value, partition: 0))
        }
        await producer.close(timeout: .seconds(5))
    }

    /// Bytes that cannot be compressed: made once for many records, because it takes long without optimisation.
    private static func random(_ count: Int) -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        return (0..<count / 8).flatMap { _ in
            let number = generator.next()
            return (0..<8).map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) }
        }
    }

    private func commit(_ offset: Int64) async throws { try await cluster.commit(offset, partition) }

    private func makeAudit(_ consumer: KafkaConsumer) -> KafkaOffsetAudit {
        KafkaOffsetAudit(consumer: consumer, metrics: KafkaLoopMetrics(consumer: "audit"), logger: log.logger)
    }

    private func record(_ offset: Int64) -> ConsumerRecord {
        ConsumerRecord(topicPartition: partition, offset: offset, value: [])
    }

    @Test
    func `a retention shorter than an outage is told, with the number of records, and reading begins at what is left`()
        async throws
    {
        try await commit(1)
        try await fill(9)
        let consumer = try cluster.makeConsumer()
        let low = try await consumer.watermarks(partition, timeout: .seconds(10)).low
        try #require(low > 1)
        var audit = makeAudit(consumer)
        #expect(await audit.begin([partition], at: [:]) == [partition: low])
        #expect(log.all.count { $0.contains("deleted from the topic before they were read") } == 1)
        #expect(log.all.contains { $0.contains("records=\(low - 1)") })
        // The next record is where it is expected now.
        audit.note(record(low))
        await audit.explainGaps()
        #expect(log.all.count == 1)
        await consumer.close(timeout: .seconds(5))
        cluster.close()
    }

    @Test func `the offset that the handler keeps counts more than the committed one`() async throws {
        try await commit(1)
        try await fill(9)
        let consumer = try cluster.makeConsumer()
        let marks = try await consumer.watermarks(partition, timeout: .seconds(10))
        var audit = makeAudit(consumer)
        #expect(await audit.begin([partition], at: [partition: marks.high]) == [partition: marks.high])
        #expect(log.all.isEmpty)
        await consumer.close(timeout: .seconds(5))
        cluster.close()
    }

    @Test func `a log that begins again before what was read of it is told as cut`() async throws {
        let consumer = try cluster.makeConsumer()
        var audit = makeAudit(consumer)
        _ = await audit.begin([partition], at: [:])
        for offset in Int64(0)..<4 { audit.note(record(offset)) }
        audit.note(record(1))
        #expect(log.all.count { $0.contains("ends before what was read") } == 1)
        await audit.explainGaps()
        #expect(log.all.count == 1)
        await consumer.close(timeout: .seconds(5))
        cluster.close()
    }

    @Test func `a broker that has forgotten all is read from its beginning, shorter or longer than what was known`()
        async throws
    {
        try await fill(3, bytes: 10)
        let consumer = try cluster.makeConsumer(group: "forgotten")
        var audit = makeAudit(consumer)
        #expect(await audit.begin([partition], at: [partition: 5]) == [partition: 0])
        #expect(log.all.count { $0.contains("ends before what was read") } == 1)
        // It holds as many records again: what stands before the place that is known was never seen.
        #expect(await audit.begin([partition], at: [partition: 2]) == [partition: 0])
        #expect(log.all.count { $0.contains("knows no offset of the group") } == 1)
        // A handler that has read nothing yet has nothing to fear.
        #expect(await audit.begin([partition], at: [partition: 0]) == [partition: 0])
        #expect(log.all.count == 2)
        await consumer.close(timeout: .seconds(5))
        cluster.close()
    }

    @Test func `a place beyond a late watermark is kept while the broker knows the group`() async throws {
        try await fill(3, bytes: 10)
        try await commit(5)
        let consumer = try cluster.makeConsumer()
        var audit = makeAudit(consumer)
        #expect(await audit.begin([partition], at: [partition: 5]) == [partition: 5])
        #expect(log.all.isEmpty)
        await consumer.close(timeout: .seconds(5))
        cluster.close()
    }

    @Test func `gaps of compaction and of transactions are no loss, those at the beginning of the log are`()
        async throws
    {
        try await fill(9)
        let consumer = try cluster.makeConsumer()
        let low = try await consumer.watermarks(partition, timeout: .seconds(10)).low
        try #require(low > 2)
        var audit = makeAudit(consumer)
        _ = await audit.begin([partition], at: [:])
        // The broker still counts these among what it has.
        audit.note(record(low))
        audit.note(record(low + 3))
        await audit.explainGaps()
        #expect(log.all.isEmpty)
        // These it has deleted while the consumer was behind.
        audit.note(record(0))
        audit.note(record(low + 4))
        await audit.explainGaps()
        #expect(log.all.contains { $0.contains("records=\(low - 1)") })
        await consumer.close(timeout: .seconds(5))
        cluster.close()
    }

    @Test func `what is gone of partitions of which nothing was committed is counted all the same`() async throws {
        try cluster.createTopic("many", partitions: 6)
        let partitions = (0..<6).map { TopicPartition(topic: "many", partition: $0) }
        let consumer = try cluster.makeConsumer()
        var audit = makeAudit(consumer)
        // A new group begins at the first record of each; that is remembered, so that what goes from now on shows.
        let begun = await audit.begin(partitions, at: [:])
        #expect(audit.beginnings == Dictionary(uniqueKeysWithValues: partitions.map { ($0, 0) }))
        #expect(begun == audit.beginnings)
        // The reading place counts, committed or not.
        for partition in partitions {
            audit.note(ConsumerRecord(topicPartition: partition, offset: 1, value: []))
        }
        await audit.explainGaps()
        #expect(log.all.isEmpty)
        for partition in partitions { try await cluster.commit(0, partition) }
        _ = await audit.begin(partitions, at: [:])
        #expect(audit.beginnings.isEmpty)
        await consumer.close(timeout: .seconds(5))
        cluster.close()
    }

    @Test func `records deleted while a new group had read none of them are counted at its next start`() async throws {
        try cluster.createTopic("many", partitions: 6)
        let begun = KafkaLoop(
            consumer: try cluster.makeConsumer(),
            producer: nil,
            configuration: KafkaLoopConfiguration(name: "begin", topics: ["many"], deadLetterTopic: nil),
            hooks: KafkaLoopHooks(handle: { _ in .done }),
            logger: log.logger
        )
        try await withLoop(begun) {
            try await waitUntil("the beginnings to be committed") {
                var found = 0
                for number in Int32(0)..<6 where try await cluster.committed("many", partition: number) == 0 {
                    found += 1
                }
                return found == 6
            }
        }
        // The mock keeps 5 MiB of a partition: one at a time, and the first ones are gone.
        let producer = try cluster.makeProducer()
        let value = Self.random(900_000)
        for number in Int32(0)..<6 {
            for _ in 0..<7 {
                _ = try await producer.send(ProducerRecord(topic: "many", value: value, partition: number))
            }
        }
        await producer.close(timeout: .seconds(5))
        let consumer = try cluster.makeConsumer()
        var audit = makeAudit(consumer)
        _ = await audit.begin((0..<6).map { TopicPartition(topic: "many", partition: $0) }, at: [:])
        #expect(log.all.count { $0.contains("deleted from the topic before they were read") } == 6)
        await consumer.close(timeout: .seconds(5))
        cluster.close()
    }

    @Test func `a gap that the broker does not explain is told as such`() async throws {
        let consumer = try cluster.makeConsumer()
        var audit = makeAudit(consumer)
        _ = await audit.begin([partition], at: [:])
        audit.note(record(0))
        audit.note(record(4))
        try cluster.setBrokerDown(1)
        await audit.explainGaps()
        #expect(log.all.contains { $0.contains("the broker does not say why") })
        await consumer.close(timeout: .seconds(1))
        cluster.close()
    }
}

/// Log lines with their fields.
final class LogLines: Sendable {
    private let state = Mutex<[String]>([])

    var all: [String] { state.withLock { $0 } }
    var logger: Logger { Logger(label: "test") { _ in Handler(lines: self) } }

    private struct Handler: LogHandler {
        let lines: LogLines
        var metadata: Logger.Metadata = [:]
        var logLevel: Logger.Level = .trace

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let fields = (event.metadata ?? [:]).map { "\($0.key)=\($0.value)" }.sorted().joined(separator: " ")
            lines.state.withLock { $0.append("\(event.level) \(event.message) \(fields)") }
        }
    }
}
