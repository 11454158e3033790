/// Where a task is in its life.
///
/// ```
/// accepting ─▶ queued ─▶ checking ─▶ pulling ◀─▶ paused
///     │           │          │          │          │
///     ▼           ▼          ▼          ▼          ▼
///  rejected   rejected    succeeded | failed | cancelled
///                             └─ retry ┘
/// ```
/// A retry begins a task that has succeeded or failed again, for the nodes that failed.
package enum TaskPhase: String, Sendable, Hashable, CaseIterable {
    /// Written down by the intake, not yet acknowledged by Kafka.
    case accepting
    /// Acknowledged by Kafka, waiting for an executor.
    case queued
    /// Nodes and images are being resolved.
    case checking
    /// Nodes are in work.
    case pulling
    /// Nodes in work go on, no further node is started.
    case paused
    /// The share of failed nodes stayed within the tolerance.
    case succeeded
    /// Too many nodes failed, the deadline passed or nothing could be started.
    case failed
    /// Stopped on request.
    case cancelled
    /// Never accepted: no work was done for it.
    case rejected

    /// Whether the task has ended; nothing follows a terminal phase but a retry that somebody asks for.
    package var isTerminal: Bool {
        switch self {
        case .succeeded, .failed, .cancelled, .rejected: true
        case .accepting, .queued, .checking, .pulling, .paused: false
        }
    }

    /// Whether a task that has ended so can be begun again for what failed. What was cancelled stays so.
    package var canBeRetried: Bool { isTerminal && !successors.isEmpty }

    /// The phases that may follow this one directly: the transition table.
    package var successors: Set<TaskPhase> {
        switch self {
        case .accepting: [.queued, .rejected]
        case .queued: [.checking, .cancelled, .failed, .rejected]
        case .checking: [.pulling, .paused, .succeeded, .failed, .cancelled, .rejected]
        case .pulling: [.paused, .succeeded, .failed, .cancelled]
        case .paused: [.pulling, .succeeded, .failed, .cancelled]
        case .succeeded, .failed: [.checking, .pulling, .paused]
        case .cancelled, .rejected: []
        }
    }

    /// Whether `next` may follow this phase directly.
    package func canBecome(_ next: TaskPhase) -> Bool { successors.contains(next) }
}
