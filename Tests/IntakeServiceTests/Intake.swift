import Crypto
import Curl
import IntakeService
import LibPQ
import Logging
import LongshoreDomain
import LongshoreMessages
import RDKafka
import Redaction
import ServiceLifecycle
import ServiceRuntime
import Synchronization
import TestSupport
import Testing
import WireFormats

/// A running intake with a Kafka and a Postgres of its own, spoken to over sockets.
final class Intake: Sendable {
    static let admin = "admin-token-0123456789"
    static let submitter = "submitter-token-0123456789"
    static let viewer = "viewer-token-0123456789"
    /// An administrator of the project `default` alone.
    static let projectAdmin = "project-admin-token-0123456789"
    static let other = "other-project-token-0123456789"

    let cluster: MockCluster
    let pool: PQPool
    let databaseURL: String
    let keyPair = SealingKeyPair.generate()
    let producer: KafkaProducer
    let logs: LogBook
    let readiness = Readiness(logger: quietLogger)
    let port: Int
    private let group: ServiceGroup
    private let running: Task<Void, any Error>
    private let directory: TemporaryDirectory
    private let client: CurlClient

    /// The intake that tests share which only ask it for things of their own.
    static func shared() async throws -> Intake { try await sharedStart.value }
    private static let sharedStart = Task { try await Intake() }

    init(
        server: PostgresServer? = nil,
        migrates: Bool = true,
        announcesKey: Bool = true,
        hides hidden: [String] = [],
        _ configure: @Sendable (inout IntakeConfiguration) -> Void = { _ in }
    ) async throws {
        let server = if let server { server } else { try await PostgresServer.shared() }
        databaseURL = try await server.createDatabase()
        var database = PQConfiguration(url: SecretBytes(utf8: databaseURL), maximumConnections: 6)
        database.connectTimeout = .seconds(1)
        database.acquireTimeout = .seconds(2)
        database.statementTimeout = .seconds(5)
        pool = PQPool(configuration: database)
        if migrates { try await Migrator(pool: pool, logger: quietLogger).run() }

        cluster = try MockCluster(brokers: 1)
        let topics = Topics.shared().map(\.name) + Topics.tasks(cluster: "default") + Topics.tasks(cluster: "edge")
        for topic in topics { try cluster.createTopic(topic, partitions: topic == Topics.clusters ? 1 : 3) }
        for topic in hidden { cluster.setTopicError(topic, 3) }
        let kafka = KafkaConfiguration(bootstrapServers: cluster.bootstrapServers, clientID: "test")
        producer = try KafkaProducer(configuration: kafka, logger: quietLogger)

        directory = try TemporaryDirectory(prefix: "intake")
        try directory.write("tokens.json", Self.tokenFile)
        var configuration = IntakeConfiguration(tokenFile: directory.appending("tokens.json"))
        configuration.port = 0
        configuration.requestsPerSecond = 0
        configuration.publishTimeout = .seconds(3)
        configuration.partitions = 3
        configure(&configuration)
        logs = LogBook()
        let listening = AsyncStream<Int>.makeStream()
        var consumerOptions = KafkaConsumer.Options()
        consumerOptions.sessionTimeout = .seconds(6)
        let service = try IntakeService(
            configuration: configuration,
            kafka: kafka,
            consumerOptions: consumerOptions,
            pool: pool,
            readiness: readiness,
            logger: logs.logger,
            onListening: { listening.continuation.yield($0) }
        )
        let group = ServiceGroup(services: [service], logger: quietLogger)
        self.group = group
        let running = Task { try await group.run() }
        self.running = running
        let timeout = Task {
            try await Task.sleep(for: .seconds(60))
            listening.continuation.finish()
        }
        var ports = listening.stream.makeAsyncIterator()
        guard let port = await ports.next() else { throw TestSupportError("the intake did not start") }
        timeout.cancel()
        self.port = port
        client = try CurlClient()
        if announcesKey { try await announceKey(cluster: "default") }
    }

