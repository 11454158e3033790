import RDKafka
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(3))) struct KafkaConsumerFaultTests {
    /// A member of a group of one that has its partitions.
    private func member(of cluster: MockCluster, group: String = "group") async throws -> Reader {
        let consumer = try cluster.consumer(group: group)
        try await consumer.subscribe(["t"])
        var reader = Reader(consumer)
        try await reader.poll("the first assignment") { !$0.assignments.isEmpty }
        return reader
    }

    @Test(arguments: [Fault.illegalGeneration, Fault.unknownMember, Fault.rebalanceInProgress])
    func `a commit that fails in a rebalance does not stop the loop`(fault: Int32) async throws {
        let cluster = try MockCluster(brokers: 1)
        try cluster.createTopic("t", partitions: 1)
        try await cluster.fill("t", 0..<5)
        var reader = try await self.member(of: cluster)
        try await reader.poll { $0.records.count == 5 }
        try await reader.consumer.store([partition("t"): 5])
        cluster.pushRequestErrors(api: API.offsetCommit, [fault])
        let error = await #expect(throws: KafkaError.self) { try await reader.consumer.commitStored() }
        #expect(error?.code == .notAssigned)

        try await cluster.fill("t", 5..<8)
        try await reader.poll { Set($0.values).isSuperset(of: 0..<8) }
        try await waitUntil("a commit") {
            try? await reader.consumer.store([partition("t"): 8])
            try? await reader.consumer.commitStored()
            try await reader.poll()
            return try await reader.consumer.committed([partition("t")], timeout: .seconds(10)) == [partition("t"): 8]
        }
        await reader.consumer.close(timeout: .seconds(10))
    }

    @Test func `a commit whose connection breaks is sent again`() async throws {
        let cluster = try MockCluster(brokers: 1)
        try cluster.createTopic("t", partitions: 1)
        var reader = try await self.member(of: cluster)
        try await reader.poll()
        try await reader.consumer.store([partition("t"): 3])
        cluster.pushRequestErrors(api: API.offsetCommit, [Fault.transport])
        try await waitUntil("a commit") {
            try? await reader.consumer.commitStored()
            return try await reader.consumer.committed([partition("t")], timeout: .seconds(10)) == [partition("t"): 3]
        }
        await reader.consumer.close(timeout: .seconds(10))
    }

    @Test func `a commit without a broker ends in time and can be repeated`() async throws {
        let cluster = try MockCluster(brokers: 1)
        try cluster.createTopic("t", partitions: 1)
        let consumer = try cluster.consumer { $0.commitTimeout = .milliseconds(300) }
        try await consumer.assign([partition("t"): .beginning])
        _ = try await consumer.committed([partition("t")], timeout: .seconds(10))
        try cluster.setBrokerDown(1)
        try await consumer.store([partition("t"): 2])
        let error = await #expect(throws: KafkaError.self) { try await consumer.commitStored() }
        #expect(error?.isRetryable == true)
        try cluster.setBrokerUp(1)
        try await waitUntil("a commit") {
            do throws(KafkaError) {
                try await consumer.commitStored()
                return true
            } catch {
                return false
            }
        }
        #expect(try await consumer.committed([partition("t")], timeout: .seconds(10)) == [partition("t"): 2])
        await consumer.close(timeout: .seconds(10))
    }

    @Test func `a partition that is given away can be committed before it goes`() async throws {
        let cluster = try MockCluster(brokers: 1)
        try cluster.createTopic("t", partitions: 2)
        try await cluster.fill("t", 0..<5)
        var first = try await self.member(of: cluster)
        try await first.poll { $0.records.count == 5 }
        await first.consumer.pause([partition("t", 0), partition("t", 1)])

        let consumer = try cluster.consumer()
        try await consumer.subscribe(["t"])
        var second = Reader(consumer)
        try await waitUntil("the second member's share") {
            try await second.poll()
            let events = try await first.poll()
            if events.contains(where: { if case .revoked = $0 { true } else { false } }) {
                // Nobody else can have the partitions before the next poll.
                try? await first.consumer.store([partition("t"): 5])
                try? await first.consumer.commitStored()
            }
            return second.assignments.last?.count == 1 && first.assignments.last?.count == 1
        }
        #expect(!first.revocations.isEmpty)
        #expect(first.revocations.first?.lost == false)
        #expect(first.revocations.first?.partitions.count == 2)

        // The pause counts for the partition that came back, and not for the other member's.
        let mine = try #require(first.assignments.last?.first)
        let theirs = try #require(second.assignments.last?.first)
        try await first.poll()
        #expect(await first.consumer.assignment() == [mine])
        try await cluster.fill("t", 100..<105, partition: mine.partition)
        try await cluster.fill("t", 200..<205, partition: theirs.partition)
        try await second.poll { Set($0.values).isSuperset(of: 200..<205) }
        let before = first.records.count
        for _ in 0..<3 { try await first.poll() }
        #expect(first.records.count == before)
        await first.consumer.resume([mine])
        try await first.poll { Set($0.values).isSuperset(of: 100..<105) }

        await second.consumer.close(timeout: .seconds(10))
        try await first.poll("the partition to come back") { $0.assignments.last?.count == 2 }
        await first.consumer.close(timeout: .seconds(10))
    }

    @Test func `lost partitions are told as lost and not committed`() async throws {
        let cluster = try MockCluster(brokers: 1)
        try cluster.createTopic("t", partitions: 1)
        try await cluster.fill("t", 0..<5)
        var reader = try await self.member(of: cluster)
        try await reader.poll { $0.records.count == 5 }
        try await reader.consumer.store([partition("t"): 5])
        cluster.pushRequestErrors(api: API.heartbeat, [Fault.unknownMember])
        try await reader.poll("the loss") { !$0.revocations.isEmpty }
        #expect(reader.revocations.first?.lost == true)
        try await reader.consumer.commitStored()
        #expect(try await reader.consumer.committed([partition("t")], timeout: .seconds(10)).isEmpty)
        try await reader.poll("the partitions to come back") { $0.assignments.count == 2 }
        try await reader.poll { $0.records.count >= 10 }
        await reader.consumer.close(timeout: .seconds(10))
    }

    @Test func `reading and committing go on when the coordinator moves`() async throws {
        let cluster = try MockCluster(brokers: 2)
        try cluster.createTopic("t", partitions: 1)
        try cluster.setPartitionLeader(partition("t"), broker: 1)
        try cluster.setCoordinator(group: "group", broker: 1)
        try await cluster.fill("t", 0..<5)
        var reader = try await self.member(of: cluster)
        try await reader.poll { $0.records.count == 5 }
        try cluster.setCoordinator(group: "group", broker: 2)
        try await cluster.fill("t", 5..<10)
        try await reader.poll { Set($0.values).isSuperset(of: 0..<10) }
        try await waitUntil(timeout: .seconds(60), "a commit at the new coordinator") {
            try await reader.poll()
            try? await reader.consumer.store([partition("t"): 10])
            try? await reader.consumer.commitStored()
            return (try? await reader.consumer.committed([partition("t")], timeout: .seconds(5)))
                == [partition("t"): 10]
        }
        await reader.consumer.close(timeout: .seconds(10))
    }

    @Test func `reading goes on when the leader moves`() async throws {
        let cluster = try MockCluster(brokers: 2)
        try cluster.createTopic("t", partitions: 1)
        try cluster.setPartitionLeader(partition("t"), broker: 1)
        try await cluster.fill("t", 0..<5)
        let consumer = try cluster.consumer(group: nil)
        try await consumer.assign([partition("t"): .beginning])
        var reader = Reader(consumer)
        try await reader.poll { $0.records.count == 5 }
        try cluster.setPartitionLeader(partition("t"), broker: 2)
        try await cluster.fill("t", 5..<10)
        try await reader.poll { $0.records.count == 10 }
        #expect(reader.values == Array(0..<10))
        await consumer.close(timeout: .seconds(10))
    }

    @Test func `reading goes on when the brokers were down`() async throws {
        let cluster = try MockCluster(brokers: 1)
        try cluster.createTopic("t", partitions: 1)
        try await cluster.fill("t", 0..<5)
        var reader = try await self.member(of: cluster)
        try await reader.poll { $0.records.count == 5 }
        try cluster.setBrokerDown(1)
        try await reader.poll("the failure to be told") { !$0.failures.isEmpty }
        #expect(reader.failures.allSatisfy { !$0.isFatal })
        try cluster.setBrokerUp(1)
        try await cluster.fill("t", 5..<10)
        try await reader.poll { Set($0.values).isSuperset(of: 0..<10) }
        await reader.consumer.close(timeout: .seconds(10))
    }

    @Test func `missing rights for the group are told and joining goes on`() async throws {
        let cluster = try MockCluster(brokers: 1)
        try cluster.createTopic("t", partitions: 1)
        cluster.pushRequestErrors(api: API.joinGroup, [Fault.groupAuthorization])
        let consumer = try cluster.consumer()
        try await consumer.subscribe(["t"])
        var reader = Reader(consumer)
        try await reader.poll("the failure") { $0.failures.contains { $0.code == .authorization } }
        try await reader.poll("the assignment") { !$0.assignments.isEmpty }
        await consumer.close(timeout: .seconds(10))
    }

    @Test func `a missing topic is told and read once it is there`() async throws {
        let cluster = try MockCluster(brokers: 1)
        try cluster.createTopic("t", partitions: 1)
        cluster.setTopicError("t", Fault.unknownTopic)
        let consumer = try cluster.consumer()
        try await consumer.subscribe(["t"])
        var reader = Reader(consumer)
        try await reader.poll("the failure") { $0.failures.contains { $0.code == .unknownTopic } }
        cluster.setTopicError("t", 0)
        try await cluster.fill("t", 0..<3)
        try await reader.poll { $0.records.count == 3 }
        await consumer.close(timeout: .seconds(10))
    }

    @Test func `a fetch that fails is repeated without a gap`() async throws {
        let cluster = try MockCluster(brokers: 1)
        try cluster.createTopic("t", partitions: 1)
        try await cluster.fill("t", 0..<5)
        let consumer = try cluster.consumer(group: nil)
        try await consumer.assign([partition("t"): .beginning])
        var reader = Reader(consumer)
        try await reader.poll { $0.records.count == 5 }
        cluster.pushRequestErrors(api: API.fetch, [Fault.transport, -1, Fault.notLeader])
        try await cluster.fill("t", 5..<10)
        try await reader.poll { $0.records.count >= 10 }
        #expect(reader.values == Array(0..<10))
        await consumer.close(timeout: .seconds(10))
    }
}
