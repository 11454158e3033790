package import WireFormats

extension TaskRun {
    /// What another executor needs to go on with a task: kept in the PullTask's status, below 1 MiB at a hundred thousand nodes.
    ///
    /// What the cluster itself knows (Jobs, Pods, labels of nodes) is not in it and is observed again.
    package struct Snapshot: Sendable, Hashable {
        /// The names of the plan's nodes, sorted; `nil` while there is no plan, and for names that need too much room: then
        /// the task is checked anew, and what was pulled is found present or is pulled again without harm.
        package var names: NodeNameList?
        /// One byte for each name: see ``NodeStatus``.
        package var statuses: [UInt8]
        /// The counts.
        package var counts: TaskCounts
        /// How many set-aside nodes the counts hold.
        package var setAside: Int
        /// Failed nodes that count against the window.
        package var hardFailures: Int
        /// How often each cause was a node's first.
        package var causes: [FailureCause: Int]
        /// How often the task was paused.
        package var pauses: Int
        /// When nodes were first started.
        package var pullingSince: Timestamp?
        /// Images that the registries refused: they are not asked again after a take-over.
        package var badImages: [String: ImageFailure]
        /// The decided end; whoever takes over publishes this one.
        package var outcome: Outcome?
        /// The attempts in `statuses` count from here.
        package var attemptBase = 0
        /// The highest attempt that a node was at, counted from the base; nil in the records of older executors.
        package var lastAttempt: Int?
        /// Whether what the nodes lack is to be resolved anew before anything is pulled, as after a retry.
        package var isRecheckDue = false
        /// Ends of nodes that may not have been told when this is read.
        package var untold = UntoldEnds()
        /// The set-aside nodes, for whoever asks later how the task's nodes ended.
        package var setAsideNodes: [UntoldEnds.SetAsideNodes] = []

        /// How a node has ended.
        package struct NodeEnd: Sendable, Hashable {
            /// The node's name.
            package var name: String
            /// `succeeded`, `failed` or `skipped`.
            package var phase: NodePhase
            /// A constant word for why it was set aside.
            package var reason: String?
            /// The same in a sentence.
            package var message: String?
        }

        /// The nodes that have ended, and how, set-aside ones included; none where the record does not hold them.
        package var ends: [NodeEnd] {
            var ends: [NodeEnd] = []
            if let names = names?.names, names.count == statuses.count {
                ends = zip(names, statuses).compactMap { name, byte in
                    let status = NodeStatus(byte: byte)
                    return status.isEnd ? NodeEnd(name: name, phase: status.phase) : nil
                }
            }
            for group in setAsideNodes {
                for name in group.names.names ?? [] {
                    ends.append(NodeEnd(name: name, phase: .skipped, reason: group.reason, message: group.message))
                }
            }
            return ends
        }
    }

    /// The state to write down now.
    ///
    /// - Parameters:
    ///   - drafts: What is told once this is written; the ends of nodes among them are kept for whoever takes over before that.
    ///   - keepsNodes: Whether the nodes are written down although the task's end is decided, for whoever asks later how they
    ///     ended.
    /// - Returns: The snapshot.
    package func snapshot(telling drafts: [TaskEventDraft] = [], keepsNodes: Bool = false) -> Snapshot {
        var snapshot = Snapshot(
            names: nil,
            statuses: [],
            counts: counts,
            setAside: setAside,
            hardFailures: hardFailures,
            causes: causes,
            pauses: pauses,
            pullingSince: pullingSince,
            badImages: badImages,
            outcome: outcome,
            attemptBase: attemptBase,
            lastAttempt: lastAttempt,
            isRecheckDue: isRecheckDue
        )
        let tellsEnds = drafts.contains { $0.kind.isNodeEnd }
        // With an outcome there is nothing to go on with, and the list's room is better given back.
        guard snapshot.outcome == nil || tellsEnds || keepsNodes else { return snapshot }
        snapshot.setAsideNodes = setAsideNodes
        guard let encodedNames else { return snapshot }
        let bare = snapshot
        snapshot.names = encodedNames
        snapshot.statuses = nodes.map(\.status.byte)
        return !tellsEnds || note(drafts, in: &snapshot) ? snapshot : bare
    }

