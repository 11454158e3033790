import CRdKafka

/// Calls with librdkafka's list of partitions and offsets, which lives only for the length of the call: a list that is
/// not destroyed keeps `rd_kafka_destroy` from ever returning.
func withTopicPartitionList<Result, Failure: Error>(
    _ entries: some Sequence<(TopicPartition, Int64)>,
    _ body: (UnsafeMutablePointer<rd_kafka_topic_partition_list_t>) throws(Failure) -> Result
) throws(Failure) -> Result {
    guard let list = rd_kafka_topic_partition_list_new(16) else {
        preconditionFailure("librdkafka allocates or aborts")
    }
    defer { rd_kafka_topic_partition_list_destroy(list) }
    for (topicPartition, offset) in entries {
        rd_kafka_topic_partition_list_add(list, topicPartition.topic, topicPartition.partition).pointee.offset = offset
    }
    return try body(list)
}

extension UnsafeMutablePointer<rd_kafka_topic_partition_list_t> {
    /// A copy of the list's entries.
    var entries: [(topicPartition: TopicPartition, offset: Int64, error: rd_kafka_resp_err_t)] {
        (0..<Int(self.pointee.cnt)).map { index in
            let element = self.pointee.elems[index]
            return (
                TopicPartition(topic: String(cString: element.topic), partition: element.partition),
                element.offset, element.err
            )
        }
    }
}
