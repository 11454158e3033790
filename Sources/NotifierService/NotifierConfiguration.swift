package import Curl
package import LongshoreDomain
import LongshoreMessages
package import ServiceRuntime
import WireFormats

/// How the notifier works.
package struct NotifierConfiguration: Sendable {
    /// The name under which it leases deliveries; unique among notifiers.
    package var identity: String
    /// The consumer group. Default `longshore.notifier`.
    package var consumerGroup: String
    /// The namespace of the signing Secrets. Default `longshore-webhooks`.
    package var namespace: String
    /// Which addresses receivers may have. Default: the public internet only.
    package var addressPolicy: AddressPolicy
    /// How receivers' names are resolved. Default: the system's resolver.
    package var nameLookup: NameLookup
    /// A file of PEM certificates to trust instead of the system's, for receivers with a private authority.
    package var caBundlePath: String?
    /// The most requests in flight in this process. Default 128.
    package var maximumInFlight: Int
    /// The most requests in flight to one host, counted over all notifiers. Default 8.
    package var maximumInFlightPerHost: Int
    /// The longest time for one request, from name resolution to the last byte of the answer. Default 15 s.
    package var requestTimeout: Duration
    /// How long a delivery belongs to the notifier that sends it; raised to twice ``requestTimeout`` when it is shorter, for
    /// else two notifiers would send at the same time. Default 30 s.
    package var lease: Duration
    /// How often due deliveries are looked for when nothing else gives a sign. Default 1 s.
    package var pollInterval: Duration
    /// How long an event waits for the row of a task that is not there yet. Default 30 s.
    package var lookupPatience: Duration
    /// How much of an answer is kept, in bytes. Default 16 KiB.
    package var keptResponseBytes: Int
    /// When attempts follow each other.
    package var schedule: DeliverySchedule
    /// How long a graceful stop waits for requests in flight. Default 10 s.
    package var drainTimeout: Duration
    /// The partitions and replicas of the events topic, should the notifier be the first to need it.
    package var topicPartitions: Int
    /// -1 takes the broker's default.
    package var topicReplication: Int
    /// How long that topic keeps events. Default 7 days.
    package var topicRetention: Duration

    /// A configuration with the defaults.
    package init(identity: String = NotifierConfiguration.randomIdentity()) {
        self.identity = identity
        consumerGroup = "longshore.notifier"
        namespace = "longshore-webhooks"
        addressPolicy = AddressPolicy(metadata: CloudMetadata.services.compactMap { CIDR($0.address) })
        nameLookup = .system
        caBundlePath = nil
        maximumInFlight = 128
        maximumInFlightPerHost = 8
        requestTimeout = .seconds(15)
        lease = .seconds(30)
        pollInterval = .seconds(1)
        lookupPatience = .seconds(30)
        keptResponseBytes = 16 << 10
        schedule = .standard
        drainTimeout = .seconds(10)
        topicPartitions = 12
        topicReplication = -1
        topicRetention = Topics.defaultRetention
    }

    /// Reads the configuration; the keys are ``ServiceRuntime/SettingKeys/notifier``.
    /// - Throws: `SettingsError` naming the key that is malformed.
    package init(settings: Settings) throws(SettingsError) {
        self.init()
        namespace = try settings.required(SettingKeys.webhookNamespace)
        addressPolicy.allowsLoopback = try settings.bool(SettingKeys.webhookAllowLoopback)
        addressPolicy.allowsPrivate = try settings.bool(SettingKeys.webhookAllowPrivate)
        let network = "network such as 10.1.0.0/16"
        addressPolicy.allowed = try settings.list(SettingKeys.webhookAllowedNetworks, of: network, CIDR.init)
        addressPolicy.denied = try settings.list(SettingKeys.webhookDeniedNetworks, of: network, CIDR.init)
        caBundlePath = settings.text(SettingKeys.webhookCAFile)
        maximumInFlight = try settings.integer(SettingKeys.webhookConcurrency, in: 1...10_000)
        maximumInFlightPerHost = try settings.integer(SettingKeys.webhookConcurrencyPerHost, in: 1...1_000)
        topicPartitions = try settings.integer(SettingKeys.kafkaPartitions, in: 1...10_000)
        topicRetention = .seconds(try settings.integer(SettingKeys.kafkaRetention, in: 1...3_650) * 86_400)
        topicReplication = try settings.integer(SettingKeys.kafkaReplication, in: -1...1_000)
    }

    /// A name that no other process has.
    package static func randomIdentity() -> String {
        var generator = SystemRandomNumberGenerator()
        return "notifier-" + Hex.encode((0..<8).map { _ in UInt8.random(in: 0...255, using: &generator) })
    }
}

extension SettingKeys {
    /// The notifier's own keys.
    package static let notifier: [SettingKey] = [
        webhookNamespace, webhookAllowLoopback, webhookAllowPrivate, webhookAllowedNetworks, webhookDeniedNetworks,
        webhookCAFile, webhookConcurrency, webhookConcurrencyPerHost,
    ]
    /// Where signing Secrets are.
    package static let webhookNamespace = SettingKey(
        "webhook-namespace",
        form: "NAME",
        "namespace of the Secrets that webhooks are signed with",
        default: "longshore-webhooks"
    )
    /// Whether receivers on this machine are allowed.
    package static let webhookAllowLoopback = SettingKey(
        "webhook-allow-loopback",
        form: "true|false",
        "whether webhooks may go to this machine itself",
        default: "false"
    )
    /// Whether receivers in private networks are allowed.
    package static let webhookAllowPrivate = SettingKey(
        "webhook-allow-private",
        form: "true|false",
        "whether webhooks may go to private networks (RFC 1918, RFC 6598, RFC 4193)",
        default: "false"
    )
    /// Networks that are allowed whatever they are.
    package static let webhookAllowedNetworks = SettingKey(
        "webhook-allowed-networks",
        form: "CIDR,…",
        "networks that webhooks may go to although they are not public",
        default: ""
    )
    /// Networks that are never allowed.
    package static let webhookDeniedNetworks = SettingKey(
        "webhook-denied-networks",
        form: "CIDR,…",
        "networks that webhooks must never go to; stronger than every other setting",
        default: ""
    )
    /// Certificates to trust.
    package static let webhookCAFile = SettingKey(
        "webhook-ca-file",
        form: "PATH",
        "PEM file of the authorities to trust for receivers, instead of the system's"
    )
    /// Requests in flight.
    package static let webhookConcurrency = SettingKey(
        "webhook-concurrency",
        form: "COUNT",
        "most webhook requests in flight",
        default: "128"
    )
    /// Requests in flight to one host.
    package static let webhookConcurrencyPerHost = SettingKey(
        "webhook-concurrency-per-host",
        form: "COUNT",
        "most webhook requests in flight to one host, over all notifiers",
        default: "8"
    )
}
