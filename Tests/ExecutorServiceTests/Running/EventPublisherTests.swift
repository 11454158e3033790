import Logging
import LongshoreDomain
import LongshoreMessages
import RDKafka
import ServiceRuntime
import TestSupport
import Testing
import WireFormats

@testable import ExecutorService

/// No event is lost because of its company, and what is dropped in the end is told.
@Suite(.timeLimit(.minutes(3))) struct EventPublisherTests {
    private func event(_ sequence: Int64, message: String = "") throws -> TaskEvent {
        var event = TaskEvent(
            id: "event-\(sequence)",
            type: .taskProgress,
            taskID: try #require(TaskID("01jd0000000000000000000000")),
            project: "default",
            cluster: "default",
            sequence: sequence,
            time: Timestamp(microsecondsSinceEpoch: 0),
            phase: .pulling
        )
        event.message = message
        return event
    }

    @Test func `small events outlive the refusal of their batch, and what is dropped is counted`() async throws {
        let kafka = try MockCluster(brokers: 1)
        try kafka.createTopic(Topics.events, partitions: 3)
        let proxy = try KafkaProxy(of: kafka.bootstrapServers)
        // Less than the largest event, and so little that batches are split more than once.
        proxy.change { $0.maximumBatchBytes = 20_000 }
        let log = LogRecorder()
        let metrics = MetricsRegistry()
        let producer = try KafkaProducer(
            configuration: KafkaConfiguration(
                bootstrapServers: proxy.address,
                // All in one batch, however slow the machine is: the mock does not check the sequence numbers by which a real
                // broker refuses a batch that comes behind a refused one.
                properties: ["compression.type": "none", "linger.ms": "2000"]
            ),
            logger: log.logger
        )
        let publisher = EventPublisher(
            producer: producer,
            metrics: ExecutorMetrics(factory: metrics),
            logger: log.logger
        )
        var logger = log.logger
        logger[metadataKey: LogKey.task] = "the-task"
        var events = try (1...200).map { try event(Int64($0)) }
        events[99].message = String(repeating: "x", count: 30_000)
        #expect(await publisher.publish(events, logger: logger))
        #expect(metrics.exposition().contains("longshore_executor_events_published_total 199"))
        #expect(metrics.exposition().contains("longshore_executor_events_dropped_total 1"))
        let line = try #require(log.text.split(separator: "\n").first { $0.contains("is dropped") })
        #expect(line.contains("event=event-100"))
        #expect(line.contains("task_id=the-task"))

        let consumer = try KafkaConsumer(
            configuration: KafkaConfiguration(bootstrapServers: kafka.bootstrapServers),
            group: nil,
            logger: log.logger
        )
        try await consumer.assign(
            Dictionary(
                uniqueKeysWithValues: (0..<3).map { (TopicPartition(topic: Topics.events, partition: $0), .beginning) }
            )
        )
        var sequences: [String] = []
        let deadline = ContinuousClock.now + .seconds(30) * testPatience
        while Set(sequences).count < 199, ContinuousClock.now < deadline {
            for case .record(let record) in try await consumer.poll(maximum: 500, timeout: .milliseconds(100)) {
                let id = record.headers.first { $0.name == "ce_id" }?.value ?? []
                sequences.append(String(decoding: id, as: UTF8.self))
            }
        }
        var seen: Set<String> = []
        let order = sequences.filter { seen.insert($0).inserted }
        #expect(order == (1...200).filter { $0 != 100 }.map { "event-\($0)" })
        await consumer.close(timeout: .seconds(5))
        await producer.close(timeout: .seconds(5))
        proxy.stop()
        kafka.close()
    }
}
