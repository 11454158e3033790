import ClusterSimulator
import FoundationEssentials
import Logging
import RDKafka
import WireFormats

/// What the embedded broker holds that somebody has not read yet.
///
/// The embedded broker keeps its topics in memory. `longshore dev` writes the backlog down when it stops and produces it
/// again when it starts, so that Ctrl-C loses no task. Records may be read twice after that, which every reader allows.
struct BrokerBacklog {
    /// A consumer group and the topics that it reads.
    struct Reader: Sendable {
        let group: String
        let topics: [String]
    }

    private let configuration: KafkaConfiguration
    private let path: String
    private let logger: Logger
    private static let patience = Duration.seconds(5)

    init(configuration: KafkaConfiguration, path: String, logger: Logger) {
        self.configuration = configuration
        self.path = path
        self.logger = logger
    }

    /// Writes down every record that a reader has not committed.
    ///
    /// - Parameters:
    ///   - readers: Who reads what.
    ///   - partitions: How many partitions each topic has.
    /// - Throws: `KafkaError` when the broker does not answer, ``DevError`` when it does not give back its records in time.
    func save(readers: [Reader], partitions: Int) async throws {
        var starts: [TopicPartition: Int64] = [:]
        for reader in readers {
            let all = reader.topics.flatMap { topic in
                (0..<Int32(partitions)).map { TopicPartition(topic: topic, partition: $0) }
            }
            let consumer = try KafkaConsumer(
                configuration: configuration,
                group: reader.group,
                options: .init(),
                logger: logger
            )
            let committed = try await consumer.committed(all, timeout: Self.patience)
            await consumer.close(timeout: Self.patience)
            for partition in all {
                starts[partition] = min(starts[partition] ?? .max, committed[partition] ?? 0)
            }
        }
        let records = try await read(from: starts)
        let lines = records.map { Self.json($0).text() + "\n" }.joined()
        try PrivateFile.write(Array(lines.utf8), to: path)
        logger.info("Wrote down what the embedded broker held", metadata: ["records": "\(records.count)"])
    }

    /// Produces what was written down, in its order, and removes the file.
    func restore() async throws {
        guard let data = try? Data(contentsOf: URL(filePath: path)) else { return }
        let records = data.split(separator: UInt8(ascii: "\n")).compactMap { line in
            (try? JSONValue(parsing: [UInt8](line))).flatMap(Self.record)
        }
        let producer = try KafkaProducer(configuration: configuration, logger: logger)
        let results = await producer.send(records)
        await producer.close(timeout: Self.patience)
        for result in results { _ = try result.get() }
        try FileManager.default.removeItem(atPath: path)
        logger.info("Gave the embedded broker back what it held", metadata: ["records": "\(records.count)"])
    }

    private func read(from starts: [TopicPartition: Int64]) async throws -> [ConsumerRecord] {
        var options = KafkaConsumer.Options()
        options.fetchWaitMaximum = .milliseconds(10)
        let consumer = try KafkaConsumer(
            configuration: configuration,
            group: "longshore.dev.backlog",
            options: options,
            logger: logger
        )
        var ends: [TopicPartition: Int64] = [:]
        for (partition, start) in starts {
            let high = try await consumer.watermarks(partition, timeout: Self.patience).high
            if high > start { ends[partition] = high }
        }
        try await consumer.assign(ends.keys.reduce(into: [:]) { $0[$1] = .offset(starts[$1] ?? 0) })
        var records: [ConsumerRecord] = []
        let deadline = ContinuousClock.now + .seconds(20)
        while !ends.isEmpty, ContinuousClock.now < deadline {
            for event in try await consumer.poll(maximum: 500, timeout: .milliseconds(200)) {
                guard case .record(let record) = event else { continue }
                records.append(record)
                if let end = ends[record.topicPartition], record.offset + 1 >= end {
                    ends[record.topicPartition] = nil
                }
            }
        }
        await consumer.close(timeout: Self.patience)
        if !ends.isEmpty {
            throw DevError("The embedded broker did not give back \(Plural.count(ends.count, "partition")) within 20 s")
        }
        return records
    }

    // MARK: - A line of the file

    private static func json(_ record: ConsumerRecord) -> JSONValue {
        var json: JSONObject = [
            "topic": .string(record.topicPartition.topic),
            "partition": .integer(Int64(record.topicPartition.partition)),
        ]
        json["key"] = record.key.map { .string(Base64.encode($0)) }
        json["value"] = record.value.map { .string(Base64.encode($0)) }
        json["headers"] = .array(
            record.headers.map { header in
                .array([.string(header.name), header.value.map { .string(Base64.encode($0)) } ?? .null])
            }
        )
        return .object(json)
    }

    private static func record(_ json: JSONValue) -> ProducerRecord? {
        guard let topic = json["topic"]?.string, let partition = json["partition"]?.integer else { return nil }
        let headers = (json["headers"]?.array ?? []).compactMap { header -> KafkaHeader? in
            guard let name = header[0]?.string else { return nil }
            return KafkaHeader(name: name, value: header[1]?.string.flatMap(Base64.decode))
        }
        return ProducerRecord(
            topic: topic,
            key: json["key"]?.string.flatMap(Base64.decode),
            value: json["value"]?.string.flatMap(Base64.decode),
            headers: headers,
            partition: Int32(partition)
        )
    }
}