    /// Goes on where another executor stopped. Report the Jobs that exist with ``Event/jobFound(node:attempt:)``, then send
    /// ``Event/restored``; only after that does the run take other events. `nil` when the snapshot holds neither nodes nor an
    /// outcome: the task then starts with its check.
    ///
    /// - Parameters:
    ///   - snapshot: What the other executor wrote last.
    ///   - plan: The same nodes as the cluster shows them now; nodes of the snapshot that are in neither of its lists are gone,
    ///     nodes that are new do not belong to the task.
    ///   - failures: The failures listed in the status.
    ///   - settings: What the owner may change.
    ///   - isPaused: Whether nodes are to be held back.
    ///   - seed: A random number for the jitter of retries.
    package init?(
        restoring snapshot: Snapshot,
        plan: Plan,
        failures: [NodeFailure] = [],
        settings: Settings,
        isPaused: Bool,
        seed: UInt64
    ) {
        self.init(settings: settings, isPaused: isPaused, seed: seed)
        self.failures = Array(failures.prefix(Self.maximumFailures))
        counts = snapshot.counts
        setAside = snapshot.setAside
        setAsideNodes = snapshot.setAsideNodes
        hardFailures = snapshot.hardFailures
        causes = snapshot.causes
        pauses = snapshot.pauses
        pullingSince = snapshot.pullingSince
        badImages = snapshot.badImages
        attemptBase = snapshot.attemptBase
        lastAttempt = snapshot.lastAttempt ?? 0
        isRecheckDue = snapshot.isRecheckDue
        state = .restoring(snapshot.outcome)
        guard let list = snapshot.names, let names = list.names, names.count == snapshot.statuses.count else {
            if snapshot.outcome == nil { return nil }
            return
        }
        encodedNames = list
        restoreNodes(names, snapshot.statuses, plan)
        takeUntold(snapshot)
    }

    private mutating func restoreNodes(_ names: [String], _ statuses: [UInt8], _ plan: Plan) {
        counts = TaskCounts(nodesTotal: names.count + setAside, skipped: setAside)
        for (index, name) in names.enumerated() {
            let status = NodeStatus(byte: statuses[index])
            indices[name] = index
            nodes.append(Node(name: name, imageSet: 0, status: status))
            switch status {
            case .pending: break
            case .succeeded: counts.succeeded += 1
            case .failed: counts.failed += 1
            case .skipped: counts.skipped += 1
            case .working(let attempt), .waiting(let attempt):
                counts.pulling += 1
                if case .working = status { working += 1 }
                work[index] = Work(attempt: Int(attempt), images: [])
            }
        }
        takeTargets(of: plan)
        for index in Array(work.keys) {
            let images = initialImages(index)
            work[index]?.images = images
        }
        decidedBefore = counts.finished
        gone = plan.skipped.reduce(into: [:]) { $0[$1.node] = $1 }
    }

    /// Gives the nodes the images of a plan. Those that it does not have get a set of their own with nothing in it.
    mutating func takeTargets(of plan: Plan) {
        imageSets = plan.imageSets + [Plan.ImageSet(images: [])]
        for index in nodes.indices { nodes[index].imageSet = Int32(plan.imageSets.count) }
        present = [:]
        for target in plan.targets where plan.imageSets.indices.contains(target.imageSet) {
            guard let index = indices[target.node] else { continue }
            nodes[index].imageSet = Int32(target.imageSet)
            if !target.present.isEmpty { present[index] = target.present }
        }
    }

    /// Whether the cluster offers a node, as far as the plan says.
    func isOffered(_ index: Int) -> Bool { Int(nodes[index].imageSet) != imageSets.count - 1 }

