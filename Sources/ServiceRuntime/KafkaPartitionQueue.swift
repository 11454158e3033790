import RDKafka

/// The records of one partition that are not done, and the offset before which everything is.
///
/// Pure: see ``KafkaLoopState``.
struct KafkaPartitionQueue {
    typealias Item = KafkaLoopState.Item

    let generation: Int
    /// In the order of offsets; what is in hand is not in it.
    private(set) var queue: [Item] = []
    /// The size of what is in the queue.
    private(set) var bytes = 0
    /// Whether nothing more is fetched until half of the bytes that may wait are free.
    private(set) var isHeld = false
    /// Items that are being handled.
    private(set) var inHand = 0
    /// The offset after the last record that was handed over, done or not.
    private(set) var handedOver: Int64 = 0
    /// The offset before which everything is done.
    private(set) var done: Int64?
    var stored: Int64?
    /// How often the first items of the queue have failed in a row.
    private var attempt = 0
    /// When the queue may be handled again after a failure.
    private(set) var due: ContinuousClock.Instant?

    init(generation: Int) {
        self.generation = generation
    }

    /// The first offset that is open when nothing is in hand: records behind one that is tried again were done
    /// before it, and what waits for room was not.
    var openOffset: Int64 { self.openOffset(handedOver: self.handedOver) }

    func openOffset(handedOver: Int64) -> Int64 { min(handedOver, self.queue.first?.record.offset ?? .max) }

    /// Whether the first items of the queue may be handled once nothing is in hand.
    func isReady(at now: ContinuousClock.Instant) -> Bool {
        !self.queue.isEmpty && self.due.map { $0 <= now } ?? true
    }

    /// Adds an item that was polled.
    mutating func append(_ item: Item) {
        self.queue.append(item)
        self.bytes += item.bytes
    }

    /// The items that were chosen.
    func items(of selection: Selection) -> [Item] {
        switch selection.items {
        case .first(let count): Array(self.queue.prefix(count))
        case .indices(let indices): indices.map { self.queue[$0] }
        }
    }

    /// Takes items out to be handled.
    mutating func take(_ selection: Selection) -> [Item] {
        let taken = self.items(of: selection)
        switch selection.items {
        case .first(let count): self.queue.removeFirst(count)
        case .indices(let indices):
            let chosen = Set(indices)
            self.queue = self.queue.enumerated().filter { !chosen.contains($0.offset) }.map(\.element)
        }
        self.inHand = taken.count
        self.bytes -= taken.reduce(0) { $0 + $1.bytes }
        return taken
    }

    mutating func note(handedOver offset: Int64) { self.handedOver = max(self.handedOver, offset) }

    /// Notes what became of the items in hand; those that are left are handled again.
    mutating func complete(left items: [Item], retryAt: (Int) -> ContinuousClock.Instant) {
        self.inHand = 0
        if items.isEmpty {
            self.attempt = 0
            self.due = nil
        } else {
            // What waits for room may be older than what failed.
            self.queue = Self.merge(items, self.queue)
            self.bytes += items.reduce(0) { $0 + $1.bytes }
            self.attempt += 1
            self.due = retryAt(self.attempt)
        }
        self.done = self.openOffset
    }

    /// Stops or allows fetching by what waits.
    ///
    /// - Parameter limit: The partition's share of the bytes that may wait.
    mutating func hold(above limit: Int) {
        // To pause throws away what the client has fetched: not for each record that is taken.
        self.isHeld = self.bytes >= limit || self.isHeld && self.bytes > limit / 2
    }

    private static func merge(_ left: [Item], _ right: [Item]) -> [Item] {
        guard let last = left.last, let first = right.first, last.record.offset > first.record.offset else {
            return left + right
        }
        return (left + right).sorted { $0.record.offset < $1.record.offset }
    }
}

// MARK: - Choosing

extension KafkaPartitionQueue {
    /// Which items are handed over next.
    struct Selection: Equatable {
        enum Items: Equatable {
            case first(Int)
            case indices([Int])
        }

        var items: Items
        /// How much room they take up.
        var room: Int
        /// How many keys among them are withdrawn and take up no room.
        var withdrawals = 0

        var count: Int {
            switch items {
            case .first(let count): count
            case .indices(let indices): indices.count
            }
        }
    }

    /// Chooses items in their order: without looking ahead, as many as there is room for.
    func select(limit: Int, room: Int) -> Selection {
        let count = max(0, min(self.queue.count, limit, room))
        return Selection(items: .first(count), room: count)
    }

    /// Chooses items in their order as far as there is room; behind those that have to wait, items of other keys that need no
    /// room, and keys that are withdrawn with all that is known of them.
    ///
    /// - Parameters:
    ///   - limit: The most items.
    ///   - room: How many may take up room.
    ///   - withdrawals: How many keys that are withdrawn may be taken although there is no room for them.
    /// - Returns: The items, by their places in the queue.
    func selectLookingAhead(limit: Int, room: Int, withdrawals: Int) -> Selection {
        if room >= self.queue.count || limit <= 0 { return self.select(limit: limit, room: self.queue.count) }
        var selection = Selection(items: .indices([]), room: 0)
        var chosen: Set<Int> = []
        var waiting: Set<[UInt8]> = []
        let ends = self.withdrawalIndices()
        for (index, item) in self.queue.enumerated() where !chosen.contains(index) {
            guard chosen.count < limit else { break }
            guard !waiting.contains(item.key) else { continue }
            switch item.need {
            case .nothing, .withdrawal: chosen.insert(index)
            case .room:
                if selection.room < max(0, room) {
                    selection.room += 1
                    chosen.insert(index)
                } else if let end = ends[item.key], end > index, selection.withdrawals < withdrawals,
                    case let own = (index...end).filter({ self.queue[$0].key == item.key }),
                    chosen.count + own.count <= limit
                {
                    selection.withdrawals += 1
                    chosen.formUnion(own)
                } else {
                    waiting.insert(item.key)
                }
            }
        }
        selection.items = .indices(chosen.sorted())
        return selection
    }

    /// Where each key is withdrawn last.
    private func withdrawalIndices() -> [[UInt8]: Int] {
        var ends: [[UInt8]: Int] = [:]
        for (index, item) in self.queue.enumerated() where item.need == .withdrawal { ends[item.key] = index }
        return ends
    }
}
