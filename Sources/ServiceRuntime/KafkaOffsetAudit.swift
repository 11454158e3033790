import Logging
import RDKafka

/// Notices records that were never read and never will be: the topic's retention was shorter than an outage, or the broker
/// has lost what it had acknowledged.
///
/// The client library begins elsewhere by itself in such a case, as `auto.offset.reset` says. Nothing can bring the records
/// back; what can be done is to say so, and to read again what may be read twice.
struct KafkaOffsetAudit: Sendable {
    /// How long brokers are asked about new partitions. A broker that does not answer holds up no rebalance.
    static let patience = Duration.seconds(5)

    private let consumer: KafkaConsumer
    private let metrics: KafkaLoopMetrics
    private let logger: Logger
    /// The next offset of each partition, as far as it is known.
    private var expected: [TopicPartition: Int64] = [:]
    /// Where partitions begin of which the group has committed nothing, as far as brokers told.
    private(set) var beginnings: [TopicPartition: Int64] = [:]
    /// Offsets that were jumped over and have not been explained.
    private var gaps: [(partition: TopicPartition, from: Int64, to: Int64)] = []

    init(consumer: KafkaConsumer, metrics: KafkaLoopMetrics, logger: Logger) {
        self.consumer = consumer
        self.metrics = metrics
        self.logger = logger
    }

    // MARK: - New partitions

    /// Looks whether reading can begin where it is to begin.
    ///
    /// - Parameters:
    ///   - partitions: The new partitions.
    ///   - starts: The offsets that the handler keeps itself.
    /// - Returns: The offsets to begin at. Partitions about which nothing could be found out begin where they would anyway.
    mutating func begin(
        _ partitions: [TopicPartition],
        at starts: [TopicPartition: Int64]
    ) async -> [TopicPartition: Int64] {
        let patience = StopRequest.allowance(Self.patience, share: 4)
        let deadline = ContinuousClock.now + patience
        self.expected = [:]
        self.gaps = []
        self.beginnings = [:]
        let committed = try? await self.consumer.committed(partitions, timeout: patience)
        var result = starts
        for partition in partitions {
            let known = (starts[partition] ?? committed?[partition]).flatMap { $0 >= 0 ? $0 : nil }
            if let known { self.expected[partition] = known }
            let left = ContinuousClock.now.duration(to: deadline)
            guard left > .zero, let marks = try? await self.consumer.watermarks(partition, timeout: left) else {
                continue
            }
            guard let start = known else {
                // Who begins at the first record there is misses none; what goes from now on was there to be read.
                self.expected[partition] = marks.low
                if starts[partition] == nil, committed != nil {
                    self.beginnings[partition] = marks.low
                    result[partition] = marks.low
                }
                continue
            }
            if start < marks.low {
                self.lost(marks.low - start, partition, from: start)
                result[partition] = marks.low
                self.expected[partition] = marks.low
            } else if start > marks.low, starts[partition] != nil, let committed, committed[partition] == nil {
                // The handler has read the partition and the broker does not know the group: it has lost its memory, or has
                // forgotten a group that was away for long. What stands before the handler's place may be new then, so it is
                // read again, which may always be done. A watermark alone would prove nothing: there are brokers that
                // are late with it.
                self.beginAnew(partition, from: start, to: marks.low, isShorter: start > marks.high)
                result[partition] = marks.low
                self.expected[partition] = marks.low
            }
        }
        return result
    }

    // MARK: - Records

    /// Notes a record that was polled.
    mutating func note(_ record: ConsumerRecord) {
        let partition = record.topicPartition
        if let expected = self.expected[partition] {
            if record.offset > expected {
                self.gaps.append((partition, expected, record.offset))
            } else if record.offset < expected {
                self.wentBack(partition, from: expected, to: record.offset)
            }
        }
        self.expected[partition] = record.offset + 1
    }

    /// Finds out about offsets that were jumped over. Those of transactions and of compacted records are no loss: the
    /// broker still counts them among what it has.
    mutating func explainGaps() async {
        guard !self.gaps.isEmpty else { return }
        let found = self.gaps
        self.gaps = []
        for gap in found {
            guard let marks = try? await self.consumer.watermarks(gap.partition, timeout: .seconds(2)) else {
                self.logger.warning(
                    "Offsets were jumped over, and the broker does not say why",
                    metadata: self.metadata(gap.partition, gap.from)
                )
                continue
            }
            let end = min(gap.to, marks.low)
            if end > gap.from { self.lost(end - gap.from, gap.partition, from: gap.from) }
        }
    }

    // MARK: - Alarms

    private func lost(_ count: Int64, _ partition: TopicPartition, from offset: Int64) {
        self.metrics.lost(Int(count), topic: partition.topic)
        var metadata = self.metadata(partition, offset)
        metadata["records"] = "\(count)"
        self.logger.error("Records were deleted from the topic before they were read", metadata: metadata)
    }

    private func beginAnew(_ partition: TopicPartition, from offset: Int64, to begin: Int64, isShorter: Bool) {
        guard !isShorter else { return self.wentBack(partition, from: offset, to: begin) }
        var metadata = self.metadata(partition, offset)
        metadata["begin"] = "\(begin)"
        self.logger.warning("The broker knows no offset of the group; the partition is read again", metadata: metadata)
    }

    private func wentBack(_ partition: TopicPartition, from offset: Int64, to earlier: Int64) {
        self.metrics.truncated(topic: partition.topic)
        var metadata = self.metadata(partition, offset)
        metadata["begin"] = "\(earlier)"
        self.logger.error("The topic ends before what was read of it; it is read again", metadata: metadata)
    }

    private func metadata(_ partition: TopicPartition, _ offset: Int64) -> Logger.Metadata {
        [
            LogKey.topic: "\(partition.topic)", LogKey.partition: "\(partition.partition)",
            LogKey.offset: "\(offset)",
        ]
    }
}
