import Synchronization

/// Hands a waiter the first of several answers, such as the result of an operation or that its time is over.
final class FirstAnswer<Value: Sendable>: Sendable {
    private enum State {
        case open
        case waiting(CheckedContinuation<Value, Never>)
        /// Answered before anybody waited.
        case early(Value)
        case done
    }

    private let state = Mutex(State.open)

    /// Waits for the answer. Call it once.
    func wait(_ continuation: CheckedContinuation<Value, Never>) {
        let early: Value? = self.state.withLock { state in
            guard case .early(let value) = state else {
                state = .waiting(continuation)
                return nil
            }
            state = .done
            return value
        }
        if let early { continuation.resume(returning: early) }
    }

    /// Gives an answer; only the first one counts.
    func give(_ value: Value) {
        let continuation: CheckedContinuation<Value, Never>? = self.state.withLock { state in
            switch state {
            case .open:
                state = .early(value)
                return nil
            case .waiting(let continuation):
                state = .done
                return continuation
            case .early, .done:
                return nil
            }
        }
        continuation?.resume(returning: value)
    }
}
