import LongshoreDomain

/// Finds slots that are still taken although their tasks have ended in the cluster: no I/O, time is passed in.
///
/// What is left to do once a task has ended is to delete its Jobs and Secrets, which takes seconds. A slot that is taken for much
/// longer belongs to a runner that waits for something that never comes. Its runner is told to abandon the task; if it does not
/// end on that either, the slot is freed without it. Nothing is lost by that: the task's end is told and recorded, and the
/// sweeper removes what is left of the task.
struct SlotWatch: Sendable {
    /// What is known of the task in a slot.
    enum Sighting: Sendable, Hashable {
        /// The task has not ended as far as the cluster says.
        case open
        /// The task has ended in the cluster, and its end is told.
        case ended
        /// The PullTask is gone and the task's end is not told yet, which can take as long as Kafka is away.
        case gone
    }

    /// What is to be done.
    enum Action: Sendable, Hashable {
        /// Tell the runner that its PullTask is gone.
        case tellGone(TaskID)
        /// Tell the runner to abandon the task.
        case abandon(TaskID)
        /// Free the slot although the runner has not ended.
        case free(TaskID)
    }

    private struct Slot: Sendable, Hashable {
        var sighting: Sighting
        var since: ContinuousClock.Instant
        var isTold = false
        var isFreed = false
    }

    private var slots: [TaskID: Slot] = [:]
    private let timeout: Duration
    /// How long an abandoning runner may take: cancelled requests end at once, others within their own time limit.
    static let abandonTimeout = Duration.seconds(10)

    /// Makes a watch.
    ///
    /// - Parameter timeout: How long a slot may stay taken once its task has ended.
    init(timeout: Duration) {
        self.timeout = timeout
    }

    /// Slots whose task has ended longer than the timeout ago.
    private(set) var stale: Set<TaskID> = []

    /// Looks at all slots that are taken.
    ///
    /// - Parameters:
    ///   - sightings: What is known of the task in each of them.
    ///   - now: The moment.
    /// - Returns: What is to be done.
    mutating func look(at sightings: [TaskID: Sighting], now: ContinuousClock.Instant) -> [Action] {
        slots = slots.filter { sightings[$0.key] != nil }
        stale = []
        var actions: [Action] = []
        for (task, sighting) in sightings {
            var slot = slots[task] ?? Slot(sighting: sighting, since: now)
            if slot.sighting != sighting { slot = Slot(sighting: sighting, since: now) }
            defer { slots[task] = slot }
            guard now - slot.since >= timeout else { continue }
            switch sighting {
            case .open: continue
            case .gone:
                if !slot.isTold { actions.append(.tellGone(task)) }
            case .ended:
                stale.insert(task)
                if !slot.isTold {
                    actions.append(.abandon(task))
                } else if !slot.isFreed, now - slot.since >= timeout + Self.abandonTimeout {
                    slot.isFreed = true
                    actions.append(.free(task))
                }
            }
            slot.isTold = true
        }
        return actions
    }
}
