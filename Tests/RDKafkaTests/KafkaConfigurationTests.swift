import RDKafka
import Testing

@Suite struct KafkaConfigurationTests {
    private static let secret = "correct-horse-battery"

    private func makeProducer(_ configuration: KafkaConfiguration, _ book: LogBook = LogBook()) throws -> KafkaProducer
    {
        try KafkaProducer(configuration: configuration, logger: book.logger)
    }

    @Test(arguments: ["enable.idempotence", "group.id", "acks", "partition.assignment.strategy", "bootstrap.servers"])
    func `properties that guarantees depend on are refused`(name: String) throws {
        let configuration = KafkaConfiguration(bootstrapServers: "127.0.0.1:1", properties: [name: "1"])
        let error = #expect(throws: KafkaError.self) { try self.makeProducer(configuration) }
        #expect(error?.code == .configuration)
        #expect(error?.message.contains(name) == true)
    }

    @Test func `unknown properties and bad values are named`() throws {
        for (name, value) in [("no.such.property", "1"), ("socket.timeout.ms", "never")] {
            let configuration = KafkaConfiguration(bootstrapServers: "127.0.0.1:1", properties: [name: value])
            let error = #expect(throws: KafkaError.self) { try self.makeProducer(configuration) }
            #expect(error?.code == .configuration)
            #expect(error?.message.contains(name) == true)
            #expect(error?.isRetryable == false)
        }
    }

    @Test func `no description shows a secret`() {
        let configuration = KafkaConfiguration(
            bootstrapServers: "b:9092",
            properties: ["security.protocol": "SASL_SSL", "ssl.key.password": Self.secret],
            secretProperties: ["sasl.password": KafkaSecret(Self.secret)]
        )
        var dumped = ""
        dump(configuration, to: &dumped)
        for text in ["\(configuration)", String(reflecting: configuration), dumped, "\(KafkaSecret(Self.secret))"] {
            #expect(!text.contains(Self.secret))
        }
        #expect("\(configuration)".contains("sasl.password=<redacted>"))
        #expect("\(configuration)".contains("security.protocol=SASL_SSL"))
    }

    @Test(arguments: [
        // A secret where a number belongs, as a value that librdkafka would quote in its error.
        ["socket.timeout.ms": KafkaSecret(secret)],
        // Not supported without a key file, so that creating the client fails.
        [
            "security.protocol": "ssl", "ssl.key.pem": KafkaSecret(secret),
            "ssl.certificate.pem": KafkaSecret(secret),
        ],
        ["sasl.mechanism": "PLAIN", "security.protocol": "sasl_plaintext", "sasl.password": KafkaSecret(secret)],
    ])
    func `no error and no log line shows a secret`(secrets: [String: KafkaSecret]) async throws {
        let book = LogBook()
        let configuration = KafkaConfiguration(
            bootstrapServers: "127.0.0.1:1",
            properties: ["debug": "all", "log_level": "7"],
            secretProperties: secrets
        )
        do {
            let producer = try self.makeProducer(configuration, book)
            try? await producer.checkConnection(timeout: .milliseconds(300))
            await producer.close(timeout: .seconds(1))
            #expect(!book.lines.isEmpty)
        } catch let error as KafkaError {
            #expect(!error.description.contains(Self.secret))
            #expect(error.code == .configuration)
        }
        #expect(!book.lines.contains { $0.contains(Self.secret) })
    }

    @Test func `the library's log lines come with the caller's logger`() async throws {
        let book = LogBook()
        let producer = try self.makeProducer(KafkaConfiguration(bootstrapServers: "127.0.0.1:1"), book)
        try? await producer.checkConnection(timeout: .milliseconds(500))
        await producer.close(timeout: .seconds(1))
        #expect(book.lines.contains { $0.hasPrefix("error librdkafka") && $0.contains("facility=") })
    }

    @Test func `a bad value is refused in a consumer too`() throws {
        let configuration = KafkaConfiguration(bootstrapServers: "127.0.0.1:1", properties: ["fetch.min.bytes": "x"])
        let error = #expect(throws: KafkaError.self) {
            try KafkaConsumer(configuration: configuration, group: "g", logger: quietLogger)
        }
        #expect(error?.code == .configuration)
    }
}
