/// One partition of a topic.
package struct TopicPartition: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// The topic's name.
    package var topic: String
    /// The partition's number, from 0.
    package var partition: Int32

    /// Names a partition.
    ///
    /// - Parameters:
    ///   - topic: The topic's name.
    ///   - partition: The partition's number.
    package init(topic: String, partition: Int32) {
        self.topic = topic
        self.partition = partition
    }

    package static func < (left: Self, right: Self) -> Bool {
        (left.topic, left.partition) < (right.topic, right.partition)
    }

    package var description: String { "\(self.topic)[\(self.partition)]" }
}

/// Where reading a partition begins.
package enum StartOffset: Sendable, Hashable {
    /// At the oldest record.
    case beginning
    /// After the newest record.
    case end
    /// At the group's committed offset, or where `Options.offsetReset` says when there is none.
    case stored
    /// At this offset.
    case offset(Int64)

    /// librdkafka's number (`RD_KAFKA_OFFSET_BEGINNING` and so on).
    var rawOffset: Int64 {
        switch self {
        case .beginning: -2
        case .end: -1
        case .stored: -1000
        case .offset(let offset): offset
        }
    }
}
