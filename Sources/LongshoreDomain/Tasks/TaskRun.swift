package import WireFormats

/// The life of a task on a cluster as a pure state machine: events in, effects out.
///
/// ```
///            started             nodesResolved                       last node done
///  idle ───────────▶ checking ───────────────▶ working ─────────────────────────────▶ publishing ─▶ finished
///                       │                     ▲    │ tolerance exceeded                  ▲   ▲
///                       │  restored           │    └───────────▶ draining ───────────────┘   │
///                       │  restoring ─────────┘                  deadline, cancel            │
///                       └────────────────────────────────────────────────────────────────────┘
/// ```
/// A retry restores the record of a task that has ended, with the nodes that did not succeed as not started, and checks
/// (`rechecking`) before it goes on.
///
/// At most ``Settings/batchSize`` nodes are in work at once, each as one Job. A failed node waits outside this window for
/// its next attempt, which pulls only what failed. Every event costs at most a logarithm in the number of nodes;
/// the plan, a restoration and an early end pass over them once.
package struct TaskRun: Sendable {
    /// What the owner may change.
    package internal(set) var settings: Settings
    /// Whether further nodes are held back.
    package internal(set) var isPaused: Bool
    /// The counts as of the last event.
    package internal(set) var counts = TaskCounts()
    /// The first 100 failures of nodes.
    package internal(set) var failures: [NodeFailure] = []

    var state = State.idle
    var nodes: [Node] = []
    var indices: [String: Int] = [:]
    var imageSets: [Plan.ImageSet] = []
    var badImages: [String: ImageFailure] = [:]
    /// What the check could not find out; known to the executor that made the check.
    package internal(set) var checkNote: String?
    /// What a node has already, until it is started.
    var present: [Int: [Int]] = [:]
    /// Nodes in work and nodes waiting for their next attempt.
    var work: [Int: Work] = [:]
    /// How many nodes occupy the window.
    var working = 0
    /// Every node before this one was started or decided.
    var cursor = 0

    var timers = TimerQueue<Timer>()
    var retries = TimerQueue<Int>()
    var scheduledTimer: Timestamp?

    /// Nodes that failed for another reason than an image known to be bad: these alone stop the window, for the images
    /// known to be bad cost no node anything and the others are still wanted.
    var hardFailures = 0
    /// The attempts of a node count from here: those before were made before the last retry, and no name of a Job is used twice.
    var attemptBase = 0
    /// The highest attempt that a node was at, counted from the base.
    var lastAttempt = 0
    /// Whether what the nodes lack is still to be resolved anew.
    var isRecheckDue = false
    var causes: [FailureCause: Int] = [:]
    /// Set-aside nodes of the plan; they are not among `nodes`.
    var setAside = 0
    /// Their names by reason, as far as there is room for them in the record.
    var setAsideNodes: [UntoldEnds.SetAsideNodes] = []
    var pauses = 0
    var pullingSince: Timestamp?
    var decidedBefore = 0
    var partial = 0.0
    var progressCount = 0
    var lastProgress: Timestamp?
    var isProgressDue = false
    var isStatusDue = false
    /// The node names as the snapshot holds them.
    var encodedNames: NodeNameList?
    /// While restoring: nodes whose Job exists, and nodes that the cluster no longer offers.
    var foundJobs: Set<Int> = []
    var gone: [String: Plan.SetAside] = [:]
    /// While restoring: what is to be told again, with the nodes' indices and their details' positions.
    var untold = UntoldEnds()
    var untoldNodes: [(index: Int, detail: UInt8)] = []
    /// What is known of the helper image.
    var helper = Helper()
    let seed: UInt64

    /// The moment of the event in hand.
    var now = Timestamp(microsecondsSinceEpoch: 0)
    /// The answer to the event in hand.
    var effects: [Effect] = []

    /// Makes a run that waits for ``Event/started``.
    ///
    /// - Parameters:
    ///   - settings: What the owner may change.
    ///   - isPaused: Whether to hold nodes back from the beginning.
    ///   - seed: A random number from which the jitter of retries is derived.
    package init(settings: Settings, isPaused: Bool = false, seed: UInt64) {
        self.settings = settings
        self.isPaused = isPaused
        self.seed = seed
    }

    /// Takes an event.
    ///
    /// - Parameters:
    ///   - event: What happened. Events that no longer matter are ignored.
    ///   - now: The moment, by the executor's clock.
    /// - Returns: What to do, in this order. Nothing after ``Effect/finish(_:)``.
    package mutating func handle(_ event: Event, at now: Timestamp) -> [Effect] {
        self.now = now
        apply(event)
        settle()
        let result = effects
        effects.removeAll()
        return result
    }

    private mutating func apply(_ event: Event) {
        switch event {
        case .started: start()
        case .nodesResolved(let plan): accept(plan)
        case .planFailed(let cause, let reason, let message): failPlan(cause, reason, message)
        case .jobObserved(let observation): observe(observation)
        case .jobMissing(let node, let attempt): missJob(node, attempt)
        case .jobCreationFailed(let node, let attempt, let failure, let isRetryable):
            failCreation(node, attempt, failure, isRetryable: isRetryable)
        case .attemptExpired(let node, let attempt, let obstacle): expireAttempt(node, attempt, obstacle)
        case .nodeGone(let node): dropNode(node)
        case .nodeReadiness(let node, let isReady): setReadiness(node, isReady)
        case .timer: scheduledTimer = nil
        case .cancelRequested(let reason): cancel(reason)
        case .pauseRequested: pause()
        case .resumeRequested: resume()
        case .settingsChanged(let settings): change(settings)
        case .terminalAcknowledged: acknowledge()
        case .jobFound(let node, let attempt): find(node, attempt)
        case .restored: finishRestoring()
        }
    }

    /// Brings the window, the timers and the announcements in line with the state after an event.
    private mutating func settle() {
        if now >= settings.deadline { expireTask() }
        switch state {
        case .working:
            runTimers()
            fillWindow()
            failHeld()
            if working == 0 && counts.pulling == 0 && counts.pending == 0 { publish(verdict()) }
        case .draining:
            runTimers()
            if working == 0 { publish(verdict()) }
        case .idle, .checking, .rechecking, .restoring, .publishing, .finished: break
        }
        emitProgress()
        if isStatusDue {
            isStatusDue = false
            effects.append(.persistStatus)
        }
        scheduleTimer()
    }
}

