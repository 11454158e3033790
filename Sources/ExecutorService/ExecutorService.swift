import Curl
package import KubernetesAPI
package import Logging
import LongshoreMessages
import OCIRegistry
import RDKafka
import ServiceLifecycle
package import ServiceRuntime
import Synchronization
import WireFormats

/// Works on the tasks of one cluster: takes them from Kafka or from kubectl, pulls their images onto nodes with Jobs, and
/// tells what happens.
///
/// Several executors share a cluster's tasks; in one process there can be any number of them. An executor starts before its
/// dependencies answer and goes on by itself once they do.
package final class ExecutorService: Service {
    /// The checks of its dependencies.
    package let checks: [(name: String, check: Readiness.Check)]

    private let configuration: ExecutorConfiguration
    private let client: KubernetesClient
    private let logger: Logger
    private let wallClock: any WallClock
    private let producer: KafkaProducer
    private let registry: RegistryClient
    private let keys: SealingKeys
    private let topics: KafkaTopicKeeper
    private let leases: Informer<Lease>
    private let context: ExecutorContext
    private let coordinator: TaskCoordinator
    private let loop = ConsumerLoop()

    /// Makes an executor; it does nothing until ``run()``.
    ///
    /// - Parameters:
    ///   - configuration: How it works.
    ///   - client: The cluster; closed by whoever made it. Give it `ExecutorMetrics.record` as its observer.
    ///   - clock: Measures waiting; tests move it themselves.
    ///   - wallClock: Tells the time.
    ///   - logger: Told what happens; the task's id is on every line that concerns one.
    /// - Throws: `KafkaError` or `RegistryError` when the system has no room for their threads or a setting is wrong.
    package init(
        configuration: ExecutorConfiguration,
        client: KubernetesClient,
        clock: any Clock<Duration> = ContinuousClock(),
        wallClock: any WallClock = SystemWallClock(),
        logger: Logger
    ) throws {
        var logger = logger
        logger[metadataKey: LogKey.executor] = "\(configuration.identity)"
        self.configuration = configuration
        self.client = client
        self.wallClock = wallClock
        self.logger = logger
        producer = try KafkaProducer(configuration: configuration.kafka, logger: logger)
        registry = try RegistryClient(
            configuration: .init(
                plainHTTPHosts: Set(configuration.plainHTTPRegistries),
                addressPolicy: configuration.registryAddresses,
                http: CurlClient.Configuration(nameLookup: configuration.registryNameLookup)
            )
        )
        keys = SealingKeys(client: client, namespace: configuration.namespace, wallClock: wallClock, logger: logger)
        topics = try KafkaTopicKeeper(
            configuration: configuration.kafka,
            definitions: Self.topics(configuration),
            replication: configuration.topicReplication,
            producer: producer,
            logger: logger
        )
        leases = Informer(client: client, options: Self.selection(configuration, "component=executor"))
        context = Self.makeContext(configuration, client, producer, registry, clock, wallClock, logger)
        coordinator = TaskCoordinator(context: context, leases: leases)
        checks = Self.makeChecks(context, topics, keys, loop, coordinator)
    }

    /// Works until a graceful shutdown or cancellation.
    ///
    /// On a graceful shutdown every task is written down and given up, so that others go on at once.
    package func run() async throws {
        try await withThrowingDiscardingTaskGroup { group in
            group.addTask { [self] in
                await runInformers()
            }
            group.addTask { [self] in
                await context.lease.run()
            }
            group.addTask { [self] in await coordinator.run() }
            group.addTask { [self] in await announcer.run() }
            group.addTask { [self] in await helperWatch.run() }
            group.addTask { [self] in await sweeper.run() }
            await topics.prepare()
            group.addTask { [self] in await topics.run() }
            try await consume()
            await stop()
            group.cancelAll()
        }
        await context.ended.close()
        await producer.close(timeout: StopRequest.allowance(.seconds(5), share: 2))
        await registry.close()
    }

    /// How many tasks it works on: the slots that are taken.
    package var taskCount: Int { coordinator.taskCount }

    // MARK: - Stopping

    private func stop() async {
        logger.info("Stopping: giving up tasks", metadata: ["tasks": "\(coordinator.taskCount)"])
        let coordinator = coordinator
        do {
            try await withTimeout(StopRequest.allowance(configuration.releaseTimeout, share: 2)) {
                await withTaskCancellationHandler {
                    await coordinator.release()
                } onCancel: {
                    Task { await coordinator.finish() }
                }
            }
        } catch {
            logger.warning("Not every task could be given up in time; others take them over")
        }
        await coordinator.finish()
        await context.lease.release()
    }

    // MARK: - Kafka

    /// Consumes until a graceful shutdown. The loop ends by itself then; it is started again if it fails.
    private func consume() async throws {
        let router = MessageRouter(
            submissions: SubmissionHandler(context: context, keys: keys, coordinator: coordinator),
            commands: CommandHandler(context: context, coordinator: coordinator),
            coordinator: coordinator,
            configuration: configuration,
            logger: logger
        )
        while !Task.isShuttingDownGracefully, !Task.isCancelled {
            do {
                let loop = try makeLoop(router)
                self.loop.use(loop)
                try await loop.run()
                return
            } catch {
                if Task.isCancelled || Task.isShuttingDownGracefully { return }
                logger.error("The consumer loop ended", metadata: [LogKey.error: "\(error)"])
                await cancelWhenGracefulShutdown { try? await Task.sleep(for: .seconds(2)) }
            }
        }
    }

    private func makeLoop(_ router: MessageRouter) throws -> KafkaLoop {
        let consumer = try KafkaConsumer(
            configuration: configuration.kafka,
            group: "longshore.executor.\(configuration.cluster)",
            options: configuration.consumerOptions,
            logger: logger
        )
        var loop = KafkaLoopConfiguration(
            name: "executor",
            topics: Topics.tasks(cluster: configuration.cluster),
            deadLetterTopic: Topics.tasksDeadLetter
        )
        loop.maximumBatch = configuration.maximumBatch
        var hooks = KafkaLoopHooks(
            handle: { batch in await router.handle(batch) },
            room: { topic in router.room(topic) }
        )
        hooks.lookAhead = router.lookAhead
        return KafkaLoop(
            consumer: consumer,
            producer: producer,
            configuration: loop,
            hooks: hooks,
            logger: logger
        )
    }

    /// What an executor reads and writes.
    private static func topics(_ configuration: ExecutorConfiguration) -> [TopicDefinition] {
        let own: Set = [Topics.events, Topics.clusters, Topics.tasksDeadLetter]
        let (partitions, retention) = (configuration.topicPartitions, configuration.topicRetention)
        return Topics.shared(partitions: partitions, retention: retention).filter { own.contains($0.name) }
            + Topics.definitions(cluster: configuration.cluster, partitions: partitions, retention: retention)
    }

    // MARK: - Parts

    private func runInformers() async {
        await withDiscardingTaskGroup { group in
            for informer in [context.pullTasks.run, context.jobs.run, context.pods.run, context.nodes.run, leases.run] {
                group.addTask { try? await informer() }
            }
        }
    }

    private var announcer: ClusterAnnouncer {
        ClusterAnnouncer(
            client: client,
            producer: producer,
            keys: keys,
            configuration: configuration,
            wallClock: wallClock,
            executors: { [coordinator] in await coordinator.livingExecutors() },
            helper: context.helperHealth,
            logger: logger
        )
    }

    private var helperWatch: HelperWatch {
        HelperWatch(
            configuration: configuration,
            registry: registry,
            secret: context.helperSecret,
            health: context.helperHealth,
            logger: logger
        )
    }

    private var sweeper: Sweeper {
        Sweeper(
            context: context,
            isAlive: { [coordinator] identity in await coordinator.livingExecutors().contains(identity) },
            isCleaned: { [coordinator] uid in await coordinator.isCleaned(uid: uid) }
        )
    }

    private static func selection(_ configuration: ExecutorConfiguration, _ extra: String? = nil) -> ListOptions {
        var selector = "\(PullTaskKeys.managedBy)=\(PullTaskKeys.manager)"
        if let extra { selector += ",app.kubernetes.io/\(extra)" }
        return ListOptions(namespace: configuration.namespace, labelSelector: selector)
    }

    /// What a Job or a Pod is to do is what we have asked for: only what becomes of it is read, again with each change.
    private static func progress(_ configuration: ExecutorConfiguration) -> ListOptions {
        var options = selection(configuration)
        options.omitted = JSONPaths([
            ["metadata", "managedFields"], ["spec", "template"], ["spec", "containers"], ["spec", "volumes"],
        ])
        return options
    }

    private static func makeContext(
        _ configuration: ExecutorConfiguration,
        _ client: KubernetesClient,
        _ producer: KafkaProducer,
        _ registry: RegistryClient,
        _ clock: any Clock<Duration>,
        _ wallClock: any WallClock,
        _ logger: Logger
    ) -> ExecutorContext {
        let metrics = ExecutorMetrics()
        // A node's object is long; pages are kept small for the memory they take while they are read.
        let nodes = Informer<WatchedNode>(client: client, pageSize: 100)
        let permissions = SecretPermissions(
            client: client,
            namespace: configuration.namespace,
            needsProject: configuration.secretsNeedProject,
            reserved: configuration.helperImageSecret
        )
        let checker = RegistryChecker(
            client: client,
            registry: registry,
            namespace: configuration.namespace,
            permissions: permissions,
            timeout: configuration.registryCheckTimeout
        )
        return ExecutorContext(
            configuration: configuration,
            client: client,
            lease: LeaseKeeper(client: client, configuration: configuration, wallClock: wallClock, logger: logger),
            publisher: EventPublisher(producer: producer, metrics: metrics, logger: logger),
            planner: TaskPlanner(nodes: nodes, checker: checker, logger: logger),
            permissions: permissions,
            secretUses: SecretUses(permissions: permissions),
            helperSecret: HelperSecret(client: client, configuration: configuration),
            helperHealth: HelperHealth(image: configuration.helperImage),
            ended: EndedTasks(configuration: configuration.kafka, logger: logger),
            nodes: nodes,
            jobs: Informer(client: client, options: progress(configuration)),
            pods: Informer(client: client, options: progress(configuration)),
            pullTasks: Informer(client: client, options: ListOptions(namespace: configuration.namespace)),
            limit: ConcurrencyLimit(configuration.apiConcurrency),
            metrics: metrics,
            wallClock: wallClock,
            clock: clock,
            logger: logger
        )
    }

    private static func makeChecks(
        _ context: ExecutorContext,
        _ topics: KafkaTopicKeeper,
        _ keys: SealingKeys,
        _ loop: ConsumerLoop,
        _ coordinator: TaskCoordinator
    ) -> [(name: String, check: Readiness.Check)] {
        [
            ("kafka", { if let fault = await topics.fault() { fault } else { loop.fault } }),
            ("sealing-key", { keys.isAnnounced ? nil : "the cluster's sealing key has not been announced yet" }),
            (
                "kubernetes",
                {
                    context.lease.isValid ? nil : "the executor's Lease is not renewed"
                }
            ),
            (
                "informers",
                {
                    let isSynced =
                        context.pullTasks.hasSynced && context.jobs.hasSynced && context.pods.hasSynced
                        && context.nodes.hasSynced
                    return isSynced ? nil : "the cluster's objects are not known yet"
                }
            ),
            ("helper-image", { context.helperHealth.problem }),
            ("slots", { coordinator.staleSlots(of: context.configuration) }),
        ]
    }
}

/// The consumer loop of the moment, for the readiness check.
private final class ConsumerLoop: Sendable {
    private let current = Mutex<KafkaLoop?>(nil)

    var fault: String? {
        guard let loop = current.withLock({ $0 }) else { return "the consumer has not started" }
        return loop.fault
    }

    func use(_ loop: KafkaLoop) { current.withLock { $0 = loop } }
}
