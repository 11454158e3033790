package import Logging
import LongshoreMessages
package import ServiceRuntime

/// How the intake listens and whom it serves.
package struct IntakeConfiguration: Sendable {
    /// The host or address to listen on. Default `127.0.0.1`.
    package var host = "127.0.0.1"
    /// The port; 0 takes a free one. Default 8080.
    package var port = 8_080
    /// What a connection to the HTTP API may cost, and how many there may be. Default 2000 connections.
    package var listener = ListenerLimits()
    /// The flag that the address came from, for an error that names it. Default `--listen`.
    package var addressFlag = "--listen"
    /// The file with the tokens' hashes.
    package var tokenFile: String
    /// Whether secrets may come over a listener that is neither encrypted nor loopback, because something in front of it
    /// ends TLS. Default false.
    package var allowsPlaintextCredentials = false
    /// Clusters that tasks may name before an executor has announced them. Default `default`.
    package var clusters = ["default"]
    /// Sealing keys that the operator vouches for.
    package var pinnedKeys: [PinnedKey] = []
    /// Projects in whose name Kafka producers may ask; nil means those of the tokens, all when a token is for all.
    package var kafkaProjects: Set<String>?
    /// Requests a second for each token, twice as many at once; 0 for no limit. Default 500.
    package var requestsPerSecond = 500.0
    /// The most streams of events at once. Default 1000.
    package var maximumEventStreams = 1_000
    /// The most streams of events of one token at once. Default 250.
    package var maximumEventStreamsPerToken = 250
    /// How long finished tasks stay in the read model, in days, from 1. Default 30.
    package var retentionDays = 30
    /// How long nothing may be heard of a task that was begun, until executors are asked whether it is still there. Default 30 s.
    package var taskSilence = Duration.seconds(30)
    /// Whether missing migrations are applied at start. Default false.
    package var migratesAtStart = false
    /// Partitions of topics that are made. Default 12.
    package var partitions = 12
    /// Replicas of topics that are made; -1 takes the broker's default.
    package var replication = -1
    /// How long topics that are made keep requests, task messages and events. Default 7 days.
    package var topicRetention = Topics.defaultRetention
    /// How long Kafka may take to acknowledge a task before its client is told to come back. Default 10 s.
    package var publishTimeout = Duration.seconds(10)

    /// Makes a configuration of defaults.
    ///
    /// - Parameter tokenFile: The file with the tokens' hashes.
    package init(tokenFile: String) {
        self.tokenFile = tokenFile
        listener.maximumConnections = 2_000
    }

    /// Reads the configuration.
    ///
    /// - Parameter settings: Made with ``keys`` among its keys.
    /// - Throws: `SettingsError` when a value is malformed.
    package init(settings: Settings) throws(SettingsError) {
        self.init(tokenFile: try settings.required(Self.tokenFileKey))
        let address = try settings.required(Self.addressKey)
        try settings.attempt { () throws(SettingsError) in
            (host, port) = try ListenAddress.parse(address, flag: Self.addressKey.flag)
        }
        allowsPlaintextCredentials = try settings.bool(Self.plaintextKey)
        clusters = settings.list(Self.clustersKey)
        for text in settings.list(Self.pinnedKeysKey) {
            guard let key = PinnedKey(parsing: text) else {
                try settings.report("\(Self.pinnedKeysKey.flag): “\(text)” is not CLUSTER=KEYID:BASE64")
                continue
            }
            pinnedKeys.append(key)
        }
        let projects = settings.list(Self.kafkaProjectsKey)
        kafkaProjects = projects.isEmpty ? nil : Set(projects)
        requestsPerSecond = Double(try settings.integer(Self.rateKey))
        listener.maximumConnections = try settings.integer(Self.connectionsKey, in: 1...1_000_000)
        maximumEventStreams = try settings.integer(Self.streamsKey)
        maximumEventStreamsPerToken = try settings.integer(Self.tokenStreamsKey, in: 1...1_000_000)
        retentionDays = try settings.integer(Self.retentionKey, in: 1...36_500)
        taskSilence = try settings.seconds(Self.silenceKey, in: 1...86_400)
        migratesAtStart = try settings.bool(Self.migrateKey)
        partitions = try settings.integer(SettingKeys.kafkaPartitions, in: 1...10_000)
        topicRetention = .seconds(try settings.integer(SettingKeys.kafkaRetention, in: 1...3_650) * 86_400)
        let replicas = try settings.required(SettingKeys.kafkaReplication)
        guard let replication = Int(replicas), replication == -1 || (1...100).contains(replication) else {
            try settings.report("\(SettingKeys.kafkaReplication.flag): “\(replicas)” is neither -1 nor 1 to 100")
            return
        }
        self.replication = replication
    }

    /// The files and connections that the service needs for its own work: its clients of Kafka, the connections of its pool
    /// and the one on which it hears of events.
    ///
    /// - Parameter postgresConnections: The size of the pool.
    /// - Returns: How many, with a few brokers.
    package static func ownDescriptors(postgresConnections: Int) -> Int {
        // A producer, an admin client and consumers of requests, events, clusters and lost messages.
        6 * DescriptorPlan.kafkaClientDescriptors + postgresConnections + 1
    }

    /// Lowers the number of connections to what the process may open, and says so.
    ///
    /// - Parameters:
    ///   - plan: How many files and connections the process may open.
    ///   - logger: Told when they are fewer than was configured.
    package mutating func fit(_ plan: DescriptorPlan, logger: Logger) {
        let served = plan.connections(wanted: listener.maximumConnections)
        guard served < listener.maximumConnections else { return }
        logger.warning(
            "The limit of open files (ulimit -n) is too low for --max-connections; fewer are served. Raise the limit",
            metadata: [
                "ulimit": "\(plan.limit)", "ownWork": "\(plan.ownWork)",
                "maxConnections": "\(listener.maximumConnections)", "served": "\(served)",
            ]
        )
        listener.maximumConnections = served
    }

    /// Whether a secret may come over the listener.
    var takesPlaintextCredentials: Bool {
        allowsPlaintextCredentials || host == "localhost" || host == "::1" || host.hasPrefix("127.")
    }
}

