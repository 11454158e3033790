import Curl
import ExecutorService
import FoundationEssentials
import LongshoreDomain
import RDKafka
import ServiceRuntime

/// The configuration keys of `longshore executor`, beside those that every service has.
enum ExecutorSettings {
    static let keys: [SettingKey] =
        [SettingKeys.cluster, SettingKeys.namespace, identity, SettingKeys.plainHTTPRegistries] + [
            allowLoopback, allowPrivate, allowedNetworks, deniedNetworks, helperImage, helperImageSecret, priorityClass,
            imageVolumeVersion, registryCheckTimeout, maximumTasks, apiConcurrency,
            schedulingAllowance, sweepInterval, leaseDuration, secretsNeedProject,
        ]

    /// The helper image where none is named.
    static let helperImageDefault = "docker.io/library/busybox:1.37.0-musl"
    /// The first minor version of Kubernetes 1.x whose image volumes are trusted where none is named.
    static let imageVolumeMinorDefault = 35

    private static let identity = SettingKey(
        "identity",
        form: "NAME",
        "name of this executor in its cluster; without it the Pod's name, elsewhere the host's with a random ending"
    )
    private static let allowLoopback = SettingKey(
        "registry-allow-loopback",
        form: "true|false",
        "whether registries may be on this machine itself",
        default: "true"
    )
    private static let allowPrivate = SettingKey(
        "registry-allow-private",
        form: "true|false",
        "whether registries may be in private networks (RFC 1918, RFC 6598, RFC 4193)",
        default: "true"
    )
    private static let allowedNetworks = SettingKey(
        "registry-allowed-networks",
        form: "CIDR,…",
        "networks where registries may be although they are set aside for something else",
        default: ""
    )
    private static let deniedNetworks = SettingKey(
        "registry-denied-networks",
        form: "CIDR,…",
        "networks where registries must never be; stronger than every other setting",
        default: ""
    )
    private static let helperImage = SettingKey(
        "helper-image",
        form: "IMAGE",
        "small image with a static /bin/busybox that puller Pods run; every node must be able to pull it",
        default: helperImageDefault
    )
    private static let helperImageSecret = SettingKey(
        "helper-image-secret",
        form: "NAME",
        "Secret in the executor's namespace with a credential for the helper image; it is offered for no other image, and no task may name it"
    )
    private static let priorityClass = SettingKey(
        "puller-priority-class",
        form: "NAME",
        "PriorityClass of puller Pods, low and without preemption; without it the cluster's default"
    )
    private static let imageVolumeVersion = SettingKey(
        "image-volume-minor-version",
        form: "NUMBER",
        "first minor version of Kubernetes 1.x whose nodes are given image volumes by the strategy auto",
        default: "\(imageVolumeMinorDefault)"
    )
    private static let registryCheckTimeout = SettingKey(
        "registry-check-timeout-seconds",
        form: "SECONDS",
        "longest time for one image's check against its registry",
        default: "20"
    )
    private static let maximumTasks = SettingKey(
        "maximum-tasks",
        form: "COUNT",
        "most tasks at once; beyond it tasks wait in Kafka, the lower priorities first",
        default: "200"
    )
    private static let apiConcurrency = SettingKey(
        "api-concurrency",
        form: "COUNT",
        "most requests for Jobs in flight to the Kubernetes API, over all tasks",
        default: "32"
    )
    private static let schedulingAllowance = SettingKey(
        "scheduling-allowance-seconds",
        form: "SECONDS",
        "how long a puller Pod may take until it is bound to its node",
        default: "120"
    )
    private static let sweepInterval = SettingKey(
        "sweep-interval-seconds",
        form: "SECONDS",
        "how often what is left over is looked for",
        default: "30"
    )

    private static let leaseDuration = SettingKey(
        "lease-duration-seconds",
        form: "SECONDS",
        "after how long without a sign of life an executor's tasks are taken over; it renews three times as often",
        default: "15"
    )

    private static let secretsNeedProject = SettingKey(
        "secrets-need-project",
        form: "BOOL",
        "tasks may name only Secrets that are labelled longshore.dev/project=<their project>, or list it in the annotation longshore.dev/projects; without it also those that name no project",
        default: "false"
    )