    /// Stops the service as SIGTERM would.
    func stop() async throws {
        await group.triggerGracefulShutdown()
        try await running.value
        await producer.close(timeout: .seconds(2))
        await client.close()
        await pool.close()
        cluster.close()
    }

    private static var tokenFile: String {
        let entries: [(String, String, String, String)] = [
            ("root", admin, "*", "admin"), ("ci", submitter, "default", "submitter"),
            ("eyes", viewer, "default", "viewer"),
            ("boss", projectAdmin, "default", "admin"), ("stranger", other, "other", "submitter"),
        ]
        let tokens = entries.map { name, token, project, role -> JSONValue in
            [
                "name": .string(name), "project": .string(project), "role": .string(role),
                "sha256": .string(Hex.encode(SHA256.hash(data: Array(token.utf8)))),
            ]
        }
        return JSONValue.object(["tokens": .array(tokens)]).text()
    }

    // MARK: - HTTP

    struct Answer: Sendable {
        let status: Int
        let response: CurlResponse
        /// Null when the body is no JSON.
        let json: JSONValue

        func header(_ name: String) -> String? { response.header(name) }
        /// Pointers of the faults.
        var pointers: [String] { json["errors"]?.array?.compactMap { $0["pointer"]?.string } ?? [] }
        var codes: [String] { json["errors"]?.array?.compactMap { $0["code"]?.string } ?? [] }
    }

    func url(_ path: String) -> String { "http://127.0.0.1:\(port)\(path)" }

    func ask(
        _ method: String,
        _ path: String,
        body: [UInt8]? = nil,
        token: String? = Intake.submitter,
        headers: [(name: String, value: String)] = []
    ) async throws -> Answer {
        var all = headers
        if let token { all.append((name: "Authorization", value: "Bearer \(token)")) }
        if body != nil, !headers.contains(where: { $0.name == "Content-Type" }) {
            all.append((name: "Content-Type", value: "application/json"))
        }
        let response = try await client.execute(
            CurlRequest(method: method, url: url(path), headers: all, body: body, totalTimeout: .seconds(60))
        )
        let json = (try? JSONValue(parsing: response.body)) ?? .null
        return Answer(status: response.status, response: response, json: json)
    }

    func submit(
        _ body: JSONValue,
        token: String? = Intake.submitter,
        key: String? = nil
    ) async throws -> Answer {
        let headers = key.map { [(name: "Idempotency-Key", value: $0)] } ?? []
        return try await ask("POST", "/v1/tasks", body: body.serialized(), token: token, headers: headers)
    }

    func read(_ id: String) async throws -> JSONValue {
        try await ask("GET", "/v1/tasks/\(id)", token: Intake.admin).json
    }

    func waitForStatus(_ status: String, of id: String, timeout: Duration = .seconds(60)) async throws {
        try await waitUntil(timeout: timeout, "the task to be \(status)") {
            try await read(id)["status"]?.string == status
        }
    }

    /// Follows a stream of events and hands over its text as it grows, until the body says that it has enough or it ends.
    func follow(
        _ path: String,
        headers: [(name: String, value: String)] = [],
        until isEnough: (String) async throws -> Bool
    ) async throws -> String {
        let token = (name: "Authorization", value: "Bearer \(Intake.viewer)")
        let stream = try await client.stream(
            CurlRequest(url: url(path), headers: headers + [token], totalTimeout: .seconds(60))
        )
        guard stream.status == 200 else { throw TestSupportError("the stream was answered with \(stream.status)") }
        #expect(stream.header("Content-Type") == "text/event-stream")
        var text = ""
        for try await chunk in stream.body {
            text += String(decoding: chunk, as: UTF8.self)
            if try await isEnough(text) { break }
        }
        return text
    }

    // MARK: - Kafka

    func announceKey(cluster name: String) async throws {
        let announcement = ClusterAnnouncement(
            cluster: name,
            keys: [
                AnnouncedKey(
                    keyID: keyPair.keyID,
                    publicKey: keyPair.publicKey,
                    createdAt: SystemWallClock().now()
                )
            ],
            executors: ["executor-1"],
            version: "1.0.0",
            heartbeatAt: SystemWallClock().now()
        )
        try await producer.send(announcement.record)
        try await waitUntil("the announcement") {
            let list = try await ask("GET", "/v1/clusters", token: Intake.viewer).json["items"]?.array ?? []
            return list.contains { $0["cluster"]?.string == name && $0["keys"]?[0]?["keyId"] != nil }
        }
    }

