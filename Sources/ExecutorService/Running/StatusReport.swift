import KubernetesAPI
import LongshoreDomain
import WireFormats

/// What a running task's status is to say.
struct StatusReport: Sendable {
    private let phase: TaskPhase
    private let counts: TaskCounts
    private let progress: Int
    private let checkNote: String?
    private let helperTrouble: TaskRun.ImageFailure?
    private let isPaused: Bool
    private let failures: [TaskRun.NodeFailure]
    private let record: TaskRun.Snapshot
    private let outcome: TaskRun.Outcome?
    private let ignored: PullTask.Work.Ignored?
    private let time: Timestamp
    /// Whether the task is given up for others.
    let releases: Bool

    /// Takes down how a task stands.
    ///
    /// - Parameters:
    ///   - task: The task.
    ///   - ignored: What of the PullTask's spec is not done.
    ///   - drafts: What is told once the report is written.
    ///   - time: The moment.
    ///   - releases: Whether the task is given up for others.
    init(
        _ task: TaskRun,
        ignored: PullTask.Work.Ignored? = nil,
        telling drafts: [TaskEventDraft] = [],
        at time: Timestamp,
        releases: Bool = false
    ) {
        self.ignored = ignored
        phase = task.phase
        counts = task.counts
        progress = Int(task.progress(at: time).percent)
        checkNote = task.checkNote
        helperTrouble = task.helperTrouble
        isPaused = task.isPaused
        failures = task.failures
        // Of a task that has ended the nodes' ends stay until the PullTask goes: the read model may have missed their events.
        record = task.snapshot(telling: drafts, keepsNodes: task.isFinished)
        outcome = task.isFinished ? task.outcome : nil
        self.time = time
        self.releases = releases
    }

    /// Writes it into a status.
    func apply(to status: inout PullTaskStatus) {
        status.phase = phase
        status.counts = counts
        status.progress = progress
        if !failures.isEmpty { status.failures = failures }
        status.record = record
        if status.startedAt == nil { status.startedAt = time }
        if counts.nodesTotal > 0 {
            // An executor that takes over has made no check of its own.
            let note = checkNote ?? status.conditions[PullTaskKeys.checked]?.message
            status.set(condition: PullTaskKeys.checked, .true, reason: "NodesResolved", message: note, at: time)
        }
        if let ignored {
            let (reason, message) = (ignored.reason, ignored.message)
            status.set(condition: PullTaskKeys.specFollowed, .false, reason: reason, message: message, at: time)
        } else if status.conditions[PullTaskKeys.specFollowed] != nil {
            status.set(condition: PullTaskKeys.specFollowed, .true, reason: "AsTaken", at: time)
        }
        if let helperTrouble {
            let message = helperTrouble.message
            status.set(
                condition: PullTaskKeys.helperAvailable,
                .false,
                reason: TaskRun.helperReason,
                message: message,
                at: time
            )
        } else if !isPaused, status.conditions[PullTaskKeys.helperAvailable]?.status == .false {
            status.set(condition: PullTaskKeys.helperAvailable, .true, reason: "Resumed", at: time)
        }
        if releases { status.owner = nil }
        guard let outcome else { return }
        status.finishedAt = time
        let isSuccess = outcome.phase == .succeeded
        status.set(
            condition: isSuccess ? PullTaskKeys.complete : PullTaskKeys.failed,
            .true,
            reason: outcome.reason ?? (isSuccess ? "Succeeded" : outcome.cause?.rawValue ?? "Failed"),
            message: outcome.message,
            at: time
        )
    }
}
