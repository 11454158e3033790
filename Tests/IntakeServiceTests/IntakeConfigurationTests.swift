import LongshoreMessages
import ServiceRuntime
import Testing
import WireFormats

@testable import IntakeService

struct IntakeConfigurationTests {
    private let keys = SettingKeys.common + SettingKeys.kafka + SettingKeys.postgres + IntakeConfiguration.keys

    private func read(_ arguments: [String]) async throws -> IntakeConfiguration {
        // Any file that is not empty: what is in it is read by the service, not with its settings.
        let file = arguments.contains("--auth-file") ? [] : ["--auth-file", #filePath]
        let required = file + ["--kafka-bootstrap-servers", "k:9092"]
        let settings = try await Settings(
            keys: keys,
            arguments: required + arguments,
            environment: ["LONGSHORE_POSTGRES_URL": "postgres://x"]
        )
        return try IntakeConfiguration(settings: settings)
    }

    @Test
    func `Defaults are those of the type`() async throws {
        let read = try await read([])
        let plain = IntakeConfiguration(tokenFile: "/tokens")
        #expect(read.host == plain.host)
        #expect(read.port == plain.port)
        #expect(read.clusters == plain.clusters)
        #expect(read.requestsPerSecond == plain.requestsPerSecond)
        #expect(read.maximumEventStreams == plain.maximumEventStreams)
        #expect(read.maximumEventStreamsPerToken == plain.maximumEventStreamsPerToken)
        #expect(read.retentionDays == plain.retentionDays)
        #expect(read.partitions == plain.partitions)
        #expect(read.replication == plain.replication)
        #expect(read.kafkaProjects == nil)
        #expect(!read.migratesAtStart && !read.allowsPlaintextCredentials)
        #expect(read.takesPlaintextCredentials)
    }

    @Test
    func `Every key has its effect`() async throws {
        let pair = SealingKeyPair.generate()
        let read = try await read([
            "--listen", "[::]:9999", "--clusters", "a, b", "--kafka-projects", "x,y", "--requests-per-second", "7",
            "--event-streams", "8", "--event-streams-per-token", "4", "--retention-days", "9", "--migrate-at-start",
            "true",
            "--allow-plaintext-credentials", "yes", "--kafka-replication", "3", "--kafka-partitions", "6",
            "--sealing-public-keys", "a=\(pair.keyID):\(Base64.encode(pair.publicKey))",
        ])
        #expect(read.host == "::")
        #expect(read.port == 9_999)
        #expect(read.clusters == ["a", "b"])
        #expect(read.kafkaProjects == ["x", "y"])
        #expect(read.requestsPerSecond == 7)
        #expect(read.maximumEventStreams == 8)
        #expect(read.maximumEventStreamsPerToken == 4)
        #expect(read.retentionDays == 9)
        #expect(read.replication == 3)
        #expect(read.partitions == 6)
        #expect(read.migratesAtStart && read.allowsPlaintextCredentials && read.takesPlaintextCredentials)
        #expect(read.pinnedKeys.map(\.keyID) == [pair.keyID])
    }

    private static let topicKeys = [
        SettingKeys.kafkaPartitions, SettingKeys.kafkaReplication, SettingKeys.kafkaRetention,
    ]

    @Test(arguments: IntakeConfiguration.keys + topicKeys)
    func `No key changes nothing`(key: SettingKey) async throws {
        let pair = SealingKeyPair.generate()
        let others = [
            "listen": "127.0.0.1:9", "auth-file": #filePath.replacing("IntakeConfigurationTests", with: "Intake"),
            "allow-plaintext-credentials": "true", "clusters": "a",
            "sealing-public-keys": "a=\(pair.keyID):\(Base64.encode(pair.publicKey))", "kafka-projects": "x",
            "requests-per-second": "7", "max-connections": "9", "event-streams": "8", "event-streams-per-token": "4",
            "retention-days": "9", "task-silence-seconds": "6", "migrate-at-start": "true",
            "kafka-partitions": "3", "kafka-replication": "3", "kafka-retention-days": "9",
        ]
        func text(_ arguments: [String]) async throws -> String {
            var text = ""
            dump(try await read(arguments), to: &text)
            return text
        }
        let value = try #require(others[key.name], "give a value of --\(key.name) that is not its default")
        #expect(try await text([]) == text([]))
        #expect(try await text(["--\(key.name)", value]) != text([]))
    }

    @Test(arguments: [
        ["--listen", "nowhere"], ["--retention-days", "0"], ["--kafka-replication", "0"], ["--kafka-replication", "x"],
        ["--sealing-public-keys", "a=b"], ["--sealing-public-keys", "a=b:AAAA"], ["--migrate-at-start", "perhaps"],
    ])
    func `What is malformed is named`(arguments: [String]) async throws {
        let error = await #expect(throws: SettingsError.self) { try await read(arguments) }
        #expect(error?.description.contains(arguments[0]) == true)
    }

    @Test(arguments: [
        ("127.0.0.1", true), ("127.8.8.8", true), ("localhost", true), ("::1", true), ("0.0.0.0", false), ("::", false),
        ("10.0.0.1", false), ("localhost.example.com", false),
    ])
    func `Only loopback takes secrets without being told to`(host: String, takes: Bool) {
        var configuration = IntakeConfiguration(tokenFile: "")
        configuration.host = host
        #expect(configuration.takesPlaintextCredentials == takes)
        configuration.allowsPlaintextCredentials = true
        #expect(configuration.takesPlaintextCredentials)
    }
}

struct SealingKeysTests {
    private func announcement(_ cluster: String, _ pairs: [(SealingKeyPair, Int64)]) -> ClusterAnnouncement {
        ClusterAnnouncement(
            cluster: cluster,
            keys: pairs.map {
                AnnouncedKey(keyID: $0.keyID, publicKey: $0.publicKey, createdAt: Timestamp(secondsSinceEpoch: $1))
            },
            executors: [],
            version: "1",
            heartbeatAt: Timestamp(secondsSinceEpoch: 5)
        )
    }

    @Test
    func `The newest announced key seals, unless the operator has pinned one`() throws {
        let (old, new, pinned) = (SealingKeyPair.generate(), SealingKeyPair.generate(), SealingKeyPair.generate())
        let pin = try #require(PinnedKey(parsing: "vault=\(pinned.keyID):\(Base64.encode(pinned.publicKey))"))
        let keys = SealingKeys(clusters: ["default"], pinned: [pin])
        #expect(keys.sealer(for: "default") == nil)
        keys.apply(announcement("default", [(old, 1), (new, 2)]), cluster: "default")
        keys.apply(announcement("vault", [(new, 2)]), cluster: "vault")
        #expect(keys.sealer(for: "default")?.keyID == new.keyID)
        #expect(keys.sealer(for: "vault")?.keyID == pinned.keyID)
        #expect(keys.json.map { $0["keys"]?[0]?["keyId"]?.string } == [new.keyID, pinned.keyID])
    }

    @Test
    func `Whether a cluster exists is open until the announcements have been read`() {
        let keys = SealingKeys(clusters: ["default"], pinned: [])
        #expect(keys.isKnown("default") == true)
        #expect(keys.isKnown("edge") == nil)
        keys.markComplete()
        #expect(keys.isKnown("edge") == false)
        keys.apply(announcement("edge", []), cluster: "edge")
        #expect(keys.isKnown("edge") == true)
        keys.apply(nil, cluster: "edge")
        #expect(keys.isKnown("edge") == false)
    }
}
