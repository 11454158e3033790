import Synchronization

/// Bounds the records in flight: senders beyond the limit are suspended, in order of arrival.
final class SendPermits: Sendable {
    private struct State {
        var available: Int
        var waiting: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []
    }

    private let limit: Int
    private let state: Mutex<State>

    init(limit: Int) {
        self.limit = limit
        self.state = Mutex(State(available: limit))
    }

    /// Waits for room.
    ///
    /// - Parameter records: How many records; more than the limit counts as the limit, so that any batch passes.
    /// - Returns: What to give back to ``release(_:)``.
    func acquire(_ records: Int) async -> Int {
        let count = min(records, self.limit)
        await withCheckedContinuation { continuation in
            let entered = self.state.withLock { state in
                // Nobody overtakes a sender that waits, or a large batch could wait for ever.
                guard state.waiting.isEmpty, state.available >= count else {
                    state.waiting.append((count, continuation))
                    return false
                }
                state.available -= count
                return true
            }
            if entered {
                continuation.resume()
            }
        }
        return count
    }

    func release(_ count: Int) {
        let resumed = self.state.withLock { state in
            state.available += count
            var resumed: [CheckedContinuation<Void, Never>] = []
            while let next = state.waiting.first, state.available >= next.count {
                state.available -= next.count
                resumed.append(next.continuation)
                state.waiting.removeFirst()
            }
            return resumed
        }
        for continuation in resumed {
            continuation.resume()
        }
    }
}
