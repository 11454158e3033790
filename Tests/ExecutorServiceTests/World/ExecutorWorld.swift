import ClusterSimulator
import KubernetesAPI
import KubernetesManifests
import Logging
import LongshoreDomain
import LongshoreMessages
import RDKafka
import Redaction
import ServiceLifecycle
import ServiceRuntime
import Synchronization
import TestSupport
import WireFormats

@testable import ExecutorService

/// A simulated cluster, an embedded broker and any number of executors between them.
final class ExecutorWorld: Sendable {
    let simulator: ClusterSimulator
    let kafka: MockCluster
    let client: KubernetesClient
    let producer: KafkaProducer
    let log: LogRecorder
    private let directory: TemporaryDirectory
    private let state = Mutex(State())

    private struct State {
        var events: [TaskEvent] = []
        var announcements: [ClusterAnnouncement] = []
        var deadLetters = 0
    }

    private init(_ simulator: ClusterSimulator, _ kafka: MockCluster, _ log: LogRecorder) throws {
        self.simulator = simulator
        self.kafka = kafka
        self.log = log
        directory = try TemporaryDirectory(prefix: "executor")
        client = try KubernetesClient(
            configuration: KubernetesConfiguration(
                server: simulator.url,
                defaultNamespace: "longshore",
                authentication: .token(SecretBytes(utf8: simulator.token))
            ),
            logger: log.logger
        )
        producer = try KafkaProducer(configuration: Self.kafkaConfiguration(kafka), logger: log.logger)
    }

    static func kafkaConfiguration(_ kafka: MockCluster) -> KafkaConfiguration {
        KafkaConfiguration(bootstrapServers: kafka.bootstrapServers, clientID: "test")
    }

    /// Runs a test in a new world. A few at once: with all of them, Leases of three seconds would run out for want of
    /// processors, and tests would see take-overs that are none of their business.
    static func with(
        nodes: [NodeTemplate] = NodeTemplate.numbered(3),
        pulls: ClusterSimulator.PullMode = .instant,
        _ body: @Sendable @escaping (ExecutorWorld) async throws -> Void
    ) async throws {
        try await Turns.shared.take { try await make(nodes: nodes, pulls: pulls, body) }
    }