    /// A Job of the task exists.
    mutating func find(_ node: String, _ named: Int) {
        let attempt = named - attemptBase
        guard case .restoring(nil) = state, named >= 1, attempt <= Self.maximumAttempts else { return }
        // Jobs of before a retry are nobody's any more.
        guard let index = indices[node], attempt >= 1 else {
            effects.append(.deleteJob(node: node, attempt: named))
            return
        }
        switch nodes[index].status {
        case .succeeded, .failed, .skipped: effects.append(.deleteJob(node: node, attempt: named))
        case .working(let at) where attempt >= Int(at): adopt(index, attempt)
        case .waiting(let at) where attempt > Int(at): adopt(index, attempt)
        case .working, .waiting: effects.append(.deleteJob(node: node, attempt: named))
        case .pending:
            counts.pulling += 1
            adopt(index, attempt)
        }
    }

    private mutating func adopt(_ index: Int, _ attempt: Int) {
        if work[index] == nil { work[index] = Work(images: initialImages(index)) }
        // A former owner that was held up has made its Job late: the node is at the later attempt.
        if !foundJobs.insert(index).inserted { deleteJob(index) }
        occupy(index, attempt: attempt)
    }

    /// All Jobs were reported: the run goes on.
    mutating func finishRestoring() {
        guard case .restoring(let outcome) = state else { return }
        tellUntold()
        if let outcome {
            publish(outcome)
            return
        }
        isStatusDue = true
        guard !isRecheckDue else {
            state = .rechecking
            isProgressDue = false
            let progress = progress(at: now)
            effects.append(.emit(TaskEventDraft(kind: .progress, phase: phase, counts: counts, progress: progress)))
            effects.append(.resolveNodes)
            return
        }
        state = .working
        for index in nodes.indices {
            guard isOffered(index) else {
                leaveOut(index)
                continue
            }
            switch nodes[index].status {
            case .working(let attempt) where !foundJobs.contains(index):
                occupy(index, attempt: Int(attempt))
                issueStart(index)
            case .waiting(let attempt) where Int(attempt) >= Self.maximumAttempts: finish(index, .failed)
            case .waiting(let attempt): wait(index, attempt: Int(attempt))
            case .pending, .working, .succeeded, .failed, .skipped: break
            }
        }
        foundJobs = []
        gone = [:]
        stopIfHopeless()
    }

    /// A node that the cluster no longer offers.
    mutating func leaveOut(_ index: Int) {
        let reason = gone[nodes[index].name]
        switch nodes[index].status {
        case .succeeded, .failed, .skipped: return
        case .working: deleteJob(index)
        case .pending, .waiting: break
        }
        finish(
            index,
            .skipped,
            reason: reason?.reason ?? "NodeGone",
            message: reason?.message ?? "The node was removed from the cluster."
        )
    }
}

extension TaskRun.NodeStatus {
    /// Whether nothing more will happen to the node.
    var isEnd: Bool {
        switch self {
        case .succeeded, .failed, .skipped: true
        case .pending, .working, .waiting: false
        }
    }

    /// Three bits of status and five of attempt; in an end's byte these five say what is to be told again, see
    /// ``TaskRun/UntoldEnds``.
    var byte: UInt8 {
        switch self {
        case .pending: 0
        case .succeeded: 1 << 5
        case .failed: 2 << 5
        case .skipped: 3 << 5
        case .working(let attempt): 4 << 5 | attempt & 31
        case .waiting(let attempt): 5 << 5 | attempt & 31
        }
    }

    /// A byte that no status has is taken for ``pending``.
    init(byte: UInt8) {
        let attempt = max(1, byte & 31)
        switch byte >> 5 {
        case 1: self = .succeeded
        case 2: self = .failed
        case 3: self = .skipped
        case 4: self = .working(attempt)
        case 5: self = .waiting(attempt)
        default: self = .pending
        }
    }
}
