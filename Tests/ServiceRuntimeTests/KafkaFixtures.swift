import Logging
import LongshoreMessages
import Metrics
import RDKafka
import ServiceRuntime
import Synchronization
import TestSupport
import WireFormats

let kafkaTestLogger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

extension MockCluster {
    var kafkaConfiguration: KafkaConfiguration {
        KafkaConfiguration(
            bootstrapServers: self.bootstrapServers,
            clientID: "test",
            properties: ["retry.backoff.ms": "50"]
        )
    }

    /// A consumer with the short times that the mock's group needs.
    func makeConsumer(group: String = "group") throws -> KafkaConsumer {
        var options = KafkaConsumer.Options()
        options.sessionTimeout = .seconds(4)
        options.heartbeatInterval = .milliseconds(300)
        options.fetchWaitMaximum = .milliseconds(10)
        // No divisor of the mock's rebalances of 3 s: librdkafka joins anew when a refresh comes while the leader assigns.
        options.metadataRefreshInterval = .milliseconds(370)
        return try KafkaConsumer(
            configuration: self.kafkaConfiguration,
            group: group,
            options: options,
            logger: kafkaTestLogger
        )
    }

    func makeProducer(deliveryTimeout: Duration = .seconds(30)) throws -> KafkaProducer {
        var options = KafkaProducer.Options()
        options.deliveryTimeout = deliveryTimeout
        options.topicWait = .milliseconds(500)
        options.metadataRefreshInterval = .milliseconds(370)
        return try KafkaProducer(configuration: self.kafkaConfiguration, options: options, logger: kafkaTestLogger)
    }

    /// Everything in a topic's first partition, once there are as many records as wanted.
    func read(_ topic: String, count: Int) async throws -> [ConsumerRecord] {
        let consumer = try self.makeConsumer(group: "reader")
        try await consumer.assign([TopicPartition(topic: topic, partition: 0): .beginning])
        var records: [ConsumerRecord] = []
        let deadline = ContinuousClock.now + .seconds(60 * testPatience)
        while records.count < count {
            guard ContinuousClock.now < deadline else { throw TestSupportError("\(records.count) records in \(topic)") }
            for case .record(let record) in try await consumer.poll(maximum: 100, timeout: .milliseconds(100)) {
                records.append(record)
            }
        }
        await consumer.close(timeout: .seconds(5))
        return records
    }

    /// Commits an offset as a member of the group did that is gone.
    func commit(_ offset: Int64, _ partition: TopicPartition) async throws {
        let consumer = try self.makeConsumer()
        try await consumer.assign([partition: .offset(offset)])
        try await consumer.store([partition: offset])
        try await consumer.commitStored()
        await consumer.close(timeout: .seconds(5))
    }

    func committed(_ topic: String, partition: Int32 = 0, group: String = "group") async throws -> Int64? {
        let consumer = try self.makeConsumer(group: group)
        let key = TopicPartition(topic: topic, partition: partition)
        let offsets = try await consumer.committed([key], timeout: .seconds(10))
        await consumer.close(timeout: .seconds(5))
        return offsets[key]
    }
}

func testEvent(_ id: String, data: JSONValue = ["a": 1]) -> CloudEvent {
    CloudEvent(id: id, source: "/test", type: "dev.longshore.test.v1", data: data)
}

/// A producer record of an event for one partition.
func eventRecord(_ id: String, topic: String, partition: Int32 = 0) -> ProducerRecord {
    var record = ProducerRecord(testEvent(id).kafkaRecord(topic: topic, key: id))
    record.partition = partition
    return record
}

extension KafkaProducer {
    /// Writes events with these numbers as their ids to one partition.
    func fill(_ ids: Range<Int>, topic: String = "t", partition: Int32 = 0) async throws {
        let records = ids.map { eventRecord("\($0)", topic: topic, partition: partition) }
        for outcome in await self.send(records) { _ = try outcome.get() }
    }
}

/// Fails so often, and then no more.
final class Failures: Sendable {
    struct Unavailable: Error {}

    private let left: Mutex<Int>

    init(_ count: Int) { self.left = Mutex(count) }

    func failIfAnyIsLeft() throws {
        let fails = self.left.withLock { left in
            left -= 1
            return left >= 0
        }
        if fails { throw Unavailable() }
    }
}

/// Where this process's metrics go, from the first use on.
enum SharedMetrics {
    static let registry: MetricsRegistry = {
        let registry = MetricsRegistry()
        MetricsSystem.bootstrap(registry)
        return registry
    }()
}

/// Collects what a handler was given.
final class HandledIDs: Sendable {
    private let ids = Mutex<[String]>([])

    var all: [String] { self.ids.withLock { $0 } }

    func append(_ batch: KafkaBatch) {
        self.ids.withLock { $0 += batch.messages.map(\.event.id) }
    }

    /// A handler that does no more than to note them.
    func accept(_ batch: KafkaBatch) -> KafkaBatch.Outcome {
        self.append(batch)
        return .done
    }
}

/// Runs a loop beside a body and ends it after that.
func withLoop(
    _ loop: KafkaLoop,
    _ body: () async throws -> Void
) async throws {
    let task = Task { try await loop.run() }
    do {
        try await body()
    } catch {
        task.cancel()
        _ = await task.result
        throw error
    }
    task.cancel()
    try await task.value
}
