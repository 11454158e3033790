import FoundationEssentials
import Redaction
import Testing

@testable import ServiceRuntime

@Suite("Settings")
struct SettingsTests {
    private static let keys = [
        SettingKeys.kafkaBootstrapServers, SettingKeys.kafkaPartitions, SettingKeys.postgresURL, SettingKeys.namespace,
        SettingKeys.plainHTTPRegistries,
    ]
    private static let enough = [
        "LONGSHORE_KAFKA_BOOTSTRAP_SERVERS": "env:9092", "LONGSHORE_POSTGRES_URL": "postgres://env/db",
    ]

    private func temporaryFile(_ content: String) throws -> String {
        let path = "/tmp/longshore-settings-\(UInt64.random(in: 0...UInt64.max)).yaml"
        try Data(content.utf8).write(to: URL(filePath: path))
        return path
    }

    @Test("A flag wins over the environment, and the environment over the file")
    func precedence() async throws {
        let file = try temporaryFile("kafkaPartitions: 3\nnamespace: from-file\nkafkaBootstrapServers: file:9092\n")
        defer { try? FileManager.default.removeItem(atPath: file) }
        let settings = try await Settings(
            keys: Self.keys,
            arguments: ["--config", file, "--kafka-partitions=7"],
            environment: Self.enough.merging(["LONGSHORE_KAFKA_PARTITIONS": "5"]) { $1 }
        )
        #expect(try settings.integer(SettingKeys.kafkaPartitions) == 7)
        #expect(settings.text(SettingKeys.kafkaBootstrapServers) == "env:9092")
        #expect(settings.text(SettingKeys.namespace) == "from-file")
    }

    @Test("Addresses with commas stay whole, and lists are split")
    func commas() async throws {
        let settings = try await Settings(
            keys: Self.keys,
            arguments: ["--kafka-bootstrap-servers", "a:1,b:2", "--plain-http-registries", "r1:5000, r2"],
            environment: Self.enough
        )
        #expect(settings.text(SettingKeys.kafkaBootstrapServers) == "a:1,b:2")
        #expect(settings.list(SettingKeys.plainHTTPRegistries) == ["r1:5000", "r2"])
    }

    @Test("Every fault is reported at once, with a suggestion for a misspelt flag")
    func allFaults() async throws {
        await #expect {
            _ = try await Settings(
                keys: Self.keys,
                arguments: ["--kafka-partition", "3", "--postgres-url", "postgres://u:pw@h/db"],
                environment: [:]
            )
        } throws: { error in
            let text = "\(error)"
            return text.contains("did you mean --kafka-partitions") && text.contains("--postgres-url is a secret")
                && text.contains("--kafka-bootstrap-servers is required") && !text.contains("pw@h")
        }
    }

    @Test("A secret comes from a file without its line feed, and is not printed")
    func secretFile() async throws {
        let file = try temporaryFile("postgres://u:pw@h/db\n")
        defer { try? FileManager.default.removeItem(atPath: file) }
        let settings = try await Settings(
            keys: Self.keys,
            arguments: ["--postgres-url-file", file],
            environment: ["LONGSHORE_KAFKA_BOOTSTRAP_SERVERS": "x:1"]
        )
        #expect(settings.secret(SettingKeys.postgresURL)?.exposeUTF8() == "postgres://u:pw@h/db")
        #expect(!"\(settings)".contains("pw@h"))
    }

    @Test("A secret's file that is empty, or holds white space alone, is refused", arguments: ["", "\n", " \t\r\n"])
    func emptySecretFile(_ content: String) async throws {
        let file = try temporaryFile(content)
        defer { try? FileManager.default.removeItem(atPath: file) }
        await #expect {
            _ = try await Settings(
                keys: Self.keys,
                arguments: ["--postgres-url-file", file],
                environment: ["LONGSHORE_KAFKA_BOOTSTRAP_SERVERS": "x:1", "LONGSHORE_POSTGRES_URL": ""]
            )
        } throws: {
            "\($0)".contains("--postgres-url-file: the file \(file) is empty")
        }
    }

    @Test("A value of the wrong kind names its key and itself")
    func wrongKind() async throws {
        let settings = try await Settings(
            keys: Self.keys,
            arguments: ["--kafka-partitions", "many"],
            environment: Self.enough
        )
        #expect {
            try settings.integer(SettingKeys.kafkaPartitions)
        } throws: {
            "\($0)".contains("--kafka-partitions: “many”")
        }
    }

    @Test("An unknown key of the file is a fault")
    func unknownFileKey() async throws {
        let file = try temporaryFile("kafkaPartitons: 3\n")
        defer { try? FileManager.default.removeItem(atPath: file) }
        await #expect {
            _ = try await Settings(keys: Self.keys, arguments: ["--config", file], environment: Self.enough)
        } throws: {
            "\($0)".contains("“kafkaPartitons” is not known")
        }
    }

    @Test("Flag, variable and file key are the same words")
    func names() {
        #expect(SettingKeys.kafkaBootstrapServers.flag == "--kafka-bootstrap-servers")
        #expect(SettingKeys.kafkaBootstrapServers.environmentVariable == "LONGSHORE_KAFKA_BOOTSTRAP_SERVERS")
        #expect(SettingKeys.kafkaBootstrapServers.fileKey == "kafkaBootstrapServers")
    }

    @Test(
        "Keys of a JSON file are looked at as those of YAML are, at whatever place they stand",
        arguments: ["json", "flow"]
    )
    func unknownFileKeys(form: String) async throws {
        let file = try temporaryFile(
            form == "json"
                ? "{\n  \"kafkaPartition\": 3,\n  \"namespace\": {\"a\": 1},\n  \"plainHttpRegistries\": [\"a:1\"]\n}\n"
                : "{kafkaPartition: 3, namespace: {a: 1}, plainHttpRegistries: [a:1]}\n"
        )
        defer { try? FileManager.default.removeItem(atPath: file) }
        await #expect {
            _ = try await Settings(keys: Self.keys, arguments: ["--config", file], environment: Self.enough)
        } throws: { error in
            (error as? SettingsError)?.faults == [
                "\(file): the key “kafkaPartition” is not known; did you mean kafkaPartitions?",
                "\(file): the value of namespace must be a text, a number, true or false, or a list of them",
            ]
        }
    }

    @Test("Faults of keys and of several values are told together, each once")
    func collectedFaults() async throws {
        let settings = await Settings.reading(
            keys: Self.keys + [SettingKeys.logLevel, SettingKeys.shutdownSeconds, SettingKeys.healthAddress],
            arguments: [
                "--nonsense", "x", "--kafka-partitions", "many", "--log-level", "loud", "--shutdown-seconds", "0",
                "--health-address", "nowhere",
            ],
            environment: ["LONGSHORE_POSTGRES_URL": "postgres://env/db"]
        )
        #expect {
            _ = try settings.collecting { settings throws(SettingsError) in
                try ServiceProcess.check(settings)
                _ = try settings.required(SettingKeys.kafkaBootstrapServers)
                return try settings.integer(SettingKeys.kafkaPartitions, in: 1...10)
                    + settings.integer(SettingKeys.kafkaPartitions, in: 1...10)
            }
        } throws: { error in
            let faults = (error as? SettingsError)?.faults ?? []
            return faults.count == 6
                && [
                    "--nonsense", "--kafka-bootstrap-servers is required", "“many”", "“loud”", "--shutdown-seconds",
                    "“nowhere”",
                ]
                .allSatisfy { word in faults.contains { $0.contains(word) } }
        }
        #expect(throws: SettingsError.self) { try settings.integer(SettingKeys.kafkaPartitions) }
    }
}
