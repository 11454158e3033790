extension TaskRun.Snapshot {
    /// How many nodes a retry would try again: those that failed, and those that the task's end kept from being done. Nil where
    /// the record does not hold the nodes: then everything is resolved anew.
    package var retryableNodes: Int? {
        guard let names = names?.names, names.count == statuses.count, !names.isEmpty else { return nil }
        return statuses.count { TaskRun.NodeStatus(byte: $0) != .succeeded }
    }

    /// The record with which the task is begun again: nodes that did not succeed are as if they had not been started, what
    /// registries said is forgotten, and attempts go on counting, so that no name of a Job is used twice. Nil where the record
    /// does not hold the nodes.
    package func retried() -> TaskRun.Snapshot? {
        guard retryableNodes != nil else { return nil }
        var next = self
        next.statuses = statuses.map { byte in
            TaskRun.NodeStatus(byte: byte) == .succeeded ? TaskRun.NodeStatus.succeeded.byte : 0
        }
        let succeeded = next.statuses.count { $0 != 0 }
        next.counts = TaskCounts(nodesTotal: statuses.count + setAside, succeeded: succeeded, skipped: setAside)
        next.hardFailures = 0
        next.causes = [:]
        next.badImages = [:]
        next.outcome = nil
        next.untold = TaskRun.UntoldEnds()
        next.pullingSince = nil
        next.attemptBase = attemptBase + (lastAttempt ?? TaskRun.maximumAttempts)
        next.lastAttempt = 0
        next.isRecheckDue = true
        return next
    }
}
