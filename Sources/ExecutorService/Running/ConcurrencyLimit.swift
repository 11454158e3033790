import Synchronization

/// Lets so many operations run at once, the others wait in the order they came.
final class ConcurrencyLimit: Sendable {
    private struct State {
        var free: Int
        var waiting: [CheckedContinuation<Void, Never>] = []
        /// The waiting ones before this index have been served.
        var head = 0
    }

    private let state: Mutex<State>

    init(_ limit: Int) {
        state = Mutex(State(free: max(1, limit)))
    }

    /// Runs an operation when there is room. Waiting does not heed cancellation: operations end in bounded time, so does it.
    func run<Value>(_ body: () async -> Value) async -> Value {
        await acquire()
        let value = await body()
        release()
        return value
    }

    private func acquire() async {
        let isFree = state.withLock { state in
            if state.free > 0 {
                state.free -= 1
                return true
            }
            return false
        }
        if isFree { return }
        await withCheckedContinuation { continuation in
            let isFreeNow = state.withLock { state in
                if state.free > 0 {
                    state.free -= 1
                    return true
                }
                state.waiting.append(continuation)
                return false
            }
            if isFreeNow { continuation.resume() }
        }
    }

    private func release() {
        let next = state.withLock { state -> CheckedContinuation<Void, Never>? in
            guard state.head < state.waiting.count else {
                state.waiting.removeAll(keepingCapacity: true)
                state.head = 0
                state.free += 1
                return nil
            }
            state.head += 1
            let next = state.waiting[state.head - 1]
            if state.head > 1_024 {
                state.waiting.removeFirst(state.head)
                state.head = 0
            }
            return next
        }
        next?.resume()
    }
}