    private static func make(
        nodes: [NodeTemplate],
        pulls: ClusterSimulator.PullMode,
        _ body: @Sendable @escaping (ExecutorWorld) async throws -> Void
    ) async throws {
        let log = LogRecorder()
        var configuration = ClusterSimulator.Configuration()
        configuration.nodes = nodes
        configuration.pulls = pulls
        configuration.timings = .fast
        configuration.crdYAML = [
            KubernetesManifests.customResourceDefinition,
            "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: longshore\n",
        ]
        let simulator = try ClusterSimulator(configuration: configuration, logger: log.logger)
        let kafka = try MockCluster(brokers: 1)
        defer { kafka.close() }
        for definition in Topics.shared(partitions: 3) + Topics.definitions(cluster: "default", partitions: 3) {
            try kafka.createTopic(definition.name, partitions: definition.partitions)
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await simulator.run() }
            await simulator.waitUntilReady()
            let world = try ExecutorWorld(simulator, kafka, log)
            group.addTask { try await world.read() }
            do {
                try await body(world)
            } catch {
                log.dump()
                throw error
            }
            group.cancelAll()
            await world.producer.close(timeout: .seconds(2))
            await world.client.close()
            world.directory.remove()
        }
    }

    // MARK: - Executors

    /// Starts an executor; it runs until ``RunningExecutor/stop()`` or ``RunningExecutor/kill()``.
    func startExecutor(
        _ identity: String = "one",
        configure: (inout ExecutorConfiguration) -> Void = { _ in }
    ) async throws -> RunningExecutor {
        var configuration = ExecutorConfiguration(identity: identity, kafka: Self.kafkaConfiguration(kafka))
        configuration.consumerOptions.sessionTimeout = .seconds(6)
        configuration.statusInterval = .milliseconds(100)
        // An executor that is starved of processor time for longer than this puts its tasks down.
        configuration.leaseDuration = .seconds(3) * testPatience
        configuration.leaseRenewInterval = .milliseconds(500)
        configuration.claimInterval = .milliseconds(100)
        configuration.heartbeatInterval = .milliseconds(500)
        configuration.sweepInterval = .milliseconds(300)
        configuration.releaseTimeout = .seconds(10)
        // The default's registry is a real one.
        configuration.helperCheckInterval = nil
        configure(&configuration)
        let path = try directory.write("kubeconfig-\(identity)", simulator.kubeconfig(user: "executor-\(identity)"))
        var kubernetes = try await KubernetesConfiguration.load(kubeconfig: path)
        kubernetes.defaultNamespace = "longshore"
        let client = try KubernetesClient(
            configuration: kubernetes,
            logger: log.logger,
            observer: ExecutorMetrics.record
        )
        let service = try ExecutorService(configuration: configuration, client: client, logger: log.logger)
        let executor = RunningExecutor(identity: identity, service: service, client: client, logger: log.logger)
        executor.start()
        return executor
    }

    // MARK: - Asking

    /// Publishes a task.
    @discardableResult
    func submit(
        _ images: [String],
        credentials: [(registry: String, username: String, password: String)] = [],
        id: TaskID? = nil,
        acceptedAt: Timestamp? = nil,
        change: (inout TaskSpec) -> Void = { _ in },
        tamper: (inout TaskSubmitted) -> Void = { _ in }
    ) async throws -> TaskSubmitted {
        let now = SystemWallClock().now()
        let random = (0..<10).map { _ in UInt8.random(in: 0...255) }
        let task = id ?? TaskID.v7(at: now, random: random)
        var spec = TaskSpec(
            images: try images.map { RequestedImage(reference: try ImageReference(parsing: $0)) }
        )
        spec.batchSize = 100
        spec.checks = []
        var sealed: [SealedCredential] = []
        if !credentials.isEmpty {
            let key = try await sealingKey()
            let sealer = try Sealer(publicKey: key.publicKey, keyID: key.keyID)
            for credential in credentials {
                let scope = try RegistryScope(parsing: credential.registry)
                let name = SecretNames.pullSecret(task, scope: scope)
                let plain = PlainCredential.basic(
                    username: credential.username,
                    password: SecretBytes(utf8: credential.password)
                )
                let box = try sealer.seal(plain.sealedForm, binding: SealBinding(taskID: task, scope: scope))
                sealed.append(SealedCredential(scope: scope, secretName: name, box: box))
                spec.credentials.append(CredentialReference(scope: scope, secretName: name, isManaged: true))
            }
        }
        change(&spec)
        var submitted = TaskSubmitted(
            taskID: task,
            spec: spec,
            sealedCredentials: sealed,
            acceptedAt: acceptedAt ?? now
        )
        tamper(&submitted)
        try await producer.send(submitted.record)
        return submitted
    }

    /// Publishes a command.
    func command(
        _ kind: TaskCommand.Kind,
        _ task: TaskSubmitted,
        id: String? = nil,
        patch: TaskPatch = TaskPatch()
    ) async throws {
        let command = TaskCommand(
            // A wish that is uttered again is another one, but for a cancel.
            id: id ?? "\(task.taskID)-\(kind.rawValue)-\(SystemWallClock().now().microsecondsSinceEpoch)",
            taskID: task.taskID,
            project: task.spec.project,
            cluster: task.spec.cluster,
            priorityClass: PriorityClass(priority: task.spec.priority),
            kind: kind,
            patch: patch,
            requestedAt: SystemWallClock().now()
        )
        try await producer.send(command.record)
    }

    func sealingKey() async throws -> AnnouncedKey {
        try await waitForValue("the cluster's announcement") {
            self.state.withLock { $0.announcements.last?.newestKey }
        }
    }

    var announcements: [ClusterAnnouncement] { state.withLock { $0.announcements } }
    var deadLetters: Int { state.withLock { $0.deadLetters } }

    // MARK: - Seeing

    /// The events of a task, each id once, by sequence.
    func events(_ task: TaskID) -> [TaskEvent] {
        var seen: Set<String> = []
        return state.withLock { $0.events }
            .filter { $0.taskID == task && seen.insert($0.id).inserted }
            .sorted { $0.sequence < $1.sequence }
    }

    /// All events as they were read, repeated ones included.
    var allEvents: [TaskEvent] { state.withLock { $0.events } }

    func waitForEnd(_ task: TaskID, timeout: Duration = .seconds(60)) async throws -> TaskEvent {
        try await waitForValue(timeout: timeout, "the end of \(task)") {
            self.events(task).first { $0.type.isTerminal }
        }
    }

    func pullTask(_ name: String) async throws -> PullTask? {
        try await client.getIfPresent(PullTask.self, name: name, namespace: "longshore")
    }

    func waitForPhase(_ name: String, _ phase: TaskPhase) async throws -> PullTask {
        try await waitForValue(timeout: .seconds(60), "\(name) to be \(phase)") {
            guard let pullTask = try await self.pullTask(name), pullTask.status.phase == phase else { return nil }
            return pullTask
        }
    }

    /// Waits until nothing of any task is left but its PullTask.
    func waitUntilClean() async throws {
        try await waitUntil("Jobs, Pods and pull Secrets to be gone") {
            let secrets = self.simulator.objects("secrets", namespace: "longshore").filter {
                $0["type"]?.string == Secret.dockerConfigJSONType
            }
            return self.simulator.count("jobs.batch") == 0 && self.simulator.count("pods") == 0 && secrets.isEmpty
        }
    }

    private func read() async throws {
        let consumer = try KafkaConsumer(
            configuration: Self.kafkaConfiguration(kafka),
            group: nil,
            logger: log.logger
        )
        var offsets: [TopicPartition: StartOffset] = [:]
        for partition in Int32(0)..<3 {
            offsets[TopicPartition(topic: Topics.events, partition: partition)] = .beginning
        }
        offsets[TopicPartition(topic: Topics.clusters, partition: 0)] = .beginning
        offsets[TopicPartition(topic: Topics.tasksDeadLetter, partition: 0)] = .beginning
        try await consumer.assign(offsets)
        while !Task.isCancelled {
            for case .record(let record) in try await consumer.poll(maximum: 500, timeout: .milliseconds(50)) {
                note(record)
            }
        }
        await consumer.close(timeout: .seconds(2))
    }

    private func note(_ record: ConsumerRecord) {
        if record.topicPartition.topic == Topics.tasksDeadLetter {
            state.withLock { $0.deadLetters += 1 }
            return
        }
        guard let event = try? CloudEvent(record) else { return }
        state.withLock { state in
            if let task = try? TaskEvent(event: event) { state.events.append(task) }
            if let cluster = try? ClusterAnnouncement(event: event) { state.announcements.append(cluster) }
        }
    }
}

