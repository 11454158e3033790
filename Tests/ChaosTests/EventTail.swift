import DeploymentSupport
import Logging
import LongshoreMessages
import RDKafka
import TestSupport

/// Reads the events as they come. The embedded broker keeps only the last of them, and a long run makes many.
actor EventTail {
    private let consumer: KafkaConsumer
    private(set) var accounts = Accounts()
    private(set) var search: CanarySearch
    /// How many records were read.
    private(set) var count = 0
    /// Offsets that were never seen, which would make the accounts worthless.
    private(set) var gaps: [String] = []
    private var next: [TopicPartition: Int64] = [:]

    init(_ deployment: Deployment, searchingFor canaries: [Canary]) async throws {
        search = CanarySearch(for: canaries)
        consumer = try KafkaConsumer(
            configuration: KafkaConfiguration(bootstrapServers: deployment.kafka),
            group: "longshore.test.tail",
            options: KafkaConsumer.Options(),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
        let partitions = try await consumer.partitionCount(topic: Topics.events, timeout: .seconds(30))
        try await consumer.assign(
            (0..<Int32(partitions)).reduce(into: [:]) {
                $0[TopicPartition(topic: Topics.events, partition: $1)] = .beginning
            }
        )
    }

    /// Reads until it is cancelled.
    func run() async {
        while !Task.isCancelled { await read() }
    }

    /// Reads what is there until nothing has come for two seconds.
    func finish() async {
        var silence = 0
        while silence < 8 {
            let before = count
            await read()
            silence = count == before ? silence + 1 : 0
        }
        await consumer.close(timeout: .seconds(5))
    }

    private func read() async {
        for event in (try? await consumer.poll(maximum: 500, timeout: .milliseconds(250))) ?? [] {
            guard case .record(let record) = event else { continue }
            count += 1
            if let expected = next[record.topicPartition], expected != record.offset {
                gaps.append("\(record.topicPartition): \(record.offset) after \(expected - 1)")
            }
            next[record.topicPartition] = record.offset + 1
            try? accounts.note(record)
            let headers = record.headers.map { "\($0.name)=\(String(decoding: $0.value ?? [], as: UTF8.self))" }
            let text = String(decoding: record.value ?? [], as: UTF8.self)
            search.add("an event at \(record.offset)", text + headers.joined(separator: " "))
        }
    }
}
