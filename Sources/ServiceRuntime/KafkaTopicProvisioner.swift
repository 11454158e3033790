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
    /// - Returns: The topics that are missing still: the broker refused them and has not made them itself.
    /// - Throws: `KafkaError` when no broker answers.
    @discardableResult
    package func provision(
        _ definitions: [TopicDefinition],
        timeout: Duration = .seconds(15)
    ) async throws(KafkaError) -> [String] {
        let existing = try await self.admin.topics(timeout: timeout)
        let missing = definitions.filter { existing[$0.name] == nil }
        for definition in definitions {
            guard let partitions = existing[definition.name], partitions != definition.partitions else { continue }
            self.logger.info(
                "Topic has another number of partitions than configured",
                metadata: ["\(LogKey.topic)": "\(definition.name)", "partitions": "\(partitions)"]
            )
        }
        guard !missing.isEmpty else { return [] }
        await self.create(missing, timeout: timeout)
        let now = try await self.admin.topics(timeout: timeout)
        let refused = missing.map(\.name).filter { now[$0] == nil }
        for definition in missing where now[definition.name] != nil {
            self.logger.info("Topic created", metadata: ["\(LogKey.topic)": "\(definition.name)"])
        }
        if !refused.isEmpty {
            self.logger.warning(
                "Topics are missing; the broker must create them by itself, or an administrator",
                metadata: ["topics": "\(refused.joined(separator: " "))"]
            )
        }
        return refused
    }

    /// Asks for all at once: a broker that does not answer such requests costs one time-out.
    private func create(_ definitions: [TopicDefinition], timeout: Duration) async {
        let topics = definitions.map {
            KafkaAdmin.NewTopic(
                name: $0.name,
                partitions: $0.partitions,
                replication: self.replication,
                config: $0.configuration
            )
        }
        do {
            try await self.admin.createTopics(topics, timeout: timeout)
        } catch {
            self.logger.warning("Topics could not be created", metadata: ["\(LogKey.error)": "\(error)"])
        }
    }
}
