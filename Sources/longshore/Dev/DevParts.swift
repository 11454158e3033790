import Curl
import ExecutorService
import KubernetesAPI
import LibPQ
import Logging
import NotifierService
import Redaction
import ServiceRuntime

/// Makes the services that `longshore dev` runs on its cluster.
struct DevParts: Sendable {
    let options: DevCommand
    let broker: DevBroker
    let cluster: DevCluster
    let pool: PQPool
    let logger: @Sendable (String) -> Logger
    let readiness: Readiness

    /// Where webhooks may go: to this machine too, for that is where a developer's receivers are, and not to private networks.
    static var webhookAddresses: AddressPolicy {
        var policy = NotifierConfiguration().addressPolicy
        policy.allowsLoopback = true
        return policy
    }

    /// The notifier.
    func makeNotifier(client: KubernetesClient) throws -> NotifierService {
        var configuration = NotifierConfiguration()
        configuration.addressPolicy = Self.webhookAddresses
        configuration.topicPartitions = DevEnvironment.partitions
        let notifier = try NotifierService(
            configuration: configuration,
            dependencies: .init(
                kafka: broker.configuration(clientID: "longshore-notifier"),
                consumerOptions: broker.consumerOptions,
                database: pool,
                kubernetes: client,
                logger: logger("notifier")
            )
        )
        notifier.addChecks(to: readiness)
        return notifier
    }

    /// One of the executors; each has a client of its own, as each would in a process of its own.
    func makeExecutor(index: Int) throws -> ExecutorService {
        let name = "dev-\(index + 1)"
        var configuration = ExecutorConfiguration(
            identity: name,
            kafka: broker.configuration(clientID: "longshore-executor-\(name)")
        )
        configuration.cluster = DevEnvironment.cluster
        configuration.namespace = DevEnvironment.namespace
        configuration.consumerOptions = broker.consumerOptions
        // One of the manifests that the cluster was given at the start.
        configuration.priorityClassName = "longshore-puller"
        configuration.topicPartitions = DevEnvironment.partitions
        if let helperImage = options.helperImage { configuration.helperImage = helperImage }
        // The simulator's nodes have it from the start.
        if options.kubeconfig == nil { configuration.helperCheckInterval = nil }
        let executor = try ExecutorService(
            configuration: configuration,
            client: try cluster.makeClient(observer: ExecutorMetrics.record),
            logger: logger("executor")
        )
        for (check, body) in executor.checks { readiness.add("executor-\(index + 1)/\(check)", body) }
        return executor
    }

    /// The secret that webhooks of the project `default` are signed with, for the ready file.
    func webhookSecret(client: KubernetesClient) async throws -> String {
        let secrets = SigningSecrets(
            client: client,
            namespace: NotifierConfiguration().namespace,
            logger: logger("notifier")
        )
        guard let newest = try await secrets.secrets(project: "default").first else {
            throw DevError("The project “default” has no signing secret")
        }
        return newest.text.exposeUTF8() ?? ""
    }
}
