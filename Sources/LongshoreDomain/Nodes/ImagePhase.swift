/// Where one image on one node is.
package enum ImagePhase: String, Sendable, Hashable, CaseIterable {
    /// Not started yet.
    case pending
    /// The node's runtime is at it.
    case pulling
    /// Was on the node before the task came.
    case present
    /// Was brought to the node by the task.
    case pulled
    /// Could not be pulled; carries a ``FailureCause``.
    case failed

    /// Whether the image is known to be on the node.
    package var isOnNode: Bool {
        switch self {
        case .present, .pulled: true
        case .pending, .pulling, .failed: false
        }
    }

    /// Whether nothing more happens to the image in this attempt.
    package var isDecided: Bool {
        switch self {
        case .present, .pulled, .failed: true
        case .pending, .pulling: false
        }
    }

    /// The phases that may follow this one directly: the transition table. A failed image is tried again by a later attempt.
    package var successors: Set<ImagePhase> {
        switch self {
        case .pending: [.pulling, .present, .pulled, .failed]
        case .pulling: [.present, .pulled, .failed, .pending]
        case .failed: [.pending, .pulling, .present, .pulled]
        case .present, .pulled: []
        }
    }

    /// Whether `next` may follow this phase directly.
    package func canBecome(_ next: ImagePhase) -> Bool { successors.contains(next) }
}
