import KubernetesAPI
import Logging
import LongshoreDomain
import LongshoreMessages
import ServiceRuntime
import WireFormats

/// The one consumer of a task's happenings: feeds the state machine and sees to its effects.
///
/// What is true of the order of writes: the end of a node is in the status before it is told, and the status is written before
/// a Job is deleted; a node's next Job is created only when its former one is gone. So whoever takes over tells the same ends,
/// knows at least what was thrown away, and repeats at most what does no harm.
final class RunnerLoop {
    let taskID: TaskID
    let spec: TaskSpec
    let inbox: RunnerInbox
    let jobs: JobWriter
    let status: StatusWriter
    let scrubber: CredentialScrubber
    let context: ExecutorContext
    let logger: Logger

    var task: TaskRun
    var control = TaskControl()
    /// What of the PullTask's spec is not done.
    var ignored: PullTask.Work.Ignored?
    /// How often the task was begun again.
    let retry: Int
    /// The settings that the read model knows of.
    var settingsTold: JSONValue
    var observers: [AttemptKey: AttemptObserver] = [:]
    /// Attempts whose Job has ended, while their Pod's last word is waited for.
    var awaited: Set<AttemptKey> = []
    /// When Jobs are created and deleted.
    var sequencer: JobSequencer
    var drafts: [TaskEventDraft] = []
    /// The position among the drafts of the first end of a node.
    var firstEnd: Int?
    var terminal: TaskEventDraft?
    var sequence: Int64
    var reserved: Int64
    var isStatusDue = false
    var lastStatus: ContinuousClock.Instant?
    var isWriting = false
    var isGone = false
    /// Whether everything that the task left behind could be removed; `nil` before that was tried.
    var cleaned: Bool?
    var isStopping = false
    var timer: Task<Void, Never>?
    var statusTimer: Task<Void, Never>?
    var end: TaskRunner.End?

    /// So many events may wait for Kafka before nothing more is started.
    static let maximumDrafts = 5_000
    /// How long a Pod's last word is waited for once its Job has ended, before the cluster is asked.
    static let podGrace = Duration.seconds(2)
    /// So many sequence numbers are reserved at once.
    static let sequenceBlock: Int64 = 1_000

    init(
        taskID: TaskID,
        spec: TaskSpec,
        pullTask: PullTask,
        inbox: RunnerInbox,
        jobs: JobWriter,
        status: StatusWriter,
        scrubber: CredentialScrubber,
        context: ExecutorContext,
        logger: Logger
    ) {
        self.taskID = taskID
        self.spec = spec
        self.inbox = inbox
        self.jobs = jobs
        self.status = status
        self.scrubber = scrubber
        self.context = context
        self.logger = logger
        sequencer = JobSequencer(taskID: taskID)
        reserved = pullTask.status.sequence
        sequence = max(1, reserved - Self.sequenceBlock)
        control = pullTask.control
        retry = pullTask.status.retries
        // What was changed while nobody had the task was told by nobody.
        settingsTold = ((try? pullTask.status.resolved?.spec()) ?? spec).changeableSettings
        task = TaskRun(
            settings: Self.settings(spec, pullTask, context.configuration),
            isPaused: control.paused,
            seed: UInt64.random(in: .min ... .max)
        )
    }

    static func settings(
        _ spec: TaskSpec,
        _ pullTask: PullTask,
        _ configuration: ExecutorConfiguration
    ) -> TaskRun.Settings {
        var settings = TaskRun.Settings(spec: spec, from: pullTask.deadlineStart)
        settings.schedulingAllowance = configuration.schedulingAllowance
        return settings
    }

    func run() async -> TaskRunner.End {
        await withDiscardingTaskGroup { group in
            await begin(&group)
            if Task.isCancelled { end = .abandoned }
            advance(&group)
            if end == nil {
                for await _ in inbox.signals {
                    process(&group)
                    advance(&group)
                    if end != nil || Task.isCancelled { break }
                }
            }
            timer?.cancel()
            statusTimer?.cancel()
            group.cancelAll()
        }
        return end ?? .abandoned
    }

    // MARK: - Beginning

