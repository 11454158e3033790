import Synchronization

/// Knows whether this process is to stop, and how much of its grace period is left.
///
/// Every wait of the shutdown path takes an ``allowance(_:share:)`` instead of a fixed time, so that all of them together end
/// within the grace period, whatever hangs.
package final class StopRequest: Sendable {
    /// The request of the process that this task belongs to; nil outside of ``ServiceProcess``.
    @TaskLocal package static var current: StopRequest?

    /// Why a process stops.
    package enum Cause: Sendable, Hashable {
        /// Somebody asked for it with a signal.
        case signal
        /// A part of it has failed or has ended.
        case failure
    }

    private struct State {
        var begun: (cause: Cause, at: ContinuousClock.Instant)?
        var actions: [@Sendable (StopRequest) -> Void] = []
        var isServing = false
    }

    /// The longest time from the request to the process's end.
    package let gracePeriod: Duration
    private let state = Mutex(State())

    /// Makes a request that has not been made yet.
    ///
    /// - Parameter gracePeriod: The longest time from the request to the process's end.
    package init(gracePeriod: Duration) {
        self.gracePeriod = gracePeriod
    }

    /// Why the process stops; nil while it does not.
    package var cause: Cause? { state.withLock { $0.begun?.cause } }

    /// Asks the process to stop; the first request counts.
    ///
    /// - Parameter cause: Why.
    /// - Returns: Whether this was the first request.
    @discardableResult
    package func begin(_ cause: Cause) -> Bool {
        let actions: [@Sendable (StopRequest) -> Void]? = state.withLock { state in
            guard state.begun == nil else { return nil }
            state.begun = (cause, .now)
            defer { state.actions = [] }
            return state.actions
        }
        guard let actions else { return false }
        for action in actions { action(self) }
        return true
    }

    /// Whether services run, which stop gracefully when they are asked to.
    var isServing: Bool { state.withLock(\.isServing) }

    /// Notes that services are about to run.
    ///
    /// - Returns: Whether they may: false when the process is to stop already.
    func beginServing() -> Bool {
        state.withLock { state in
            if state.begun == nil { state.isServing = true }
            return state.isServing
        }
    }

    /// Runs an action once when the stop begins; at once when it has begun already.
    package func onBegin(_ action: @escaping @Sendable (StopRequest) -> Void) {
        let hasBegun = state.withLock { state in
            if state.begun == nil { state.actions.append(action) }
            return state.begun != nil
        }
        if hasBegun { action(self) }
    }

    /// What of the grace period may still be waited for; nil while nothing has asked for a stop, at least zero.
    ///
    /// A sixth of it, at most 4 s, is kept for what cannot be bounded exactly: the ends of client libraries' threads.
    package var timeLeft: Duration? {
        state.withLock { state in
            guard let begun = state.begun else { return nil }
            let kept = min(gracePeriod / 6, .seconds(4))
            return max(.zero, gracePeriod - kept - begun.at.duration(to: .now))
        }
    }

    /// When half of the grace period is over; nil while nothing has asked for a stop. What is tried again and again is given up
    /// then, so that the rest is left for an orderly end.
    package var halfway: ContinuousClock.Instant? {
        state.withLock { $0.begun.map { $0.at + gracePeriod / 2 } }
    }

    /// How long one step of a stop may wait.
    ///
    /// - Parameters:
    ///   - limit: What it may wait where there is time enough.
    ///   - share: It takes at most this part of what is left: 3 means a third, so that the steps behind it have time too.
    /// - Returns: The time; `limit` while nothing has asked for a stop.
    package static func allowance(_ limit: Duration, share: Int) -> Duration {
        guard let left = current?.timeLeft else { return limit }
        return min(limit, left / share)
    }
}
