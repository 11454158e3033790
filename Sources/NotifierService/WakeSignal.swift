import Synchronization

/// Lets one task wait for a sign from others, or for time to pass. A sign that nobody waits for is kept for the next wait.
final class WakeSignal: Sendable {
    private struct State {
        var isSet = false
        var waiter: (ticket: UInt64, continuation: CheckedContinuation<Void, Never>)?
        /// The last wait that was ended before it could begin.
        var released: UInt64 = 0
        var nextTicket: UInt64 = 1
    }

    private let state = Mutex(State())

    /// Ends the wait in course, or the next one.
    func wake() {
        let continuation = state.withLock { state -> CheckedContinuation<Void, Never>? in
            guard let waiter = state.waiter else {
                state.isSet = true
                return nil
            }
            state.waiter = nil
            return waiter.continuation
        }
        continuation?.resume()
    }

    /// Waits for a sign, for at most `limit`, or until the task is cancelled. Only one task may wait.
    func wait(upTo limit: Duration) async {
        let ticket = state.withLock { state in
            state.nextTicket += 1
            return state.nextTicket
        }
        let timer = Task {
            try await Task.sleep(for: limit)
            self.release(ticket)
        }
        defer { timer.cancel() }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = state.withLock { state in
                    if state.isSet || state.released == ticket || Task.isCancelled {
                        state.isSet = false
                        return true
                    }
                    state.waiter = (ticket, continuation)
                    return false
                }
                if isOver { continuation.resume() }
            }
        } onCancel: {
            release(ticket)
        }
    }

    private func release(_ ticket: UInt64) {
        let continuation = state.withLock { state -> CheckedContinuation<Void, Never>? in
            guard let waiter = state.waiter, waiter.ticket == ticket else {
                state.released = ticket
                return nil
            }
            state.waiter = nil
            return waiter.continuation
        }
        continuation?.resume()
    }
}
