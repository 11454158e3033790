import CRdKafka

extension KafkaConsumer {
    /// How many records each assigned partition has that no poll has yielded.
    ///
    /// What the client knows from its fetches is not asked again. Brokers are asked, for at most a second in all, about
    /// partitions that are not fetched (paused ones), and about those of which nothing was yielded yet although there is
    /// something.
    ///
    /// It returns within some three seconds, and at once when its task is cancelled, also while the consumer's thread waits for a
    /// broker that hangs, as it may while the consumer is being closed.
    ///
    /// - Returns: The number by partition, without partitions about which nothing is known.
    package func lag() async -> [TopicPartition: Int64] {
        let deadline = ContinuousClock.now + .seconds(1)
        let places = await self.call(within: .seconds(2)) { core in
            (try? core.readPlaces(timeout: .seconds(1))) ?? []
        }
        guard let places else { return [:] }
        self.inquiry?.writeLog()
        var lag: [TopicPartition: Int64] = [:]
        for place in places { lag[place.partition] = place.knownLag }
        let unknown = places.filter { $0.knownLag == nil }
        guard !unknown.isEmpty else { return lag }
        let asked = try? await self.ask(within: .seconds(1)) { client throws(KafkaError) in
            var lag: [TopicPartition: Int64] = [:]
            for place in unknown {
                let left = ContinuousClock.now.duration(to: deadline)
                guard left > .zero, let marks = try? client.watermarks(place.partition, timeout: left) else { continue }
                lag[place.partition] = max(0, marks.high - max(place.next ?? 0, marks.low))
            }
            return lag
        }
        return lag.merging(asked ?? [:]) { known, _ in known }
    }
}

/// How far a consumer is in a partition, as far as its client knows.
struct ReadPlace: Sendable {
    var partition: TopicPartition
    /// The next offset to be yielded; nil when nothing was yielded or committed.
    var next: Int64?
    /// Whether `next` comes from a record that was yielded, so that nothing older can be left.
    var isYielded: Bool
    /// The offset after the last record, when the last fetch told it.
    var high: Int64?
    var isPaused: Bool

    /// The number of records to come, where nobody needs to be asked.
    var knownLag: Int64? {
        guard let high, !isPaused else { return nil }
        let left = max(0, high - (next ?? 0))
        // What was deleted before it was read does not count, and only a broker knows where the partition begins.
        return isYielded || left == 0 ? left : nil
    }
}

extension ConsumerCore {
    /// How far each assigned partition was read; asks the coordinator, for at most `timeout`, about those without a record.
    func readPlaces(timeout: Duration) throws(KafkaError) -> [ReadPlace] {
        let handle = try self.handle()
        let partitions = self.assigned.sorted()
        guard !partitions.isEmpty else { return [] }
        var yielded: [TopicPartition: Int64] = [:]
        withTopicPartitionList(partitions.map { ($0, -1001) }) { list in
            guard rd_kafka_position(handle, list) == RD_KAFKA_RESP_ERR_NO_ERROR else { return }
            for entry in list.entries where entry.offset >= 0 {
                yielded[entry.topicPartition] = entry.offset
            }
        }
        let unknown = partitions.filter { yielded[$0] == nil }
        let committed = unknown.isEmpty ? [:] : (try? self.committed(unknown, timeout: timeout)) ?? [:]
        return partitions.map { partition in
            var low: Int64 = -1001
            var high: Int64 = -1001
            rd_kafka_get_watermark_offsets(handle, partition.topic, partition.partition, &low, &high)
            return ReadPlace(
                partition: partition,
                next: yielded[partition] ?? committed[partition],
                isYielded: yielded[partition] != nil,
                high: high >= 0 ? high : nil,
                isPaused: self.paused.contains(partition)
            )
        }
    }
}
