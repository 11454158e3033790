/// Where one node of a task is.
package enum NodePhase: String, Sendable, Hashable, CaseIterable {
    /// Not started yet.
    case pending
    /// In work, or waiting for another attempt.
    case pulling
    /// Every image is known to be on the node.
    case succeeded
    /// At least one image could not be pulled and no attempt is left.
    case failed
    /// Set aside, vanished, or the task ended first; always with a reason.
    case skipped

    /// Whether the node is done with; nothing follows a terminal phase.
    package var isTerminal: Bool { successors.isEmpty }

    /// The phases that may follow this one directly: the transition table.
    package var successors: Set<NodePhase> {
        switch self {
        // A node whose images are all present, or all known to be bad, is decided without having been in work.
        case .pending: [.pulling, .succeeded, .failed, .skipped]
        case .pulling: [.succeeded, .failed, .skipped]
        case .succeeded, .failed, .skipped: []
        }
    }

    /// Whether `next` may follow this phase directly.
    package func canBecome(_ next: NodePhase) -> Bool { successors.contains(next) }
}
