import LongshoreMessages
import RDKafka
import ServiceRuntime
import Testing

@Suite(.timeLimit(.minutes(1))) struct KafkaTopicProvisionerTests {
    private func definition(_ name: String) -> TopicDefinition {
        TopicDefinition(name: name, partitions: 3, cleanup: .compact)
    }

    @Test func `topics that exist are left alone`() async throws {
        let cluster = try MockCluster(brokers: 1)
        try cluster.createTopic("a", partitions: 3)
        try cluster.createTopic("b", partitions: 1)
        let admin = try KafkaAdmin(configuration: cluster.kafkaConfiguration, logger: kafkaTestLogger)
        let provisioner = KafkaTopicProvisioner(admin: admin, logger: kafkaTestLogger)
        let missing = try await provisioner.provision([self.definition("a"), self.definition("b")])
        #expect(missing.isEmpty)
        await admin.close()
    }

    @Test func `a broker that refuses is no failure; what is missing is told`() async throws {
        let cluster = try MockCluster(brokers: 1)
        try cluster.createTopic("a", partitions: 3)
        let admin = try KafkaAdmin(configuration: cluster.kafkaConfiguration, logger: kafkaTestLogger)
        let provisioner = KafkaTopicProvisioner(admin: admin, logger: kafkaTestLogger)
        let missing = try await provisioner.provision(
            ["a", "b", "c"].map(self.definition),
            timeout: .milliseconds(500)
        )
        #expect(missing.keys.sorted() == ["b", "c"])
        await admin.close()
    }

    @Test func `no broker is a failure that may be retried`() async throws {
        let admin = try KafkaAdmin(
            configuration: KafkaConfiguration(bootstrapServers: "127.0.0.1:1"),
            logger: kafkaTestLogger
        )
        let provisioner = KafkaTopicProvisioner(admin: admin, logger: kafkaTestLogger)
        let error = await #expect(throws: KafkaError.self) {
            try await provisioner.provision([self.definition("a")], timeout: .milliseconds(200))
        }
        #expect(error?.isRetryable == true)
        await admin.close()
    }
}
