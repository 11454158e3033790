import LongshoreMessages
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
        /// What it asks of the handler.
        let need: KafkaLookAhead.Need

        init(
            record: ConsumerRecord,
            content: Result<KafkaMessage, Refusal>,
            generation: Int,
            need: KafkaLookAhead.Need = .room
        ) {
            self.record = record
            self.content = content
            self.generation = generation
            self.need = need
        }

        /// What it belongs to: the record's key, or the event's subject.
        var key: [UInt8] {
            if let key = record.key { return key }
            return (try? content.get())?.event.subject.map { Array($0.utf8) } ?? []
        }

        /// About how much memory it takes: its value stands in it twice.
        var bytes: Int {
            512 + 2 * (record.value?.count ?? 0) + record.headers.reduce(0) { $0 + ($1.value?.count ?? 0) }
        }
    }

    struct Refusal: Error {
        var rejection: KafkaRejection
    }

    private var partitions: [TopicPartition: KafkaPartitionQueue] = [:]
    private var generation = 0
    private let topicOrder: [String: Int]
    private let maximumBatch: Int
    private let readsAhead: Bool
    private let lookAhead: KafkaLookAhead?

    /// - Parameters:
    ///   - topics: The topics, the most urgent first.
    ///   - maximumBatch: The most items of a batch.
    ///   - readsAhead: Whether partitions are fetched while items of them wait for their turn, up to a batch for each.
    ///   - lookAhead: What is handed over although messages before it wait for room; `nil` for nothing.
    init(topics: [String], maximumBatch: Int, readsAhead: Bool = false, lookAhead: KafkaLookAhead? = nil) {
        self.readsAhead = readsAhead
        self.lookAhead = lookAhead
        self.topicOrder = Dictionary(topics.enumerated().map { ($1, $0) }) { first, _ in first }
        self.maximumBatch = maximumBatch
    }

    var assigned: Set<TopicPartition> { Set(self.partitions.keys) }

    mutating func assign(_ assigned: [TopicPartition]) {
        self.generation += 1
        for partition in assigned {
            self.partitions[partition] = KafkaPartitionQueue(generation: self.generation)
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
        let need = self.lookAhead.map { $0.need(of: content) } ?? .room
        self.partitions[record.topicPartition]?.append(
            Item(record: record, content: content, generation: generation, need: need)
        )
        self.hold(record.topicPartition)
    }

    /// Stops fetching a partition of which too much waits, or allows it again.
    private mutating func hold(_ key: TopicPartition) {
        guard let lookAhead else { return }
        let share = lookAhead.maximumBytes / max(1, self.partitions.count)
        self.partitions[key]?.hold(above: share)
    }

    /// Takes what may be handled now: partitions that wait for a retry are left out, and no topic gets more than there
    /// is room for, but for what needs none. Records taken for one topic use up the room of the topics after it.
    mutating func takeBatch(now: ContinuousClock.Instant, room: (String) -> Int) -> [Item] {
        var batch: [Item] = []
        for share in self.shares(now: now, room: room, of: { $0.inHand == 0 }) {
            batch += self.partitions[share.key]?.take(share.selection) ?? []
            self.hold(share.key)
        }
        return batch
    }

    /// What ``takeBatch(now:room:)`` would take if all in hand were done.
    func nextBatch(now: ContinuousClock.Instant, room: (String) -> Int) -> [Item] {
        self.shares(now: now, room: room, of: { _ in true }).flatMap {
            self.partitions[$0.key]?.items(of: $0.selection) ?? []
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
        of isMeant: (KafkaPartitionQueue) -> Bool
    ) -> [(key: TopicPartition, selection: KafkaPartitionQueue.Selection)] {
        var shares: [(key: TopicPartition, selection: KafkaPartitionQueue.Selection)] = []
        var (total, used) = (0, 0)
        var withdrawals = self.lookAhead?.withdrawalRoom() ?? 0
        for key in self.partitions.keys.sorted(by: self.isMoreUrgent) {
            guard let partition = self.partitions[key], isMeant(partition), partition.isReady(at: now) else { continue }
            let (limit, left) = (self.maximumBatch - total, room(key.topic) - used)
            let selection =
                self.lookAhead == nil
                ? partition.select(limit: limit, room: left)
                : partition.selectLookingAhead(limit: limit, room: left, withdrawals: withdrawals)
            guard selection.count > 0 else { continue }
            shares.append((key, selection))
            total += selection.count
            used += selection.room
            withdrawals -= selection.withdrawals
        }
        return shares
    }

    /// The next offset to read, by partition, once all of a batch is done.
    func nextOffsets(after batch: [Item]) -> [TopicPartition: Int64] {
        var result: [TopicPartition: Int64] = [:]
        for (key, run) in Self.runs(of: batch) {
            guard var partition = self.partitions[key] else { continue }
            for item in batch[run] where item.generation == partition.generation {
                partition.note(handedOver: max(item.record.offset + 1, result[key] ?? 0))
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
        for (key, items) in left {
            self.partitions[key]?.complete(left: items, retryAt: retryAt)
            self.hold(key)
        }
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
                if partition.inHand > 0 { return true }
                if self.lookAhead != nil {
                    return partition.isHeld || !partition.queue.isEmpty && !partition.isReady(at: now)
                }
                return room(key.topic) <= 0 || !partition.queue.isEmpty && !self.mayReadAhead(partition, at: now)
            }.keys
        )
    }

    /// Whether more may be fetched of a partition although items of it wait. To pause it would throw away what was fetched.
    private func mayReadAhead(_ partition: KafkaPartitionQueue, at now: ContinuousClock.Instant) -> Bool {
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
