import Logging
package import LongshoreMessages
package import RDKafka
import TestSupport

/// Reads whole topics, as somebody else's tool would.
package enum KafkaTopics {
    /// All records of a topic that are there now.
    package static func records(of topic: String, deployment: Deployment) async throws -> [ConsumerRecord] {
        var options = KafkaConsumer.Options()
        options.fetchWaitMaximum = .milliseconds(10)
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let consumer = try KafkaConsumer(
            configuration: KafkaConfiguration(bootstrapServers: deployment.kafka),
            group: "longshore.test.reader",
            options: options,
            logger: logger
        )
        let count = try await consumer.partitionCount(topic: topic, timeout: .seconds(10))
        var ends: [TopicPartition: Int64] = [:]
        for partition in 0..<Int32(count) {
            let place = TopicPartition(topic: topic, partition: partition)
            let (low, high) = try await consumer.watermarks(place, timeout: .seconds(10))
            if high > low { ends[place] = high }
        }
        try await consumer.assign(ends.mapValues { _ in .beginning })
        var records: [ConsumerRecord] = []
        let deadline = ContinuousClock.now + .seconds(30 * testPatience)
        while !ends.isEmpty {
            guard ContinuousClock.now < deadline else { throw TestSupportError("\(topic) was not read in time") }
            for event in try await consumer.poll(maximum: 500, timeout: .milliseconds(200)) {
                guard case .record(let record) = event else { continue }
                records.append(record)
                if let end = ends[record.topicPartition], record.offset + 1 >= end { ends[record.topicPartition] = nil }
            }
        }
        await consumer.close(timeout: .seconds(5))
        return records
    }

    /// The events of a task, in the order in which they were written.
    package static func events(of task: String, deployment: Deployment) async throws -> [CloudEvent] {
        try await records(of: "longshore.events", deployment: deployment).compactMap { record in
            try? CloudEvent(
                headers: record.headers.map { MessageHeader(name: $0.name, value: $0.value) },
                value: record.value
            )
        }.filter { $0.extensions["partitionkey"] == task }
    }
}
