package import WireFormats

extension TaskRun {
    /// What a task's owner may change while it runs.
    package struct Settings: Sendable, Hashable {
        /// The most nodes in work at once; at least 1.
        package var batchSize: Int
        /// How many nodes may fail.
        package var tolerance: FailureTolerance
        /// How long one attempt on one node may pull, counted from when its Pod was bound to the node.
        package var timeout: Duration
        /// How much longer an attempt may take until its Pod is bound; default 2 minutes.
        package var schedulingAllowance: Duration
        /// When the task fails whatever its state.
        package var deadline: Timestamp
        /// How many attempts may follow a node's first; 0 is one attempt.
        package var maxRetries: Int
        /// How long to wait between them.
        package var retryPolicy: RetryPolicy

        /// Makes settings; a `batchSize` below 1 counts as 1, a negative `maxRetries` as 0.
        package init(
            batchSize: Int = 10,
            tolerance: FailureTolerance = .ratio(0),
            timeout: Duration = .seconds(300),
            schedulingAllowance: Duration = .seconds(120),
            deadline: Timestamp,
            maxRetries: Int = 0,
            retryPolicy: RetryPolicy = RetryPolicy(strategy: .exponential, base: .seconds(30), cap: .seconds(600))
        ) {
            self.batchSize = max(1, batchSize)
            self.tolerance = tolerance
            self.timeout = timeout
            self.schedulingAllowance = schedulingAllowance
            self.deadline = deadline
            self.maxRetries = min(max(0, maxRetries), TaskRun.maximumAttempts - 1)
            self.retryPolicy = retryPolicy
        }

        /// The settings of a spec.
        ///
        /// - Parameters:
        ///   - spec: The task's spec.
        ///   - start: The moment from which its deadline counts.
        package init(spec: TaskSpec, from start: Timestamp) {
            self.init(
                batchSize: spec.batchSize,
                tolerance: spec.failureTolerance,
                timeout: .seconds(spec.timeoutSeconds),
                deadline: start + .seconds(spec.deadlineSeconds),
                maxRetries: spec.maxRetries,
                retryPolicy: spec.retryPolicy
            )
        }
    }

    /// The most attempts on one node, so that an attempt fits the snapshot's record of a node.
    package static let maximumAttempts = 31
}
