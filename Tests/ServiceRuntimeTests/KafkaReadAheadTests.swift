import LongshoreMessages
import RDKafka
import ServiceRuntime
import Synchronization
import TestSupport
import Testing

/// Loops whose hooks prepare a batch while the one before is handled.
@Suite(.timeLimit(.minutes(3))) struct KafkaReadAheadTests {
    /// What was prepared, one list of ids for each call.
    private final class Prepared: Sendable {
        private let calls = Mutex<[[String]]>([])

        func append(_ messages: [KafkaMessage]) { self.calls.withLock { $0.append(messages.map(\.event.id)) } }

        func contains(_ id: String) -> Bool { self.calls.withLock { $0.contains { $0.contains(id) } } }
    }

    private func loop(_ cluster: MockCluster, producer: KafkaProducer, hooks: KafkaLoopHooks) throws -> KafkaLoop {
        var configuration = KafkaLoopConfiguration(name: "test", topics: ["t"], deadLetterTopic: "dlq")
        configuration.maximumBatch = 10
        configuration.firstRetryDelay = .milliseconds(20)
        configuration.maximumRetryDelay = .milliseconds(100)
        configuration.pollTimeout = .milliseconds(50)
        return KafkaLoop(
            consumer: try cluster.makeConsumer(),
            producer: producer,
            configuration: configuration,
            hooks: hooks,
            logger: kafkaTestLogger
        )
    }

    @Test(arguments: [0, 2])
    func `the next batch is prepared while one is handled, and order holds though that one fails`(
        failures: Int
    ) async throws {
        let cluster = try MockCluster(brokers: 1)
        for topic in ["t", "dlq"] { try cluster.createTopic(topic, partitions: 1) }
        let producer = try cluster.makeProducer()
        try await producer.fill(0..<35)
        let (prepared, handled) = (Prepared(), HandledIDs())
        let left = Failures(failures)
        let hooks = KafkaLoopHooks(prepare: { messages in
            prepared.append(messages)
            let ids = messages.map(\.event.id)
            return { batch in
                #expect(batch.messages.map(\.event.id) == ids, "what is done is what was prepared")
                // Goes on only when what comes after it was prepared beside it.
                if ids.first == "0" { try await waitUntil("the next batch") { prepared.contains("10") } }
                try left.failIfAnyIsLeft()
                handled.append(batch)
                return .done
            }
        })
        try await withLoop(try self.loop(cluster, producer: producer, hooks: hooks)) {
            try await waitUntil("all records") { handled.all.count >= 35 }
            try await waitUntil("the commit") { try await cluster.committed("t") == 35 }
        }
        #expect(handled.all == (0..<35).map { "\($0)" })
        await producer.close(timeout: .seconds(5))
    }

    @Test func `what was read ahead of a rebalance is read by whoever has the partition then`() async throws {
        let cluster = try MockCluster(brokers: 1)
        for topic in ["t", "dlq"] { try cluster.createTopic(topic, partitions: 4) }
        let producer = try cluster.makeProducer()
        let handled = HandledIDs()
        func hooks() -> KafkaLoopHooks {
            KafkaLoopHooks(prepare: { _ in
                { batch in
                    // Slow enough for the second member to come while there is work.
                    try await Task.sleep(for: .milliseconds(30))
                    handled.append(batch)
                    return .done
                }
            })
        }
        try await withLoop(try self.loop(cluster, producer: producer, hooks: hooks())) {
            for number: Int32 in 0..<4 {
                let first = Int(number) * 500
                try await producer.fill(first..<first + 500, partition: number)
            }
            try await waitUntil("some records") { handled.all.count > 100 }
            try await withLoop(try self.loop(cluster, producer: producer, hooks: hooks())) {
                try await waitUntil("all records") { Set(handled.all).count == 2_000 }
                for number: Int32 in 0..<4 {
                    try await waitUntil("the commit") {
                        try await cluster.committed("t", partition: number) == 500
                    }
                }
            }
        }
        await producer.close(timeout: .seconds(5))
    }
}
