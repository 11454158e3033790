import ClusterSimulator
import Crypto
import FoundationEssentials
import IntakeService
import KubernetesAPI
import KubernetesManifests
import LibPQ
import Logging
import LongshoreDomain
import LongshoreMessages
import NotifierService
import RDKafka
import Redaction
import ServiceLifecycle
import ServiceRuntime
import WireFormats

/// Everything of `longshore dev`: starts the parts in order of dependency, says when all are ready, and stops them in
/// the reverse order.
struct DevEnvironment {
    static let cluster = "default"
    static let namespace = "longshore"
    static let partitions = 4

    private let options: DevCommand
    private let folder: String
    private let process: ServiceProcess

    init(options: DevCommand) throws {
        self.options = options
        let path = options.dataDir
        folder = path.hasPrefix("/") ? path : "\(FileManager.default.currentDirectoryPath)/\(path)"
        let settings = Settings(
            values: [SettingKeys.logLevel: options.logLevel, SettingKeys.healthAddress: "127.0.0.1:0"],
            keys: SettingKeys.common
        )
        // All services and what they talk to are in this one process.
        process = try ServiceProcess(service: "dev", settings: settings, ownDescriptors: 512)
    }

    /// Runs until Ctrl-C.
    func run() async throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let database = try await startDatabase()
        do {
            try await runParts(on: database.url)
        } catch {
            try? await database.own?.stop()
            throw error
        }
        try await database.own?.stop()
    }

    private func logger(_ service: String) -> Logger {
        let level = process.logger.logLevel
        return Logger(label: service) { _ in JSONLogHandler(service: service, level: level) }
    }

    // MARK: - Database

    private func startDatabase() async throws -> (url: SecretBytes, own: DevPostgres?) {
        if let url = options.postgres { return (SecretBytes(utf8: url), nil) }
        let server = try await DevPostgres.start(folder: "\(folder)/postgres")
        return (server.url, server)
    }

    private func migrate(_ pool: PQPool) async throws {
        let applied = try await Migrator(pool: pool, logger: process.logger).run()
        if !applied.isEmpty {
            process.logger.info("Migrated", metadata: ["migrations": "\(applied.joined(separator: " "))"])
        }
    }

    // MARK: - The parts

    private func runParts(on database: SecretBytes) async throws {
        let pool = PQPool(configuration: PQConfiguration(url: database))
        try await migrate(pool)
        let broker = try await DevBroker.start(
            address: options.kafka,
            folder: folder,
            cluster: Self.cluster,
            partitions: Self.partitions,
            logger: logger("broker")
        )
        if broker.isEmbedded {
            // The embedded broker starts empty: where a consumer of the last one stood means nothing in this one.
            _ = try await pool.query("DELETE FROM longshore.consumer_offsets")
        }
        let cluster = try await DevCluster.start(
            kubeconfig: options.kubeconfig,
            folder: folder,
            nodes: options.nodes,
            instantPulls: options.instantPulls,
            helperImage: options.helperImage,
            logger: logger("cluster")
        )
        do {
            try await runServices(database: database, pool: pool, broker: broker, cluster: cluster)
        } catch {
            await stop(pool: pool, broker: broker, cluster: cluster)
            throw error
        }
        await stop(pool: pool, broker: broker, cluster: cluster)
    }

    private func stop(pool: PQPool, broker: DevBroker, cluster: DevCluster) async {
        await broker.stop()
        await cluster.stop()
        await pool.close()
    }

    private func runServices(
        database: SecretBytes,
        pool: PQPool,
        broker: DevBroker,
        cluster: DevCluster
    ) async throws {
        let client = try cluster.makeClient()
        try await ClusterBootstrap(client: client).apply(
            try KubernetesManifests.prerequisites.flatMap { try YAMLDocument.parseAll($0) }
        )
        let tokens = try DevTokens(folder: folder)
        let (ports, port) = AsyncStream<Int>.makeStream()
        var services: [any Service] = []
        if !options.without.contains("intake") {
            let intake = try makeIntake(pool: pool, broker: broker, tokens: tokens) { port.yield($0) }
            // The next request may have credentials, and there are executors to seal them to.
            if options.executors > 0 {
                process.readiness.add("sealing-key") { intake.sealingFault(cluster: Self.cluster) }
            }
            services.append(intake)
        } else {
            port.yield(0)
        }
        let parts = DevParts(
            options: options,
            broker: broker,
            cluster: cluster,
            pool: pool,
            logger: logger,
            readiness: process.readiness
        )
        if !options.without.contains("notifier") { services.append(try parts.makeNotifier(client: client)) }
        for index in 0..<options.executors { services.append(try parts.makeExecutor(index: index)) }
        let announcer = DevAnnouncer(
            readiness: process.readiness,
            ports: ports,
            readyFile: options.readyFile,
            logger: process.logger,
            executors: options.executors,
            pool: pool,
            facts: DevFacts(
                token: tokens.token,
                kafka: broker.address,
                database: database,
                kubeconfig: cluster.kubeconfigPath,
                webhookSecret: { try await parts.webhookSecret(client: client) }
            )
        )
        services.append(announcer)
        do {
            try await process.run(services)
        } catch {
            await client.close()
            throw error
        }
        await client.close()
    }

    private func makeIntake(
        pool: PQPool,
        broker: DevBroker,
        tokens: DevTokens,
        onListening: @escaping @Sendable (Int) -> Void
    ) throws -> IntakeService {
        var configuration = IntakeConfiguration(tokenFile: tokens.path)
        configuration.port = options.port
        configuration.clusters = [Self.cluster]
        configuration.partitions = Self.partitions
        configuration.fit(process.descriptors, logger: process.logger)
        return try IntakeService(
            configuration: configuration,
            kafka: broker.configuration(clientID: "longshore-intake"),
            consumerOptions: broker.consumerOptions,
            pool: pool,
            readiness: process.readiness,
            logger: logger("intake"),
            onListening: onListening
        )
    }
}
