import Hummingbird
package import LibPQ
package import Logging
import LongshoreDomain
import LongshoreMessages
import NIOCore
package import RDKafka
import ServiceLifecycle
package import ServiceRuntime

/// The HTTP API, the consumer of `longshore.requests` and the projector of the read model.
///
/// It starts without Kafka and Postgres and answers 503 until they are there; nothing has to be restarted when they come
/// back.
package final class IntakeService: Service {
    /// The consumer group for requests.
    package static let requestsGroup = "longshore.intake"
    /// How often tasks without messages are looked for, at least.
    private static let sweepInterval = Duration.seconds(10)

    private let configuration: IntakeConfiguration
    private let kafka: KafkaConfiguration
    private let consumerOptions: KafkaConsumer.Options
    /// Asks brokers for both groups and for the sweepers.
    private let brokers: KafkaInquiry
    private let pool: PQPool
    private let clock: any WallClock
    private let readiness: Readiness?
    private let logger: Logger
    private let onListening: @Sendable (Int) -> Void

    private let metrics = IntakeMetrics()
    private let producer: KafkaProducer
    private let tokens: TokenFile
    private let keys: SealingKeys
    private let topics: KafkaTopicKeeper
    private let batcher: AcceptBatcher
    private let feed: EventFeed
    private let acceptor: TaskAcceptor
    private let isListening = ListeningFlag()

    /// Makes the service; nothing is connected yet.
    ///
    /// - Parameters:
    ///   - configuration: How it listens and whom it serves.
    ///   - kafka: How to reach the brokers.
    ///   - consumerOptions: How its consumers behave.
    ///   - pool: The database. It is the caller's to close, after ``run()``.
    ///   - clock: Tells the time of acceptance.
    ///   - readiness: Gets the service's checks.
    ///   - logger: For everything.
    ///   - onListening: Told the port once the API listens.
    /// - Throws: ``TokenFileError`` or `KafkaError` when the configuration cannot be used.
    package init(
        configuration: IntakeConfiguration,
        kafka: KafkaConfiguration,
        consumerOptions: KafkaConsumer.Options = KafkaConsumer.Options(),
        pool: PQPool,
        clock: any WallClock = SystemWallClock(),
        readiness: Readiness? = nil,
        logger: Logger,
        onListening: @escaping @Sendable (Int) -> Void = { _ in }
    ) throws {
        self.configuration = configuration
        self.kafka = kafka
        self.consumerOptions = consumerOptions
        self.pool = pool
        self.clock = clock
        self.readiness = readiness
        self.logger = logger
        self.onListening = onListening
        tokens = try TokenFile(path: configuration.tokenFile, logger: logger)
        var options = KafkaProducer.Options()
        options.deliveryTimeout = configuration.publishTimeout
        options.topicWait = configuration.publishTimeout / 2
        // A request of 1 MiB grows when its defaults are written out and its credentials sealed.
        options.maximumRecordBytes = 2 << 20
        // What is sent together is handed over together.
        options.linger = .zero
        producer = try KafkaProducer(configuration: kafka, options: options, logger: logger)
        brokers = KafkaInquiry(configuration: kafka, logger: logger)
        keys = SealingKeys(clusters: configuration.clusters, pinned: configuration.pinnedKeys)
        topics = try KafkaTopicKeeper(
            configuration: kafka,
            definitions: Self.topics(configuration),
            replication: configuration.replication,
            producer: producer,
            logger: logger
        )
        let store = TaskStore(pool: pool)
        batcher = AcceptBatcher(store: store, producer: producer, metrics: metrics, logger: logger)
        feed = EventFeed(
            configuration: pool.configuration,
            limit: configuration.maximumEventStreams,
            ownerLimit: configuration.maximumEventStreamsPerToken,
            logger: logger
        )
        acceptor = TaskAcceptor(keys: keys, batcher: batcher, clock: clock)
        readiness.map(addChecks)
    }

    /// Serves until a graceful stop or cancellation.
    ///
    /// - Throws: What makes the service of no use: a schema that was tampered with, a consumer beyond repair, a port that
    ///   is taken.
    package func run() async throws {
        StopRequest.current?.onBegin { [limit = pool.configuration.waitLimit] stop in
            if let halfway = stop.halfway { limit.set(halfway) }
        }
        let background = Task { await runBackground() }
        do {
            try await withGracefulShutdownHandler {
                try await runForeground()
            } onGracefulShutdown: { [feed] in
                // Streams have no end of their own; the server would wait for them.
                feed.close()
            }
        } catch {
            await stop(background)
            throw error
        }
        await stop(background)
    }

    private func stop(_ background: Task<Void, Never>) async {
        background.cancel()
        await background.value
        await brokers.close(timeout: StopRequest.allowance(.seconds(2), share: 3))
        await producer.close(timeout: StopRequest.allowance(.seconds(5), share: 2))
    }

    /// What outlives the API, because requests in flight need it.
    private func runBackground() async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { [batcher] in await batcher.run() }
            group.addTask { [feed] in await feed.run() }
            group.addTask { [tokens] in await tokens.follow() }
            group.addTask { [self] in
                let housekeeping = Housekeeping(
                    pool: pool,
                    retentionDays: configuration.retentionDays,
                    metrics: metrics,
                    logger: logger
                )
                await housekeeping.run()
            }
        }
    }

    /// What ends by itself on a graceful stop; the first that fails ends the service. Nothing else begins before the API's port
    /// is bound.
    private func runForeground() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            let (listening, opener) = AsyncStream<Void>.makeStream()
            group.addTask { [self] in
                defer { opener.finish() }
                try await serveHTTP { opener.yield() }
            }
            group.addTask { [self] in
                for await _ in listening { return try await runBehindAPI() }
            }
            try await group.waitForFirstFailure()
        }
    }

    private func runBehindAPI() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { [self] in try await prepareDatabase() }
            group.addTask { [self] in try await followClusters() }
            group.addTask { [self] in
                // A consumer of a topic that is not there would only find it at the next refresh of its metadata.
                await topics.prepare()
                try await withThrowingTaskGroup(of: Void.self) { loops in
                    loops.addTask { [self] in await topics.run() }
                    loops.addTask { [self] in try await consumeRequests() }
                    loops.addTask { [self] in try await project() }
                    loops.addTask { [self] in await sweep() }
                    try await loops.waitForFirstFailure()
                }
            }
            try await group.waitForFirstFailure()
        }
    }

    // MARK: - HTTP

    private func serveHTTP(onBound: @escaping @Sendable () -> Void) async throws {
        let api = IntakeAPI(
            store: TaskStore(pool: pool),
            acceptor: acceptor,
            tokens: tokens,
            limiter: RateLimiter(rate: configuration.requestsPerSecond),
            keys: keys,
            feed: feed,
            producer: producer,
            clock: clock,
            metrics: metrics,
            takesPlaintextCredentials: configuration.takesPlaintextCredentials
        )
        var quiet = logger
        quiet.logLevel = max(logger.logLevel, .warning)
        let application = Application(
            responder: IntakeResponder(api: api, metrics: metrics, logger: logger),
            server: .guarded(configuration.listener),
            configuration: ApplicationConfiguration(
                host: configuration.host,
                port: configuration.port,
                limits: configuration.listener
            ),
            onServerRunning: { [onListening, isListening, logger] channel in
                isListening.set()
                onBound()
                guard let port = channel.localAddress?.port else { return }
                logger.info("Listening", metadata: ["port": "\(port)"])
                onListening(port)
            },
            logger: quiet
        )
        do {
            try await application.run()
        } catch {
            if isListening.isSet { throw error }
            throw ListenFailure(
                host: configuration.host,
                port: configuration.port,
                flag: configuration.addressFlag,
                cause: error
            )
        }
    }

    // MARK: - Kafka

    private func consumeRequests() async throws {
        let handler = RequestHandler(
            acceptor: acceptor,
            producer: producer,
            allowsProject: { [configuration, tokens] project in
                let allowed = configuration.kafkaProjects ?? tokens.projects
                return allowed.contains(project) || allowed.contains("*")
            },
            clock: clock,
            metrics: metrics,
            logger: logger
        )
        var loop = KafkaLoopConfiguration(
            name: "requests",
            topics: [Topics.requests],
            deadLetterTopic: Topics.requestsDeadLetter
        )
        // Several of the batches in which tasks are accepted, so that one is at the database while another is on its way to Kafka.
        loop.maximumBatch = 1_024
        try await run(loop, group: Self.requestsGroup) { _ in KafkaLoopHooks(handle: { await handler.handle($0) }) }
    }

    private func project() async throws {
        let projector = Projector(store: ProjectionStore(pool: pool), producer: producer, metrics: metrics)
        var loop = KafkaLoopConfiguration(
            name: "projector",
            topics: Projector.topics,
            deadLetterTopic: Topics.eventsDeadLetter
        )
        // The executors, whom task messages are for, keep what cannot be read of them.
        loop.skipsBadRecords = { Topics.parse(taskTopic: $0) != nil }
        loop.maximumBatch = 1_000
        try await run(loop, group: Projector.group) { projector.hooks($0) }
    }

    private func run(
        _ loop: KafkaLoopConfiguration,
        group: String,
        _ hooks: (KafkaConsumer) -> KafkaLoopHooks
    ) async throws {
        let consumer = try KafkaConsumer(
            configuration: kafka,
            group: group,
            options: consumerOptions,
            inquiry: brokers,
            logger: logger
        )
        let kafkaLoop = KafkaLoop(
            consumer: consumer,
            producer: producer,
            configuration: loop,
            hooks: hooks(consumer),
            logger: logger
        )
        readiness?.add(loop.name) { kafkaLoop.fault }
        try await kafkaLoop.run()
    }

    private func followClusters() async throws {
        let follower = KafkaTableFollower(
            configuration: kafka,
            topic: Topics.clusters,
            options: consumerOptions,
            logger: logger
        ) { [keys] change in
            switch change {
            case .updated(let key, let event):
                guard let announcement = try? ClusterAnnouncement(event: event) else { return }
                keys.apply(announcement, cluster: String(decoding: key, as: UTF8.self))
            case .removed(let key):
                keys.apply(nil, cluster: String(decoding: key, as: UTF8.self))
            }
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await follower.run() }
            group.addTask { [keys] in
                while !Task.isCancelled, !keys.isComplete {
                    if follower.hasCaughtUp { keys.markComplete() }
                    try? await Task.sleep(for: .milliseconds(100))
                }
                try? await gracefulShutdown()
            }
            try await group.next()
            group.cancelAll()
        }
    }

    private func sweep() async {
        let unpublished = UnpublishedSweeper(pool: pool, brokers: brokers, logger: logger)
        let lost = LostTaskSweeper(
            pool: pool,
            brokers: brokers,
            producer: producer,
            silence: configuration.taskSilence,
            metrics: metrics,
            logger: logger
        )
        let repairs = NodeRepairs(pool: pool, producer: producer, logger: logger)
        let interval = min(Self.sweepInterval, configuration.taskSilence)
        await cancelWhenGracefulShutdown { [logger] in
            while (try? await Task.sleep(for: interval)) != nil {
                do {
                    try await unpublished.sweep()
                    try await lost.sweep()
                    try await repairs.sweep()
                } catch {
                    logger.debug("Tasks without messages could not be looked for", metadata: [LogKey.error: "\(error)"])
                }
            }
        }
    }

    // MARK: - Preparing

    /// What intake writes to and reads; the executors' dead letters are theirs.
    private static func topics(_ configuration: IntakeConfiguration) -> [TopicDefinition] {
        let (partitions, retention) = (configuration.partitions, configuration.topicRetention)
        return Topics.shared(partitions: partitions, retention: retention).filter { $0.name != Topics.tasksDeadLetter }
            + configuration.clusters.flatMap { cluster in
                Topics.definitions(cluster: cluster, partitions: partitions, retention: retention)
            }
    }

    /// Why credentials for a cluster cannot be sealed now, for a readiness check of whoever runs its executors too.
    ///
    /// - Parameter cluster: The cluster's name.
    /// - Returns: A sentence; nil once a key is known.
    package func sealingFault(cluster: String) -> String? {
        keys.sealer(for: cluster) == nil ? "no executor of the cluster \(cluster) has announced a sealing key yet" : nil
    }

    private func prepareDatabase() async throws {
        guard configuration.migratesAtStart else { return }
        let migrator = try Migrator(pool: pool, logger: logger)
        while !Task.isCancelled, !Task.isShuttingDownGracefully {
            do {
                try await migrator.run()
                return
            } catch let error as PQError where error.isRetryable {
                logger.warning("Postgres does not answer yet", metadata: [LogKey.error: "\(error)"])
                try? await Task.sleep(for: .seconds(1))
            }
        }
    }

    private func addChecks(_ readiness: Readiness) {
        readiness.add("http") { [isListening] in
            isListening.isSet ? nil : "the API does not listen yet"
        }
        readiness.add("postgres") { [pool, logger] in
            do {
                let pending = try await Migrator(pool: pool, logger: logger).pending()
                return pending.isEmpty ? nil : "the schema lacks \(pending.joined(separator: ", "))"
            } catch let error as PQError {
                return error.code.rawValue
            } catch {
                return "\(error)"
            }
        }
        readiness.add("kafka") { [topics] in await topics.fault() }
        // Before that a request with credentials, or for a cluster that is not configured, would be refused for no reason of its
        // own. A fleet without executors has nothing to read, and is ready.
        readiness.add("clusters") { [keys] in
            keys.isComplete ? nil : "the announcements in \(Topics.clusters) have not been read to their end"
        }
    }
}
