import Curl
package import KubernetesAPI
package import LibPQ
package import Logging
import LongshoreMessages
package import RDKafka
import ServiceLifecycle
package import ServiceRuntime
import Synchronization

/// Tells subscribers what became of their tasks: reads events, records a delivery for each one that is wanted, and sends it
/// signed until it is received or the schedule ends.
package final class NotifierService: Service {
    /// What the notifier works with. It closes none of it.
    package struct Dependencies: Sendable {
        /// How to reach Kafka.
        package var kafka: KafkaConfiguration
        /// The consumer's options.
        package var consumerOptions: KafkaConsumer.Options
        /// The database with the schema `longshore`.
        package var database: PQPool
        /// The cluster with the signing Secrets.
        package var kubernetes: KubernetesClient
        /// The calendar time, for signatures.
        package var clock: any WallClock
        /// The logger.
        package var logger: Logger

        /// Gathers what the notifier works with.
        package init(
            kafka: KafkaConfiguration,
            consumerOptions: KafkaConsumer.Options = KafkaConsumer.Options(),
            database: PQPool,
            kubernetes: KubernetesClient,
            clock: any WallClock = SystemWallClock(),
            logger: Logger
        ) {
            self.kafka = kafka
            self.consumerOptions = consumerOptions
            self.database = database
            self.kubernetes = kubernetes
            self.clock = clock
            self.logger = logger
        }
    }

    /// The secrets that webhooks are signed with.
    package let signingSecrets: SigningSecrets

    private let configuration: NotifierConfiguration
    private let dependencies: Dependencies
    private let topics: KafkaTopicKeeper
    private let client: CurlClient
    private let store: DeliveryStore
    private let dispatcher: DeliveryDispatcher
    private let intake: DeliveryIntake
    private let metrics = NotifierMetrics()
    private let logger: Logger
    private let loop = Mutex<KafkaLoop?>(nil)

    /// Makes a notifier; nothing runs yet.
    ///
    /// - Parameters:
    ///   - configuration: how it works.
    ///   - dependencies: what it works with.
    /// - Throws: `CurlError` when certificates cannot be used, `KafkaError` when a Kafka property is wrong.
    package init(configuration: NotifierConfiguration, dependencies: Dependencies) throws {
        var configuration = configuration
        configuration.lease = max(configuration.lease, configuration.requestTimeout * 2)
        self.configuration = configuration
        self.dependencies = dependencies
        logger = dependencies.logger
        topics = try KafkaTopicKeeper(
            configuration: dependencies.kafka,
            definitions: Topics.shared(
                partitions: configuration.topicPartitions,
                retention: configuration.topicRetention
            ).filter { $0.name == Topics.events },
            replication: configuration.topicReplication,
            logger: logger
        )
        client = try CurlClient(
            configuration: CurlClient.Configuration(
                userAgent: "longshore-notifier",
                caBundlePath: configuration.caBundlePath,
                nameLookup: configuration.nameLookup
            )
        )
        signingSecrets = SigningSecrets(
            client: dependencies.kubernetes,
            namespace: configuration.namespace,
            logger: logger
        )
        store = DeliveryStore(pool: dependencies.database)
        let dispatcher = DeliveryDispatcher(
            configuration: configuration,
            store: store,
            sender: WebhookSender(client: client, configuration: configuration, clock: dependencies.clock),
            secrets: signingSecrets,
            metrics: metrics,
            logger: logger
        )
        self.dispatcher = dispatcher
        intake = DeliveryIntake(
            store: store,
            patience: configuration.lookupPatience,
            metrics: metrics,
            logger: logger,
            onInsert: { dispatcher.wake() }
        )
    }

    /// Adds the checks of Kafka, Postgres and Kubernetes.
    package func addChecks(to readiness: Readiness) {
        readiness.add("kafka") { [self] in
            if let fault = await topics.fault() { return fault }
            guard let loop = loop.withLock({ $0 }) else { return "the consumer has not started" }
            return loop.fault
        }
        readiness.add("postgres") { [dependencies] in
            do {
                try await dependencies.database.checkConnection(timeout: .seconds(2))
                return nil
            } catch {
                return "\(error)"
            }
        }
        readiness.add("kubernetes") { [dependencies] in
            do {
                _ = try await dependencies.kubernetes.serverVersion()
                return nil
            } catch {
                return "\(error)"
            }
        }
    }

    /// Runs until a graceful stop or cancellation. Dependencies may come later, and go and come back.
    package func run() async throws {
        StopRequest.current?.onBegin { [limit = dependencies.database.configuration.waitLimit] stop in
            if let halfway = stop.halfway { limit.set(halfway) }
        }
        await withTaskGroup { group in
            group.addTask {
                // A consumer of a topic that is not there would only find it at the next refresh of its metadata.
                await self.topics.prepare()
                await withTaskGroup { group in
                    group.addTask { await self.topics.run() }
                    group.addTask { await self.consume() }
                    await group.waitForAll()
                }
            }
            group.addTask { await self.dispatcher.run() }
            group.addTask { await self.maintain() }
            await group.waitForAll()
        }
        await client.close()
    }

    private static var isStopping: Bool { Task.isCancelled || Task.isShuttingDownGracefully }

    // MARK: - Events

    private func consume() async {
        while !Self.isStopping {
            do {
                try await consumeOnce()
            } catch {
                // The client is of no use any more; a new one begins at the committed offsets.
                metrics.problem("consumer")
                logger.error("Event consumer ended and is made anew", metadata: ["\(LogKey.error)": "\(error)"])
                await Self.pause(for: .seconds(2))
            }
        }
    }

    private func consumeOnce() async throws {
        let consumer = try KafkaConsumer(
            configuration: dependencies.kafka,
            group: configuration.consumerGroup,
            options: dependencies.consumerOptions,
            logger: logger
        )
        // Bad records are counted and skipped here: the projector reads the same topic and keeps one dead letter of each.
        var settings = KafkaLoopConfiguration(name: "notifier", topics: [Topics.events], deadLetterTopic: nil)
        settings.maximumRetryDelay = .seconds(5)
        let intake = intake
        let loop = KafkaLoop(
            consumer: consumer,
            producer: nil,
            configuration: settings,
            hooks: KafkaLoopHooks(handle: { try await intake.handle($0) }),
            logger: logger
        )
        self.loop.withLock { $0 = loop }
        try await loop.run()
    }

    // MARK: - Upkeep

    private static let recoveryInterval = Duration.seconds(5)
    private static let backlogInterval = Duration.seconds(15)
    private static let partitionInterval = Duration.seconds(6 * 3_600)

    private func maintain() async {
        var nextBacklog = ContinuousClock.now
        var nextPartitions = ContinuousClock.now
        while !Self.isStopping {
            do {
                let recovered = try await store.recoverExpired(configuration.schedule)
                if recovered > 0 {
                    metrics.problem("lease_expired", count: recovered)
                    logger.warning(
                        "Took over deliveries of a notifier that is gone",
                        metadata: ["count": "\(recovered)"]
                    )
                }
                if ContinuousClock.now >= nextBacklog {
                    let (unfinished, oldest) = try await store.backlog()
                    metrics.backlog(unfinished: unfinished, oldestDueSeconds: oldest)
                    nextBacklog = .now + Self.backlogInterval
                }
                if ContinuousClock.now >= nextPartitions {
                    try await store.makePartitions()
                    nextPartitions = .now + Self.partitionInterval
                }
            } catch {
                metrics.problem("database")
                logger.debug("Upkeep waits for the database", metadata: ["\(LogKey.error)": "\(error)"])
            }
            await Self.pause(for: Self.recoveryInterval)
        }
    }

    /// Sleeps, ended early by a graceful stop.
    private static func pause(for duration: Duration) async {
        try? await cancelWhenGracefulShutdown { try await Task.sleep(for: duration) }
    }
}
