import Synchronization

/// Hands a sender the first of two answers: the outcomes of its records, or that it was cancelled.
final class SendAnswer: Sendable {
    typealias Outcomes = [SendBatch.Outcome]

    private enum State {
        case open
        case waiting(CheckedContinuation<Outcomes, Never>)
        /// Answered before anybody waited.
        case early(Outcomes)
        case done
    }

    private let state = Mutex(State.open)

    /// Waits for the answer. Call it once.
    func wait(_ continuation: CheckedContinuation<Outcomes, Never>) {
        let early: Outcomes? = self.state.withLock { state in
            guard case .early(let outcomes) = state else {
                state = .waiting(continuation)
                return nil
            }
            state = .done
            return outcomes
        }
        if let early { continuation.resume(returning: early) }
    }

    /// Gives an answer; only the first one counts.
    func give(_ outcomes: Outcomes) {
        let continuation: CheckedContinuation<Outcomes, Never>? = self.state.withLock { state in
            switch state {
            case .open:
                state = .early(outcomes)
                return nil
            case .waiting(let continuation):
                state = .done
                return continuation
            case .early, .done:
                return nil
            }
        }
        continuation?.resume(returning: outcomes)
    }
}
