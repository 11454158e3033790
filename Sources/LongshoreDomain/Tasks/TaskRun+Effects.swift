package import WireFormats

extension TaskRun {
    /// What is to be done in answer to an event. Effects are carried out in their order.
    package enum Effect: Sendable, Hashable {
        /// Resolve nodes and images and answer with ``Event/nodesResolved(_:)`` or ``Event/planFailed(cause:reason:message:)``.
        case resolveNodes
        /// Create the Job, or adopt the one that has its name.
        case startJob(JobStart)
        /// Delete the Job once the status that records its end is written.
        case deleteJob(node: String, attempt: Int)
        /// The attempt's time is over as far as is known: read the Job and its Pod from the cluster itself, report what is
        /// found, then send ``Event/attemptExpired(node:attempt:obstacle:)``. While the API server is away no attempt fails for
        /// what nobody could see.
        case inspectJob(node: String, attempt: Int)
        /// Publish an event; the end of a node only once a snapshot that tells it is written.
        case emit(TaskEventDraft)
        /// Send ``Event/timer`` at this moment; replaces the one scheduled before.
        case scheduleTimer(Timestamp)
        /// Write the pause that the run has decided on itself into the task's wish, where its owner resumes it.
        case pauseTask
        /// Write the status soon; may be put together with later ones.
        case persistStatus
        /// Write the status with the outcome in its snapshot, then publish everything emitted so far and this event,
        /// and answer with ``Event/terminalAcknowledged``. The outcome is written first so that another executor that takes
        /// over in between publishes the same one.
        case publishTerminal(TaskEventDraft)
        /// Mark the task finished and clean up. Nothing follows.
        case finish(Outcome)
    }

    /// One attempt on one node.
    package struct JobStart: Sendable, Hashable {
        /// The node.
        package var node: String
        /// The attempt, from 1.
        package var attempt: Int
        /// The canonical references to pull in this attempt.
        package var images: [String]
        /// The pull Secrets they need.
        package var secretNames: [String]
        /// How long the Job may be active: the node's timeout and the scheduling allowance.
        package var timeLimit: Duration

        /// Makes a start.
        package init(node: String, attempt: Int, images: [String], secretNames: [String], timeLimit: Duration) {
            self.node = node
            self.attempt = attempt
            self.images = images
            self.secretNames = secretNames
            self.timeLimit = timeLimit
        }
    }

    /// How a task ends.
    package struct Outcome: Sendable, Hashable {
        /// `succeeded`, `failed` or `cancelled`.
        package var phase: TaskPhase
        /// The most frequent cause among the nodes that failed, or the cause of the task's own failure.
        package var cause: FailureCause?
        /// A constant word: `FailureToleranceExceeded`, `DeadlineExceeded`, `NoNodes`, `Requested`, `Deleted` …
        package var reason: String?
        /// The reason in a sentence.
        package var message: String?

        /// Makes an outcome.
        package init(phase: TaskPhase, cause: FailureCause? = nil, reason: String? = nil, message: String? = nil) {
            self.phase = phase
            self.cause = cause
            self.reason = reason
            self.message = message
        }
    }

    /// An image in an event.
    package struct ImageOutcome: Sendable, Hashable {
        /// The canonical reference.
        package var image: String
        /// Its phase on the node.
        package var phase: ImagePhase
        /// The digest the runtime reported.
        package var digest: String?
        /// Why it failed.
        package var failure: ImageFailure?
        /// The image's size in bytes, where the kubelet has told it.
        package var bytes: Int64?
        /// How long its pull took in milliseconds, where the kubelet has told it.
        package var milliseconds: Int64?

        /// Makes an image.
        package init(
            image: String,
            phase: ImagePhase,
            digest: String? = nil,
            failure: ImageFailure? = nil,
            bytes: Int64? = nil,
            milliseconds: Int64? = nil
        ) {
            self.image = image
            self.phase = phase
            self.digest = digest
            self.failure = failure
            self.bytes = bytes
            self.milliseconds = milliseconds
        }
    }

    /// A failure for the status' list.
    package struct NodeFailure: Sendable, Hashable {
        /// The node.
        package var node: String
        /// The canonical reference.
        package var image: String
        /// Why.
        package var failure: ImageFailure

        /// Makes a failure.
        package init(node: String, image: String, failure: ImageFailure) {
            self.node = node
            self.image = image
            self.failure = failure
        }
    }
}

/// An event to publish, before it has an identifier, a time and a sequence number.
package struct TaskEventDraft: Sendable, Hashable {
    /// The kinds of events that a task's run emits.
    package enum Kind: String, Sendable, Hashable, CaseIterable {
        /// The task was taken by an executor.
        case checking
        /// Nodes are being worked on; again after each pause.
        case pulling
        /// Counts changed; at most two a second.
        case progress
        /// No further node is started.
        case paused
        /// Terminal.
        case succeeded
        /// Terminal.
        case failed
        /// Terminal.
        case cancelled
        /// Terminal: never accepted.
        case rejected
        /// An attempt on a node starts.
        case nodePulling
        /// A node has all its images.
        case nodeSucceeded
        /// A node failed for good.
        case nodeFailed
        /// A node is left out.
        case nodeSkipped

        /// Whether it is the one end of a node.
        package var isNodeEnd: Bool {
            switch self {
            case .nodeSucceeded, .nodeFailed, .nodeSkipped: true
            case .checking, .pulling, .progress, .paused, .succeeded, .failed, .cancelled, .rejected, .nodePulling:
                false
            }
        }
    }

    /// The kind.
    package var kind: Kind
    /// The task's phase after the event.
    package var phase: TaskPhase
    /// The counts after the event.
    package var counts: TaskCounts
    /// Which one of several events of the same kind: pauses so far, the number of a progress event, or how many images of a node
    /// were decided while the others are still pulled.
    package var occurrence: Int
    /// The node of a node event.
    package var node: String?
    /// The attempt of a node event, from 1; 0 for a node that was decided without one.
    package var attempt: Int?
    /// The images of a node event.
    package var images: [TaskRun.ImageOutcome]
    /// The first cause of a failure.
    package var cause: FailureCause?
    /// A constant word for why.
    package var reason: String?
    /// Why, in a sentence.
    package var message: String?
    /// How far the task has come, on progress and terminal events.
    package var progress: TaskProgress?
    /// The settings that hold from now on, where somebody has changed them, under their names in a spec.
    package var settings: JSONValue?

    /// Makes a draft.
    package init(
        kind: Kind,
        phase: TaskPhase,
        counts: TaskCounts,
        occurrence: Int = 0,
        node: String? = nil,
        attempt: Int? = nil,
        images: [TaskRun.ImageOutcome] = [],
        cause: FailureCause? = nil,
        reason: String? = nil,
        message: String? = nil,
        progress: TaskProgress? = nil
    ) {
        self.kind = kind
        self.phase = phase
        self.counts = counts
        self.occurrence = occurrence
        self.node = node
        self.attempt = attempt
        self.images = images
        self.cause = cause
        self.reason = reason
        self.message = message
        self.progress = progress
    }
}
