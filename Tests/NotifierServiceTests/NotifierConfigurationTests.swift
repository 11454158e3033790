import Curl
import LongshoreDomain
import NotifierService
import ServiceRuntime
import Testing

@Suite("The notifier's configuration")
struct NotifierConfigurationTests {
    private static let keys = SettingKeys.common + SettingKeys.kafka + SettingKeys.notifier

    @Test("sends to the public internet only unless told otherwise")
    func defaults() throws {
        let configuration = try NotifierConfiguration(settings: Settings(values: [:], keys: Self.keys))
        #expect(configuration.addressPolicy == NotifierConfiguration().addressPolicy)
        for address in ["127.0.0.1", "10.0.0.1", "fd00::1", "169.254.1.1", "0.0.0.0"] {
            #expect(configuration.addressPolicy.verdict(for: IPAddress(address)!) != .allowed, "\(address)")
        }
        #expect(configuration.namespace == "longshore-webhooks")
        #expect(configuration.maximumInFlightPerHost == 8)
        #expect(configuration.requestTimeout == .seconds(15))
        #expect(configuration.lease >= configuration.requestTimeout + .seconds(5))
        #expect(configuration.keptResponseBytes == 16_384)
        #expect(NotifierConfiguration().identity != NotifierConfiguration().identity)
    }

    @Test("reads networks and limits")
    func reads() throws {
        let values: [SettingKey: String] = [
            SettingKeys.webhookAllowLoopback: "true", SettingKeys.webhookAllowedNetworks: "10.1.0.0/16, fd00::/8",
            SettingKeys.webhookDeniedNetworks: "10.1.2.0/24", SettingKeys.webhookConcurrency: "7",
        ]
        let configuration = try NotifierConfiguration(settings: Settings(values: values, keys: Self.keys))
        #expect(configuration.addressPolicy.allowsLoopback)
        #expect(!configuration.addressPolicy.allowsPrivate)
        #expect(configuration.addressPolicy.verdict(for: IPAddress("10.1.1.1")!) == .allowed)
        #expect(configuration.addressPolicy.verdict(for: IPAddress("10.1.2.1")!) != .allowed)
        #expect(configuration.addressPolicy.verdict(for: IPAddress("fd00::1")!) == .allowed)
        #expect(configuration.addressPolicy.verdict(for: IPAddress("10.2.1.1")!) != .allowed)
        #expect(configuration.maximumInFlight == 7)
    }

    @Test("lets no setting but an address of its own open a cloud's metadata service")
    func metadata() throws {
        let values: [SettingKey: String] = [
            SettingKeys.webhookAllowLoopback: "true", SettingKeys.webhookAllowPrivate: "true",
            SettingKeys.webhookAllowedNetworks: "0.0.0.0/0, ::/0",
        ]
        let configuration = try NotifierConfiguration(settings: Settings(values: values, keys: Self.keys))
        for service in CloudMetadata.services {
            let block = try #require(CIDR(service.address), "\(service.address)")
            #expect(configuration.addressPolicy.verdict(for: block.address) == .refused(.linkLocal), "\(service)")
        }
        #expect(configuration.addressPolicy.verdict(for: IPAddress("10.0.0.1")!) == .allowed)
    }

    @Test(
        "refuses what it cannot use",
        arguments: [
            (SettingKeys.webhookAllowedNetworks, "10.0.0.0/33"), (SettingKeys.webhookDeniedNetworks, "everything"),
            (SettingKeys.webhookConcurrency, "0"), (SettingKeys.webhookAllowLoopback, "perhaps"),
        ]
    )
    func refuses(key: SettingKey, value: String) {
        #expect(throws: SettingsError.self) {
            try NotifierConfiguration(settings: Settings(values: [key: value], keys: Self.keys))
        }
    }

    private static let topicKeys = [
        SettingKeys.kafkaPartitions, SettingKeys.kafkaReplication, SettingKeys.kafkaRetention,
    ]

    /// A value of each key that is not its default.
    private static let others = [
        "webhook-namespace": "hooks", "webhook-allow-loopback": "true", "webhook-allow-private": "true",
        "webhook-allowed-networks": "10.0.0.0/8", "webhook-denied-networks": "8.8.8.0/24", "webhook-ca-file": "/ca.pem",
        "webhook-concurrency": "7", "webhook-concurrency-per-host": "3", "kafka-partitions": "3",
        "kafka-replication": "3",
        "kafka-retention-days": "9",
    ]

    @Test("has no key that changes nothing", arguments: SettingKeys.notifier + topicKeys)
    func effects(key: SettingKey) throws {
        func text(_ values: [SettingKey: String]) throws -> String {
            var text = ""
            var configuration = try NotifierConfiguration(settings: Settings(values: values, keys: Self.keys))
            // Made anew for each notifier.
            configuration.identity = "one"
            dump(configuration, to: &text)
            return text
        }
        let value = try #require(Self.others[key.name], "give a value of --\(key.name) that is not its default")
        #expect(try text([:]) == text([:]))
        #expect(try text([key: value]) != text([:]))
    }
}