    private func begin(_ group: inout DiscardingTaskGroup) async {
        let pullTask = status.pullTask
        if let refusal = pullTask.refusal {
            let reason = refusal.reason ?? PullTaskKeys.credentialUnreadable
            let cause: FailureCause = reason == PullTaskKeys.credentialUnreadable ? .unauthorized : .internal
            tell(.planFailed(cause: cause, reason: reason, message: refusal.message ?? ""), &group)
            return
        }
        if let record = pullTask.status.record, await restore(record, pullTask, &group) {
            logger.info("Going on with a task", metadata: ["nodes": "\(task.counts.nodesTotal)"])
        } else {
            tell(.started, &group)
        }
        if control.cancelRequested { tell(.cancelRequested(reason: "Requested"), &group) }
        follow(pullTask, &group)
    }

    /// Sees what the cluster holds before anything new is started.
    private func restore(
        _ record: TaskRun.Snapshot,
        _ pullTask: PullTask,
        _ group: inout DiscardingTaskGroup
    ) async -> Bool {
        await context.planner.waitForNodes()
        guard let (jobs, pods) = await jobs.listAll(), !Task.isCancelled else { return false }
        let nodePlan = context.planner.nodePlan(spec)
        await context.planner.learnCredentials(of: nodePlan, spec, task: taskID, into: scrubber)
        let plan = TaskRun.Plan(nodePlan, badImages: record.badImages)
        guard
            let restored = TaskRun(
                restoring: record,
                plan: plan,
                failures: pullTask.status.failures,
                settings: task.settings,
                isPaused: control.paused,
                seed: UInt64.random(in: .min ... .max)
            )
        else { return false }
        task = restored
        for job in jobs where job.metadata.deletionTimestamp == nil {
            guard let key = AttemptKey(job.metadata), let node = job.metadata.annotations[PullTaskKeys.node] else {
                continue
            }
            var observer = AttemptObserver(
                node: node,
                attempt: key.attempt,
                helperImage: context.configuration.helperImage,
                scrubber: scrubber
            )
            observer.see(job)
            observers[key] = observer
            tell(.jobFound(node: node, attempt: key.attempt), &group)
        }
        for pod in pods where pod.metadata.deletionTimestamp == nil {
            if let key = AttemptKey(pod.metadata) { observers[key]?.see(pod) }
        }
        tell(.restored, &group)
        for key in observers.keys { observe(key, &group) }
        return true
    }

    // MARK: - Happenings

    private func process(_ group: inout DiscardingTaskGroup) {
        let isFull = drafts.count > Self.maximumDrafts && isWriting
        let contents = isFull ? inbox.takeUrgent() : inbox.take()
        if contents.isStatusTime { statusTimer = nil }
        switch contents.stop {
        case .abandon: end = end ?? .abandoned
        case .release: isStopping = true
        case nil: break
        }
        if isStopping { sequencer.release() }
        for key in contents.creationsDone { carryOut(sequencer.creationAnswered(key), &group) }
        if let outcome = contents.written { noteWritten(outcome, &group) }
        for removal in contents.removed { carryOut(sequencer.deletionAnswered(removal), &group) }
        cleaned = cleaned ?? contents.cleaned
        if let cleaned, sequencer.isSettled || isStopping { end = end ?? (cleaned ? .finished : .uncleaned) }
        guard end == nil, !isStopping else { return }
        if contents.isDeleted, !isGone {
            isGone = true
            tell(.cancelRequested(reason: "Deleted"), &group)
        }
        if let pullTask = contents.pullTask { apply(pullTask, &group) }
        for event in contents.events { tell(event, &group) }
        for (key, changes) in contents.attempts { note(key, changes, &group) }
        for inspection in contents.inspections { note(inspection, &group) }
        for key in contents.overdue { inspectIfStillAwaited(key, &group) }
        if contents.isTimerDue { tell(.timer, &group) }
    }

    /// The PullTask was changed by somebody.
    private func apply(_ pullTask: PullTask, _ group: inout DiscardingTaskGroup) {
        let wanted = pullTask.control
        if wanted.cancelRequested, !control.cancelRequested { tell(.cancelRequested(reason: "Requested"), &group) }
        if wanted.paused != control.paused { tell(wanted.paused ? .pauseRequested : .resumeRequested, &group) }
        control = wanted
        follow(pullTask, &group)
    }

