package import Logging
package import LongshoreMessages
import Metrics
package import RDKafka
import ServiceLifecycle
import Synchronization

/// Keeps the topics that a service needs: creates those that are missing, at its start and whenever they are gone, and says
/// for the readiness check which ones are missing and why.
///
/// It also compares what the topics take (`max.message.bytes`) with what is sent to them, as far as it may be read, and lets
/// the producer make its batches no larger.
package final class KafkaTopicKeeper: Sendable {
    /// How often the topics are looked for while all are there: 5 s.
    package static let interval = Duration.seconds(5)
    /// How often the topics' limits are read: 300 s.
    static let limitInterval = Duration.seconds(300)

    private struct State {
        /// Why topics could not be created, at the last attempt.
        var refusals: [String: KafkaTopicRefusal] = [:]
        /// Topics whose limit was told to be too small.
        var tooSmall: Set<String> = []
    }

    private let admin: KafkaAdmin
    private let definitions: [TopicDefinition]
    private let replication: Int
    private let producer: KafkaProducer?
    private let logger: Logger
    private let state = Mutex(State())

    /// Makes a keeper; nothing is created yet.
    ///
    /// - Parameters:
    ///   - configuration: How to reach the cluster.
    ///   - definitions: The topics without which the service cannot do its next work.
    ///   - replication: How many replicas new topics get; -1 for the broker's default.
    ///   - producer: Told the smallest limit; not closed by the keeper.
    ///   - logger: Told what was created, what is missing, and limits that are too small.
    /// - Throws: `KafkaError` with code `configuration` when a property is wrong.
    package init(
        configuration: KafkaConfiguration,
        definitions: [TopicDefinition],
        replication: Int = -1,
        producer: KafkaProducer? = nil,
        logger: Logger
    ) throws(KafkaError) {
        self.admin = try KafkaAdmin(configuration: configuration, logger: logger)
        self.definitions = definitions
        self.replication = replication
        self.producer = producer
        self.logger = logger
    }

    /// Waits until a broker has answered and what could be created is there. Consumers that start later find their topics.
    ///
    /// - Returns: Early when the service stops.
    package func prepare() async {
        var attempt = 0
        while !Self.isStopping, !(await self.keep()) {
            attempt += 1
            await Self.pause(for: .milliseconds(250 * min(attempt, 8)))
        }
    }

    /// Looks again and again, until a graceful stop or cancellation.
    package func run() async {
        var nextLimits = ContinuousClock.now
        while !Self.isStopping {
            let hasAnswered = await self.keep()
            if hasAnswered, ContinuousClock.now >= nextLimits {
                nextLimits = .now + (await self.compareLimits() ? Self.limitInterval : Self.interval)
            }
            await Self.pause(for: Self.interval)
        }
        await self.admin.close()
    }

    /// What is missing, for a readiness check; nil when every topic is there. Asks a broker, for at most 2 s.
    package func fault() async -> String? {
        do throws(KafkaError) {
            let existing = try await self.admin.topics(timeout: .seconds(2))
            let missing = self.definitions.map(\.name).filter { existing[$0] == nil }
            guard let first = missing.first else { return nil }
            let refusals = self.state.withLock { $0.refusals }
            let reason = missing.compactMap { refusals[$0] }.first?.description ?? "it is about to be created"
            let names = missing.joined(separator: ", ")
            return missing.count == 1
                ? "the topic \(first) is missing: \(reason)" : "topics are missing (\(names)): \(reason)"
        } catch {
            return Self.sentence(for: error)
        }
    }

    /// Says why Kafka cannot be used.
    ///
    /// - Parameter error: What a request has met.
    /// - Returns: A sentence without secrets that tells refused credentials from a broker that is away.
    package static func sentence(for error: KafkaError) -> String {
        switch error.code {
        case .authentication: "authentication failed: \(error.message)"
        case .authorization: "authorization failed: \(error.message)"
        case .transport, .timedOut: "no broker answers: \(error.message)"
        default: "\(error)"
        }
    }

    // MARK: - Creating

    private static var isStopping: Bool { Task.isCancelled || Task.isShuttingDownGracefully }

    private static func pause(for duration: Duration) async {
        try? await cancelWhenGracefulShutdown { try await Task.sleep(for: duration) }
    }

    /// Creates what is missing.
    ///
    /// - Returns: Whether a broker has answered.
    private func keep() async -> Bool {
        do throws(KafkaError) {
            let provisioner = KafkaTopicProvisioner(
                admin: self.admin,
                replication: self.replication,
                logger: self.logger
            )
            let refusals = try await provisioner.provision(self.definitions, timeout: .seconds(5))
            let before = self.state.withLock { state in
                defer { state.refusals = refusals }
                return state.refusals
            }
            for (topic, refusal) in refusals.sorted(by: { $0.key < $1.key }) where before[topic] != refusal {
                self.logger.warning(
                    "Topic is missing and cannot be created",
                    metadata: ["\(LogKey.topic)": "\(topic)", "reason": "\(refusal)"]
                )
            }
            return true
        } catch {
            self.logger.warning(
                "Kafka does not answer yet",
                metadata: ["\(LogKey.error)": "\(Self.sentence(for: error))"]
            )
            return false
        }
    }

    // MARK: - Limits

    /// Reads what the topics take.
    ///
    /// - Returns: Whether that was told; it may be refused, and is asked for again then.
    private func compareLimits() async -> Bool {
        let names = self.definitions.map(\.name)
        let limits: [String: Int]
        do throws(KafkaError) {
            // Short, because the readiness check waits behind it for the same thread.
            limits = try await self.admin.maximumBatchBytes(of: names, timeout: .seconds(1))
        } catch {
            // Not every broker tells, and not to everybody. Batches that are too large are split when they are refused.
            self.logger.debug("Limits of topics cannot be read", metadata: ["\(LogKey.error)": "\(error)"])
            return true
        }
        for definition in self.definitions {
            guard let limit = limits[definition.name] else { continue }
            self.report(limit, of: definition)
        }
        if let smallest = limits.values.min() {
            // The limit is for a batch with its framing.
            self.producer?.limitBatches(to: max(1, smallest - min(512, smallest / 4)))
        }
        return limits.count == names.count
    }

    private func report(_ limit: Int, of definition: TopicDefinition) {
        let isTooSmall = limit < definition.largestRecordBytes
        let dimensions = [("topic", definition.name)]
        Gauge(label: "longshore_kafka_topic_limit_bytes", dimensions: dimensions).record(limit)
        Gauge(label: "longshore_kafka_topic_limit_too_small", dimensions: dimensions).record(isTooSmall ? 1 : 0)
        let isNew = self.state.withLock { state in
            isTooSmall ? state.tooSmall.insert(definition.name).inserted : state.tooSmall.remove(definition.name) != nil
        }
        guard isNew, isTooSmall else { return }
        self.logger.warning(
            "Topic takes smaller records than may be sent to it; raise its max.message.bytes",
            metadata: [
                "\(LogKey.topic)": "\(definition.name)", "limitBytes": "\(limit)",
                "neededBytes": "\(definition.largestRecordBytes)",
            ]
        )
    }
}
