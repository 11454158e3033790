import Logging
import LongshoreMessages
import RDKafka
import TestSupport
package import WireFormats

extension KafkaTopics {
    private static let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    /// Asks for a task as any producer does: a request under an idempotency key on `longshore.requests`.
    package static func publish(request: JSONValue, key: String, deployment: Deployment) async throws {
        let producer = try KafkaProducer(
            configuration: KafkaConfiguration(bootstrapServers: deployment.kafka),
            logger: silent
        )
        let requested = TaskRequested(
            eventID: "request-\(UInt64.random(in: .min ... .max))",
            source: "/tests",
            request: request,
            idempotencyKey: key
        )
        let message = requested.event.kafkaRecord(topic: Topics.requests, key: key)
        let record = ProducerRecord(
            topic: message.topic,
            key: message.key,
            value: message.value,
            headers: message.headers.map { KafkaHeader(name: $0.name, value: $0.value) }
        )
        for report in await producer.send([record]) { _ = try report.get() }
        await producer.close(timeout: .seconds(5))
    }

    /// Sets a group back to the beginning of topics, as an operator's tool does; the group must have no members.
    package static func rewind(_ group: String, _ topics: [String], deployment: Deployment) async throws {
        var options = KafkaConsumer.Options()
        // The embedded broker may wait this long for a member that has left.
        options.sessionTimeout = .seconds(6)
        let consumer = try KafkaConsumer(
            configuration: KafkaConfiguration(bootstrapServers: deployment.kafka),
            group: group,
            options: options,
            logger: silent
        )
        let places = try await ends(of: topics, with: consumer)
        // As a member: not every broker takes offsets from others.
        try await consumer.subscribe(topics)
        try await waitUntil(timeout: .seconds(60), "\(group) to have no other members") {
            _ = try await consumer.poll(maximum: 1, timeout: .milliseconds(200))
            return await consumer.assignment().isSuperset(of: places.keys)
        }
        try await consumer.store(places.mapValues { _ in 0 })
        try await consumer.commitStored()
        await consumer.close(timeout: .seconds(5))
    }

    /// Whether a group has read topics to their ends and has said so.
    package static func isRead(_ group: String, _ topics: [String], deployment: Deployment) async throws -> Bool {
        let consumer = try KafkaConsumer(
            configuration: KafkaConfiguration(bootstrapServers: deployment.kafka),
            group: group,
            logger: silent
        )
        let places = try await ends(of: topics, with: consumer)
        let committed = try await consumer.committed(Array(places.keys), timeout: .seconds(10))
        await consumer.close(timeout: .seconds(5))
        return places.allSatisfy { (committed[$0.key] ?? 0) >= $0.value }
    }

    /// The partitions that hold anything, with their ends.
    private static func ends(of topics: [String], with consumer: KafkaConsumer) async throws -> [TopicPartition: Int64]
    {
        var ends: [TopicPartition: Int64] = [:]
        for topic in topics {
            for partition in 0..<Int32(try await consumer.partitionCount(topic: topic, timeout: .seconds(10))) {
                let place = TopicPartition(topic: topic, partition: partition)
                let (low, high) = try await consumer.watermarks(place, timeout: .seconds(10))
                if high > low { ends[place] = high }
            }
        }
        return ends
    }
}
