package import RDKafka

/// Makes the record that is kept in place of one that can never be handled.
package enum KafkaDeadLetter {
    /// The original topic.
    package static let topicHeader = "longshore-origin-topic"
    /// The original partition.
    package static let partitionHeader = "longshore-origin-partition"
    /// The original offset.
    package static let offsetHeader = "longshore-origin-offset"
    /// When the original was made, in milliseconds since 1970.
    package static let timestampHeader = "longshore-origin-timestamp"
    /// The rejection's code.
    package static let reasonHeader = "longshore-reason"
    /// The rejection's sentence.
    package static let detailHeader = "longshore-detail"
    /// `redacted` or `tooLarge`: why the value is missing.
    package static let valueHeader = "longshore-value-removed"

    /// Headers that are kept where the value is not: they name the event and by the specification hold no secrets.
    private static let harmlessHeaders: Set<String> = [
        "ce_specversion", "ce_id", "ce_source", "ce_type", "ce_subject", "ce_time", "content-type",
    ]
    private static let maximumHeaderBytes = 1024

    /// Makes the record.
    ///
    /// - Parameters:
    ///   - original: The record that cannot be handled.
    ///   - rejection: Why.
    ///   - topic: The dead-letter topic.
    ///   - removingValue: Why the value is left out although the rejection allows it; `nil` to keep it.
    /// - Returns: A record with the original's key, where it came from, why, and its value unless that may hold a secret.
    package static func record(
        for original: ConsumerRecord,
        rejection: KafkaRejection,
        topic: String,
        removingValue: String? = nil
    ) -> ProducerRecord {
        let removal = rejection.redactsValue ? "redacted" : removingValue
        var headers =
            removal == nil
            ? original.headers
            : original.headers.filter {
                Self.harmlessHeaders.contains($0.name.lowercased())
                    && ($0.value?.count ?? 0) <= Self.maximumHeaderBytes
            }
        // A dead letter that is rejected once more tells its last origin.
        headers.removeAll { $0.name.hasPrefix("longshore-") }
        func add(_ name: String, _ value: String) {
            headers.append(KafkaHeader(name: name, value: Array(value.utf8)))
        }
        add(Self.topicHeader, original.topicPartition.topic)
        add(Self.partitionHeader, "\(original.topicPartition.partition)")
        add(Self.offsetHeader, "\(original.offset)")
        if let timestamp = original.timestampMilliseconds {
            add(Self.timestampHeader, "\(timestamp)")
        }
        add(Self.reasonHeader, rejection.code)
        add(Self.detailHeader, String(decoding: rejection.detail.utf8.prefix(Self.maximumHeaderBytes), as: UTF8.self))
        if let removal {
            add(Self.valueHeader, removal)
        }
        return ProducerRecord(
            topic: topic,
            key: original.key,
            value: removal == nil ? original.value : nil,
            headers: headers
        )
    }
}
