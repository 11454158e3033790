import LongshoreDomain
import LongshoreMessages

/// A task as its events show it, for a display that follows it.
struct TaskView: Sendable {
    /// A node of the task.
    struct Node: Sendable, Hashable {
        let name: String
        var phase: NodePhase
        var attempt = 0
        var images: [EventImage] = []
        var cause: FailureCause?
        var reason: String?
        var message: String?

        /// Images that are there already or have been pulled.
        var done: Int { images.count { $0.phase == .present || $0.phase == .pulled } }
    }

    private(set) var phase: TaskPhase?
    private(set) var counts = TaskCounts()
    private(set) var progress: TaskProgress?
    private(set) var nodes: [String: Node] = [:]
    private(set) var cause: FailureCause?
    private(set) var message: String?
    private(set) var faults: [EventFault] = []

    /// Takes the next event of the stream.
    mutating func apply(_ event: TaskEvent) {
        phase = event.phase
        counts = event.counts
        progress = event.progress ?? progress
        guard let name = event.node, let nodePhase = event.type.nodePhase else {
            cause = event.cause ?? cause
            message = event.message ?? message
            faults += event.faults
            return
        }
        var node = nodes[name] ?? Node(name: name, phase: nodePhase)
        node.phase = nodePhase
        node.attempt = event.attempt ?? node.attempt
        if let part = event.part, part.number > 1 { node.images += event.images } else { node.images = event.images }
        node.cause = event.cause
        node.reason = event.reason
        node.message = event.message
        nodes[name] = node
    }

    /// The share of the work that is done, from 0 to 1.
    var share: Double {
        if phase == .succeeded { return 1 }
        if let progress { return min(max(progress.percent / 100, 0), 1) }
        return counts.nodesTotal == 0 ? 0 : Double(counts.finished) / Double(counts.nodesTotal)
    }
}
