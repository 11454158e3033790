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
import Synchronization
import WireFormats

/// Everything of `longshore dev`: starts the parts in order of dependency, says when all are ready, and stops them in
/// the reverse order.
struct DevEnvironment {
    static let cluster = "default"
    static let namespace = "longshore"
    static let partitions = 4

    private let options: DevCommand
    private let folder: DevFolder
    private let process: ServiceProcess
    private let server = DevServerBox()

    init(options: DevCommand) throws {
        self.options = options
        let settings = Settings(
            values: [SettingKeys.logLevel: options.logLevel, SettingKeys.healthAddress: "127.0.0.1:0"],
            keys: SettingKeys.common
        )
        // All services and what they talk to are in this one process.
        process = try ServiceProcess(service: "dev", settings: settings, ownDescriptors: 512)
        folder = try DevFolder(path: DevFolder.absolute(options.dataDir))
    }

    /// Runs until Ctrl-C. The database's server never outlives it, unless it is killed.
    func run() async throws {
        try await process.untilStopped(
            patience: .seconds(20),
            lastAct: { [server] in server.kill() },
            { _ in try await runOnDatabase() }
        )
    }

    private func logger(_ service: String) -> Logger {
        let level = process.logger.logLevel
        return Logger(label: service) { _ in JSONLogHandler(service: service, level: level) }
    }

    // MARK: - Database

    private func runOnDatabase() async throws {
        guard options.postgres == nil else {
            return try await runParts(on: SecretBytes(utf8: options.postgres ?? ""), server: nil)
        }
        let (folder, logger) = (folder.path, logger("postgres"))
        // To its end even when a signal comes meanwhile: a server of a start that is cut off would be nobody's.
        let own = try await Task { try await DevPostgres.start(in: folder, logger: logger) }.value
        server.set(own)
        do {
            try Task.checkCancellation()
            try await runParts(on: own.url, server: own)
        } catch {
            await Task { await own.stop() }.value
            throw error
        }
        await Task { await own.stop() }.value
    }

    private func migrate(_ pool: PQPool) async throws {
        let applied = try await Migrator(pool: pool, logger: process.logger).run()
        if !applied.isEmpty {
            process.logger.info("Migrated", metadata: ["migrations": "\(applied.joined(separator: " "))"])
        }
    }

    // MARK: - The parts

    private func runParts(on database: SecretBytes, server: DevPostgres?) async throws {
        let pool = PQPool(configuration: PQConfiguration(url: database))
        do {
            try await migrate(pool)
            try await runBroker(database: database, pool: pool, server: server)
        } catch {
            await pool.close()
            throw error
        }
        await pool.close()
    }

    private func runBroker(database: SecretBytes, pool: PQPool, server: DevPostgres?) async throws {
        let broker = try await DevBroker.start(
            address: options.kafka,
            folder: folder.path,
            cluster: Self.cluster,
            partitions: Self.partitions,
            logger: logger("broker")
        )
        do {
            if broker.isEmbedded {
                // The embedded broker starts empty: where a consumer of the last one stood means nothing in this one.
                _ = try await pool.query("DELETE FROM longshore.consumer_offsets")
            }
            try await runCluster(database: database, pool: pool, broker: broker, server: server)
        } catch {
            // It writes down what it holds, which no second signal may cut off.
            await Task { await broker.stop() }.value
            throw error
        }
        await Task { await broker.stop() }.value
    }

    private func runCluster(
        database: SecretBytes,
        pool: PQPool,
        broker: DevBroker,
        server: DevPostgres?
    ) async throws {
        let cluster = try await DevCluster.start(
            kubeconfig: options.kubeconfig,
            folder: folder.path,
            nodes: options.nodes,
            instantPulls: options.instantPulls,
            helperImage: options.helperImage,
            logger: logger("cluster")
        )
        do {
            try await runServices(database: database, pool: pool, broker: broker, cluster: cluster, server: server)
        } catch {
            await cluster.stop()
            throw error
        }
        await cluster.stop()
    }

    private func runServices(
        database: SecretBytes,
        pool: PQPool,
        broker: DevBroker,
        cluster: DevCluster,
        server: DevPostgres?
    ) async throws {
        let client = try cluster.makeClient()
        try await ClusterBootstrap(client: client).apply(
            try KubernetesManifests.prerequisites.flatMap { try YAMLDocument.parseAll($0) }
        )
        let tokens = try DevTokens(folder: folder.path)
        let (ports, port) = AsyncStream<Int>.makeStream()
        let (healthPorts, healthPort) = AsyncStream<Int>.makeStream()
        let hasIntake = !options.without.contains("intake")
        var services: [any Service] = []
        if hasIntake {
            let intake = try makeIntake(pool: pool, broker: broker, tokens: tokens) { port.yield($0) }
            // The next request may have credentials, and there are executors to seal them to.
            if options.executors > 0 {
                process.readiness.add("sealing-key") { intake.sealingFault(cluster: Self.cluster) }
            }
            services.append(intake)
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
            healthPorts: healthPorts,
            hasIntake: hasIntake,
            readyFiles: [folder.readyFile] + [options.readyFile.map(DevFolder.absolute)].compactMap { $0 },
            logger: process.logger,
            facts: DevFacts(
                token: tokens.token,
                tokenPath: tokens.tokenPath,
                kafka: broker.address,
                database: database,
                kubeconfig: cluster.kubeconfigPath,
                webhookSecret: { try await parts.webhookSecret(client: client) }
            )
        )
        services.append(announcer)
        if let server { services.append(DevPostgresKeeper(server: server, logger: logger("postgres"))) }
        do {
            try await process.run(services) { healthPort.yield($0) }
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
        configuration.addressFlag = "--port"
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

/// The database's server once it is there, for the last act of a process that hangs.
private final class DevServerBox: Sendable {
    private let server = Mutex<DevPostgres?>(nil)

    func set(_ started: DevPostgres) { server.withLock { $0 = started } }

    func kill() { server.withLock { $0 }?.kill() }
}