    /// Follows the spec as far as it may be changed, and says so where it may not.
    private func follow(_ pullTask: PullTask, _ group: inout DiscardingTaskGroup) {
        guard let work = try? pullTask.work(cluster: context.configuration.cluster) else { return }
        if work.ignored != ignored {
            ignored = work.ignored
            isStatusDue = true
            if let ignored {
                logger.notice("The spec was changed and is not followed", metadata: ["why": "\(ignored.message)"])
            }
        }
        let settings = Self.settings(work.spec, pullTask, context.configuration)
        if settings != task.settings { tell(.settingsChanged(settings), &group) }
        guard work.spec.changeableSettings != settingsTold else { return }
        settingsTold = work.spec.changeableSettings
        guard task.outcome == nil else { return }
        var draft = TaskEventDraft(kind: .progress, phase: task.phase, counts: task.counts)
        draft.progress = task.progress(at: context.wallClock.now())
        draft.settings = settingsTold
        drafts.append(draft)
    }

    private func note(
        _ key: AttemptKey,
        _ changes: RunnerInbox.AttemptChanges,
        _ group: inout DiscardingTaskGroup
    ) {
        guard var observer = observers[key] else {
            if let job = changes.job { removeStray(job, &group) }
            return
        }
        if let pod = changes.podGone { observer.seePodGone(pod) }
        if let pod = changes.pod { observer.see(pod) }
        if let job = changes.job { observer.see(job) }
        for event in changes.events { observer.see(event) }
        observers[key] = observer
        observe(key, &group)
        if changes.isJobGone, observers[key] != nil { askAboutMissing(observer, &group) }
    }

    /// A Job of the task that nobody waits for: a former owner of the task, held up between its decision and its call, has made
    /// it after the task was taken over.
    private func removeStray(_ job: Job, _ group: inout DiscardingTaskGroup) {
        guard task.nodesInWork > 0, job.metadata.deletionTimestamp == nil, jobs.isOurs(job),
            let deletion = JobWriter.Deletion(job)
        else { return }
        let actions = sequencer.strayFound(deletion)
        guard !actions.isEmpty else { return }
        logger.notice(
            "A Job that nobody waits for is removed",
            metadata: ["job": "\(deletion.name)", "\(LogKey.node)": "\(deletion.node)"]
        )
        carryOut(actions, &group)
    }

    /// Jobs go with their PullTask, and the news of them may come before that of it: then nobody has deleted a Job.
    private func askAboutMissing(_ observer: AttemptObserver, _ group: inout DiscardingTaskGroup) {
        let missing = TaskRun.Event.jobMissing(node: observer.node, attempt: observer.attempt)
        let own = status.pullTask.metadata
        group.addTask { [context, inbox] in
            var isDeleted = false
            do throws(KubernetesError) {
                let name = own.name ?? ""
                let present = try await context.client.getIfPresent(PullTask.self, name: name, namespace: own.namespace)
                isDeleted = present?.metadata.uid != own.uid || present?.metadata.deletionTimestamp != nil
            } catch {
                // Without an answer the Job counts as missing; a deletion is found by the next write.
                context.logger.debug("A PullTask could not be looked at", metadata: [LogKey.error: "\(error)"])
            }
            inbox.post { [isDeleted] in
                if isDeleted { $0.isDeleted = true }
                $0.events.append(missing)
            }
        }
    }

    private func note(_ inspection: RunnerInbox.Inspection, _ group: inout DiscardingTaskGroup) {
        let key = AttemptKey(node: inspection.node, attempt: inspection.attempt)
        observers[key]?.seeInspection(job: inspection.job, pod: inspection.pod, obstacle: inspection.obstacle)
        for event in inspection.events { observers[key]?.see(event) }
        let obstacle = observers[key]?.obstacle
        observe(key, isLast: inspection.isExpired, &group)
        guard inspection.isExpired else { return }
        tell(.attemptExpired(node: inspection.node, attempt: inspection.attempt, obstacle: obstacle), &group)
    }

