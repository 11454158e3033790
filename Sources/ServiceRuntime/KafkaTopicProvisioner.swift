package import Logging
package import LongshoreMessages
package import RDKafka

/// Creates the topics that are missing.
///
/// Brokers differ: some create topics by themselves, some let only an administrator do it. So a refusal is no failure
/// as long as the topics are there in the end.
package struct KafkaTopicProvisioner: Sendable {
    private let admin: KafkaAdmin
    private let logger: Logger
    private let replication: Int

    /// Makes a provisioner.
    ///
    /// - Parameters:
    ///   - admin: Not closed by the provisioner.
    ///   - replication: How many replicas; -1 for the broker's default.
    ///   - logger: Told what was created and what was refused.
    package init(admin: KafkaAdmin, replication: Int = -1, logger: Logger) {
        self.admin = admin
        self.replication = replication
        self.logger = logger
    }

    /// Creates what is missing.
    ///
    /// - Parameters:
    ///   - definitions: The topics that are needed. A topic that exists keeps its partitions and settings.
    ///   - timeout: How long to wait for each request.
    /// - Returns: Why not, for each topic that is missing still: the broker refused it and has not made it itself.
    /// - Throws: `KafkaError` when no broker answers.
    @discardableResult
    package func provision(
        _ definitions: [TopicDefinition],
        timeout: Duration = .seconds(15)
    ) async throws(KafkaError) -> [String: KafkaTopicRefusal] {
        let existing = try await self.admin.topics(timeout: timeout)
        let missing = definitions.filter { existing[$0.name] == nil }
        guard !missing.isEmpty else { return [:] }
        let failures = await self.create(missing, timeout: timeout)
        let now = try await self.admin.topics(timeout: timeout)
        for definition in missing where now[definition.name] != nil {
            self.logger.info("Topic created", metadata: ["\(LogKey.topic)": "\(definition.name)"])
        }
        var refused: [String: KafkaTopicRefusal] = [:]
        for definition in missing where now[definition.name] == nil {
            refused[definition.name] = KafkaTopicRefusal(failures[definition.name], replication: self.replication)
        }
        return refused
    }

    /// Asks for all at once: a broker that does not answer such requests costs one time-out.
    private func create(_ definitions: [TopicDefinition], timeout: Duration) async -> [String: KafkaError] {
        let topics = definitions.map {
            KafkaAdmin.NewTopic(
                name: $0.name,
                partitions: $0.partitions,
                replication: self.replication,
                config: $0.configuration
            )
        }
        do throws(KafkaError) {
            return try await self.admin.createTopics(topics, timeout: timeout)
        } catch {
            return Dictionary(uniqueKeysWithValues: definitions.map { ($0.name, error) })
        }
    }
}

/// Why a topic could not be created.
package struct KafkaTopicRefusal: Sendable, Hashable, CustomStringConvertible {
    /// The oldest brokers that create topics with their own default replication (KIP-464).
    package static let oldestBroker = "Kafka 2.4"

    /// The sentence for people.
    package let description: String
    /// Whether the broker is older than ``oldestBroker``.
    package let isBrokerTooOld: Bool

    /// Reads what a broker has answered.
    ///
    /// - Parameters:
    ///   - error: The answer; nil when the broker claims to have created the topic.
    ///   - replication: The replication that was asked for; -1 for the broker's default.
    init(_ error: KafkaError?, replication: Int) {
        // Kafka's INVALID_REPLICATION_FACTOR: before 2.4 a broker takes -1 for a number of replicas.
        let invalidReplication: Int32 = 38
        let asksForDefault = replication < 0
        isBrokerTooOld =
            asksForDefault && (error?.code == .unsupported || error?.libraryCode == invalidReplication)
        description =
            switch error?.code {
            case nil: "the broker has accepted its creation and does not list it yet"
            case .some where isBrokerTooOld:
                "the broker cannot create topics with its default replication (KIP-464); use \(Self.oldestBroker) or later"
            case .authorization?:
                "not allowed to create it (topic authorization failed); give the right Create, or create it yourself"
            case .some: "it cannot be created: \(error?.message ?? "")"
            }
    }
}
