/// Everything the control plane does later, in one heap ordered by time.
///
/// One sleeping task serves all timers, so that ten thousand Pods cost no task each.
struct TimerQueue {
    typealias Action = (ControlPlane.Parts) -> Void

    private struct Entry {
        var deadline: ContinuousClock.Instant
        var sequence: Int
        var action: Action

        func precedes(_ other: Entry) -> Bool {
            deadline == other.deadline ? sequence < other.sequence : deadline < other.deadline
        }
    }

    private var heap: [Entry] = []
    private var sequence = 0

    var earliest: ContinuousClock.Instant? { heap.first?.deadline }
    var count: Int { heap.count }

    mutating func add(at deadline: ContinuousClock.Instant, _ action: @escaping Action) {
        sequence += 1
        heap.append(Entry(deadline: deadline, sequence: sequence, action: action))
        var child = heap.count - 1
        while child > 0, heap[child].precedes(heap[(child - 1) / 2]) {
            heap.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    /// Takes the first action that is due.
    mutating func popDue(_ now: ContinuousClock.Instant) -> Action? {
        guard let first = heap.first, first.deadline <= now else { return nil }
        heap.swapAt(0, heap.count - 1)
        heap.removeLast()
        var parent = 0
        while true {
            var smallest = parent
            for child in [parent * 2 + 1, parent * 2 + 2] where child < heap.count {
                if heap[child].precedes(heap[smallest]) { smallest = child }
            }
            if smallest == parent { return first.action }
            heap.swapAt(parent, smallest)
            parent = smallest
        }
    }
}
