import Synchronization

/// Whether a loop's consumer belongs to its group, and has partitions.
///
/// A member without partitions is a member: a group may have more of them than the topics have partitions. One whose
/// partitions were taken away, and who has heard nothing since, reads nothing and does not know it. Nor does one that got none
/// although there are enough for every member.
///
/// Thread safety: every method may be called from anywhere.
final class KafkaMembership: Sendable {
    /// How long a consumer may be without its group: longer than any rebalance takes.
    static let patience = Duration.seconds(120)
    /// After how long without its group that is said: a first rebalance takes a few seconds.
    static let noticeAfter = Duration.seconds(15)
    /// How long a member may have no partitions although there are some for it; a rebalance may be about to mend that.
    static let idlePatience = Duration.seconds(60)

    private struct State {
        /// Since when it has been without its group.
        var outsideSince: ContinuousClock.Instant? = .now
        /// Since when it has been a member without partitions.
        var idleSince: ContinuousClock.Instant?
        /// What the group has, where the brokers tell it.
        var group: (members: Int, partitions: Int)?
        var isNoticed = false
    }

    private let state = Mutex(State())

    /// Partitions, or none, were assigned.
    func join(partitions: Int, at now: ContinuousClock.Instant = .now) {
        state.withLock { state in
            state.outsideSince = nil
            state.idleSince = partitions > 0 ? nil : state.idleSince ?? now
            state.group = nil
            state.isNoticed = false
        }
    }

    /// The partitions were taken away.
    func leave(at now: ContinuousClock.Instant = .now) {
        state.withLock { $0.outsideSince = $0.outsideSince ?? now }
    }

    /// For how long it has been without its group.
    func outside(at now: ContinuousClock.Instant = .now) -> Duration {
        state.withLock { $0.outsideSince.map { $0.duration(to: now) } ?? .zero }
    }

    /// For how long it has been a member without partitions.
    func idle(at now: ContinuousClock.Instant = .now) -> Duration {
        state.withLock { state in
            guard state.outsideSince == nil else { return .zero }
            return state.idleSince.map { $0.duration(to: now) } ?? .zero
        }
    }

    /// Notes how many members the group has, and how many partitions the largest of its topics has.
    func note(members: Int, partitions: Int) { state.withLock { $0.group = (members, partitions) } }

    /// What is to be logged, once for each time that something is wrong; nil when nothing is.
    func notice(at now: ContinuousClock.Instant = .now) -> String? {
        state.withLock { state in
            guard !state.isNoticed else { return nil }
            let text: String?
            if let since = state.outsideSince {
                text = since.duration(to: now) > Self.noticeAfter ? Self.waiting(since.duration(to: now)) : nil
            } else {
                text = Self.idleness(state, now)
            }
            state.isNoticed = text != nil
            return text
        }
    }

    /// What is wrong; nil when nothing is, or not for long enough.
    func fault(at now: ContinuousClock.Instant = .now) -> String? {
        state.withLock { state in
            if let since = state.outsideSince {
                let outside = since.duration(to: now)
                return outside > Self.patience ? Self.waiting(outside) : nil
            }
            return Self.idleness(state, now)
        }
    }

    private static func waiting(_ time: Duration) -> String {
        "the consumer has not been in its group for \(time.components.seconds) s"
    }

    private static func idleness(_ state: State, _ now: ContinuousClock.Instant) -> String? {
        guard let since = state.idleSince, let group = state.group, group.partitions >= group.members else {
            return nil
        }
        let idle = since.duration(to: now)
        guard idle > idlePatience else { return nil }
        return "the consumer has had no partitions for \(idle.components.seconds) s, although its group has "
            + "\(group.members) \(group.members == 1 ? "member" : "members") and a topic of \(group.partitions) "
            + (group.partitions == 1 ? "partition" : "partitions")
    }
}
