import KubernetesAPI
import LongshoreDomain
import Synchronization

/// What has happened to a task since its runner last looked. Changes of one object that come quicker than they are read
/// are one, so that the inbox is never larger than the window.
final class RunnerInbox: Sendable {
    /// Why a runner is to stop.
    enum Stop: Int, Sendable, Comparable {
        /// The Lease is lost: write nothing more.
        case abandon = 2
        /// The executor stops: write down what is known and give the task up.
        case release = 1

        static func < (left: Stop, right: Stop) -> Bool { left.rawValue < right.rawValue }
    }

    /// The changes of one attempt's objects.
    struct AttemptChanges: Sendable {
        var pod: Pod?
        var podGone: Pod?
        var job: Job?
        var isJobGone = false
        /// What the kubelet has said in Events, in order.
        var events: [KubeletImageEvent] = []
    }

    /// What an inspection of one attempt has found.
    struct Inspection: Sendable {
        var node: String
        var attempt: Int
        var job: Job?
        var pod: Pod?
        /// What keeps the Pod from being made or scheduled, where that is known.
        var obstacle: TaskRun.ImageFailure?
        /// What the kubelet has said in Events about the Pod.
        var events: [KubeletImageEvent] = []
        /// Whether the attempt's time is over, and not only its Job.
        var isExpired = true
    }

    /// Everything since the last look.
    struct Contents: Sendable {
        var attempts: [AttemptKey: AttemptChanges] = [:]
        var events: [TaskRun.Event] = []
        var inspections: [Inspection] = []
        /// Attempts whose Job has ended some time ago without a word of its Pod.
        var overdue: [AttemptKey] = []
        /// Jobs of nodes that are gone.
        var removed: [JobWriter.Removal] = []
        /// Attempts whose Job was to be created, and is or is not going to be.
        var creationsDone: [AttemptKey] = []
        var pullTask: PullTask?
        var isDeleted = false
        var written: RunnerWrite.Outcome?
        var isStatusTime = false
        /// Whether everything that the task left behind could be removed; `nil` before that was tried.
        var cleaned: Bool?
        var isTimerDue = false
        var stop: Stop?
    }

    private let state = Mutex(Contents())
    private let withdrawn = Mutex<Set<AttemptKey>>([])
    private let endTold = Mutex(false)
    private let continuation: AsyncStream<Void>.Continuation
    /// An element whenever there may be something new.
    let signals: AsyncStream<Void>

    init() {
        (signals, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    /// Adds something.
    func post(_ change: (inout Contents) -> Void) {
        state.withLock { change(&$0) }
        continuation.yield()
    }

    /// Adds an event.
    func post(_ event: TaskRun.Event) {
        post { $0.events.append(event) }
    }

    /// Asks the runner to stop; the stronger wish wins.
    func stop(_ stop: Stop) {
        post { $0.stop = max($0.stop ?? stop, stop) }
    }

    /// Whether an attempt's Job is not to be created any more, because the attempt is over or the runner was asked to stop.
    func isUnwanted(_ attempt: AttemptKey) -> Bool {
        state.withLock { $0.stop != nil } || withdrawn.withLock { $0.contains(attempt) }
    }

    /// Takes back the wish for an attempt's Job, until ``settle(_:)``; what the API server has been asked for cannot be.
    func withdraw(_ attempt: AttemptKey) { withdrawn.withLock { _ = $0.insert(attempt) } }

    /// The attempt's Job has been created, or is not going to be.
    func settle(_ attempt: AttemptKey) {
        withdrawn.withLock { _ = $0.remove(attempt) }
        post { $0.creationsDone.append(attempt) }
    }

    /// Whether Kafka has acknowledged the task's end: only clearing up is left to do.
    var isEndTold: Bool { endTold.withLock { $0 } }

    /// Kafka has acknowledged the task's end.
    func noteEndTold() { endTold.withLock { $0 = true } }

    /// Takes everything out.
    func take() -> Contents {
        state.withLock { contents in
            let taken = contents
            contents = Contents()
            contents.stop = taken.stop
            return taken
        }
    }

    /// Takes only what frees room: used while events wait for Kafka.
    func takeUrgent() -> Contents {
        state.withLock { contents in
            var taken = Contents()
            taken.written = contents.written
            taken.cleaned = contents.cleaned
            taken.isStatusTime = contents.isStatusTime
            contents.isStatusTime = false
            taken.stop = contents.stop
            taken.creationsDone = contents.creationsDone
            contents.creationsDone = []
            contents.written = nil
            return taken
        }
    }
}