/// An executor in a test's hands.
final class RunningExecutor: Sendable {
    let identity: String
    let service: ExecutorService
    private let client: KubernetesClient
    private let group: ServiceGroup
    private let task = Mutex<Task<Void, Never>?>(nil)

    init(identity: String, service: ExecutorService, client: KubernetesClient, logger: Logger) {
        self.identity = identity
        self.service = service
        self.client = client
        group = ServiceGroup(services: [service], logger: logger)
    }

    func start() {
        let running = Task { [group, client] in
            try? await group.run()
            await client.close()
        }
        task.withLock { $0 = running }
    }

    /// Stops it as SIGTERM does.
    func stop() async {
        await group.triggerGracefulShutdown()
        await task.withLock { $0 }?.value
    }

    /// Ends it without a chance to give anything up.
    func kill() async {
        let running = task.withLock { $0 }
        running?.cancel()
        await running?.value
    }
}

/// Keeps what was logged, to be shown when a test fails and to be searched for secrets.
final class LogRecorder: Sendable {
    private let lines = Mutex<[String]>([])

    var logger: Logger {
        Logger(label: "test") { _ in Handler(recorder: self) }
    }

    var text: String { lines.withLock { $0.joined(separator: "\n") } }

    func dump() {
        for line in lines.withLock({ $0 }).suffix(80) { print(line) }
    }

    private struct Handler: LogHandler {
        let recorder: LogRecorder
        var metadata: Logger.Metadata = [:]
        var logLevel: Logger.Level = .debug

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let all = metadata.merging(event.metadata ?? [:]) { _, new in new }
            let text = all.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " ")
            recorder.lines.withLock { $0.append("\(event.level) \(event.message) \(text)") }
        }
    }
}

/// How many worlds there may be at once.
private actor Turns {
    static let shared = Turns()
    private var free = 6
    private var waiters: [CheckedContinuation<Void, Never>] = []

    func take(_ body: @Sendable () async throws -> Void) async throws {
        if free > 0 { free -= 1 } else { await withCheckedContinuation { waiters.append($0) } }
        defer { if waiters.isEmpty { free += 1 } else { waiters.removeFirst().resume() } }
        try await body()
    }
}
