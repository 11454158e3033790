import Curl
import KubernetesAPI
import LibPQ
import Logging
import LongshoreDomain
import LongshoreMessages
import Migrations
import NotifierService
import RDKafka
import Redaction
import ServiceLifecycle
import ServiceRuntime
import Synchronization
import TestSupport
import WireFormats

/// A notifier with everything around it: a real database with the real schema and the notifier's own rights, a broker, an
/// API server that keeps Secrets, and receivers that do what a test says.
final class NotifierHarness: Sendable {
    let database: PQPool
    let kubernetes: SecretServer
    let cluster: MockCluster
    let notifierPool: PQPool
    private let notifierURL: SecretBytes
    private let producer: KafkaProducer
    private let logger: Logger
    private let client: KubernetesClient

    init(server: PostgresServer? = nil) async throws {
        let server = if let server { server } else { try await PostgresServer.shared() }
        let url = try await server.createDatabase()
        database = PQPool(configuration: PQConfiguration(url: SecretBytes(utf8: url), maximumConnections: 2))
        // The schema as it is shipped.
        for migration in Migrations.all { try await database.withConnection { try await $0.script(migration.sql) } }
        try await database.withConnection {
            try await $0.script(
                """
                DO $$ BEGIN
                    CREATE ROLE test_notifier LOGIN IN ROLE longshore_notifier;
                EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$;
                """
            )
        }
        let name = String(url.split(separator: "/").last ?? "postgres")
        notifierURL = SecretBytes(utf8: server.url(database: name, user: "test_notifier"))
        notifierPool = PQPool(configuration: PQConfiguration(url: notifierURL, maximumConnections: 3))
        cluster = try MockCluster(brokers: 1)
        try cluster.createTopic(Topics.events, partitions: 3)
        logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        producer = try KafkaProducer(
            configuration: KafkaConfiguration(bootstrapServers: cluster.bootstrapServers, clientID: "test"),
            logger: logger
        )
        kubernetes = try SecretServer()
        client = try KubernetesClient(
            configuration: KubernetesConfiguration(server: kubernetes.url),
            logger: logger
        )
    }

    /// A configuration for receivers on this machine, with attempts in quick succession.
    static func configuration(
        delays: [Duration] = [.zero, .milliseconds(50), .milliseconds(50)]
    ) -> NotifierConfiguration {
        var configuration = NotifierConfiguration()
        configuration.addressPolicy = AddressPolicy(allowsLoopback: true)
        configuration.pollInterval = .milliseconds(50)
        configuration.schedule = DeliverySchedule(delays: delays)
        return configuration
    }

    /// A notifier's own way to the database, which a test can take away from it.
    func makePool() -> PQPool { PQPool(configuration: PQConfiguration(url: notifierURL, maximumConnections: 3)) }

    func service(
        _ configuration: NotifierConfiguration,
        clock: any WallClock = SystemWallClock(),
        database: PQPool? = nil
    ) throws -> NotifierService {
        var options = KafkaConsumer.Options()
        options.sessionTimeout = .seconds(6)
        return try NotifierService(
            configuration: configuration,
            dependencies: NotifierService.Dependencies(
                kafka: KafkaConfiguration(bootstrapServers: cluster.bootstrapServers, clientID: "notifier"),
                consumerOptions: options,
                database: database ?? notifierPool,
                kubernetes: client,
                clock: clock,
                logger: logger
            )
        )
    }

    /// Runs notifiers while the body runs; they are stopped gracefully at its end, and all around them is closed unless it
    /// `keepsOpen`.
    func run<Result: Sendable>(
        _ services: [NotifierService],
        keepsOpen: Bool = false,
        afterStop: @Sendable (NotifierHarness) async throws -> Void = { _ in },
        _ body: @Sendable (NotifierHarness) async throws -> Result
    ) async throws -> Result {
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(services: services.map { .init(service: $0) }, logger: logger)
        )
        let running = Task { try await group.run() }
        do {
            let result = try await body(self)
            await group.triggerGracefulShutdown()
            try await running.value
            try await afterStop(self)
            if !keepsOpen { await close() }
            return result
        } catch {
            running.cancel()
            _ = await running.result
            await close()
            throw error
        }
    }

    /// Runs one notifier while the body runs.
    func run<Result: Sendable>(
        _ configuration: NotifierConfiguration = NotifierHarness.configuration(),
        _ body: @Sendable (NotifierHarness) async throws -> Result
    ) async throws -> Result {
        try await run([try service(configuration)], body)
    }

    func close() async {
        await producer.close(timeout: .seconds(5))
        await client.close()
        kubernetes.stop()
        await database.close()
        await notifierPool.close()
        cluster.close()
    }

    // MARK: - Tasks and events

    /// A task as the projector has it.
    @discardableResult
    func insertTask(
        _ key: String = "task",
        url: String?,
        events: [String] = WebhookEventNames.defaults,
        project: String = "default"
    ) async throws -> TaskID {
        let task = TaskIDs.derived(project: project, idempotencyKey: key)
        try await database.query(
            """
            INSERT INTO longshore.tasks (id, project, cluster, phase, priority, priority_class, source, spec, webhook_url,
                webhook_events, accepted_at)
            VALUES ($1, $2, 'edge', 'pulling', 5, 'normal', 'http', '{}', $3, $4, now())
            """,
            [.text(task.text), .text(project), .text(orNull: url), .textArray(events)]
        )
        return task
    }

    func event(
        _ task: TaskID,
        _ type: EventType,
        node: String? = nil,
        project: String = "default",
        sequence: Int64 = 7
    ) -> TaskEvent {
        let attempt = node == nil ? nil : 1
        var event = TaskEvent(
            id: EventIdentity.event(task, type: type, node: node, attempt: attempt, sequence: sequence),
            type: type,
            taskID: task,
            project: project,
            cluster: "edge",
            sequence: sequence,
            time: Timestamp(rfc3339: "2026-11-21T01:02:03Z")!,
            phase: type.taskPhase ?? .pulling,
            counts: TaskCounts(nodesTotal: 3, succeeded: 3)
        )
        event.node = node
        event.attempt = attempt
        return event
    }

    func publish(_ events: TaskEvent...) async throws { try await publish(events) }

    func publish(_ events: [TaskEvent]) async throws {
        for result in await producer.send(events.map(\.record)) { _ = try result.get() }
    }

    func publish(_ record: MessageRecord) async throws { try await producer.send(record) }

    // MARK: - The delivery log

    struct Row: Sendable, Equatable {
        var id: String
        var state: String
        var attempt: Int
        var status: Int?
        var error: String?
    }

    func deliveries() async throws -> [Row] {
        try await database.query(
            "SELECT id, state, attempt, last_status, last_error FROM longshore.deliveries ORDER BY id"
        ).map { row in
            Row(
                id: try row.text("id"),
                state: try row.text("state"),
                attempt: try row.int("attempt"),
                status: try row.intOrNil("last_status"),
                error: try row.textOrNil("last_error")
            )
        }
    }

    /// Waits until the log has exactly these states, in the order of the ids.
    @discardableResult
    func waitForStates(_ states: [String], timeout: Duration = .seconds(45)) async throws -> [Row] {
        var last: [Row] = []
        do {
            try await waitUntil(timeout: timeout, "deliveries \(states)") {
                last = try await deliveries()
                return last.map(\.state) == states
            }
        } catch let error as TestSupportError {
            throw TestSupportError("\(error.description); they are \(last)")
        }
        return last
    }
}