    func publish(_ event: TaskEvent) async throws { try await producer.send(event.record) }

    /// All records of a topic.
    func records(_ topic: String) async throws -> [ConsumerRecord] {
        var options = KafkaConsumer.Options()
        options.reportsEndOfPartition = true
        let consumer = try KafkaConsumer(
            configuration: KafkaConfiguration(bootstrapServers: cluster.bootstrapServers, clientID: "reader"),
            group: nil,
            options: options,
            logger: quietLogger
        )
        let count = try await consumer.partitionCount(topic: topic, timeout: .seconds(10))
        let partitions = (0..<Int32(count)).map { TopicPartition(topic: topic, partition: $0) }
        try await consumer.assign(Dictionary(uniqueKeysWithValues: partitions.map { ($0, .beginning) }))
        var records: [ConsumerRecord] = []
        var ended: Set<TopicPartition> = []
        try await waitUntil("the end of \(topic)") {
            for event in try await consumer.poll(maximum: 1_000, timeout: .milliseconds(100)) {
                switch event {
                case .record(let record): records.append(record)
                case .endOfPartition(let partition, _): ended.insert(partition)
                case .assigned, .revoked, .failure: break
                }
            }
            return ended.count == count
        }
        await consumer.close(timeout: .seconds(2))
        return records
    }

    /// The task messages of a task.
    func messages(of id: String, cluster: String = "default") async throws -> [CloudEvent] {
        var found: [CloudEvent] = []
        for topic in Topics.tasks(cluster: cluster) {
            found += try await records(topic).filter { $0.key == Array(id.utf8) }.map { try CloudEvent($0) }
        }
        return found
    }
}

let quietLogger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

/// Collects log lines.
final class LogBook: Sendable {
    private let state = Mutex<[String]>([])

    var lines: [String] { state.withLock { $0 } }

    var logger: Logger {
        Logger(label: "test") { _ in Handler(book: self) }
    }

    private struct Handler: LogHandler {
        let book: LogBook
        var metadata: Logger.Metadata = [:]
        var logLevel: Logger.Level = .trace

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let fields = (event.metadata ?? [:]).map { "\($0.key)=\($0.value)" }.sorted().joined(separator: " ")
            book.state.withLock { $0.append("\(event.level) \(event.message) \(fields)") }
        }
    }
}

extension MessageRecord {
    /// The message as it is read of a topic's first partition.
    func read(offset: Int64, timestampMilliseconds: Int64) throws -> KafkaMessage {
        let read = ConsumerRecord(
            topicPartition: TopicPartition(topic: topic, partition: 0),
            offset: offset,
            timestampMilliseconds: timestampMilliseconds,
            key: key,
            value: value,
            headers: headers.map { KafkaHeader(name: $0.name, value: $0.value) }
        )
        return KafkaMessage(record: read, event: try CloudEvent(read))
    }
}

extension TaskEvent {
    /// An event of a task of project `default`, cluster `default`.
    static func sample(
        _ type: EventType,
        of task: TaskID,
        sequence: Int64,
        phase: TaskPhase? = nil,
        node: String? = nil,
        counts: TaskCounts = TaskCounts(nodesTotal: 2)
    ) -> TaskEvent {
        var event = TaskEvent(
            id: EventIdentity.event(task, type: type, node: node, attempt: 1, sequence: sequence),
            type: type,
            taskID: task,
            project: "default",
            cluster: "default",
            sequence: sequence,
            time: Timestamp(microsecondsSinceEpoch: SystemWallClock().now().microsecondsSinceEpoch),
            phase: phase ?? type.taskPhase ?? .pulling,
            counts: counts
        )
        event.node = node
        event.attempt = node == nil ? nil : 1
        return event
    }
}
