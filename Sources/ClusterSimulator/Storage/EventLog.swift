import DequeModule

/// The recent changes of one resource: what a watch reads, and how far back it can resume.
///
/// Watches hold a position in the log and no queue of their own, so that a slow client costs no memory; one that falls
/// out of the window is told `410 Expired`, as by the watch cache of a real API server.
struct EventLog {
    private(set) var events: Deque<StoreEvent> = []
    /// The position of `events.first`; positions rise by one for each event and are never reused.
    private(set) var base = 0
    /// Revisions up to this one can no longer be replayed completely.
    private(set) var compactedRevision: UInt64
    let capacity: Int

    init(compactedRevision: UInt64, capacity: Int) {
        self.compactedRevision = compactedRevision
        self.capacity = capacity
    }

    var end: Int { base + events.count }

    mutating func append(_ event: StoreEvent) {
        events.append(event)
        if events.count > capacity { dropFirst() }
    }

    mutating func compact(through revision: UInt64) {
        while let first = events.first, first.revision <= revision { dropFirst() }
        compactedRevision = max(compactedRevision, revision)
    }

    private mutating func dropFirst() {
        guard let first = events.popFirst() else { return }
        base += 1
        compactedRevision = first.revision
    }

    /// The position of the first event after `revision`, or nil when that part of the history is gone.
    func position(after revision: UInt64) -> Int? {
        guard revision >= compactedRevision else { return nil }
        var low = 0
        var high = events.count
        while low < high {
            let middle = (low + high) / 2
            if events[middle].revision <= revision { low = middle + 1 } else { high = middle }
        }
        return base + low
    }

    /// At most `limit` events from `position` on, or nil when the position has been dropped.
    func read(from position: Int, limit: Int) -> ArraySlice<StoreEvent>? {
        guard position >= base else { return nil }
        let start = position - base
        guard start < events.count else { return [] }
        return ArraySlice(events[start..<min(events.count, start + limit)])
    }
}
