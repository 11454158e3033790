import Synchronization

/// One reader of an informer's changes.
final class InformerSubscription<R: KubernetesResource>: Sendable {
    private struct State {
        var pending = PendingChanges<R>()
        var waiting: CheckedContinuation<InformerEvent<R>?, Never>?
        var isFinished = false
    }

    private let state = Mutex(State())

    /// Tells the reader of changes, in order.
    func append(_ events: [InformerEvent<R>]) {
        guard !events.isEmpty else { return }
        let (continuation, event) = state.withLock { state in
            for event in events { state.pending.append(event) }
            guard let waiting = state.waiting else {
                return (CheckedContinuation<InformerEvent<R>?, Never>?.none, InformerEvent<R>?.none)
            }
            state.waiting = nil
            return (waiting, state.pending.popFirst())
        }
        continuation?.resume(returning: event)
    }

    /// Lets the reader come to an end once it has read what is there.
    func finish() {
        let continuation = state.withLock { state in
            state.isFinished = true
            defer { state.waiting = nil }
            return state.waiting
        }
        continuation?.resume(returning: nil)
    }

    /// The next change; `nil` at the end, or when the reading task is cancelled.
    func next() async -> InformerEvent<R>? {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let result: InformerEvent<R>?? = state.withLock { state in
                    if let event = state.pending.popFirst() { return .some(event) }
                    if state.isFinished || Task.isCancelled || state.waiting != nil { return .some(nil) }
                    state.waiting = continuation
                    return nil
                }
                if let result { continuation.resume(returning: result) }
            }
        } onCancel: {
            finish()
        }
    }
}
