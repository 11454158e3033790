import Synchronization

/// A counting semaphore for tasks: callers beyond the number of permits are suspended in order of arrival.
final class AsyncGate: Sendable {
    private struct State {
        var available: Int
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state: Mutex<State>

    init(permits: Int) {
        self.state = Mutex(State(available: permits))
    }

    func tryEnter() -> Bool {
        self.state.withLock { state in
            guard state.available > 0 else { return false }
            state.available -= 1
            return true
        }
    }

    func enter() async {
        await withCheckedContinuation { continuation in
            let entered = self.state.withLock { state in
                guard state.available == 0 else {
                    state.available -= 1
                    return true
                }
                state.waiting.append(continuation)
                return false
            }
            if entered {
                continuation.resume()
            }
        }
    }

    func leave() {
        let next: CheckedContinuation<Void, Never>? = self.state.withLock { state in
            guard !state.waiting.isEmpty else {
                state.available += 1
                return nil
            }
            return state.waiting.removeFirst()
        }
        next?.resume()
    }
}
