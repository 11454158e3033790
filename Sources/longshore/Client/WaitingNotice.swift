import LongshoreDomain

/// Decides when a person who follows a task is told what is being waited for.
///
/// Says something two seconds after nothing has moved, then at growing distances, so that a silent terminal never leaves open
/// whether anything happens and a log does not fill up.
struct WaitingNotice: Sendable, Hashable {
    /// What keeps a task from being seen to move.
    enum Obstacle: Sendable, Hashable {
        /// The service does not answer.
        case unreachable(String)
        /// The service does not know the task yet.
        case absent
        /// The task is accepted, and no executor has begun with it.
        case queued
    }

    /// When something is said, in seconds after the obstacle was met; after the last, every minute.
    static let moments = [2, 10, 30, 60]

    private(set) var obstacle: Obstacle?
    private var since: Duration = .zero
    private var said = 0

    /// Notes what is in the way.
    ///
    /// - Parameters:
    ///   - obstacle: What is in the way; nil when something has moved.
    ///   - now: Time since any fixed moment.
    mutating func meet(_ obstacle: Obstacle?, at now: Duration) {
        if case .unreachable? = obstacle, case .unreachable? = self.obstacle {
            // The same trouble with another text is still the same trouble.
            self.obstacle = obstacle
            return
        }
        guard obstacle != self.obstacle else { return }
        self.obstacle = obstacle
        since = now
        said = 0
    }

    /// Tells whether something is to be said now.
    ///
    /// - Parameter now: Time since the same moment as before.
    /// - Returns: The obstacle and the whole seconds since it was met; nil when there is nothing to say.
    mutating func due(at now: Duration) -> (obstacle: Obstacle, seconds: Int)? {
        guard let obstacle else { return nil }
        let seconds = Int((now - since).components.seconds)
        guard seconds >= nextMoment else { return nil }
        // After a pause of the process one line is enough.
        while nextMoment <= seconds { said += 1 }
        return (obstacle, seconds)
    }

    private var nextMoment: Int {
        said < Self.moments.count ? Self.moments[said] : 60 * (said - Self.moments.count + 2)
    }
}
