import LongshoreMessages
import RDKafka
import Synchronization
import TestSupport
import Testing

@testable import ServiceRuntime

/// Ready means that the topics are there; where they are not, the reason is told by name.
@Suite(.timeLimit(.minutes(3))) struct KafkaTopicKeeperTests {
    private let cluster: MockCluster
    private let proxy: KafkaProxy
    private let log = LogLines()

    init() throws {
        cluster = try MockCluster(brokers: 1)
        proxy = try KafkaProxy(of: cluster.bootstrapServers)
    }

    private func definition(_ name: String) -> TopicDefinition {
        TopicDefinition(name: name, partitions: 3, cleanup: .compact)
    }

    private func makeKeeper(
        _ topics: [String],
        _ configuration: KafkaConfiguration? = nil,
        replication: Int = -1,
        producer: KafkaProducer? = nil
    ) throws -> KafkaTopicKeeper {
        try KafkaTopicKeeper(
            configuration: configuration ?? KafkaConfiguration(bootstrapServers: proxy.address),
            definitions: topics.map(definition),
            replication: replication,
            producer: producer,
            logger: log.logger
        )
    }

    /// Lets the broker create topics; it needs a real one behind it.
    private func allowCreation() {
        let cluster = cluster
        proxy.change { rules in
            rules.create = { name, partitions, _ in
                (try? cluster.createTopic(name, partitions: partitions)) == nil ? 36 : 0
            }
        }
    }

    private func running(_ keeper: KafkaTopicKeeper, _ body: () async throws -> Void) async throws {
        let task = Task { await keeper.run() }
        do {
            try await body()
        } catch {
            task.cancel()
            await task.value
            throw error
        }
        task.cancel()
        await task.value
        proxy.stop()
    }

    @Test func `missing topics are created before anything else, and then all is well`() async throws {
        allowCreation()
        let keeper = try makeKeeper(["a", "b"])
        #expect(await keeper.fault()?.contains("a, b") == true)
        await keeper.prepare()
        #expect(await keeper.fault() == nil)
        try await running(keeper) {}
    }

    @Test func `without the right to create the topic and the reason are told, and with it all comes back by itself`()
        async throws
    {
        proxy.change { $0.create = { _, _, _ in 29 } }
        let keeper = try makeKeeper(["a"])
        try await running(keeper) {
            try await waitUntil("the refusal") {
                let fault = await keeper.fault() ?? ""
                return fault.contains("the topic a is missing") && fault.contains("topic authorization failed")
            }
            #expect(log.all.count { $0.contains("cannot be created") } == 1)
            allowCreation()
            try await waitUntil("the topic") { await keeper.fault() == nil }
        }
    }

    @Test func `a topic that is gone is told as missing, and is asked for again`() async throws {
        let created = Mutex<[String]>([])
        try cluster.createTopic("a", partitions: 1)
        let keeper = try makeKeeper(["a"])
        proxy.change { [cluster] rules in
            rules.create = { name, _, _ in
                cluster.setTopicError(name, 0)
                return 0
            }
        }
        try await running(keeper) {
            try await waitUntil("the topic") { await keeper.fault() == nil }
            cluster.setTopicError("a", 3)
            try await waitUntil("that it is missing, or made again") {
                let fault = await keeper.fault()
                created.withLock { $0 += fault.map { [$0] } ?? [] }
                return fault == nil && !created.withLock(\.isEmpty)
            }
            #expect(created.withLock { $0.first }?.contains("the topic a is missing") == true)
        }
    }

    @Test func `a broker that is too old is refused with a sentence that names the oldest one`() async throws {
        // Before 2.4 -1 is no number of replicas, as Kafka answers with INVALID_REPLICATION_FACTOR.
        proxy.change { rules in
            rules.createTopicsVersion = 3
            rules.create = { _, _, replication in replication < 0 ? 38 : 0 }
        }
        let keeper = try makeKeeper(["a"])
        await keeper.prepare()
        let fault = try #require(await keeper.fault())
        #expect(fault.contains("Kafka 2.4 or later"))
        try await running(keeper) {}
    }

    @Test func `refused credentials are told as such`() async throws {
        proxy.change { $0.refusesPasswords = true }
        let keeper = try makeKeeper(
            ["a"],
            KafkaConfiguration(
                bootstrapServers: proxy.address,
                properties: ["security.protocol": "sasl_plaintext", "sasl.mechanism": "PLAIN", "sasl.username": "u"],
                secretProperties: ["sasl.password": KafkaSecret("hunter2-wrong")]
            )
        )
        try await running(keeper) {
            try await waitUntil("the reason") { await keeper.fault()?.contains("authentication failed") == true }
            #expect(await keeper.fault()?.contains("hunter2") == false)
            proxy.change { $0.refusesPasswords = false }
            allowCreation()
            try await waitUntil("the topic") { await keeper.fault() == nil }
        }
    }

    @Test func `TLS that fails is told as such, and a broker that is away is not`() async throws {
        let keeper = try makeKeeper(
            ["a"],
            KafkaConfiguration(bootstrapServers: cluster.bootstrapServers, properties: ["security.protocol": "ssl"])
        )
        try await running(keeper) {
            try await waitUntil("the reason") { await keeper.fault()?.contains("authentication failed") == true }
        }
        let lost = try makeKeeper(["a"], KafkaConfiguration(bootstrapServers: "127.0.0.1:1"))
        #expect(await lost.fault()?.hasPrefix("no broker answers") == true)
        let task = Task { await lost.run() }
        task.cancel()
        await task.value
    }

    @Test func `a limit that is too small is told once, and batches stay below it`() async throws {
        allowCreation()
        proxy.change { $0.settings = ["max.message.bytes": "20000"] }
        let producer = try cluster.makeProducer()
        let keeper = try makeKeeper(["a"], producer: producer)
        try await running(keeper) {
            try await waitUntil("the warning") {
                log.all.contains { $0.contains("limitBytes=20000") && $0.contains("topic=a") }
            }
            try await waitUntil("smaller batches") { producer.batchBytes < 20_000 }
        }
        await producer.close(timeout: .seconds(5))
    }

    @Test func `limits that may not be read hold nothing up`() async throws {
        allowCreation()
        proxy.change { $0.settings = nil }
        let producer = try cluster.makeProducer()
        let keeper = try makeKeeper(["a"], producer: producer)
        try await running(keeper) {
            try await waitUntil("the topic") { await keeper.fault() == nil }
        }
        #expect(producer.batchBytes == 1_000_000)
        await producer.close(timeout: .seconds(5))
    }

    @Test func `a consumer that is outside its group for long is told, one without partitions is not`() {
        let membership = KafkaMembership()
        let now = ContinuousClock.now
        #expect(membership.fault(at: now) == nil)
        #expect(membership.fault(at: now + .seconds(200))?.contains("has not been in its group") == true)
        membership.join(partitions: 0, at: now)
        #expect(membership.fault(at: now + .seconds(200)) == nil)
        membership.leave(at: now)
        membership.leave(at: now + .seconds(100))
        #expect(membership.fault(at: now + .seconds(119)) == nil)
        #expect(membership.fault(at: now + .seconds(121)) != nil)
    }

    @Test func `a member without partitions is told where its group has enough of them, and said once`() {
        let membership = KafkaMembership()
        let now = ContinuousClock.now
        membership.join(partitions: 0, at: now)
        membership.note(members: 5, partitions: 4)
        #expect(membership.fault(at: now + .seconds(100)) == nil)
        membership.note(members: 2, partitions: 4)
        #expect(membership.fault(at: now + .seconds(59)) == nil)
        #expect(membership.fault(at: now + .seconds(61))?.contains("2 members and a topic of 4 partitions") == true)
        #expect(membership.notice(at: now + .seconds(61)) != nil)
        #expect(membership.notice(at: now + .seconds(70)) == nil)
        // A rebalance that leaves it without partitions again does not begin the time anew; one with partitions ends it.
        membership.leave(at: now + .seconds(71))
        #expect(membership.fault(at: now + .seconds(72)) == nil)
        membership.join(partitions: 0, at: now + .seconds(73))
        membership.note(members: 2, partitions: 4)
        #expect(membership.fault(at: now + .seconds(74)) != nil)
        membership.join(partitions: 2, at: now + .seconds(75))
        membership.note(members: 2, partitions: 4)
        #expect(membership.fault(at: now + .seconds(500)) == nil)
        #expect(membership.idle(at: now + .seconds(500)) == .zero)
    }

    @Test func `a consumer that waits for its group is said long before it counts as a fault`() {
        let membership = KafkaMembership()
        let now = ContinuousClock.now
        #expect(membership.notice(at: now + .seconds(14)) == nil)
        #expect(membership.notice(at: now + .seconds(17))?.contains("not been in its group") == true)
        #expect(membership.notice(at: now + .seconds(18)) == nil)
        #expect(membership.fault(at: now + .seconds(18)) == nil)
        #expect(membership.outside(at: now + .seconds(18)) > .seconds(17))
    }
}
