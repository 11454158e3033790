import CRdKafka

extension ConsumerCore {
    /// How many records each assigned partition has that were not yielded yet.
    ///
    /// Uses what the client knows from its fetches; asks the broker, for at most `limit` in all, about partitions that
    /// have not been fetched yet (paused ones, for example). A partition that stays unknown is left out.
    func lag(limit: Duration) throws(KafkaError) -> [TopicPartition: Int64] {
        let handle = try self.handle()
        let deadline = ContinuousClock.now + limit
        let partitions = self.assigned.sorted()
        guard !partitions.isEmpty else { return [:] }
        var positions: [TopicPartition: Int64] = [:]
        withTopicPartitionList(partitions.map { ($0, -1001) }) { list in
            guard rd_kafka_position(handle, list) == RD_KAFKA_RESP_ERR_NO_ERROR else { return }
            for entry in list.entries where entry.offset >= 0 {
                positions[entry.topicPartition] = entry.offset
            }
        }
        let unknown = partitions.filter { positions[$0] == nil }
        let committed =
            unknown.isEmpty
            ? [:] : (try? self.committed(unknown, timeout: ContinuousClock.now.duration(to: deadline))) ?? [:]
        var result: [TopicPartition: Int64] = [:]
        for partition in partitions {
            var low: Int64 = -1001
            var high: Int64 = -1001
            rd_kafka_get_watermark_offsets(handle, partition.topic, partition.partition, &low, &high)
            if high < 0 || positions[partition] == nil {
                let left = ContinuousClock.now.duration(to: deadline)
                guard left > .zero, let asked = try? self.watermarks(partition, timeout: left) else { continue }
                (low, high) = asked
            }
            let position = positions[partition] ?? committed[partition] ?? low
            result[partition] = max(0, high - max(position, low))
        }
        return result
    }
}
