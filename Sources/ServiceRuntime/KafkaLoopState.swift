import RDKafka

/// What a consumer loop knows about its partitions: records to be handled, offsets that are done, who is paused and why.
///
/// Pure: time, room and outcomes are passed in, what to do is returned.
struct KafkaLoopState {
    /// A record that is not done yet.
    final class Item: Sendable {
        let record: ConsumerRecord
        /// The message, or why there is none.
        let content: Result<KafkaMessage, Refusal>
        /// Which assignment it belongs to; the outcome of one that was taken away counts no more.
        let generation: Int

        init(record: ConsumerRecord, content: Result<KafkaMessage, Refusal>, generation: Int) {
            self.record = record
            self.content = content
            self.generation = generation
        }
    }

    struct Refusal: Error {
        var rejection: KafkaRejection
    }

    private struct Partition {
        var generation: Int
        var queue: [Item] = []
        /// Items that are being handled.
        var inHand = 0
        /// The offset after the last record that was handed over, done or not.
        var handedOver: Int64 = 0
        /// The first offset that is open when nothing is in hand: records behind one that is tried again were done
        /// before it, and what waits for room was not.
        var openOffset: Int64 { min(self.handedOver, self.queue.first?.record.offset ?? .max) }
        /// The offset before which everything is done.
        var done: Int64?
        var stored: Int64?
        /// How often the first items of the queue have failed in a row.
        var attempt = 0
        /// When the queue may be handled again after a failure.
        var due: ContinuousClock.Instant?

        /// Whether the first items of the queue may be handled once nothing is in hand.
        func isReady(at now: ContinuousClock.Instant) -> Bool {
            !self.queue.isEmpty && self.due.map { $0 <= now } ?? true
        }

        mutating func take(_ limit: Int, into batch: inout [Item]) {
            self.inHand = min(limit, self.queue.count)
            batch += self.queue[..<self.inHand]
            self.queue.removeFirst(self.inHand)
        }

        mutating func note(handedOver offset: Int64) { self.handedOver = max(self.handedOver, offset) }

        /// Notes what became of the items in hand; those that are left are handled again.
        mutating func complete(left items: [Item], retryAt: (Int) -> ContinuousClock.Instant) {
            self.inHand = 0
            if let first = items.first {
                self.done = first.record.offset
                self.queue.insert(contentsOf: items, at: 0)
                self.attempt += 1
                self.due = retryAt(self.attempt)
            } else {
                self.done = self.openOffset
                self.attempt = 0
                self.due = nil
            }
        }
    }

    private var partitions: [TopicPartition: Partition] = [:]
    private var generation = 0
    private let topicOrder: [String: Int]
    private let maximumBatch: Int
    private let readsAhead: Bool

    /// - Parameters:
    ///   - topics: The topics, the most urgent first.
    ///   - maximumBatch: The most items of a batch.
    ///   - readsAhead: Whether partitions are fetched while items of them wait for their turn, up to a batch for each.
    init(topics: [String], maximumBatch: Int, readsAhead: Bool = false) {
        self.readsAhead = readsAhead
        self.topicOrder = Dictionary(topics.enumerated().map { ($1, $0) }) { first, _ in first }
        self.maximumBatch = maximumBatch
    }

    var assigned: Set<TopicPartition> { Set(self.partitions.keys) }

    mutating func assign(_ assigned: [TopicPartition]) {
        self.generation += 1
        for partition in assigned {
            self.partitions[partition] = Partition(generation: self.generation)
        }
    }

    mutating func revoke(_ revoked: [TopicPartition]) {
        for partition in revoked {
            self.partitions[partition] = nil
        }
    }

    /// Queues a record that was polled.
    mutating func receive(_ record: ConsumerRecord, _ content: Result<KafkaMessage, Refusal>) {
        // In place: a partition that is looked at and then written to would be copied with its queue, for each record.
        guard let generation = self.partitions[record.topicPartition]?.generation else { return }
        self.partitions[record.topicPartition]?.queue.append(
            Item(record: record, content: content, generation: generation)
        )
    }

    /// Takes what may be handled now: partitions that wait for a retry are left out, and no topic gets more than there
    /// is room for. Records taken for one topic use up the room of the topics after it.
    mutating func takeBatch(now: ContinuousClock.Instant, room: (String) -> Int) -> [Item] {
        var batch: [Item] = []
        for share in self.shares(now: now, room: room, of: { $0.inHand == 0 }) {
            self.partitions[share.key]?.take(share.count, into: &batch)
        }
        return batch
    }

    /// What ``takeBatch(now:room:)`` would take if all in hand were done.
    func nextBatch(now: ContinuousClock.Instant, room: (String) -> Int) -> [Item] {
        self.shares(now: now, room: room, of: { _ in true }).flatMap {
            self.partitions[$0.key]?.queue.prefix($0.count) ?? []
        }
    }

