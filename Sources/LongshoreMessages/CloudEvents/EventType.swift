package import LongshoreDomain

/// The types of Longshore's CloudEvents.
///
/// A breaking change of a type's data gets a new type (`….v2`); what is added to one stays optional.
package enum EventType: String, Sendable, Hashable, CaseIterable {
    // Messages that ask for something.
    case taskRequested = "dev.longshore.task.requested.v1"
    case taskSubmitted = "dev.longshore.task.submitted.v1"
    case taskCommand = "dev.longshore.task.command.v1"
    case clusterAnnounced = "dev.longshore.cluster.announced.v1"
    // Answers to commands; what they mean for the task is the read model's to judge.
    case taskMissing = "dev.longshore.task.missing.v1"
    case taskNodes = "dev.longshore.task.nodes.v1"
    // Events of a task.
    case taskQueued = "dev.longshore.task.queued.v1"
    case taskChecking = "dev.longshore.task.checking.v1"
    case taskPulling = "dev.longshore.task.pulling.v1"
    case taskProgress = "dev.longshore.task.progress.v1"
    case taskPaused = "dev.longshore.task.paused.v1"
    case taskSucceeded = "dev.longshore.task.succeeded.v1"
    case taskFailed = "dev.longshore.task.failed.v1"
    case taskCancelled = "dev.longshore.task.cancelled.v1"
    case taskRejected = "dev.longshore.task.rejected.v1"
    // Events of a node of a task.
    case nodePulling = "dev.longshore.node.pulling.v1"
    case nodeSucceeded = "dev.longshore.node.succeeded.v1"
    case nodeFailed = "dev.longshore.node.failed.v1"
    case nodeSkipped = "dev.longshore.node.skipped.v1"

    /// The short name that webhooks are filtered by, such as `task.succeeded`: the type without prefix and version.
    package var shortName: String {
        String(rawValue.dropFirst("dev.longshore.".count).dropLast(".v1".count))
    }

    /// The type with a short name; nil when there is none.
    package init?(shortName: String) { self.init(rawValue: "dev.longshore.\(shortName).v1") }

    /// Whether this tells what happened to a task or a node, in contrast to a message that asks for something.
    package var isEvent: Bool { taskPhase != nil || nodePhase != nil || self == .taskProgress }

    /// Whether nothing follows for the task.
    package var isTerminal: Bool { taskPhase?.isTerminal ?? false }

    /// The task's phase that the event announces, nil where it announces none.
    package var taskPhase: TaskPhase? {
        switch self {
        case .taskQueued: .queued
        case .taskChecking: .checking
        case .taskPulling: .pulling
        case .taskPaused: .paused
        case .taskSucceeded: .succeeded
        case .taskFailed: .failed
        case .taskCancelled: .cancelled
        case .taskRejected: .rejected
        case .taskRequested, .taskSubmitted, .taskCommand, .clusterAnnounced, .taskMissing, .taskNodes,
            .taskProgress, .nodePulling, .nodeSucceeded, .nodeFailed, .nodeSkipped:
            nil
        }
    }

    /// The node's phase that the event announces, nil where it is not about a node.
    package var nodePhase: NodePhase? {
        switch self {
        case .nodePulling: .pulling
        case .nodeSucceeded: .succeeded
        case .nodeFailed: .failed
        case .nodeSkipped: .skipped
        case .taskRequested, .taskSubmitted, .taskCommand, .clusterAnnounced, .taskMissing, .taskNodes, .taskQueued,
            .taskChecking, .taskPulling, .taskProgress, .taskPaused, .taskSucceeded, .taskFailed, .taskCancelled,
            .taskRejected:
            nil
        }
    }

    /// The type of an event that a task's run emits.
    package init(_ kind: TaskEventDraft.Kind) {
        self =
            switch kind {
            case .checking: .taskChecking
            case .pulling: .taskPulling
            case .progress: .taskProgress
            case .paused: .taskPaused
            case .succeeded: .taskSucceeded
            case .failed: .taskFailed
            case .cancelled: .taskCancelled
            case .rejected: .taskRejected
            case .nodePulling: .nodePulling
            case .nodeSucceeded: .nodeSucceeded
            case .nodeFailed: .nodeFailed
            case .nodeSkipped: .nodeSkipped
            }
    }

    /// The type of the event that announces a task's phase; nil for `accepting`, which nothing announces.
    package init?(announcing phase: TaskPhase) {
        guard phase != .accepting else { return nil }
        self.init(shortName: "task.\(phase.rawValue)")
    }
}
