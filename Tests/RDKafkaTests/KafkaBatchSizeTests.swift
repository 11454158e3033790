import RDKafka
import TestSupport
import Testing

/// Topics with a small `max.message.bytes`, which counts for batches: no record may be lost because of its company.
@Suite(.timeLimit(.minutes(3))) struct KafkaBatchSizeTests {
    private let cluster: MockCluster
    private let proxy: KafkaProxy

    init() throws {
        cluster = try MockCluster(brokers: 1)
        try cluster.createTopic("t", partitions: 1)
        proxy = try KafkaProxy(of: cluster.bootstrapServers)
    }

    private func makeProducer(_ change: (inout KafkaProducer.Options) -> Void = { _ in }) throws -> KafkaProducer {
        var options = KafkaProducer.Options()
        change(&options)
        return try KafkaProducer(
            configuration: KafkaConfiguration(
                bootstrapServers: proxy.address,
                properties: ["compression.type": "none"]
            ),
            options: options,
            logger: quietLogger
        )
    }

    private func record(_ number: Int, bytes: Int = 600) -> ProducerRecord {
        let text = "\(number)"
        return ProducerRecord(
            topic: "t",
            value: Array(text.utf8) + [UInt8](repeating: 32, count: bytes - text.utf8.count)
        )
    }

    /// The numbers in the topic, in its order.
    private func stored(_ count: Int) async throws -> [Int] {
        let consumer = try cluster.consumer(group: nil)
        try await consumer.assign([partition("t"): .beginning])
        var reader = Reader(consumer)
        try await reader.poll { $0.records.count >= count }
        await consumer.close(timeout: .seconds(5))
        return reader.records.compactMap { record in
            record.value.flatMap { Int(String(decoding: $0.prefix { $0 != 32 }, as: UTF8.self)) }
        }
    }

    // The smaller the limit, the more often batches are split. A large record among small ones makes a batch that is refused with
    // one behind it that is not.
    @Test(arguments: [(1_400, 600), (3_000, 2_700), (6_000, 5_000), (20_000, 600), (262_144, 600)])
    func `small records that were refused for their batch all arrive, in their order`(
        limit: Int,
        largest: Int
    ) async throws {
        proxy.change { $0.maximumBatchBytes = limit }
        let producer = try makeProducer { $0.linger = .milliseconds(50) }
        // Several senders, so that others' records stand behind a batch that is refused.
        let refused = await withTaskGroup(of: Int.self) { group in
            for sender in 0..<4 {
                let records = (0..<250).map { record(sender * 1_000 + $0, bytes: $0 % 7 == 3 ? largest : 600) }
                group.addTask { await producer.send(records).count { if case .failure = $0 { true } else { false } } }
            }
            return await group.reduce(0, +)
        }
        #expect(refused == 0)
        let numbers = try await stored(1_000)
        for sender in 0..<4 {
            var seen: [Int] = []
            for number in numbers where number / 1_000 == sender && !seen.contains(number) { seen.append(number) }
            #expect(seen == Array((sender * 1_000)..<(sender * 1_000 + 250)))
        }
        if largest == 600 { #expect(producer.batchBytes <= limit) }
        // What was learned holds: nothing more is refused.
        let before = producer.batchBytes
        _ = try await producer.send((0..<1_000).map { record($0) }).map { try $0.get() }
        #expect(producer.batchBytes == before)
        await producer.close(timeout: .seconds(5))
        proxy.stop()
    }

    @Test func `a record that is too large itself fails, and no other`() async throws {
        proxy.change { $0.maximumBatchBytes = 20_000 }
        let producer = try makeProducer { $0.linger = .milliseconds(50) }
        let outcomes = await producer.send((0..<50).map { record($0, bytes: $0 == 20 ? 30_000 : 600) })
        for (index, outcome) in outcomes.enumerated() where index != 20 { _ = try outcome.get() }
        let error = #expect(throws: KafkaError.self) { try outcomes[20].get() }
        #expect(error?.code == .messageTooLarge)
        #expect(error?.mayBePersisted == false)
        #expect(try await stored(49) == Array(0..<50).filter { $0 != 20 })
        await producer.close(timeout: .seconds(5))
        proxy.stop()
    }

    @Test func `batches stay below a limit that is known beforehand`() async throws {
        let producer = try makeProducer { $0.linger = .milliseconds(50) }
        _ = try await producer.send(record(0))
        producer.limitBatches(to: 20_000)
        try await waitUntil("smaller batches") { producer.batchBytes == 20_000 }
        proxy.change { $0.maximumBatchBytes = 20_000 }
        _ = try await producer.send((1..<200).map { record($0) }).map { try $0.get() }
        #expect(producer.batchBytes == 20_000)
        producer.limitBatches(to: 1_000_000)
        _ = try await producer.send(record(200))
        #expect(producer.batchBytes == 20_000)
        #expect(try await stored(201) == Array(0...200))
        await producer.close(timeout: .seconds(5))
        proxy.stop()
    }

    @Test func `a close while batches are being split ends in time and settles every record`() async throws {
        proxy.change { $0.maximumBatchBytes = 700 }
        let producer = try makeProducer { $0.linger = .milliseconds(50) }
        async let sent = producer.send((0..<2_000).map { record($0) })
        try await waitUntil("the first split") { producer.batchBytes < 1_000_000 }
        let begin = ContinuousClock.now
        await producer.close(timeout: .milliseconds(100))
        #expect(begin.duration(to: .now) < .seconds(10) * testPatience)
        #expect(await sent.count == 2_000)
        proxy.stop()
    }
}