// MARK: - Keys

extension IntakeConfiguration {
    /// The keys of this service, beside those that every service has.
    package static let keys: [SettingKey] = [
        addressKey, tokenFileKey, plaintextKey, clustersKey, pinnedKeysKey, kafkaProjectsKey, rateKey, connectionsKey,
        streamsKey, tokenStreamsKey,
        retentionKey, silenceKey, migrateKey,
    ]

    private static let addressKey = SettingKey(
        "listen",
        form: "HOST:PORT",
        "address of the HTTP API; port 0 takes a free one",
        default: "127.0.0.1:8080"
    )
    private static let tokenFileKey = SettingKey(
        "auth-file",
        form: "PATH",
        "JSON file with the SHA-256, project and role of each bearer token",
        isRequired: true
    )
    private static let plaintextKey = SettingKey(
        "allow-plaintext-credentials",
        form: "BOOL",
        "take credentials over a listener that is neither encrypted nor loopback, because a proxy in front ends TLS",
        default: "false"
    )
    private static let clustersKey = SettingKey(
        "clusters",
        form: "NAME,…",
        "clusters that tasks may name before an executor has announced them",
        default: "default"
    )
    private static let pinnedKeysKey = SettingKey(
        "sealing-public-keys",
        form: "CLUSTER=KEYID:BASE64,…",
        "public keys that credentials are sealed to, instead of the announced ones"
    )
    private static let kafkaProjectsKey = SettingKey(
        "kafka-projects",
        form: "NAME,…",
        "projects that Kafka producers may ask in the name of; without it those of the tokens"
    )
    private static let rateKey = SettingKey(
        "requests-per-second",
        form: "COUNT",
        "requests a second for each token, twice as many at once; 0 for no limit",
        default: "500"
    )
    /// The most connections to the HTTP API.
    package static let connectionsKey = SettingKey(
        "max-connections",
        form: "COUNT",
        "most connections to the HTTP API at once; those above are answered with 503",
        default: "2000"
    )
    private static let streamsKey = SettingKey(
        "event-streams",
        form: "COUNT",
        "most streams of events at once",
        default: "1000"
    )
    private static let tokenStreamsKey = SettingKey(
        "event-streams-per-token",
        form: "COUNT",
        "most streams of events of one token at once; those above are answered with 429",
        default: "250"
    )
    private static let retentionKey = SettingKey(
        "retention-days",
        form: "DAYS",
        "how long finished tasks stay in the database",
        default: "30"
    )
    private static let silenceKey = SettingKey(
        "task-silence-seconds",
        form: "SECONDS",
        "how long nothing may be heard of a task under way until executors are asked whether it is still there",
        default: "30"
    )
    private static let migrateKey = SettingKey(
        "migrate-at-start",
        form: "BOOL",
        "apply missing migrations at start",
        default: "false"
    )
}