    private func inspectIfStillAwaited(_ key: AttemptKey, _ group: inout DiscardingTaskGroup) {
        awaited.remove(key)
        guard let observer = observers[key], observer.awaitsPod else { return }
        group.addTask { [jobs, inbox] in
            guard var inspection = await jobs.inspect(node: observer.node, attempt: observer.attempt) else { return }
            inspection.isExpired = false
            inbox.post { [inspection] in $0.inspections.append(inspection) }
        }
    }

    /// Tells the task how an attempt does; `isLast` when its time is over: what is not known to be there by then, has failed.
    private func observe(_ key: AttemptKey, isLast: Bool = false, _ group: inout DiscardingTaskGroup) {
        if let observer = observers[key], observer.isNodeGone { tell(.nodeGone(node: observer.node), &group) }
        guard let observer = observers[key], var observation = observers[key]?.observation(isLast: isLast) else {
            return
        }
        if isLast || observation.ending != nil { addListed(observer, to: &observation) }
        tell(.jobObserved(observation), &group)
        guard observers[key]?.awaitsPod == true, awaited.insert(key).inserted else { return }
        let grace = Self.podGrace
        group.addTask { [inbox] in
            try? await Task.sleep(for: grace)
            inbox.post { $0.overdue.append(key) }
        }
    }

    // MARK: - Effects

    /// Tells the state machine and sees to what it answers.
    func tell(_ event: TaskRun.Event, _ group: inout DiscardingTaskGroup) {
        for effect in task.handle(event, at: context.wallClock.now()) { carryOut(effect, &group) }
    }

    private func carryOut(_ effect: TaskRun.Effect, _ group: inout DiscardingTaskGroup) {
        switch effect {
        case .resolveNodes:
            group.addTask { [context, spec, taskID, scrubber, inbox] in
                inbox.post(await context.planner.resolve(spec, task: taskID, scrubber: scrubber))
            }
        case .startJob(let start): carryOut(sequencer.start(start), &group)
        case .deleteJob(let node, let attempt):
            let observer = observers.removeValue(forKey: AttemptKey(node: node, attempt: attempt))
            carryOut(sequencer.attemptEnded(node: node, attempt: attempt, uid: observer?.jobUID), &group)
        case .inspectJob(let node, let attempt):
            group.addTask { [jobs, inbox] in
                guard let inspection = await jobs.inspect(node: node, attempt: attempt) else { return }
                inbox.post { $0.inspections.append(inspection) }
            }
        case .emit(let draft):
            note(draft)
            if draft.kind.isNodeEnd, firstEnd == nil { firstEnd = drafts.count }
            drafts.append(draft)
        case .scheduleTimer(let time): schedule(time)
        case .pauseTask: pausePullTask(&group)
        case .persistStatus: isStatusDue = true
        case .publishTerminal(let draft): terminal = draft
        case .finish(let outcome): finish(outcome, &group)
        }
    }

    private func note(_ draft: TaskEventDraft) {
        context.metrics.nodeEnded(draft.kind, cause: draft.cause)
        if draft.kind == .nodeSucceeded, draft.attempt ?? 0 > 0 { context.helperHealth.noteRan() }
        if draft.kind == .paused, draft.cause == .helper { context.helperHealth.noteNodesFailed(draft.message ?? "") }
        guard draft.kind == .nodeFailed else { return }
        logger.info(
            "Node failed",
            metadata: [
                "\(LogKey.node)": "\(draft.node ?? "")", "\(LogKey.attempt)": "\(draft.attempt ?? 0)",
                "cause": "\(draft.cause?.rawValue ?? "")", "\(LogKey.error)": "\(draft.message ?? "")",
            ]
        )
    }

    private func schedule(_ time: Timestamp) {
        timer?.cancel()
        let delay = max(time.duration(since: context.wallClock.now()), .milliseconds(1))
        timer = Task { [inbox, clock = context.clock] in
            do {
                try await clock.sleep(for: delay)
                inbox.post { $0.isTimerDue = true }
            } catch {
                // Replaced by a later timer, or the runner has ended.
            }
        }
    }
}
