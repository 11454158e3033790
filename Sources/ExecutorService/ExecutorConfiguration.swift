package import Curl
import LongshoreDomain
import LongshoreMessages
package import RDKafka
import ServiceRuntime

/// How an executor works. Each value is also a configuration key of the command.
package struct ExecutorConfiguration: Sendable {
    /// The executor's identity, unique among those of the cluster and the same as long as the process lives.
    package var identity: String
    /// The cluster's name in the fleet: which topics are read. Default `default`.
    package var cluster = "default"
    /// The namespace of PullTasks, Secrets, Jobs, Leases and the sealing keys. Default `longshore`.
    package var namespace = "longshore"
    /// How to reach Kafka.
    package var kafka: KafkaConfiguration
    /// How the consumer behaves.
    package var consumerOptions = KafkaConsumer.Options()
    /// How the consumer loop behaves; its topics are set by the executor.
    package var maximumBatch = 100
    /// The program's version, for the announcement.
    package var version = ProductVersion.text

    /// A small image with a static `/bin/busybox`, on which every puller Pod runs.
    package var helperImage = "docker.io/library/busybox:1.37.0-musl"
    /// A Secret in ``namespace`` with a credential for the helper image; `nil` when it needs none. Its credential is offered for the
    /// helper image alone.
    package var helperImageSecret: String?
    /// How often the helper image's registry is asked whether it is there; `nil` for never. Default 1 hour: Docker Hub counts
    /// each question as a pull.
    package var helperCheckInterval: Duration? = .seconds(3_600)
    /// The PriorityClass of puller Pods; `nil` for the cluster's default. It should be low and without preemption.
    package var priorityClassName: String?
    /// The first minor version of Kubernetes 1.x whose kubelets are asked for image volumes by `auto`. Default 35; 33 and 34
    /// need the feature gate.
    package var imageVolumeMinorVersion = 35
    /// Registries (`host[:port]`) spoken to without TLS, beside those on loopback.
    package var plainHTTPRegistries: [String] = []
    /// Which addresses registries, their token servers and the targets of their redirects may have. Default: public ones,
    /// private ones and this machine, which is where many registries are, but not link-local ones, where clouds serve
    /// credentials.
    package var registryAddresses = AddressPolicy(
        allowsLoopback: true,
        allowsPrivate: true,
        allowsTranslated: true,
        metadata: CloudMetadata.services.compactMap { CIDR($0.address) }
    )
    /// How registries' names are resolved. Default: the system's resolver.
    package var registryNameLookup = NameLookup.system
    /// Whether a Secret that names no project may be used by none. Default: it may be used by every project.
    package var secretsNeedProject = false
    /// The longest time for one image's check against its registry. Default 20 s.
    package var registryCheckTimeout: Duration = .seconds(20)

    /// The most tasks at once; beyond it they wait in Kafka, the lower priorities first. Default 200.
    package var maximumTasks = 200
    /// How long a slot may stay taken once its task has ended in the cluster; after that the executor is not ready and frees
    /// it. Default 60 s: what is left to do then are a few deletions, which take seconds, and a minute also with an API server
    /// that answers late or is away for a moment.
    package var slotTimeout: Duration = .seconds(60)
    /// The most requests to the API server in flight for Jobs, over all tasks. Default 32.
    package var apiConcurrency = 32
    /// From which age on a message whose PullTask is gone may be one of a topic that is read again, so that it is looked up
    /// whether its task has ended. Default 60 s; the task's own TTL where that is shorter, but not below 10 s.
    package var replayAge: Duration = .seconds(60)
    /// How often a running task's status is written at most. Default 1 s.
    package var statusInterval: Duration = .seconds(1)
    /// How long a Job's Pod may take until it is bound. Default 2 minutes.
    package var schedulingAllowance: Duration = .seconds(120)

    /// How long the executor's Lease holds without a renewal. Default 15 s.
    package var leaseDuration: Duration = .seconds(15)
    /// How often it is renewed. Default 5 s.
    package var leaseRenewInterval: Duration = .seconds(5)
    /// How often tasks without an owner are looked for. Default 1 s.
    package var claimInterval: Duration = .seconds(1)
    /// How often what is left over is looked for. Default 30 s.
    package var sweepInterval: Duration = .seconds(30)
    /// How often the cluster is announced. Default 30 s.
    package var heartbeatInterval: Duration = .seconds(30)
    /// How long a graceful stop waits for tasks to be released. Default 15 s.
    package var releaseTimeout: Duration = .seconds(15)
    /// Partitions of topics that are made. Default 12.
    package var topicPartitions = 12
    /// Replicas of topics that are made; -1, the default, leaves it to the broker.
    package var topicReplication = -1
    /// How long topics that are made keep task messages and events. Default 7 days.
    package var topicRetention = Topics.defaultRetention

    /// Makes a configuration with the defaults.
    ///
    /// - Parameters:
    ///   - identity: The executor's identity; characters that a Kubernetes name cannot hold are replaced.
    ///   - kafka: How to reach Kafka.
    package init(identity: String, kafka: KafkaConfiguration) {
        self.identity = Self.name(identity)
        self.kafka = kafka
    }

    /// The name of the executor's Lease.
    package var leaseName: String { "longshore-executor-\(identity)" }

    /// Makes a text fit to be part of a Kubernetes name: lower case, at most 200 characters.
    private static func name(_ text: String) -> String {
        let mapped = text.lowercased().map { character -> Character in
            character.isASCII && (character.isLetter || character.isNumber || character == "-") ? character : "-"
        }
        let trimmed = mapped.prefix(200).drop { $0 == "-" }.reversed().drop { $0 == "-" }.reversed()
        return trimmed.isEmpty ? "executor" : String(trimmed)
    }
}
