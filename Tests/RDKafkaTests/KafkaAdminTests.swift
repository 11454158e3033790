import RDKafka
import Testing

@Suite(.timeLimit(.minutes(1))) struct KafkaAdminTests {
    @Test func `topics are listed with their partitions`() async throws {
        let cluster = try MockCluster(brokers: 1)
        try cluster.createTopic("a", partitions: 3)
        try cluster.createTopic("b", partitions: 1)
        let admin = try KafkaAdmin(configuration: cluster.configuration(), logger: quietLogger)
        #expect(try await admin.topics(timeout: .seconds(10)) == ["a": 3, "b": 1])
        await admin.close()
    }

    @Test func `a broker that cannot create topics fails within the time`() async throws {
        let cluster = try MockCluster(brokers: 1)
        let admin = try KafkaAdmin(configuration: cluster.configuration(), logger: quietLogger)
        let error = await #expect(throws: KafkaError.self) {
            try await admin.createTopics([.init(name: "t", partitions: 2)], timeout: .milliseconds(500))
        }
        #expect(error?.code == .timedOut || error?.code == .unsupported)
        try await admin.createTopics([], timeout: .milliseconds(500))
        await admin.close()
    }

    @Test func `impossible topics are refused`() async throws {
        let cluster = try MockCluster(brokers: 1)
        let admin = try KafkaAdmin(configuration: cluster.configuration(), logger: quietLogger)
        let error = await #expect(throws: KafkaError.self) {
            try await admin.createTopics([.init(name: "t", partitions: 0)], timeout: .seconds(1))
        }
        #expect(error?.code == .configuration)
        await admin.close()
        await #expect(throws: KafkaError.self) { try await admin.topics(timeout: .seconds(1)) }
    }

    @Test func `an unreachable cluster fails within the time`() async throws {
        let admin = try KafkaAdmin(
            configuration: KafkaConfiguration(bootstrapServers: "127.0.0.1:1"),
            logger: quietLogger
        )
        let error = await #expect(throws: KafkaError.self) { try await admin.topics(timeout: .milliseconds(200)) }
        #expect(error?.isRetryable == true)
        await admin.close()
    }
}
