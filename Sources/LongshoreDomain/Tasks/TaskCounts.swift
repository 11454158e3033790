/// How many of a task's nodes are where.
package struct TaskCounts: Sendable, Hashable {
    /// All nodes the task was asked for, the set-aside ones included.
    package var nodesTotal: Int
    /// Nodes on which every image is known to be.
    package var succeeded: Int
    /// Nodes that failed with no attempt left.
    package var failed: Int
    /// Nodes set aside, vanished, or not reached before the task ended.
    package var skipped: Int
    /// Nodes in work or waiting for another attempt.
    package var pulling: Int

    /// Makes counts, all zero by default.
    package init(nodesTotal: Int = 0, succeeded: Int = 0, failed: Int = 0, skipped: Int = 0, pulling: Int = 0) {
        self.nodesTotal = nodesTotal
        self.succeeded = succeeded
        self.failed = failed
        self.skipped = skipped
        self.pulling = pulling
    }

    /// Nodes that nothing more happens to.
    package var finished: Int { succeeded + failed + skipped }
    /// Nodes that were not started yet.
    package var pending: Int { nodesTotal - finished - pulling }
}

/// How far a task has come.
package struct TaskProgress: Sendable, Hashable {
    /// From 0 to 100; images decided on nodes in work count in part.
    package var percent: Double
    /// What is left at the speed so far; `nil` until the first node is done.
    package var remaining: Duration?

    /// Makes a progress.
    package init(percent: Double, remaining: Duration?) {
        self.percent = percent
        self.remaining = remaining
    }
}
