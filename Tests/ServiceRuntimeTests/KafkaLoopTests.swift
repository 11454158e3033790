import LongshoreMessages
import RDKafka
import ServiceLifecycle
import ServiceRuntime
import Synchronization
import TestSupport
import Testing
import WireFormats

@Suite(.timeLimit(.minutes(3))) struct KafkaLoopTests {
    private struct Unavailable: Error {}

    private func configuration(
        _ topics: [String] = ["t"],
        deadLetterTopic: String? = "dlq"
    ) -> KafkaLoopConfiguration {
        var configuration = KafkaLoopConfiguration(name: "test", topics: topics, deadLetterTopic: deadLetterTopic)
        configuration.firstRetryDelay = .milliseconds(20)
        configuration.maximumRetryDelay = .milliseconds(100)
        configuration.pollTimeout = .milliseconds(50)
        return configuration
    }

    private func loop(
        _ cluster: MockCluster,
        producer: KafkaProducer,
        configuration: KafkaLoopConfiguration? = nil,
        hooks: KafkaLoopHooks
    ) throws -> KafkaLoop {
        KafkaLoop(
            consumer: try cluster.makeConsumer(),
            producer: producer,
            configuration: configuration ?? self.configuration(),
            hooks: hooks,
            logger: kafkaTestLogger
        )
    }

    private func cluster(_ topics: [String] = ["t", "dlq"], partitions: Int = 1) throws -> MockCluster {
        let cluster = try MockCluster(brokers: 1)
        for topic in topics { try cluster.createTopic(topic, partitions: partitions) }
        return cluster
    }

    @Test func `hands over every event, commits and goes on there`() async throws {
        let cluster = try self.cluster()
        let producer = try cluster.makeProducer()
        try await producer.fill(0..<50)
        let handled = HandledIDs()
        let hooks = KafkaLoopHooks(handle: handled.accept)
        try await withLoop(try self.loop(cluster, producer: producer, hooks: hooks)) {
            try await waitUntil("all records") { handled.all.count == 50 }
        }
        #expect(handled.all == (0..<50).map { "\($0)" })
        #expect(try await cluster.committed("t") == 50)

        try await producer.fill(50..<60)
        try await withLoop(try self.loop(cluster, producer: producer, hooks: hooks)) {
            try await waitUntil("the new records") { handled.all.count == 60 }
        }
        #expect(handled.all == (0..<60).map { "\($0)" })
        await producer.close(timeout: .seconds(5))
    }

    @Test func `a handler that fails gets the same records again, in order`() async throws {
        let cluster = try self.cluster()
        let producer = try cluster.makeProducer()
        try await producer.fill(0..<5)
        let failures = Failures(3)
        let handled = HandledIDs()
        let hooks = KafkaLoopHooks { batch in
            try failures.failIfAnyIsLeft()
            handled.append(batch)
            return .done
        }
        try await withLoop(try self.loop(cluster, producer: producer, hooks: hooks)) {
            try await waitUntil("all records") { handled.all.count == 5 }
        }
        #expect(handled.all == ["0", "1", "2", "3", "4"])
        #expect(try await cluster.committed("t") == 5)
        await producer.close(timeout: .seconds(5))
    }

    @Test func `nothing is committed while the handler fails`() async throws {
        let cluster = try self.cluster()
        let producer = try cluster.makeProducer()
        try await producer.fill(0..<5)
        let attempts = Mutex(0)
        let hooks = KafkaLoopHooks { _ in
            attempts.withLock { $0 += 1 }
            throw Unavailable()
        }
        try await withLoop(try self.loop(cluster, producer: producer, hooks: hooks)) {
            try await waitUntil("some attempts") { attempts.withLock { $0 } >= 5 }
        }
        #expect(try await cluster.committed("t") ?? 0 == 0)
        await producer.close(timeout: .seconds(5))
    }

    @Test func `single records are retried while the rest is done`() async throws {
        let cluster = try self.cluster()
        let producer = try cluster.makeProducer()
        try await producer.fill(0..<10)
        let seen = Mutex<[String: Int]>([:])
        let hooks = KafkaLoopHooks { batch in
            var outcome = KafkaBatch.Outcome.done
            for (index, message) in batch.messages.enumerated() {
                let count = seen.withLock { seen in
                    seen[message.event.id, default: 0] += 1
                    return seen[message.event.id] ?? 0
                }
                if message.event.id == "3", count < 3 { outcome.retried.insert(index) }
            }
            return outcome
        }
        try await withLoop(try self.loop(cluster, producer: producer, hooks: hooks)) {
            try await waitUntil("the third try") { seen.withLock { $0["3"] == 3 && $0.count == 10 } }
            try await producer.fill(10..<12)
            try await waitUntil("later records") { seen.withLock { $0.count == 12 } }
        }
        #expect(seen.withLock { $0.filter { $0.key != "3" }.values.allSatisfy { $0 == 1 } })
        #expect(try await cluster.committed("t") == 12)
        await producer.close(timeout: .seconds(5))
    }

    @Test func `records that are no CloudEvents go to the dead-letter topic, redacted`() async throws {
        let cluster = try self.cluster()
        let producer = try cluster.makeProducer()
        let canary = Array("hunter2-canary".utf8)
        let poison: [ProducerRecord] = [
            ProducerRecord(topic: "t", key: [1], value: canary),
            ProducerRecord(topic: "t", value: nil),
            ProducerRecord(
                topic: "t",
                value: [0xFF, 0xFE],
                headers: [KafkaHeader(name: "ce_specversion", value: nil)]
            ),
            ProducerRecord(
                topic: "t",
                value: Array("{\"password\":\"hunter2-canary\"".utf8),
                headers: [
                    KafkaHeader(name: "content-type", value: Array("application/cloudevents+json".utf8))
                ]
            ),
        ]
        var records = poison
        records.insert(eventRecord("good", topic: "t"), at: 2)
        for outcome in await producer.send(records) { _ = try outcome.get() }
        let handled = HandledIDs()
        let hooks = KafkaLoopHooks(handle: handled.accept)
        try await withLoop(try self.loop(cluster, producer: producer, hooks: hooks)) {
            try await waitUntil("the good one") { handled.all == ["good"] }
            let dead = try await cluster.read("dlq", count: 4)
            #expect(dead.allSatisfy { $0.value == nil })
            #expect(dead[0].key == [1])
            let origins = dead.map { record in
                record.headers.first { $0.name == KafkaDeadLetter.offsetHeader }?.value
                    .map { String(decoding: $0, as: UTF8.self) }
            }
            #expect(origins == ["0", "1", "3", "4"])
            for record in dead {
                #expect(!String(describing: record.headers).contains("hunter2"))
                for header in record.headers {
                    #expect(!String(decoding: header.value ?? [], as: UTF8.self).contains("hunter2"))
                }
            }
        }
        #expect(try await cluster.committed("t") == 5)
        await producer.close(timeout: .seconds(5))
    }

    @Test func `what a handler rejects goes to the dead-letter topic too`() async throws {
        let cluster = try self.cluster()
        let producer = try cluster.makeProducer()
        try await producer.fill(0..<3)
        let handled = HandledIDs()
        let hooks = KafkaLoopHooks { batch in
            handled.append(batch)
            var outcome = KafkaBatch.Outcome.done
            for (index, message) in batch.messages.enumerated() where message.event.id == "1" {
                outcome.rejected[index] = KafkaRejection(code: "invalid", detail: "no", redactsValue: false)
            }
            return outcome
        }
        try await withLoop(try self.loop(cluster, producer: producer, hooks: hooks)) {
            let dead = try await cluster.read("dlq", count: 1)
            #expect(dead[0].value == testEvent("1").data?.serialized())
        }
        #expect(handled.all == ["0", "1", "2"])
        #expect(try await cluster.committed("t") == 3)
        await producer.close(timeout: .seconds(5))
    }

    @Test func `while dead letters cannot be written the offset does not move`() async throws {
        let cluster = try self.cluster()
        let filler = try cluster.makeProducer()
        let producer = try cluster.makeProducer(deliveryTimeout: .milliseconds(700))
        cluster.setTopicError("dlq", 3)
        for outcome in await filler.send([
            eventRecord("0", topic: "t"), ProducerRecord(topic: "t", value: [1]), eventRecord("2", topic: "t"),
        ]) { _ = try outcome.get() }
        let handled = HandledIDs()
        let hooks = KafkaLoopHooks { batch in
            handled.append(batch)
            #expect(batch.nextOffsets[TopicPartition(topic: "t", partition: 0)] ?? 0 <= 1)
            return .done
        }
        try await withLoop(try self.loop(cluster, producer: producer, hooks: hooks)) {
            try await waitUntil("the good ones") { handled.all == ["0", "2"] }
            try await waitUntil("the commit before the bad one") { try await cluster.committed("t") == 1 }
            cluster.setTopicError("dlq", 0)
            try await waitUntil("the commit after the dead letter") { try await cluster.committed("t") == 3 }
        }
        #expect(try await cluster.read("dlq", count: 1).count == 1)
        #expect(handled.all == ["0", "2"])
        await filler.close(timeout: .seconds(5))
        await producer.close(timeout: .seconds(5))
    }

    @Test func `a topic without room waits while the urgent one goes on`() async throws {
        let cluster = try self.cluster(["high", "low", "dlq"])
        let producer = try cluster.makeProducer()
        try await producer.fill(0..<5, topic: "low")
        let hasRoom = Mutex(false)
        let handled = HandledIDs()
        let hooks = KafkaLoopHooks(
            handle: handled.accept,
            room: { topic in topic == "high" || hasRoom.withLock { $0 } ? 100 : 0 }
        )
        let loop = try self.loop(
            cluster,
            producer: producer,
            configuration: self.configuration(["high", "low"]),
            hooks: hooks
        )
        try await withLoop(loop) {
            try await producer.fill(100..<110, topic: "high")
            try await waitUntil("the urgent ones") { handled.all.count == 10 }
            try await producer.fill(110..<115, topic: "high")
            try await waitUntil("more urgent ones") { handled.all.count == 15 }
            #expect(handled.all.allSatisfy { $0.count == 3 })
            hasRoom.withLock { $0 = true }
            loop.wake()
            try await waitUntil("the others") { handled.all.count == 20 }
        }
        #expect(try await cluster.committed("low") == 5)
        await producer.close(timeout: .seconds(5))
    }

    /// The operations guide's alarms hang on it.
    @Test func `what waits for room is in the lag that is shown`() async throws {
        let cluster = try self.cluster()
        let producer = try cluster.makeProducer()
        var configuration = self.configuration()
        configuration.name = "test-lag"
        configuration.lagInterval = .milliseconds(50)
        let handled = HandledIDs()
        let room = Mutex(0)
        let hooks = KafkaLoopHooks(
            handle: handled.accept,
            room: { _ in room.withLock { $0 } }
        )
        let metrics = SharedMetrics.registry
        let loop = try self.loop(cluster, producer: producer, configuration: configuration, hooks: hooks)
        func shows(_ lag: Int) -> Bool {
            metrics.exposition().contains("longshore_kafka_lag{consumer=\"test-lag\",topic=\"t\"} \(lag)\n")
        }
        try await withLoop(loop) {
            try await waitUntil("the assignment") { shows(0) }
            try await producer.fill(0..<4)
            try await waitUntil("the lag") { shows(4) }
            room.withLock { $0 = 100 }
            try await waitUntil("the records") { handled.all.count == 4 && shows(0) }
        }
        await producer.close(timeout: .seconds(5))
    }

    @Test func `reading begins at the offsets that the hook knows, once it does`() async throws {
        let cluster = try self.cluster()
        let producer = try cluster.makeProducer()
        try await producer.fill(0..<10)
        // A group that the broker does not know would be read from its beginning.
        try await cluster.commit(2, TopicPartition(topic: "t", partition: 0))
        let handled = HandledIDs()
        let failures = Failures(2)
        let hooks = KafkaLoopHooks(
            handle: handled.accept,
            onAssigned: { partitions in
                try failures.failIfAnyIsLeft()
                return Dictionary(uniqueKeysWithValues: partitions.map { ($0, 7) })
            }
        )
        try await withLoop(try self.loop(cluster, producer: producer, hooks: hooks)) {
            try await waitUntil("the rest") { handled.all == ["7", "8", "9"] }
        }
        await producer.close(timeout: .seconds(5))
    }

    @Test func `a slow handler keeps its membership and its work counts`() async throws {
        let cluster = try self.cluster(partitions: 2)
        let producer = try cluster.makeProducer()
        try await producer.fill(0..<3)
        var configuration = self.configuration()
        configuration.handlerGrace = .milliseconds(50)
        let gate = AsyncStream<Void>.makeStream()
        let handled = HandledIDs()
        let hooks = KafkaLoopHooks { batch in
            handled.append(batch)
            for await _ in gate.stream { break }
            return .done
        }
        let consumer = try cluster.makeConsumer()
        let loop = KafkaLoop(
            consumer: consumer,
            producer: producer,
            configuration: configuration,
            hooks: hooks,
            logger: kafkaTestLogger
        )
        try await withLoop(loop) {
            try await waitUntil("the handler") { !handled.all.isEmpty }
            // Polls go on beside the handler: the time since the last one falls again and again.
            for _ in 0..<3 {
                try await waitUntil("time to pass") { consumer.timeSinceLastPoll > .milliseconds(5) }
                try await waitUntil("a poll") { consumer.timeSinceLastPoll < .milliseconds(5) }
            }
            gate.continuation.finish()
            try await waitUntil("the commit") { try await cluster.committed("t") == 3 }
        }
        #expect(handled.all == ["0", "1", "2"])
        await producer.close(timeout: .seconds(5))
    }

    @Test func `a rebalance waits for the batch in hand and commits it`() async throws {
        let cluster = try self.cluster(partitions: 2)
        let producer = try cluster.makeProducer()
        try await producer.fill(0..<3)
        var configuration = self.configuration()
        configuration.handlerGrace = .milliseconds(50)
        let gate = AsyncStream<Void>.makeStream()
        let first = HandledIDs()
        let revoked = Mutex(0)
        let hooks = KafkaLoopHooks(
            handle: { batch in
                first.append(batch)
                for await _ in gate.stream { break }
                return .done
            },
            onRevoked: { _, lost in
                #expect(!lost)
                revoked.withLock { $0 += 1 }
            }
        )
        let second = HandledIDs()
        let other = KafkaLoopHooks { batch in
            second.append(batch)
            return .done
        }
        try await withLoop(
            try self.loop(cluster, producer: producer, configuration: configuration, hooks: hooks)
        ) {
            try await waitUntil("the handler") { !first.all.isEmpty }
            try await withLoop(try self.loop(cluster, producer: producer, hooks: other)) {
                // Long enough for the group to ask for its partitions back, which waits for the batch.
                try await Task.sleep(for: .seconds(2))
                #expect(revoked.withLock { $0 } == 0)
                gate.continuation.finish()
                try await waitUntil("the rebalance") { revoked.withLock { $0 } >= 1 }
                try await producer.fill(3..<6)
                try await waitUntil("the rest") { Set(first.all + second.all).count == 6 }
            }
        }
        await producer.close(timeout: .seconds(5))
    }

    @Test func `a graceful stop finishes the batch in hand, commits and leaves`() async throws {
        let cluster = try self.cluster()
        let producer = try cluster.makeProducer()
        try await producer.fill(0..<3)
        let started = AsyncStream<Void>.makeStream()
        let gate = AsyncStream<Void>.makeStream()
        let hooks = KafkaLoopHooks { batch in
            started.continuation.yield()
            for await _ in gate.stream { break }
            return .done
        }
        let loop = try self.loop(cluster, producer: producer, hooks: hooks)
        let group = ServiceGroup(
            configuration: .init(services: [.init(service: loop)], logger: kafkaTestLogger)
        )
        async let running: Void = group.run()
        var iterator = started.stream.makeAsyncIterator()
        await iterator.next()
        await group.triggerGracefulShutdown()
        gate.continuation.finish()
        try await running
        #expect(try await cluster.committed("t") == 3)
        await producer.close(timeout: .seconds(5))
    }

    @Test func `a stop cancels a handler that does not finish, and its work comes again`() async throws {
        let cluster = try self.cluster()
        let producer = try cluster.makeProducer()
        try await producer.fill(0..<3)
        var configuration = self.configuration()
        configuration.handlerGrace = .milliseconds(20)
        configuration.drainTimeout = .milliseconds(100)
        let started = AsyncStream<Void>.makeStream()
        let hooks = KafkaLoopHooks { _ in
            started.continuation.yield()
            try await Task.sleep(for: .seconds(600))
            return .done
        }
        let loop = try self.loop(cluster, producer: producer, configuration: configuration, hooks: hooks)
        let group = ServiceGroup(
            configuration: .init(services: [.init(service: loop)], logger: kafkaTestLogger)
        )
        async let running: Void = group.run()
        var iterator = started.stream.makeAsyncIterator()
        await iterator.next()
        await group.triggerGracefulShutdown()
        try await running
        #expect(try await cluster.committed("t") ?? 0 == 0)
        await producer.close(timeout: .seconds(5))
    }

    @Test func `a commit that fails does not stop the loop and is made up for`() async throws {
        let cluster = try self.cluster()
        let producer = try cluster.makeProducer()
        try await producer.fill(0..<3)
        cluster.pushRequestErrors(api: 8, [27, 22])
        let handled = HandledIDs()
        let hooks = KafkaLoopHooks(handle: handled.accept)
        try await withLoop(try self.loop(cluster, producer: producer, hooks: hooks)) {
            try await waitUntil("the commit") { try await cluster.committed("t") == 3 }
            try await producer.fill(3..<6)
            try await waitUntil("the rest") { Set(handled.all).count == 6 }
        }
        #expect(try await cluster.committed("t") == 6)
        await producer.close(timeout: .seconds(5))
    }

    @Test func `events go on when the broker was down`() async throws {
        let cluster = try self.cluster()
        let producer = try cluster.makeProducer()
        try await producer.fill(0..<3)
        let handled = HandledIDs()
        let hooks = KafkaLoopHooks(handle: handled.accept)
        try await withLoop(try self.loop(cluster, producer: producer, hooks: hooks)) {
            try await waitUntil("the first") { handled.all.count == 3 }
            try cluster.setBrokerDown(1)
            try await Task.sleep(for: .milliseconds(500))
            try cluster.setBrokerUp(1)
            try await producer.fill(3..<6)
            try await waitUntil("the rest") { Set(handled.all).count == 6 }
        }
        await producer.close(timeout: .seconds(5))
    }
}
