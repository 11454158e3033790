import Synchronization

/// Bounds the records in flight: senders beyond the limit are suspended, in order of arrival.
final class SendPermits: Sendable {
    private struct Waiter {
        let id: UInt64
        let count: Int
        let continuation: CheckedContinuation<Bool, Never>
    }

    private struct State {
        var available: Int
        var waiting: [Waiter] = []
        var nextID: UInt64 = 0
        /// Waiters that were cancelled before they could be put into `waiting`.
        var cancelled: Set<UInt64> = []

        /// Takes out the waiters at the front for whom there is room now.
        mutating func admit() -> [Waiter] {
            var admitted: [Waiter] = []
            while let next = waiting.first, available >= next.count {
                available -= next.count
                admitted.append(next)
                waiting.removeFirst()
            }
            return admitted
        }
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
    /// - Returns: What to give back to ``release(_:)``; 0 when the task was cancelled before there was room.
    func acquire(_ records: Int) async -> Int {
        let count = min(records, self.limit)
        let id = self.state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        let entered = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let answer: Bool? = self.state.withLock { state in
                    if state.cancelled.remove(id) != nil { return false }
                    // Nobody overtakes a sender that waits, or a large batch could wait for ever.
                    guard state.waiting.isEmpty, state.available >= count else {
                        state.waiting.append(Waiter(id: id, count: count, continuation: continuation))
                        return nil
                    }
                    state.available -= count
                    return true
                }
                if let answer { continuation.resume(returning: answer) }
            }
        } onCancel: {
            self.giveUp(id)
        }
        // A cancellation that came after the answer must leave nothing behind.
        self.state.withLock { _ = $0.cancelled.remove(id) }
        return entered ? count : 0
    }

    func release(_ count: Int) {
        let admitted = self.state.withLock { state in
            state.available += count
            return state.admit()
        }
        for waiter in admitted { waiter.continuation.resume(returning: true) }
    }

    private func giveUp(_ id: UInt64) {
        let (waiter, admitted): (Waiter?, [Waiter]) = self.state.withLock { state in
            guard let index = state.waiting.firstIndex(where: { $0.id == id }) else {
                state.cancelled.insert(id)
                return (nil, [])
            }
            // Those behind it may pass now.
            return (state.waiting.remove(at: index), state.admit())
        }
        waiter?.continuation.resume(returning: false)
        for waiter in admitted { waiter.continuation.resume(returning: true) }
    }
}
