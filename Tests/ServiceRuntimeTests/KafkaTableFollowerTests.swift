import LongshoreMessages
import RDKafka
import ServiceRuntime
import Synchronization
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(2))) struct KafkaTableFollowerTests {
    private func options() -> KafkaConsumer.Options {
        var options = KafkaConsumer.Options()
        options.fetchWaitMaximum = .milliseconds(10)
        return options
    }

    @Test func `follows the table from its beginning, with rows that change and go`() async throws {
        let cluster = try MockCluster(brokers: 1)
        try cluster.createTopic("table", partitions: 2)
        let producer = try cluster.makeProducer()
        func write(_ key: String, _ id: String?) async throws {
            var record = ProducerRecord(testEvent(id ?? "").kafkaRecord(topic: "table", key: key))
            if id == nil { record = ProducerRecord(topic: "table", key: Array(key.utf8), value: nil) }
            _ = try await producer.send(record)
        }
        try await write("a", "a1")
        try await write("b", "b1")
        try await write("a", "a2")
        _ = try await producer.send(ProducerRecord(topic: "table", key: [1], value: Array("junk".utf8)))
        _ = try await producer.send(ProducerRecord(topic: "table", key: nil, value: Array("junk".utf8)))

        let table = Mutex<[String: String]>([:])
        let follower = KafkaTableFollower(
            configuration: cluster.kafkaConfiguration,
            topic: "table",
            options: self.options(),
            logger: kafkaTestLogger
        ) { change in
            table.withLock { table in
                switch change {
                case .updated(let key, let event): table[String(decoding: key, as: UTF8.self)] = event.id
                case .removed(let key): table[String(decoding: key, as: UTF8.self)] = nil
                }
            }
        }
        #expect(!follower.hasCaughtUp)
        let task = Task { try await follower.run() }
        try await waitUntil("the table") { follower.hasCaughtUp }
        #expect(table.withLock { $0 } == ["a": "a2", "b": "b1"])
        try await write("b", nil)
        try await write("c", "c1")
        try await waitUntil("the changes") { table.withLock { $0 } == ["a": "a2", "c": "c1"] }
        task.cancel()
        try await task.value
        await producer.close(timeout: .seconds(5))
    }

    @Test func `waits for a topic that is not there yet`() async throws {
        let cluster = try MockCluster(brokers: 1)
        try cluster.createTopic("table", partitions: 1)
        cluster.setTopicError("table", 3)
        let count = Mutex(0)
        let follower = KafkaTableFollower(
            configuration: cluster.kafkaConfiguration,
            topic: "table",
            options: self.options(),
            logger: kafkaTestLogger
        ) { _ in count.withLock { $0 += 1 } }
        let task = Task { try await follower.run() }
        try await Task.sleep(for: .milliseconds(300))
        #expect(!follower.hasCaughtUp)
        cluster.setTopicError("table", 0)
        let producer = try cluster.makeProducer()
        _ = try await producer.send(testEvent("1").kafkaRecord(topic: "table", key: "k"))
        try await waitUntil("the record") { count.withLock { $0 } == 1 }
        task.cancel()
        try await task.value
        await producer.close(timeout: .seconds(5))
    }
}
