import Synchronization

/// A sleeping watch: woken by changes of its resource, by the ticker, and by its client going away.
final class Watcher: Sendable {
    /// Why `wait()` came back.
    enum Wake: Sendable {
        case ready
        case closed
    }

    private struct State {
        var isSignaled = false
        var isClosed = false
        var waiter: CheckedContinuation<Wake, Never>?
    }

    private let state = Mutex(State())
    let resource: GroupResource

    init(resource: GroupResource) {
        self.resource = resource
    }

    var isClosed: Bool { state.withLock { $0.isClosed } }

    /// Waits for `wake()` or `close()`; a wake that came in between is not lost.
    func wait() async -> Wake {
        await withCheckedContinuation { continuation in
            let immediate: Wake? = state.withLock { state in
                if state.isClosed { return .closed }
                if state.isSignaled {
                    state.isSignaled = false
                    return .ready
                }
                state.waiter = continuation
                return nil
            }
            if let immediate { continuation.resume(returning: immediate) }
        }
    }

    func wake() {
        let waiter = state.withLock { state -> CheckedContinuation<Wake, Never>? in
            guard let waiter = state.waiter else {
                state.isSignaled = true
                return nil
            }
            state.waiter = nil
            return waiter
        }
        waiter?.resume(returning: .ready)
    }

    func close() {
        let waiter = state.withLock { state -> CheckedContinuation<Wake, Never>? in
            state.isClosed = true
            let waiter = state.waiter
            state.waiter = nil
            return waiter
        }
        waiter?.resume(returning: .closed)
    }
}
