package import WireFormats

/// A priority queue of moments: the earliest comes out first, the same moments in the order they were put in.
///
/// A binary heap, so that a task of a hundred thousand nodes pays a logarithm, not a scan, for each timer.
package struct TimerQueue<Element: Sendable & Hashable>: Sendable, Hashable {
    private struct Entry: Sendable, Hashable {
        var time: Timestamp
        var order: UInt64
        var element: Element

        func precedes(_ other: Entry) -> Bool {
            time < other.time || (time == other.time && order < other.order)
        }
    }

    private var entries: [Entry] = []
    private var nextOrder: UInt64 = 0

    /// Makes an empty queue.
    package init() {}

    /// The number of entries.
    package var count: Int { entries.count }

    /// Whether there is no entry.
    package var isEmpty: Bool { entries.isEmpty }

    /// The earliest entry.
    package var first: (time: Timestamp, element: Element)? {
        entries.first.map { ($0.time, $0.element) }
    }

    /// Adds an entry.
    package mutating func insert(_ element: Element, at time: Timestamp) {
        entries.append(Entry(time: time, order: nextOrder, element: element))
        nextOrder += 1
        var child = entries.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard entries[child].precedes(entries[parent]) else { return }
            entries.swapAt(child, parent)
            child = parent
        }
    }

    /// Takes the earliest entry out.
    @discardableResult
    package mutating func removeFirst() -> (time: Timestamp, element: Element)? {
        guard let last = entries.popLast() else { return nil }
        guard let result = entries.first else { return (last.time, last.element) }
        entries[0] = last
        var parent = 0
        while true {
            var smallest = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < entries.count {
                if entries[child].precedes(entries[smallest]) { smallest = child }
            }
            if smallest == parent { return (result.time, result.element) }
            entries.swapAt(parent, smallest)
            parent = smallest
        }
    }

    /// Takes the earliest entry out if its moment has come.
    package mutating func removeFirst(notAfter now: Timestamp) -> Element? {
        guard let first, first.time <= now else { return nil }
        return removeFirst()?.element
    }
}