    /// Whether ``nextBatch(now:room:)`` is anything.
    func hasNextBatch(now: ContinuousClock.Instant, room: (String) -> Int) -> Bool {
        !self.shares(now: now, room: room, of: { _ in true }).isEmpty
    }

    /// How many items of which partitions make up a batch, the most urgent first.
    private func shares(
        now: ContinuousClock.Instant,
        room: (String) -> Int,
        of isMeant: (Partition) -> Bool
    ) -> [(key: TopicPartition, count: Int)] {
        var shares: [(key: TopicPartition, count: Int)] = []
        var total = 0
        for key in self.partitions.keys.sorted(by: self.isMoreUrgent) {
            guard let partition = self.partitions[key], isMeant(partition), partition.isReady(at: now) else { continue }
            let count = min(partition.queue.count, min(self.maximumBatch, room(key.topic)) - total)
            guard count > 0 else { continue }
            shares.append((key, count))
            total += count
        }
        return shares
    }

    /// The next offset to read, by partition, once all of a batch is done.
    func nextOffsets(after batch: [Item]) -> [TopicPartition: Int64] {
        var result: [TopicPartition: Int64] = [:]
        for (key, run) in Self.runs(of: batch) {
            guard var partition = self.partitions[key] else { continue }
            for item in batch[run] where item.generation == partition.generation {
                partition.handedOver = max(item.record.offset + 1, result[key] ?? 0, partition.handedOver)
                result[key] = partition.openOffset
            }
        }
        return result
    }

    /// Notes what became of a batch.
    ///
    /// - Parameters:
    ///   - batch: What ``takeBatch(now:room:)`` gave.
    ///   - remaining: The items to be handled again, by index in the batch; their contents replace the old ones.
    ///   - retryAt: When, given how often the partition has failed in a row.
    mutating func complete(
        _ batch: [Item],
        remaining: [Int: Item],
        retryAt: (Int) -> ContinuousClock.Instant
    ) {
        var left: [TopicPartition: [Item]] = [:]
        for (key, run) in Self.runs(of: batch) {
            guard let generation = self.partitions[key]?.generation else { continue }
            let own = run.filter { batch[$0].generation == generation }
            guard let next = own.map({ batch[$0].record.offset + 1 }).max() else { continue }
            left[key, default: []] += own.compactMap { remaining[$0] }
            self.partitions[key]?.note(handedOver: next)
        }
        for (key, items) in left { self.partitions[key]?.complete(left: items, retryAt: retryAt) }
    }

    /// The stretches of a batch that are of one partition: it is looked up once for many records.
    private static func runs(of batch: [Item]) -> [(key: TopicPartition, indices: Range<Int>)] {
        var runs: [(key: TopicPartition, indices: Range<Int>)] = []
        var start = batch.startIndex
        for index in batch.indices {
            let key = batch[index].record.topicPartition
            let isLast = index == batch.endIndex - 1 || batch[index + 1].record.topicPartition != key
            guard isLast else { continue }
            runs.append((key, start..<index + 1))
            start = index + 1
        }
        return runs
    }

    /// Offsets that have moved on since the last call.
    mutating func takeOffsets() -> [TopicPartition: Int64] {
        var result: [TopicPartition: Int64] = [:]
        for (key, partition) in self.partitions {
            guard let done = partition.done, partition.stored != done else { continue }
            // A record that was never done keeps the offset where it is: storing its own offset changes nothing.
            result[key] = done
            self.partitions[key]?.stored = done
        }
        return result
    }

    /// The partitions that must not be fetched now: they have records that wait, or their topic has no room.
    func pauses(
        whileBusy: Bool,
        now: ContinuousClock.Instant = .now,
        room: (String) -> Int
    ) -> Set<TopicPartition> {
        if whileBusy {
            return self.assigned
        }
        return Set(
            self.partitions.filter { key, partition in
                room(key.topic) <= 0 || partition.inHand > 0
                    || !partition.queue.isEmpty && !self.mayReadAhead(partition, at: now)
            }.keys
        )
    }

    /// Whether more may be fetched of a partition although items of it wait. To pause it would throw away what was fetched.
    private func mayReadAhead(_ partition: Partition, at now: ContinuousClock.Instant) -> Bool {
        self.readsAhead && partition.isReady(at: now) && partition.queue.count < self.maximumBatch
    }

    /// When the next retry becomes due that is not due yet.
    func nextDue(after now: ContinuousClock.Instant) -> ContinuousClock.Instant? {
        self.partitions.values.compactMap(\.due).filter { $0 > now }.min()
    }

    /// Records that wait to be handled.
    var waiting: Int { self.partitions.values.reduce(0) { $0 + $1.queue.count } }

    private func isMoreUrgent(_ left: TopicPartition, _ right: TopicPartition) -> Bool {
        let leftOrder = self.topicOrder[left.topic] ?? .max
        let rightOrder = self.topicOrder[right.topic] ?? .max
        return leftOrder == rightOrder ? left < right : leftOrder < rightOrder
    }
}
