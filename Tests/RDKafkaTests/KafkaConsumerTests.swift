import RDKafka
import Synchronization
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(3))) struct KafkaConsumerTests {
    @Test func `a group member reads everything and goes on after its commit`() async throws {
        let cluster = try MockCluster(brokers: 1)
        try cluster.createTopic("t", partitions: 2)
        try await cluster.fill("t", 0..<10)
        let first = try cluster.consumer()
        try await first.subscribe(["t"])
        var reader = Reader(first)
        try await reader.poll { $0.records.count == 10 }
        #expect(reader.assignments.map { $0.sorted() } == [[partition("t", 0), partition("t", 1)]])
        #expect(reader.values == Array(0..<10))
        #expect(reader.records.map(\.offset) == Array(0..<10))
        try await first.store([partition("t"): 7])
        try await first.commitStored()
        try await first.commitStored()
        #expect(
            try await first.committed([partition("t"), partition("t", 1)], timeout: .seconds(10)) == [partition("t"): 7]
        )
        await first.close(timeout: .seconds(10))

        let second = try cluster.consumer()
        try await second.subscribe(["t"])
        var again = Reader(second)
        try await again.poll { $0.records.count == 3 }
        #expect(again.values == [7, 8, 9])
        await second.close(timeout: .seconds(10))
    }

    @Test func `reading begins where the caller says after an assignment`() async throws {
        let cluster = try MockCluster(brokers: 1)
        try cluster.createTopic("t", partitions: 2)
        try await cluster.fill("t", 0..<10)
        let consumer = try cluster.consumer()
        try await consumer.subscribe(["t"])
        var reader = Reader(consumer)
        try await reader.poll { !$0.assignments.isEmpty }
        #expect(reader.records.isEmpty)
        await consumer.setStartOffsets([partition("t"): 8, partition("other"): 1])
        try await reader.poll { $0.records.count == 2 }
        #expect(reader.values == [8, 9])
        await consumer.close(timeout: .seconds(10))
    }

    @Test func `partitions can be read without a group`() async throws {
        let cluster = try MockCluster(brokers: 1)
        try cluster.createTopic("t", partitions: 3)
        for number: Int32 in 0..<3 { try await cluster.fill("t", 0..<5, partition: number) }
        let consumer = try cluster.consumer(group: nil) { $0.reportsEndOfPartition = true }
        try await consumer.assign([
            partition("t", 0): .beginning, partition("t", 1): .offset(3), partition("t", 2): .end,
        ])
        var reader = Reader(consumer)
        try await reader.poll { $0.ends.count == 3 }
        #expect(reader.ends == [partition("t", 0): 5, partition("t", 1): 5, partition("t", 2): 5])
        let counts = Dictionary(grouping: reader.records, by: \.topicPartition.partition).mapValues(\.count)
        #expect(counts == [0: 5, 1: 2])
        #expect(await consumer.assignment().count == 3)
        await consumer.close(timeout: .seconds(10))
    }

    @Test func `a paused partition yields nothing until it is resumed, then all`() async throws {
        let cluster = try MockCluster(brokers: 1)
        try cluster.createTopic("low", partitions: 1)
        try cluster.createTopic("high", partitions: 1)
        try await cluster.fill("low", 0..<50)
        let consumer = try cluster.consumer(group: nil)
        await consumer.pause([partition("low")])
        try await consumer.assign([partition("low"): .beginning, partition("high"): .beginning])
        try await cluster.fill("high", 0..<20)
        var reader = Reader(consumer)
        try await reader.poll { $0.records.count == 20 }
        for _ in 0..<3 { try await reader.poll() }
        #expect(Set(reader.records.map(\.topicPartition)) == [partition("high")])

        await consumer.resume([partition("low")])
        try await reader.poll { $0.records.count >= 25 }
        await consumer.pause([partition("low")])
        try await reader.poll()
        let seen = reader.records.count
        for _ in 0..<3 { try await reader.poll() }
        #expect(reader.records.count == seen)
        await consumer.resume([partition("low")])
        try await reader.poll { $0.records.count >= 70 }
        let low = reader.records.filter { $0.topicPartition == partition("low") }
        #expect(low.map(\.offset) == Array(0..<50))
        await consumer.close(timeout: .seconds(10))
    }

    @Test func `offsets of partitions that are not assigned are refused`() async throws {
        let cluster = try MockCluster(brokers: 1)
        try cluster.createTopic("t", partitions: 2)
        let consumer = try cluster.consumer()
        try await consumer.assign([partition("t"): .beginning])
        let error = await #expect(throws: KafkaError.self) {
            try await consumer.store([partition("t"): 1, partition("t", 1): 1])
        }
        #expect(error?.code == .notAssigned)
        try await consumer.commitStored()
        let committed = try await consumer.committed([partition("t"), partition("t", 1)], timeout: .seconds(10))
        #expect(committed == [partition("t"): 1])
        await consumer.close(timeout: .seconds(10))
    }

    @Test func `lag counts what no poll has yielded, also where nothing was fetched`() async throws {
        let cluster = try MockCluster(brokers: 1)
        try cluster.createTopic("t", partitions: 2)
        try await cluster.fill("t", 0..<10)
        try await cluster.fill("t", 0..<4, partition: 1)
        let consumer = try cluster.consumer()
        await consumer.pause([partition("t", 1)])
        try await consumer.assign([partition("t"): .stored, partition("t", 1): .stored])
        // What brokers have not told within a second is left out, so the first answers may be incomplete.
        try await waitUntil("the lag of both") { await consumer.lag() == [partition("t"): 10, partition("t", 1): 4] }
        var reader = Reader(consumer)
        try await reader.poll { $0.records.count == 10 }
        #expect(await consumer.lag() == [partition("t"): 0, partition("t", 1): 4])
        #expect(try await consumer.watermarks(partition("t"), timeout: .seconds(10)) == (0, 10))
        await consumer.close(timeout: .seconds(10))
    }

    /// A broker answers a connection's requests in their order, so that one that waits for a fetch holds up all behind it.
    @Test func `questions to the broker are answered while a poll waits`() async throws {
        let cluster = try MockCluster(brokers: 1)
        try cluster.createTopic("t", partitions: 1)
        try await cluster.fill("t", 0..<1)
        let consumer = try cluster.consumer { $0.fetchWaitMaximum = .seconds(30) }
        try await consumer.subscribe(["t"])
        var reader = Reader(consumer)
        try await reader.poll { $0.records.count == 1 }
        let hasPolled = Mutex(false)
        let waiting = Task {
            let events = try await consumer.poll(maximum: 10, timeout: .seconds(60))
            hasPolled.withLock { $0 = true }
            return events
        }
        // The thread takes what is handed over in order, so that the poll holds it from here on.
        try await Task.sleep(for: .milliseconds(200))
        #expect(try await consumer.watermarks(partition("t"), timeout: .seconds(20)) == (0, 1))
        #expect(try await consumer.partitionCount(topic: "t", timeout: .seconds(20)) == 1)
        #expect(!hasPolled.withLock { $0 })
        consumer.interrupt()
        #expect(try await waiting.value.isEmpty)
        await consumer.close(timeout: .seconds(10))
    }

    /// Each client of librdkafka has some five threads, so a process that reads in two groups asks with one.
    @Test func `members of two groups share a client for questions, which outlives either`() async throws {
        let cluster = try MockCluster(brokers: 1)
        try cluster.createTopic("t", partitions: 1)
        try await cluster.fill("t", 0..<3)
        let configuration = KafkaConfiguration(bootstrapServers: cluster.bootstrapServers)
        let brokers = KafkaInquiry(configuration: configuration, logger: quietLogger)
        let consumers = try ["first", "second"].map {
            try KafkaConsumer(configuration: configuration, group: $0, inquiry: brokers, logger: quietLogger)
        }
        for consumer in consumers {
            await consumer.pause([partition("t")])
            try await consumer.assign([partition("t"): .stored])
            try await waitUntil("the lag") { await consumer.lag() == [partition("t"): 3] }
        }
        await consumers[0].close(timeout: .seconds(10))
        try await waitUntil("the lag") { await consumers[1].lag() == [partition("t"): 3] }
        #expect(try await brokers.watermarks(partition("t"), timeout: .seconds(10)) == (0, 3))
        #expect(try await brokers.partitionCount(topic: "t", timeout: .seconds(10)) == 1)
        await consumers[1].close(timeout: .seconds(10))
        await brokers.close(timeout: .seconds(10))
        let error = await #expect(throws: KafkaError.self) {
            try await brokers.partitionCount(topic: "t", timeout: .seconds(10))
        }
        #expect(error?.code == .closed)
    }

    @Test func `what comes into a paused partition counts as lag`() async throws {
        let cluster = try MockCluster(brokers: 1)
        try cluster.createTopic("t", partitions: 1)
        try await cluster.fill("t", 0..<2)
        let consumer = try cluster.consumer()
        try await consumer.subscribe(["t"])
        var reader = Reader(consumer)
        try await reader.poll { $0.records.count == 2 }
        #expect(await consumer.lag() == [partition("t"): 0])
        await consumer.pause([partition("t")])
        try await cluster.fill("t", 2..<7)
        #expect(await consumer.lag() == [partition("t"): 5])
        await consumer.close(timeout: .seconds(10))
    }

    @Test func `an offset outside the partition fails visibly when asked to`() async throws {
        let cluster = try MockCluster(brokers: 1)
        try cluster.createTopic("t", partitions: 1)
        try await cluster.fill("t", 0..<3)
        let consumer = try cluster.consumer(group: nil) { $0.offsetReset = .error }
        try await consumer.assign([partition("t"): .offset(1000)])
        var reader = Reader(consumer)
        try await reader.poll { $0.failures.contains { $0.code == .offsetOutOfRange } }
        #expect(reader.records.isEmpty)
        await consumer.close(timeout: .seconds(10))

        let forgiving = try cluster.consumer(group: nil)
        try await forgiving.assign([partition("t"): .offset(1000)])
        var other = Reader(forgiving)
        try await other.poll { $0.records.count == 3 }
        await forgiving.close(timeout: .seconds(10))
    }

    @Test func `a pattern finds topics that come later`() async throws {
        let cluster = try MockCluster(brokers: 1)
        try cluster.createTopic("jobs.a.high", partitions: 1)
        try cluster.createTopic("other", partitions: 1)
        try await cluster.fill("jobs.a.high", 0..<1)
        try await cluster.fill("other", 5..<6)
        let consumer = try cluster.consumer()
        try await consumer.subscribe([#"^jobs\.[^.]+\.(high|low)$"#])
        var reader = Reader(consumer)
        try await reader.poll { $0.records.count == 1 }
        try cluster.createTopic("jobs.b.low", partitions: 1)
        try await cluster.fill("jobs.b.low", 1..<2)
        try await reader.poll { $0.records.contains { $0.topicPartition.topic == "jobs.b.low" } }
        #expect(!reader.records.contains { $0.topicPartition.topic == "other" })
        await consumer.close(timeout: .seconds(10))
    }

    @Test func `a bad pattern is refused`() async throws {
        let cluster = try MockCluster(brokers: 1)
        let consumer = try cluster.consumer()
        await #expect(throws: KafkaError.self) { try await consumer.subscribe(["^((("]) }
        await consumer.close(timeout: .seconds(10))
    }

    @Test func `another call ends a poll that waits`() async throws {
        let cluster = try MockCluster(brokers: 1)
        try cluster.createTopic("t", partitions: 1)
        let consumer = try cluster.consumer()
        try await consumer.assign([partition("t"): .beginning])
        let begin = ContinuousClock.now
        async let events = consumer.poll(maximum: 1, timeout: .seconds(100))
        try await Task.sleep(for: .milliseconds(100))
        try await consumer.store([partition("t"): 1])
        #expect(try await events.isEmpty)
        #expect(begin.duration(to: .now) < .seconds(60))
        await consumer.close(timeout: .seconds(10))
    }

    @Test func `the watchdog sees that nobody polls`() async throws {
        let cluster = try MockCluster(brokers: 1)
        let consumer = try cluster.consumer { $0.stallThreshold = .milliseconds(100) }
        try await consumer.subscribe(["t"])
        try await waitUntil("the watchdog") { consumer.isStalled }
        #expect(consumer.secondsSinceLastPoll >= 0.1)
        _ = try await consumer.poll(maximum: 1, timeout: .milliseconds(10))
        #expect(consumer.timeSinceLastPoll < .seconds(30))
        await consumer.close(timeout: .seconds(10))
    }

    @Test func `a closed consumer refuses calls`() async throws {
        let cluster = try MockCluster(brokers: 1)
        let consumer = try cluster.consumer()
        try await consumer.subscribe(["t"])
        await consumer.close(timeout: .seconds(10))
        await consumer.close(timeout: .seconds(10))
        let error = await #expect(throws: KafkaError.self) {
            try await consumer.poll(maximum: 1, timeout: .milliseconds(10))
        }
        #expect(error?.code == .closed)
        await #expect(throws: KafkaError.self) { try await consumer.commitStored() }
        await consumer.pause([partition("t")])
        #expect(await consumer.lag().isEmpty)
    }

    @Test(arguments: 0..<8) func `closing right after subscribing is safe`(round: Int) async throws {
        let cluster = try MockCluster(brokers: 1)
        try cluster.createTopic("t", partitions: 4)
        let consumer = try cluster.consumer()
        try await consumer.subscribe(["t"])
        var reader = Reader(consumer)
        // 3 s is when the mock's group is first balanced: the moment at which ends are most delicate.
        let end = ContinuousClock.now + .milliseconds(round * 450)
        while ContinuousClock.now < end { try await reader.poll() }
        await consumer.close(timeout: .seconds(10))
    }

    @Test(arguments: [false, true]) func `a rebalance that was not answered holds up no close`(
        isRevoked: Bool
    ) async throws {
        let cluster = try MockCluster(brokers: 1)
        try cluster.createTopic("t", partitions: 4)
        let log = LogBook()
        let consumer = try KafkaConsumer(
            configuration: cluster.configuration(),
            group: "group",
            options: KafkaConsumer.Options(),
            logger: log.logger
        )
        try await consumer.subscribe(["t"])
        var reader = Reader(consumer)
        try await reader.poll { !$0.assignments.isEmpty }
        if isRevoked {
            try await reader.poll()
            try await consumer.subscribe(["other"])
            try await reader.poll { !$0.revocations.isEmpty }
        }
        await consumer.close(timeout: .seconds(10))
        #expect(!log.lines.contains { $0.contains("goes on by itself") })
    }

    @Test(arguments: 0..<12) func `a close that has no time to leave the group ends its threads`(
        round: Int
    ) async throws {
        let cluster = try MockCluster(brokers: 1)
        try cluster.createTopic("t", partitions: 4)
        let log = LogBook()
        let consumer = try KafkaConsumer(
            configuration: cluster.configuration(),
            group: "group",
            options: KafkaConsumer.Options(),
            logger: log.logger
        )
        try await consumer.subscribe(["t"])
        var reader = Reader(consumer)
        let end = ContinuousClock.now + .milliseconds(round * 340)
        while ContinuousClock.now < end { try await reader.poll() }
        await consumer.close(timeout: .zero)
        try await waitUntil("the threads to end") { log.lines.contains { $0.contains("has ended") } }
    }

    @Test(arguments: [0, 1_500, 4_000]) func `a close after the brokers have gone for good ends its threads`(
        milliseconds: Int
    ) async throws {
        let cluster = try MockCluster(brokers: 1)
        try cluster.createTopic("t", partitions: 4)
        let log = LogBook()
        let consumer = try KafkaConsumer(
            configuration: cluster.configuration(),
            group: "group",
            options: KafkaConsumer.Options(),
            logger: log.logger
        )
        try await consumer.subscribe(["t"])
        var reader = Reader(consumer)
        let end = ContinuousClock.now + .milliseconds(milliseconds)
        while ContinuousClock.now < end { try await reader.poll() }
        cluster.close()
        _ = try? await consumer.committed([partition("t")], timeout: .milliseconds(100))
        await consumer.close(timeout: .milliseconds(200))
        try await waitUntil("the threads to end") { log.lines.contains { $0.contains("has ended") } }
    }

    @Test func `a consumer that is only released ends by itself`() async throws {
        let cluster = try MockCluster(brokers: 1)
        do {
            let consumer = try cluster.consumer()
            try await consumer.subscribe(["t"])
            _ = try await consumer.poll(maximum: 1, timeout: .milliseconds(10))
        }
    }

    @Test func `close is bounded when no broker answers`() async throws {
        let cluster = try MockCluster(brokers: 1)
        try cluster.createTopic("t", partitions: 1)
        let log = LogBook()
        let consumer = try KafkaConsumer(
            configuration: cluster.configuration(),
            group: "group",
            options: KafkaConsumer.Options(),
            logger: log.logger
        )
        try await consumer.subscribe(["t"])
        var reader = Reader(consumer)
        try await reader.poll { !$0.assignments.isEmpty }
        try await reader.poll()
        try cluster.setBrokerDown(1)
        let begin = ContinuousClock.now
        await consumer.close(timeout: .seconds(1))
        #expect(begin.duration(to: .now) < .seconds(20))
        #expect(!log.lines.contains { $0.contains("goes on by itself") })
    }
}
