import Curl
import ExecutorService
import LongshoreDomain
import ServiceRuntime
import Testing

@testable import longshore

@Suite("The executor's settings") struct ExecutorSettingsTests {
    private func configuration(_ values: [String: String] = [:]) throws -> ExecutorConfiguration {
        let keys = ExecutorCommand.keys
        let known = Dictionary(uniqueKeysWithValues: keys.map { ($0.name, $0) })
        var settings: [SettingKey: String] = [:]
        for (name, value) in values.merging(["kafka-bootstrap-servers": "127.0.0.1:9092"], uniquingKeysWith: { $1 }) {
            settings[try #require(known[name])] = value
        }
        return try ExecutorSettings.configuration(Settings(values: settings, keys: keys), environment: [:])
    }

    private func verdict(_ policy: AddressPolicy, _ address: String) throws -> AddressPolicy.Verdict {
        policy.verdict(for: try #require(IPAddress(address)))
    }

    @Test("let registries be anywhere but where clouds serve credentials")
    func defaults() throws {
        let policy = try configuration().registryAddresses
        #expect(policy == ExecutorConfiguration(identity: "one", kafka: try configuration().kafka).registryAddresses)
        for address in ["8.8.8.8", "10.1.2.3", "127.0.0.1", "::1", "fd00::1", "64:ff9b::808:808"] {
            #expect(try verdict(policy, address) == .allowed, "\(address)")
        }
        for address in ["169.254.169.254", "fe80::1", "168.63.129.16", "64:ff9b::a9fe:a9fe"] {
            #expect(try verdict(policy, address) == .refused(.linkLocal), "\(address)")
        }
    }

    @Test("let no network around it open a cloud's metadata service")
    func metadata() throws {
        for networks in ["", "100.64.0.0/10, fd00::/8, 169.254.0.0/16, 192.0.0.0/24", "0.0.0.0/0, ::/0"] {
            let policy = try configuration(["registry-allowed-networks": networks]).registryAddresses
            for service in CloudMetadata.services {
                let block = try #require(CIDR(service.address), "\(service.address)")
                #expect(policy.verdict(for: block.address) == .refused(.linkLocal), "\(service) \(networks)")
            }
        }
        let policy = try configuration(["registry-allowed-networks": "100.100.100.200"]).registryAddresses
        #expect(try verdict(policy, "100.100.100.200") == .allowed)
    }

    @Test("take networks away from registries and give others")
    func networks() throws {
        let policy = try configuration([
            "registry-allow-loopback": "false", "registry-allow-private": "false",
            "registry-allowed-networks": "10.1.0.0/16, 240.0.0.0/4", "registry-denied-networks": "10.1.2.0/24",
        ]).registryAddresses
        #expect(try verdict(policy, "127.0.0.1") == .refused(.loopback))
        #expect(try verdict(policy, "192.168.0.1") == .refused(.private))
        #expect(try verdict(policy, "10.1.1.1") == .allowed)
        #expect(try verdict(policy, "10.1.2.1") == .refused(.denied))
        #expect(try verdict(policy, "240.0.0.1") == .allowed)
    }

    @Test(
        "name the flag of a network that is none",
        arguments: ["registry-allowed-networks", "registry-denied-networks"]
    )
    func malformed(name: String) {
        let error = #expect(throws: SettingsError.self) { try configuration([name: "10.0.0.0/8,everywhere"]) }
        #expect(error?.description.contains("--\(name): “everywhere”") == true)
    }

    @Test("longshore dev lets webhooks go to this machine, and not to private networks")
    func devWebhooks() throws {
        let policy = DevParts.webhookAddresses
        #expect(policy.allowsLoopback)
        #expect(!policy.allowsPrivate)
    }

    private static let topicKeys = [
        SettingKeys.kafkaPartitions, SettingKeys.kafkaReplication, SettingKeys.kafkaRetention,
    ]

    /// A value of each key that is not its default.
    private static let others = [
        "cluster": "edge", "namespace": "pulls", "identity": "other", "plain-http-registries": "r.example:5000",
        "registry-allow-loopback": "false", "registry-allow-private": "false",
        "registry-allowed-networks": "240.0.0.0/4",
        "registry-denied-networks": "10.0.0.0/8", "helper-image": "h.example/busybox:1",
        "helper-image-secret": "helper",
        "puller-priority-class": "low",
        "image-volume-minor-version": "36", "registry-check-timeout-seconds": "3", "maximum-tasks": "7",
        "api-concurrency": "5", "scheduling-allowance-seconds": "11", "sweep-interval-seconds": "13",
        "lease-duration-seconds": "17", "secrets-need-project": "true", "kafka-partitions": "3",
        "kafka-replication": "3",
        "kafka-retention-days": "9",
    ]

    @Test("each change something of the executor", arguments: ExecutorSettings.keys + topicKeys)
    func effects(key: SettingKey) throws {
        func text(_ configuration: ExecutorConfiguration) -> String {
            var text = ""
            dump(configuration, to: &text)
            return text
        }
        let value = try #require(Self.others[key.name], "give a value of --\(key.name) that is not its default")
        let own = ["identity": "one"]
        #expect(text(try configuration(own)) == text(try configuration(own)))
        #expect(text(try configuration(own.merging([key.name: value]) { $1 })) != text(try configuration(own)))
    }
}
