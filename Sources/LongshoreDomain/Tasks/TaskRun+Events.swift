extension TaskRun {
    /// What can happen to a task.
    package enum Event: Sendable, Hashable {
        /// An executor has taken the task. Answered with ``Effect/resolveNodes``.
        case started
        /// The check is done.
        case nodesResolved(Plan)
        /// The check could not be done, or found that nothing can be started.
        case planFailed(cause: FailureCause, reason: String, message: String)
        /// A Job or its Pod changed.
        case jobObserved(JobObservation)
        /// A Job that should exist does not.
        case jobMissing(node: String, attempt: Int)
        /// A Job could not be created.
        case jobCreationFailed(node: String, attempt: Int, failure: ImageFailure, isRetryable: Bool)
        /// An inspected Job has nothing more to tell; `obstacle` is what kept its Pod from being started, where that is known.
        case attemptExpired(node: String, attempt: Int, obstacle: ImageFailure? = nil)
        /// A node was removed from the cluster.
        case nodeGone(node: String)
        /// A node's `Ready` condition changed.
        case nodeReadiness(node: String, isReady: Bool)
        /// The moment of an ``Effect/scheduleTimer(_:)`` has come. Too early or too often does no harm.
        case timer
        /// The task is to end; `reason` is a constant word such as `Requested` or `Deleted`.
        case cancelRequested(reason: String)
        /// No further node is to be started.
        case pauseRequested
        /// Nodes may be started again.
        case resumeRequested
        /// The task's owner changed its settings.
        case settingsChanged(Settings)
        /// Kafka has acknowledged the terminal event.
        case terminalAcknowledged
        /// While restoring: the cluster holds this Job of the task.
        case jobFound(node: String, attempt: Int)
        /// While restoring: all Jobs have been reported.
        case restored
    }

    /// What is known about one image from its container's status.
    package struct ImageObservation: Sendable, Hashable {
        /// The image's phase; `failed` is final for the attempt.
        package var phase: ImagePhase
        /// The digest the runtime reported, `sha256:…`.
        package var digest: String?
        /// Why it failed, or why it has failed so far.
        package var failure: ImageFailure?
        /// The image's size as the runtime counts it; `nil` where nobody has told.
        package var bytes: Int64?
        /// How long the pull took, without the wait for other pulls; `nil` where nobody has told.
        package var milliseconds: Int64?

        /// Makes an observation.
        package init(
            phase: ImagePhase,
            digest: String? = nil,
            failure: ImageFailure? = nil,
            bytes: Int64? = nil,
            milliseconds: Int64? = nil
        ) {
            self.phase = phase
            self.digest = digest
            self.failure = failure
            self.bytes = bytes
            self.milliseconds = milliseconds
        }
    }

    /// What is known about a Job.
    package struct JobObservation: Sendable, Hashable {
        /// The node.
        package var node: String
        /// The attempt, from 1.
        package var attempt: Int
        /// By canonical reference; images without a status yet are left out.
        package var images: [String: ImageObservation]
        /// Whether the Pod is bound to its node: the node's timeout counts from here.
        package var isScheduled: Bool
        /// Set when nothing more will happen: the failure of every image not yet decided.
        package var ending: ImageFailure?

        /// Makes an observation.
        package init(
            node: String,
            attempt: Int,
            images: [String: ImageObservation] = [:],
            isScheduled: Bool = true,
            ending: ImageFailure? = nil
        ) {
            self.node = node
            self.attempt = attempt
            self.images = images
            self.isScheduled = isScheduled
            self.ending = ending
        }
    }
}