// MARK: - State

extension TaskRun {
    /// Where the run is.
    enum State: Sendable, Hashable {
        case idle
        case checking
        case restoring(Outcome?)
        /// Begun again: what the nodes that failed lack is resolved anew.
        case rechecking
        case working
        /// Over its tolerance: what is in work ends, nothing is started.
        case draining
        case publishing(Outcome)
        case finished(Outcome)
    }

    /// A node of the plan.
    struct Node: Sendable, Hashable {
        var name: String
        var imageSet: Int32
        var status: NodeStatus
    }

    /// Where a node is, with the attempt that it is at or has ended.
    enum NodeStatus: Sendable, Hashable {
        case pending
        case working(UInt8)
        case waiting(UInt8)
        case succeeded
        case failed
        case skipped

        /// The phase that the status stands for.
        var phase: NodePhase {
            switch self {
            case .pending: .pending
            case .working, .waiting: .pulling
            case .succeeded: .succeeded
            case .failed: .failed
            case .skipped: .skipped
            }
        }
    }

    /// A node in work or waiting.
    struct Work: Sendable, Hashable {
        var attempt = 0
        /// In the order of the node's image set.
        var images: [ImageObservation]
        /// In work: when the attempt is over. Waiting: when the next one is due.
        var due = Timestamp(microsecondsSinceEpoch: 0)
        var isScheduled = false
        var isReady = true
        var isInspected = false
        var creationFailures = 0
        var creationDue: Timestamp?
        /// Why the Job could not be created yet.
        var creationFailure: ImageFailure?
        /// Why the last attempt could not run the helper image.
        var helperFailure: ImageFailure?
        /// How many images were decided when the node's images were told last, and when that was.
        var announced = 0
        var announcedAt: Timestamp?
        /// Its part in `partial`.
        var share = 0.0
    }

    /// What a timer of the run is for.
    enum Timer: Sendable, Hashable {
        case attemptOver(Int)
        case createAgain(Int)
    }

    /// The task's phase, for its status.
    package var phase: TaskPhase {
        switch state {
        case .idle: .queued
        case .checking: .checking
        case .restoring, .rechecking, .working, .draining: isPaused && state != .draining ? .paused : .pulling
        case .publishing: nodes.isEmpty ? .checking : .pulling
        case .finished(let outcome): outcome.phase
        }
    }

    /// How the task ends, once that is decided; not undone by anything.
    package var outcome: Outcome? {
        switch state {
        case .publishing(let outcome), .finished(let outcome), .restoring(.some(let outcome)): outcome
        case .idle, .checking, .rechecking, .restoring(nil), .working, .draining: nil
        }
    }

    /// Whether ``Effect/finish(_:)`` was given.
    package var isFinished: Bool {
        switch state {
        case .finished: true
        case .idle, .checking, .rechecking, .restoring, .working, .draining, .publishing: false
        }
    }

    /// How many nodes have a Job in work.
    package var nodesInWork: Int { working }

    /// Where a node of the plan is; `nil` for a node that is not part of it.
    package func phase(ofNode name: String) -> NodePhase? {
        indices[name].map { nodes[$0].status.phase }
    }
}
