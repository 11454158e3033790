import Synchronization

/// A moment at which every wait for a database ends, for all connections that were made with one configuration.
///
/// A statement cannot be cancelled: its outcome would be unknown. A process that must end by a certain time cannot wait for
/// a server that hangs either; at this moment the connections that still wait are given up, as after a timeout.
package final class PQWaitLimit: Sendable {
    private let end = Mutex<ContinuousClock.Instant?>(nil)

    /// Makes a limit that limits nothing yet.
    package init() {}

    /// Ends all waits at a moment; an earlier one that was set before holds.
    package func set(_ moment: ContinuousClock.Instant) {
        end.withLock { $0 = min($0 ?? moment, moment) }
    }

    /// The earlier of a deadline and the limit.
    func bounded(_ deadline: ContinuousClock.Instant) -> ContinuousClock.Instant {
        end.withLock { $0.map { min($0, deadline) } ?? deadline }
    }
}
