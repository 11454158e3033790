import LongshoreDomain
import LongshoreMessages
import WireFormats

/// What a number of events come to, task by task and node by node. Pure; the order in which events arrive within a task is
/// that of their sequence, and what is folded twice changes nothing.
struct ProjectionFold: Sendable {
    /// What the events of a batch make of a task.
    struct Task: Sendable, Equatable {
        var phase: TaskPhase
        var counts: TaskCounts
        var sequence: Int64
        var cause: String?
        var message: String?
        var reason: String?
        var queuedAt: Timestamp?
        var startedAt: Timestamp?
        var finishedAt: Timestamp?
        var updatedAt: Timestamp
        /// How often the task was begun again.
        var retries = 0
        /// Settings that somebody has changed.
        var settings: TaskPatch?

        /// The task without what is known of its end.
        var begunAgain: Task {
            var task = self
            task.phase = .pulling
            (task.cause, task.message, task.reason, task.finishedAt) = (nil, nil, nil, nil)
            return task
        }
    }

    /// Names a node of a task.
    struct NodeKey: Sendable, Hashable, Comparable {
        var task: TaskKey
        var node: String

        static func < (left: NodeKey, right: NodeKey) -> Bool {
            (left.task, left.node) < (right.task, right.node)
        }
    }

    /// What the events of a batch make of a node.
    struct Node: Sendable, Equatable {
        var phase: NodePhase
        var attempt: Int
        var images: [EventImage]
        /// The images belong to an event whose earlier parts were in another batch.
        var addsImages: Bool
        var cause: String?
        var message: String?
        var reason: String?
        var sequence: Int64
        var updatedAt: Timestamp
    }

    private(set) var tasks: [TaskKey: Task] = [:]
    private(set) var nodes: [NodeKey: Node] = [:]

    /// Folds events. The refusal of a request is no event of a task.
    init(_ events: some Sequence<TaskEvent>) {
        for event in events.filter({ !$0.isRefusal }).sorted(by: { ($0.taskID, $0.sequence) < ($1.taskID, $1.sequence) }
        ) {
            foldTask(event)
            if event.type.nodePhase != nil { foldNode(event) }
        }
    }

    /// Tasks that may have ended with nodes whose ends were not heard: those that end, and those of which a node is said to be in
    /// work, for the case that their end was there before.
    var tasksToSettle: [TaskID] {
        let ended = tasks.filter { $0.value.phase.isTerminal }.map(\.key.task)
        let working = nodes.filter { !$0.value.phase.isTerminal }.map(\.key.task.task)
        return Set(ended + working).sorted()
    }

    private mutating func foldTask(_ event: TaskEvent) {
        let key = TaskKey(event)
        // Nothing follows a task's end, unless it is begun again.
        if let known = tasks[key],
            known.sequence >= event.sequence || event.retry < known.retries
                || (known.phase.isTerminal && event.retry == known.retries)
        {
            return
        }
        // What is known of the attempt before is over.
        if let known = tasks[key], event.retry > known.retries { tasks[key] = known.begunAgain }
        var task =
            tasks[key]
            ?? Task(phase: event.phase, counts: event.counts, sequence: event.sequence, updatedAt: event.time)
        task.phase = event.phase
        task.retries = event.retry
        // The first event of intake knows of no nodes yet.
        if event.counts != TaskCounts() { task.counts = event.counts }
        task.sequence = event.sequence
        task.updatedAt = max(task.updatedAt, event.time)
        if event.node == nil {
            task.cause = event.cause?.rawValue ?? task.cause
            task.message = event.message ?? task.message
            task.reason = event.reason ?? task.reason
        }
        if let settings = event.settings { task.settings = settings }
        if event.type == .taskQueued { task.queuedAt = task.queuedAt ?? event.time }
        if event.type != .taskQueued, event.type != .taskRejected { task.startedAt = task.startedAt ?? event.time }
        if event.type.isTerminal { task.finishedAt = event.time }
        // A node's event may carry a terminal phase when the task has failed by it; the task's own event ends the task.
        if event.phase.isTerminal, !event.type.isTerminal { task.phase = tasks[key]?.phase ?? .pulling }
        tasks[key] = task
    }

    private mutating func foldNode(_ event: TaskEvent) {
        guard let name = event.node, let phase = event.type.nodePhase else { return }
        let key = NodeKey(task: TaskKey(event), node: name)
        let known = nodes[key]
        if let known, known.sequence >= event.sequence { return }
        let isFurtherPart = (event.part?.number ?? 1) > 1
        var images = event.images
        if isFurtherPart { images = (known?.images ?? []) + images }
        if images.isEmpty { images = known?.images ?? [] }
        nodes[key] = Node(
            phase: phase,
            attempt: event.attempt ?? known?.attempt ?? 0,
            images: images,
            addsImages: isFurtherPart && (known?.addsImages ?? true),
            cause: event.cause?.rawValue,
            message: event.message,
            reason: event.reason,
            sequence: event.sequence,
            updatedAt: event.time
        )
    }
}