/// As much of an API server as the notifier may use: it keeps Secrets and refuses everything else.
final class SecretServer: Sendable {
    private let secrets = Mutex<[String: JSONValue]>([:])
    private let log = Mutex<[String]>([])
    private let delay = Mutex<(next: Duration?, isRunning: Bool)>((nil, false))
    private let server: Mutex<ScriptedHTTPServer?>
    let url: String

    init() throws {
        server = Mutex(nil)
        let box = OwnerBox()
        let http = try ScriptedHTTPServer { request, connection in
            box.owner.withLock { $0 }?.answer(request, connection)
        }
        url = "http://127.0.0.1:\(http.port)"
        server.withLock { $0 = http }
        box.owner.withLock { $0 = self }
    }

    private final class OwnerBox: Sendable {
        let owner = Mutex<SecretServer?>(nil)
    }

    /// The requests, as `METHOD path`.
    var requests: [String] { log.withLock { $0 } }

    func secret(_ name: String) -> JSONValue? { secrets.withLock { $0[name] } }

    func put(_ name: String, _ secret: JSONValue) { secrets.withLock { $0[name] = secret } }

    /// Lets the next question for a Secret wait for its answer.
    func delayNextSecret(by duration: Duration) { delay.withLock { $0.next = duration } }

    /// Whether a question waits, or the one that is to wait has not come yet.
    var isDelaying: Bool { delay.withLock { $0.isRunning || $0.next != nil } }

    func stop() { server.withLock { $0 }?.stop() }

    private func answer(_ request: ScriptedRequest, _ connection: ScriptedConnection) {
        let path = String(request.target.prefix { $0 != "?" })
        log.withLock { $0.append("\(request.method) \(path)") }
        let base = "/api/v1/namespaces/longshore-webhooks/secrets"
        if path == "/version" {
            respond(connection, 200, ["major": "1", "minor": "36", "gitVersion": "v1.36.0"])
        } else if request.method == "GET", path.hasPrefix(base + "/") {
            wait(connection)
            if let secret = secret(String(path.dropFirst(base.count + 1))) {
                respond(connection, 200, secret)
            } else {
                respond(connection, 404, Self.status(404, "NotFound"))
            }
        } else if request.method == "POST", path == base, let secret = try? JSONValue(parsing: request.body),
            let name = secret[path: "metadata", "name"]?.string
        {
            let isNew = secrets.withLock { secrets in
                guard secrets[name] == nil else { return false }
                secrets[name] = secret
                return true
            }
            respond(connection, isNew ? 201 : 409, isNew ? secret : Self.status(409, "AlreadyExists"))
        } else {
            respond(connection, 403, Self.status(403, "Forbidden"))
        }
    }

    private func wait(_ connection: ScriptedConnection) {
        let duration = delay.withLock { delay in
            defer { delay = (nil, delay.isRunning || delay.next != nil) }
            return delay.next
        }
        guard let duration else { return }
        connection.waitForEnd(timeoutMilliseconds: Int32(duration / .milliseconds(1)))
        delay.withLock { $0.isRunning = false }
    }

    private static func status(_ code: Int64, _ reason: String) -> JSONValue {
        ["kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": .string(reason), "code": .integer(code)]
    }

    private func respond(_ connection: ScriptedConnection, _ status: Int, _ json: JSONValue) {
        connection.respond(
            status: status,
            headers: [(name: "Content-Type", value: "application/json")],
            body: json.serialized()
        )
    }
}