    /// Reads the configuration.
    ///
    /// - Parameters:
    ///   - settings: Made with ``keys`` among its keys.
    ///   - environment: The process's environment, for the Pod's name.
    /// - Returns: The executor's configuration.
    /// - Throws: `SettingsError` when a value is malformed.
    static func configuration(
        _ settings: Settings,
        environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws(SettingsError) -> ExecutorConfiguration {
        let name = settings.text(identity) ?? defaultIdentity(environment)
        var configuration = ExecutorConfiguration(
            identity: name,
            kafka: try KafkaSettings.configuration(settings, clientID: "longshore-executor-\(name)")
        )
        configuration.consumerOptions = try KafkaSettings.consumerOptions(settings)
        configuration.cluster = try self.name(settings, SettingKeys.cluster)
        configuration.namespace = try self.name(settings, SettingKeys.namespace)
        configuration.plainHTTPRegistries = settings.list(SettingKeys.plainHTTPRegistries)
        configuration.registryAddresses.allowsLoopback = try settings.bool(allowLoopback)
        configuration.registryAddresses.allowsPrivate = try settings.bool(allowPrivate)
        let network = "network such as 10.1.0.0/16"
        configuration.registryAddresses.allowed = try settings.list(allowedNetworks, of: network, CIDR.init)
        configuration.registryAddresses.denied = try settings.list(deniedNetworks, of: network, CIDR.init)
        configuration.helperImage = try image(settings)
        configuration.helperImageSecret = try secretName(settings)
        configuration.priorityClassName = settings.text(priorityClass)
        configuration.imageVolumeMinorVersion = try settings.integer(imageVolumeVersion, in: 31...1_000)
        configuration.registryCheckTimeout = try settings.seconds(registryCheckTimeout, in: 1...600)
        configuration.maximumTasks = try settings.integer(maximumTasks, in: 1...100_000)
        configuration.apiConcurrency = try settings.integer(apiConcurrency, in: 1...1_000)
        configuration.schedulingAllowance = try settings.seconds(schedulingAllowance, in: 1...86_400)
        configuration.leaseDuration = try settings.seconds(leaseDuration, in: 3...600)
        configuration.leaseRenewInterval = configuration.leaseDuration / 3
        configuration.sweepInterval = try settings.seconds(sweepInterval, in: 1...86_400)
        configuration.secretsNeedProject = try settings.bool(secretsNeedProject)
        configuration.topicReplication = try settings.integer(SettingKeys.kafkaReplication, in: -1...1_000)
        let days = try settings.integer(SettingKeys.kafkaRetention, in: 1...3_650)
        configuration.topicRetention = .seconds(days * 86_400)
        configuration.topicPartitions = try settings.integer(SettingKeys.kafkaPartitions, in: 1...10_000)
        return configuration
    }

    /// A Pod's name is unique and stays when its container is restarted, which then takes up its own tasks at once.
    private static func defaultIdentity(_ environment: [String: String]) -> String {
        let host = environment["HOSTNAME"] ?? ProcessInfo.processInfo.hostName
        if environment["KUBERNETES_SERVICE_HOST"] != nil { return host }
        return "\(host)-\(UUID().uuidString.lowercased().prefix(8))"
    }

    private static func name(_ settings: Settings, _ key: SettingKey) throws(SettingsError) -> String {
        let text = try settings.required(key)
        guard KubernetesNames.isLabel(text.utf8) else {
            try settings.report("\(key.flag): “\(text)” is not 1 to 63 lower-case letters, digits and '-'")
            return text
        }
        return text
    }

    private static func secretName(_ settings: Settings) throws(SettingsError) -> String? {
        guard let text = settings.text(helperImageSecret), !text.isEmpty else { return nil }
        guard KubernetesNames.isSubdomain(text) else {
            throw SettingsError(["\(helperImageSecret.flag): “\(text)” is no name that a Secret can have"])
        }
        return text
    }

    private static func image(_ settings: Settings) throws(SettingsError) -> String {
        let text = try settings.required(helperImage)
        do {
            return try ImageReference(parsing: text).canonical
        } catch {
            try settings.report("\(helperImage.flag): \(error.message)")
            return text
        }
    }
}
