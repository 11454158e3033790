import RDKafka
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(3))) struct KafkaProducerTests {
    private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

    @Test func `keys, values and headers arrive as they were sent`() async throws {
        let cluster = try MockCluster(brokers: 1)
        try cluster.createTopic("t", partitions: 1)
        let producer = try cluster.producer()
        let sent = [
            ProducerRecord(
                topic: "t",
                key: self.bytes("key"),
                value: self.bytes("value"),
                headers: [
                    KafkaHeader(name: "a", value: self.bytes("1")), KafkaHeader(name: "null", value: nil),
                    KafkaHeader(name: "empty", value: []), KafkaHeader(name: "a", value: [0, 255, 0]),
                ]
            ),
            ProducerRecord(topic: "t", key: [], value: []),
            ProducerRecord(topic: "t", key: nil, value: nil),
            ProducerRecord(topic: "t", key: [0, 1, 2], value: nil),
        ]
        let reports = try await producer.send(sent).map { try $0.get() }
        #expect(reports.map(\.offset) == [0, 1, 2, 3])
        #expect(Set(reports.map(\.topic)) == ["t"])

        let consumer = try cluster.consumer(group: nil)
        try await consumer.assign([partition("t"): .beginning])
        var reader = Reader(consumer)
        try await reader.poll { $0.records.count == 4 }
        #expect(reader.records.map(\.key) == sent.map(\.key))
        #expect(reader.records.map(\.value) == sent.map(\.value))
        #expect(reader.records.map(\.headers) == sent.map(\.headers))
        #expect(reader.records.allSatisfy { $0.timestampMilliseconds != nil })
        await consumer.close(timeout: .seconds(5))
        await producer.close(timeout: .seconds(5))
    }

    @Test func `keys choose partitions as Java clients do`() async throws {
        let cluster = try MockCluster(brokers: 1)
        try cluster.createTopic("t", partitions: 4)
        let producer = try cluster.producer()
        // Hashes from Kafka's UtilsTest, modulo 4 after clearing the sign bit.
        let keys: [(String, Int32)] = [
            ("21", 0), ("foobar", 2), ("a-little-bit-long-string", 0), ("a-little-bit-longer-string", 3), ("abc", 3),
        ]
        for (key, expected) in keys {
            let report = try await producer.send(
                ProducerRecord(topic: "t", key: self.bytes(key), value: nil)
            )
            #expect(report.partition == expected, "\(key)")
        }
        await producer.close(timeout: .seconds(5))
    }

    @Test func `many senders beyond the limit are held back and all served`() async throws {
        let cluster = try MockCluster(brokers: 1)
        try cluster.createTopic("t", partitions: 2)
        let producer = try cluster.producer { $0.maximumInFlight = 50 }
        let sent = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<100 {
                group.addTask {
                    let outcomes = await producer.send(
                        (0..<20).map { ProducerRecord(topic: "t", value: Array("\($0)".utf8)) }
                    )
                    return outcomes.count { if case .success = $0 { true } else { false } }
                }
            }
            return await group.reduce(0, +)
        }
        #expect(sent == 2000)
        await producer.close(timeout: .seconds(5))
    }

    @Test func `a batch larger than the limit passes`() async throws {
        let cluster = try MockCluster(brokers: 1)
        try cluster.createTopic("t", partitions: 1)
        let producer = try cluster.producer { $0.maximumInFlight = 10 }
        let outcomes = await producer.send((0..<500).map { ProducerRecord(topic: "t", value: Array("\($0)".utf8)) })
        #expect(try outcomes.map { try $0.get().offset } == Array(0..<500))
        await producer.close(timeout: .seconds(5))
    }

    @Test func `a full queue drops nothing and keeps the order`() async throws {
        let cluster = try MockCluster(brokers: 1)
        try cluster.createTopic("t", partitions: 1)
        try cluster.setRoundTripTime(1, .milliseconds(20))
        // 200 records of 2 kB do not fit into 16 KiB.
        let producer = try cluster.producer { $0.maximumQueuedKilobytes = 16 }
        let value = [UInt8](repeating: 120, count: 2000)
        let outcomes = await producer.send((0..<200).map { _ in ProducerRecord(topic: "t", value: value) })
        #expect(try outcomes.map { try $0.get().offset } == Array(0..<200))
        await producer.close(timeout: .seconds(5))
    }

    @Test func `a record that is too large fails alone`() async throws {
        let cluster = try MockCluster(brokers: 1)
        try cluster.createTopic("t", partitions: 1)
        let producer = try cluster.producer { $0.maximumRecordBytes = 10_000 }
        let outcomes = await producer.send(
            [10, 20_000, 10].map {
                ProducerRecord(topic: "t", value: [UInt8](repeating: 0, count: $0))
            }
        )
        #expect(try outcomes[0].get().offset == 0)
        #expect(try outcomes[2].get().offset == 1)
        let error = #expect(throws: KafkaError.self) { try outcomes[1].get() }
        #expect(error?.code == .messageTooLarge)
        #expect(error?.isRetryable == false)
        #expect(error?.mayBePersisted == false)
        await producer.close(timeout: .seconds(5))
    }

    @Test func `a record that the broker finds too large fails`() async throws {
        let cluster = try MockCluster(brokers: 1)
        try cluster.createTopic("t", partitions: 1)
        let producer = try cluster.producer()
        cluster.pushRequestErrors(api: API.produce, [Fault.tooLarge])
        let error = await #expect(throws: KafkaError.self) {
            try await producer.send(ProducerRecord(topic: "t", value: [1]))
        }
        #expect(error?.code == .messageTooLarge)
        _ = try await producer.send(ProducerRecord(topic: "t", value: [2]))
        await producer.close(timeout: .seconds(5))
    }

    @Test func `a lost acknowledgement is retried until it comes`() async throws {
        let cluster = try MockCluster(brokers: 1)
        try cluster.createTopic("t", partitions: 1)
        let producer = try cluster.producer(["socket.timeout.ms": "1000"])
        try cluster.pushRequestErrorWithDelay(broker: 1, api: API.produce, error: 0, delay: .seconds(3))
        let report = try await producer.send(ProducerRecord(topic: "t", value: self.bytes("once")))
        #expect(report.partition == 0)
        let consumer = try cluster.consumer(group: nil)
        // The mock does not recognise the repeated request, so it has the record twice: a real broker has it once.
        #expect(try await consumer.watermarks(partition("t"), timeout: .seconds(10)).high >= 1)
        await consumer.close(timeout: .seconds(5))
        await producer.close(timeout: .seconds(5))
    }

    @Test(arguments: [Fault.notEnoughReplicas, Fault.notLeader, Fault.transport])
    func `passing faults are hidden by retries`(fault: Int32) async throws {
        let cluster = try MockCluster(brokers: 1)
        try cluster.createTopic("t", partitions: 1)
        let producer = try cluster.producer(["retry.backoff.ms": "50"])
        cluster.pushRequestErrors(api: API.produce, [fault, fault, fault])
        let outcomes = await producer.send((0..<50).map { ProducerRecord(topic: "t", value: Array("\($0)".utf8)) })
        #expect(outcomes.allSatisfy { if case .success = $0 { true } else { false } })
        #expect(producer.recreations == 0)
        await producer.close(timeout: .seconds(5))
    }

    @Test func `after a fatal error the client is replaced and the sender may retry`() async throws {
        let cluster = try MockCluster(brokers: 1)
        try cluster.createTopic("t", partitions: 1)
        let producer = try cluster.producer()
        for round in 1...3 {
            cluster.pushRequestErrors(api: API.produce, [Fault.outOfOrderSequence])
            let outcomes = await producer.send((0..<5).map { _ in ProducerRecord(topic: "t", value: [1]) })
            let errors = outcomes.compactMap { if case .failure(let error) = $0 { error } else { nil } }
            #expect(!errors.isEmpty)
            #expect(errors.allSatisfy { $0.isRetryable }, "\(errors)")
            let report = try await producer.send(ProducerRecord(topic: "t", value: [2]))
            #expect(report.topic == "t")
            #expect(producer.recreations == round)
        }
        try await producer.checkConnection(timeout: .seconds(10))
        await producer.close(timeout: .seconds(5))
    }

    @Test func `an unknown topic fails its records while others flow`() async throws {
        let cluster = try MockCluster(brokers: 1)
        try cluster.createTopic("good", partitions: 1)
        try cluster.createTopic("bad", partitions: 1)
        cluster.setTopicError("bad", Fault.unknownTopic)
        let producer = try cluster.producer {
            $0.metadataRefreshInterval = .milliseconds(200)
            $0.topicWait = .milliseconds(500)
            $0.deliveryTimeout = .seconds(8)
        }
        let outcomes = await producer.send([
            ProducerRecord(topic: "bad", value: [1]), ProducerRecord(topic: "good", value: [1]),
        ])
        #expect(try outcomes[1].get().offset == 0)
        let error = #expect(throws: KafkaError.self) { try outcomes[0].get() }
        #expect(error?.code == .unknownTopic)
        cluster.setTopicError("bad", 0)
        try await waitUntil("the topic to be found") {
            (try? await producer.send(ProducerRecord(topic: "bad", value: [1]))) != nil
        }
        await producer.close(timeout: .seconds(5))
    }

    @Test func `a topic without rights fails its records while others flow`() async throws {
        let cluster = try MockCluster(brokers: 1)
        try cluster.createTopic("good", partitions: 1)
        try cluster.createTopic("bad", partitions: 1)
        cluster.setTopicError("bad", Fault.topicAuthorization)
        let producer = try cluster.producer { $0.deliveryTimeout = .seconds(8) }
        let outcomes = await producer.send([
            ProducerRecord(topic: "bad", value: [1]), ProducerRecord(topic: "good", value: [1]),
        ])
        #expect(try outcomes[1].get().offset == 0)
        let error = #expect(throws: KafkaError.self) { try outcomes[0].get() }
        // librdkafka 2.0.2 goes on asking until the delivery's time is over; later ones give the reason at once.
        #expect(error?.code == .authorization || error?.code == .timedOut)
        #expect(error?.isRetryable == true)
        cluster.setTopicError("bad", 0)
        try await waitUntil("the right to come back") {
            (try? await producer.send(ProducerRecord(topic: "bad", value: [1]))) != nil
        }
        await producer.close(timeout: .seconds(5))
    }

    @Test func `a broker that refuses the write fails the record`() async throws {
        let cluster = try MockCluster(brokers: 1)
        try cluster.createTopic("t", partitions: 1)
        let producer = try cluster.producer()
        cluster.pushRequestErrors(api: API.produce, [Fault.topicAuthorization])
        let error = await #expect(throws: KafkaError.self) {
            try await producer.send(ProducerRecord(topic: "t", value: [1]))
        }
        #expect(error?.code == .authorization)
        try await waitUntil("the right to come back") {
            (try? await producer.send(ProducerRecord(topic: "t", value: [1]))) != nil
        }
        await producer.close(timeout: .seconds(5))
    }

    @Test func `records wait for a broker that is down and flow when it is up`() async throws {
        let cluster = try MockCluster(brokers: 1)
        try cluster.createTopic("t", partitions: 1)
        let producer = try cluster.producer(["reconnect.backoff.max.ms": "200"])
        _ = try await producer.send(ProducerRecord(topic: "t", value: [0]))
        try cluster.setBrokerDown(1)
        async let late = producer.send((0..<20).map { _ in ProducerRecord(topic: "t", value: [1]) })
        try await Task.sleep(for: .milliseconds(300))
        try cluster.setBrokerUp(1)
        let outcomes = await late
        #expect(outcomes.allSatisfy { if case .success = $0 { true } else { false } })
        await producer.close(timeout: .seconds(5))
    }

    @Test func `a delivery that takes too long fails and may be retried`() async throws {
        let cluster = try MockCluster(brokers: 1)
        try cluster.createTopic("t", partitions: 1)
        let producer = try cluster.producer { $0.deliveryTimeout = .milliseconds(500) }
        try cluster.setBrokerDown(1)
        let error = await #expect(throws: KafkaError.self) {
            try await producer.send(ProducerRecord(topic: "t", value: [1], partition: 0))
        }
        #expect(error?.isRetryable == true)
        #expect(error?.code == .timedOut)
        await producer.close(timeout: .seconds(1))
    }

    @Test func `a client whose records are never acknowledged is replaced, for the broker may have forgotten it`()
        async throws
    {
        let cluster = try MockCluster(brokers: 1)
        try cluster.createTopic("t", partitions: 1)
        let producer = try cluster.producer { $0.deliveryTimeout = .seconds(3) }
        _ = try await producer.send(ProducerRecord(topic: "t", value: [0], partition: 0))
        #expect(producer.recreations == 0)
        try cluster.setBrokerDown(1)
        try await Task.sleep(for: .milliseconds(200))
        await #expect(throws: KafkaError.self) {
            try await producer.send(ProducerRecord(topic: "t", value: [1], partition: 0))
        }
        try await waitUntil("another client") { producer.recreations > 0 }
        try cluster.setBrokerUp(1)
        try await waitUntil("a delivery by it") {
            (try? await producer.send(ProducerRecord(topic: "t", value: [2], partition: 0))) != nil
        }
        await producer.close(timeout: .seconds(1))
    }

    @Test func `close fails what cannot be delivered and refuses what comes later`() async throws {
        let cluster = try MockCluster(brokers: 1)
        try cluster.createTopic("t", partitions: 1)
        let producer = try cluster.producer()
        _ = try await producer.send(ProducerRecord(topic: "t", value: [0]))
        try cluster.setBrokerDown(1)
        async let stuck = producer.send((0..<10).map { _ in ProducerRecord(topic: "t", value: [1]) })
        try await Task.sleep(for: .milliseconds(100))
        await producer.close(timeout: .milliseconds(200))
        for outcome in await stuck {
            let error = #expect(throws: KafkaError.self) { try outcome.get() }
            #expect(error?.code == .closed)
        }
        let error = await #expect(throws: KafkaError.self) {
            try await producer.send(ProducerRecord(topic: "t", value: [0]))
        }
        #expect(error?.code == .closed)
        await producer.close(timeout: .seconds(1))
    }

    @Test func `close delivers what is on its way`() async throws {
        let cluster = try MockCluster(brokers: 1)
        try cluster.createTopic("t", partitions: 1)
        let producer = try cluster.producer { $0.linger = .milliseconds(300) }
        async let sent = producer.send((0..<100).map { _ in ProducerRecord(topic: "t", value: [1]) })
        try await Task.sleep(for: .milliseconds(100))
        await producer.close(timeout: .seconds(10))
        #expect(await sent.count { if case .success = $0 { true } else { false } } == 100)
    }

    @Test func `a producer that is only released ends by itself`() async throws {
        let cluster = try MockCluster(brokers: 1)
        try cluster.createTopic("t", partitions: 1)
        do {
            let producer = try cluster.producer()
            _ = try await producer.send(ProducerRecord(topic: "t", value: [1]))
        }
        do {
            _ = try cluster.producer()
        }
    }

    @Test func `the connection check tells a broker from none`() async throws {
        let cluster = try MockCluster(brokers: 1)
        let producer = try cluster.producer()
        try await producer.checkConnection(timeout: .seconds(10))
        await producer.close(timeout: .seconds(1))

        let lost = try KafkaProducer(
            configuration: KafkaConfiguration(bootstrapServers: "127.0.0.1:1"),
            logger: quietLogger
        )
        let error = await #expect(throws: KafkaError.self) {
            try await lost.checkConnection(timeout: .milliseconds(300))
        }
        #expect(error?.isRetryable == true)
        await lost.close(timeout: .seconds(1))
    }

    @Test func `partitions are counted`() async throws {
        let cluster = try MockCluster(brokers: 1)
        try cluster.createTopic("t", partitions: 7)
        let producer = try cluster.producer()
        #expect(try await producer.partitionCount(topic: "t", timeout: .seconds(10)) == 7)
        cluster.setTopicError("t", Fault.unknownTopic)
        let error = await #expect(throws: KafkaError.self) {
            try await producer.partitionCount(topic: "t", timeout: .seconds(10))
        }
        #expect(error?.code == .unknownTopic)
        await producer.close(timeout: .seconds(1))
    }

    @Test func `a sender that is cancelled goes on at once, and its record may arrive all the same`() async throws {
        let cluster = try MockCluster(brokers: 1)
        try cluster.createTopic("t", partitions: 1)
        let producer = try cluster.producer()
        _ = try await producer.send(ProducerRecord(topic: "t", key: nil, value: self.bytes("first")))
        try cluster.setRoundTripTime(1, .seconds(20))
        let begin = ContinuousClock.now
        let sending = Task { await producer.send([ProducerRecord(topic: "t", key: nil, value: self.bytes("late"))]) }
        try await Task.sleep(for: .milliseconds(100))
        sending.cancel()
        guard case .failure(let error)? = await sending.value.first else {
            Issue.record("The record was acknowledged although the broker does not answer")
            return
        }
        #expect(error.code == .cancelled)
        #expect(error.mayBePersisted)
        #expect(error.isRetryable)
        #expect(begin.duration(to: .now) < .seconds(15))
        await producer.close(timeout: .milliseconds(100))
    }
}
