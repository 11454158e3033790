/// Where an acknowledged record is.
package struct DeliveryReport: Sendable, Hashable {
    /// The topic's name.
    package var topic: String
    /// The partition.
    package var partition: Int32
    /// The record's offset; negative when the broker did not tell (a duplicate that it had already).
    package var offset: Int64

    /// Makes a report.
    ///
    /// - Parameters:
    ///   - topic: The topic's name.
    ///   - partition: The partition.
    ///   - offset: The record's offset.
    package init(topic: String, partition: Int32, offset: Int64) {
        self.topic = topic
        self.partition = partition
        self.offset = offset
    }
}
