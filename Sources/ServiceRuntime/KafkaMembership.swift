import Synchronization

/// Whether a loop's consumer belongs to its group.
///
/// A member without partitions is a member: a group may have more of them than the topics have partitions. One whose
/// partitions were taken away, and who has heard nothing since, reads nothing and does not know it.
///
/// Thread safety: every method may be called from anywhere.
final class KafkaMembership: Sendable {
    /// How long a consumer may be without its group: longer than any rebalance takes.
    static let patience = Duration.seconds(120)

    private let outsideSince = Mutex<ContinuousClock.Instant?>(.now)

    /// Partitions, or none, were assigned.
    func join() { outsideSince.withLock { $0 = nil } }

    /// The partitions were taken away.
    func leave(at now: ContinuousClock.Instant = .now) { outsideSince.withLock { $0 = $0 ?? now } }

    /// What is wrong; nil when nothing is, or not for long enough.
    func fault(at now: ContinuousClock.Instant = .now) -> String? {
        guard let since = outsideSince.withLock({ $0 }) else { return nil }
        let outside = since.duration(to: now)
        guard outside > Self.patience else { return nil }
        return "the consumer has not been in its group for \(outside.components.seconds) s"
    }
}
