import CRdKafka

extension KafkaConsumer {
    /// Asks how many members the consumer's group has, and how many partitions the largest of some topics has.
    ///
    /// - Parameters:
    ///   - topics: The topics' names; patterns among them are left out.
    ///   - timeout: How long to wait for each answer.
    /// - Returns: Both; nil without a group, or where a broker does not tell (it may be refused, and librdkafka's mock cluster knows
    ///   no such request).
    package func groupSize(topics: [String], timeout: Duration = .seconds(2)) async -> (members: Int, partitions: Int)?
    {
        guard let group else { return nil }
        do throws(KafkaError) {
            let members = try await ask(within: timeout) { client throws(KafkaError) in
                try client.memberCount(of: group, timeout: timeout)
            }
            var partitions = 0
            for topic in topics where !topic.hasPrefix("^") {
                partitions = max(partitions, try await partitionCount(topic: topic, timeout: timeout))
            }
            return members > 0 && partitions > 0 ? (members, partitions) : nil
        } catch {
            return nil
        }
    }
}

extension ClientHandle {
    /// The number of a group's members (ListGroups and DescribeGroups); blocks for at most `timeout`.
    fileprivate func memberCount(of group: String, timeout: Duration) throws(KafkaError) -> Int {
        var list: UnsafePointer<rd_kafka_group_list>?
        let error = rd_kafka_list_groups(pointer, group, &list, max(1, timeout.clampedMilliseconds))
        defer { if let list { rd_kafka_group_list_destroy(list) } }
        try KafkaError.check(error)
        guard let groups = list?.pointee, groups.group_cnt > 0 else { return 0 }
        try KafkaError.check(groups.groups[0].err)
        return Int(groups.groups[0].member_cnt)
    }
}
