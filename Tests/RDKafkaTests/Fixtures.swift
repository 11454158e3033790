import Logging
import RDKafka
import Synchronization
import TestSupport

/// Collects log lines.
final class LogBook: Sendable {
    private let state = Mutex<[String]>([])

    var lines: [String] { self.state.withLock { $0 } }

    var logger: Logger {
        var logger = Logger(label: "test") { _ in Handler(book: self) }
        logger.logLevel = .trace
        return logger
    }

    private struct Handler: LogHandler {
        let book: LogBook
        var metadata: Logger.Metadata = [:]
        var logLevel: Logger.Level = .trace

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { self.metadata[key] }
            set { self.metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let fields = (event.metadata ?? [:]).map { "\($0.key)=\($0.value)" }.sorted().joined(separator: " ")
            self.book.state.withLock { $0.append("\(event.level) \(event.message) \(fields)") }
        }
    }
}

let quietLogger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

/// Codes of `rd_kafka_resp_err_t` that tests let the mock brokers answer.
enum Fault {
    static let transport: Int32 = -195
    static let offsetOutOfRange: Int32 = 1
    static let unknownTopic: Int32 = 3
    static let notLeader: Int32 = 6
    static let tooLarge: Int32 = 10
    static let notEnoughReplicas: Int32 = 19
    static let illegalGeneration: Int32 = 22
    static let unknownMember: Int32 = 25
    static let rebalanceInProgress: Int32 = 27
    static let topicAuthorization: Int32 = 29
    static let groupAuthorization: Int32 = 30
    static let outOfOrderSequence: Int32 = 45
}

/// Kafka's numbers of requests.
enum API {
    static let produce: Int16 = 0
    static let fetch: Int16 = 1
    static let offsetCommit: Int16 = 8
    static let joinGroup: Int16 = 11
    static let heartbeat: Int16 = 12
}

extension MockCluster {
    func configuration(_ properties: [String: String] = [:]) -> KafkaConfiguration {
        KafkaConfiguration(bootstrapServers: self.bootstrapServers, clientID: "test", properties: properties)
    }

    func producer(
        _ properties: [String: String] = [:],
        _ change: (inout KafkaProducer.Options) -> Void = { _ in }
    ) throws -> KafkaProducer {
        var options = KafkaProducer.Options()
        change(&options)
        return try KafkaProducer(
            configuration: self.configuration(properties),
            options: options,
            logger: quietLogger
        )
    }

    /// A consumer with the short times that the mock's group needs.
    func consumer(
        group: String? = "group",
        properties: [String: String] = [:],
        _ change: (inout KafkaConsumer.Options) -> Void = { _ in }
    ) throws -> KafkaConsumer {
        var options = KafkaConsumer.Options()
        options.sessionTimeout = .seconds(4)
        options.heartbeatInterval = .milliseconds(300)
        options.fetchWaitMaximum = .milliseconds(10)
        // No divisor of the mock's rebalances of 3 s: librdkafka joins anew when a refresh comes while the leader assigns.
        options.metadataRefreshInterval = .milliseconds(370)
        change(&options)
        return try KafkaConsumer(
            configuration: self.configuration(properties),
            group: group,
            options: options,
            logger: quietLogger
        )
    }

    /// Produces numbered records to partition 0 of a topic.
    func fill(_ topic: String, _ numbers: Range<Int>, partition: Int32 = 0) async throws {
        let producer = try self.producer()
        let outcomes = await producer.send(
            numbers.map {
                ProducerRecord(topic: topic, value: Array("\($0)".utf8), partition: partition)
            }
        )
        for outcome in outcomes { _ = try outcome.get() }
        await producer.close(timeout: .seconds(5))
    }
}

/// Polls a consumer and keeps what it yields.
struct Reader {
    let consumer: KafkaConsumer
    var records: [ConsumerRecord] = []
    var assignments: [[TopicPartition]] = []
    var revocations: [(partitions: [TopicPartition], lost: Bool)] = []
    var failures: [KafkaError] = []
    var ends: [TopicPartition: Int64] = [:]

    init(_ consumer: KafkaConsumer) { self.consumer = consumer }

    var values: [Int] { self.records.compactMap { $0.value.flatMap { Int(String(decoding: $0, as: UTF8.self)) } } }

    @discardableResult
    mutating func poll() async throws -> [ConsumerEvent] {
        let events = try await self.consumer.poll(maximum: 100, timeout: .milliseconds(100))
        for event in events {
            switch event {
            case .record(let record): self.records.append(record)
            case .assigned(let partitions): self.assignments.append(partitions)
            case .revoked(let partitions, let lost): self.revocations.append((partitions, lost))
            case .endOfPartition(let partition, let offset): self.ends[partition] = offset
            case .failure(let error): self.failures.append(error)
            }
        }
        return events
    }

    mutating func poll(
        _ what: String = "the events",
        timeout: Duration = .seconds(60),
        until condition: (Reader) -> Bool
    ) async throws {
        let deadline = ContinuousClock.now + timeout * testPatience
        while !condition(self) {
            guard ContinuousClock.now < deadline else {
                throw TestSupportError(
                    """
                    gave up waiting for \(what); assignments: \(self.assignments), revocations: \(self.revocations), \
                    failures: \(self.failures)
                    """
                )
            }
            try await self.poll()
        }
    }
}

func partition(_ topic: String, _ number: Int32 = 0) -> TopicPartition {
    TopicPartition(topic: topic, partition: number)
}
