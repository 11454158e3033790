import FoundationEssentials
import IntakeService
import Logging
import LongshoreMessages
import RDKafka
import ServiceRuntime

/// The broker of `longshore dev`: an embedded one, or one that was given.
struct DevBroker {
    let address: String
    private let mock: MockCluster?
    private let backlog: BrokerBacklog?
    private let cluster: String
    private let partitions: Int
    private let logger: Logger

    var isEmbedded: Bool { mock != nil }

    /// Starts the embedded broker with all topics, or takes the given one.
    static func start(
        address: String?,
        folder: String,
        cluster: String,
        partitions: Int,
        logger: Logger
    ) async throws -> DevBroker {
        if let address {
            try await makeTopics(at: address, cluster: cluster, partitions: partitions, logger: logger)
            return DevBroker(
                address: address,
                mock: nil,
                backlog: nil,
                cluster: cluster,
                partitions: partitions,
                logger: logger
            )
        }
        let mock = try MockCluster(brokers: 1)
        for topic in topics(cluster: cluster, partitions: partitions) {
            try mock.createTopic(topic.name, partitions: topic.partitions)
        }
        let backlog = BrokerBacklog(
            configuration: KafkaConfiguration(bootstrapServers: mock.bootstrapServers),
            path: "\(folder)/kafka-backlog.jsonl",
            logger: logger
        )
        try await backlog.restore()
        return DevBroker(
            address: mock.bootstrapServers,
            mock: mock,
            backlog: backlog,
            cluster: cluster,
            partitions: partitions,
            logger: logger
        )
    }

    func configuration(clientID: String) -> KafkaConfiguration {
        KafkaConfiguration(bootstrapServers: address, clientID: clientID)
    }

    /// Everything is on one machine, so a member that is silent for six seconds is gone; the mock cluster makes a group wait that
    /// long at each change of its members.
    var consumerOptions: KafkaConsumer.Options {
        var options = KafkaConsumer.Options()
        options.sessionTimeout = .seconds(6)
        options.heartbeatInterval = .seconds(1)
        // The mock does not wake a waiting fetch when a record comes.
        options.fetchWaitMaximum = .milliseconds(isEmbedded ? 20 : 100)
        return options
    }

    /// Ends the embedded broker; what somebody has not read yet is written down for the next start.
    func stop() async {
        guard let mock, let backlog else { return }
        let taskTopics = Topics.tasks(cluster: cluster)
        do {
            try await backlog.save(
                readers: [
                    .init(group: "longshore.executor.\(cluster)", topics: taskTopics),
                    .init(group: IntakeService.requestsGroup, topics: [Topics.requests]),
                    .init(group: "longshore.projector", topics: taskTopics + [Topics.events]),
                    .init(group: "longshore.notifier", topics: [Topics.events]),
                ],
                partitions: partitions
            )
        } catch {
            logger.error(
                "What the embedded broker held could not be written down",
                metadata: [LogKey.error: "\(error)"]
            )
        }
        mock.close()
    }

    /// Makes the topics on a broker that was given. One that can have none is of no use, and waiting does not make it so.
    private static func makeTopics(
        at address: String,
        cluster: String,
        partitions: Int,
        logger: Logger
    ) async throws {
        let admin = try KafkaAdmin(configuration: KafkaConfiguration(bootstrapServers: address), logger: logger)
        let provisioner = KafkaTopicProvisioner(admin: admin, logger: logger)
        let refusals: [String: KafkaTopicRefusal]
        do throws(KafkaError) {
            refusals = try await provisioner.provision(topics(cluster: cluster, partitions: partitions))
        } catch {
            await admin.close()
            throw DevError("--kafka \(address): \(KafkaTopicKeeper.sentence(for: error))")
        }
        await admin.close()
        if let (topic, refusal) = refusals.sorted(by: { $0.key < $1.key }).first(where: { $1.isBrokerTooOld }) {
            throw DevError("--kafka \(address): the topic \(topic) is missing: \(refusal)")
        }
    }

    private static func topics(cluster: String, partitions: Int) -> [TopicDefinition] {
        Topics.shared(partitions: partitions) + Topics.definitions(cluster: cluster, partitions: partitions)
    }
}
