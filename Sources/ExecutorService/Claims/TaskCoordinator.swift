import KubernetesAPI
import Logging
import LongshoreDomain
import LongshoreMessages
import Metrics
import ServiceRuntime
import Synchronization
import WireFormats

/// Decides which tasks this executor works on, starts their runners and tells these what happens.
actor TaskCoordinator {
    let context: ExecutorContext
    private let leases: Informer<Lease>
    private var peers: PeerLeases
    private(set) var runners: [TaskID: TaskRunner] = [:]
    /// Which slots are taken although their tasks have ended.
    var slots: SlotWatch
    /// PullTasks (by uid) whose end here is not in the informer's view yet.
    private var ended: Set<String> = []
    /// Those of them that have left nothing behind.
    private var cleaned: Set<String> = []
    /// Claims under way, by uid.
    private var claiming: Set<String> = []
    /// What kubelets have said about Pods that are not known yet, by the Pod's uid.
    private var earlyEvents: [String: [KubeletImageEvent]] = [:]
    private static let maximumEarlyPods = 1_000
    /// More than a kubelet says of one Pod of ours at once; Pods of others in the namespace never come to be known, and are spoken
    /// of again and again.
    private static let maximumEarlyEvents = 256
    private var wasValid = false
    private var isStopping = false
    private var idleWaiters: [CheckedContinuation<Void, Never>] = []
    private let starts: AsyncStream<Work>.Continuation
    private let work: AsyncStream<Work>
    /// How many tasks are worked on, for whoever must not wait for this actor.
    private let load: Mutex<Int>
    private let stale: Mutex<Int>

    private enum Work: Sendable {
        case run(TaskRunner)
        case claim(PullTask)
    }

    init(context: ExecutorContext, leases: Informer<Lease>) {
        self.context = context
        self.leases = leases
        peers = PeerLeases(defaultDuration: context.configuration.leaseDuration)
        slots = SlotWatch(timeout: context.configuration.slotTimeout)
        load = Mutex(0)
        stale = Mutex(0)
        (work, starts) = AsyncStream.makeStream()
    }

    /// How many tasks are worked on.
    nonisolated var taskCount: Int { load.withLock { $0 } }

    /// How many slots are taken by tasks that have ended in the cluster for too long.
    nonisolated var staleSlotCount: Int { stale.withLock { $0 } }

    /// Whether an ended PullTask is being cleaned up by its runner, or has been.
    func isCleaned(uid: String) -> Bool {
        cleaned.contains(uid) || runners.values.contains { $0.pullTask.metadata.uid == uid }
    }

    /// The executors that are alive, this one included.
    func livingExecutors() -> [String] {
        Set(peers.living(at: .now) + [context.configuration.identity]).sorted()
    }

    // MARK: - Running

    /// Works until cancelled.
    func run() async {
        await withDiscardingTaskGroup { group in
            group.addTask { await self.followPullTasks() }
            group.addTask { await self.followJobs() }
            group.addTask { await self.followPods() }
            group.addTask { await self.followPodEvents() }
            group.addTask { await self.followNodes() }
            group.addTask { await self.followLeases() }
            group.addTask { await self.tick() }
            for await item in work {
                switch item {
                case .run(let runner):
                    group.addTask {
                        let end = await runner.run()
                        await self.ended(runner, end)
                    }
                case .claim(let pullTask):
                    group.addTask { await self.claim(pullTask) }
                }
            }
            group.cancelAll()
        }
    }

    /// Stops taking tasks, has every task written down and given up, and returns when that is done.
    func release() async {
        isStopping = true
        for runner in runners.values { runner.inbox.stop(.release) }
        guard !isIdle else { return }
        await withCheckedContinuation { idleWaiters.append($0) }
    }

    /// Ends ``run()`` once nothing is under way; what is still running is cancelled.
    func finish() {
        isStopping = true
        starts.finish()
        resumeIdleWaiters()
    }

    private var isIdle: Bool { runners.isEmpty && claiming.isEmpty }

    private func resumeIdleWaiters() {
        let waiters = idleWaiters
        idleWaiters = []
        for waiter in waiters { waiter.resume() }
    }

    private func tick() async {
        while !Task.isCancelled {
            let isValid = context.lease.isValid
            if wasValid && !isValid {
                context.metrics.leaseLosses.increment()
                context.logger.error("The Lease ran out: all tasks are put down until it is renewed")
                for runner in runners.values { runner.inbox.stop(.abandon) }
            }
            wasValid = isValid
            let pullTasks = context.pullTasks.list()
            if isValid && !isStopping {
                for pullTask in Self.byPriority(pullTasks) { consider(pullTask) }
            }
            watchSlots(of: pullTasks)
            try? await Task.sleep(for: context.configuration.claimInterval)
        }
    }

    // MARK: - Following

    private func followPullTasks() async {
        for await event in context.pullTasks.events() {
            switch event {
            case .added(let pullTask): note(pullTask)
            case .updated(_, let pullTask): note(pullTask)
            case .deleted(let pullTask): forget(pullTask)
            case .synced: break
            }
        }
    }

    private func note(_ pullTask: PullTask) {
        if let id = pullTask.taskID, let runner = runners[id], runner.pullTask.metadata.uid == pullTask.metadata.uid {
            runner.inbox.post {
                if pullTask.metadata.deletionTimestamp != nil { $0.isDeleted = true }
                $0.pullTask = pullTask
            }
        } else {
            consider(pullTask)
        }
    }

    private func forget(_ pullTask: PullTask) {
        if let uid = pullTask.metadata.uid {
            ended.remove(uid)
            cleaned.remove(uid)
        }
        guard let id = pullTask.taskID, let runner = runners[id],
            runner.pullTask.metadata.uid == pullTask.metadata.uid
        else { return }
        runner.inbox.post { $0.isDeleted = true }
    }

    private func followJobs() async {
        for await event in context.jobs.events() {
            guard let job = event.object, let key = AttemptKey(job.metadata), let runner = runner(of: job.metadata)
            else {
                continue
            }
            switch event {
            case .added, .updated: runner.inbox.post { $0.attempts[key, default: .init()].job = job }
            case .deleted:
                runner.inbox.post {
                    $0.attempts[key, default: .init()].job = job
                    $0.attempts[key]?.isJobGone = true
                }
            case .synced: break
            }
        }
    }

    private func followPods() async {
        for await event in context.pods.events() {
            guard let pod = event.object, let key = AttemptKey(pod.metadata), let runner = runner(of: pod.metadata)
            else {
                continue
            }
            switch event {
            case .added, .updated:
                let early = pod.metadata.uid.flatMap { earlyEvents.removeValue(forKey: $0) } ?? []
                runner.inbox.post {
                    $0.attempts[key, default: .init()].pod = pod
                    $0.attempts[key]?.events += early
                }
            case .deleted: runner.inbox.post { $0.attempts[key, default: .init()].podGone = pod }
            case .synced: break
            }
        }
    }

    private func followPodEvents() async {
        let watch = PodEventWatch(
            client: context.client,
            namespace: context.configuration.namespace,
            logger: context.logger
        )
        await watch.run { await self.note($0) }
    }

    private func note(_ report: PodEventWatch.Report) {
        let namespace = context.configuration.namespace
        guard let pod = context.pods.get(namespace: namespace, name: report.podName), pod.metadata.uid == report.podUID
        else {
            // Events and Pods come by separate ways. Most of what waits here is about Pods that are gone.
            if earlyEvents.count >= Self.maximumEarlyPods { earlyEvents.removeAll() }
            if earlyEvents[report.podUID, default: []].count < Self.maximumEarlyEvents {
                earlyEvents[report.podUID, default: []].append(report.event)
            }
            return
        }
        guard let key = AttemptKey(pod.metadata), let runner = runner(of: pod.metadata) else { return }
        runner.inbox.post { $0.attempts[key, default: .init()].events.append(report.event) }
    }

    private func runner(of metadata: ObjectMeta) -> TaskRunner? {
        metadata.labels[PullTaskKeys.task].flatMap { TaskID($0) }.flatMap { runners[$0] }
    }

    private func followNodes() async {
        for await event in context.nodes.events() {
            switch event {
            case .updated(let old, let new):
                guard old.isReady != new.isReady, let name = new.metadata.name else { continue }
                tellAll(.nodeReadiness(node: name, isReady: new.isReady))
            case .deleted(let node):
                if let name = node.metadata.name { tellAll(.nodeGone(node: name)) }
            case .added, .synced: break
            }
        }
    }

    private func tellAll(_ event: TaskRun.Event) {
        for runner in runners.values { runner.inbox.post(event) }
    }

    private func followLeases() async {
        for await event in leases.events() {
            guard let lease = event.object, let identity = lease.holderIdentity else { continue }
            switch event {
            case .added, .updated:
                let version = lease.metadata.resourceVersion ?? ""
                let duration = lease.leaseDurationSeconds.map { Duration.seconds($0) }
                peers.observe(identity, version: version, duration: duration, at: .now)
            case .deleted: peers.remove(identity, at: .now)
            case .synced: break
            }
        }
    }

    // MARK: - Claiming

    /// Claims a task that nobody works on, if there is room.
    private func consider(_ pullTask: PullTask) {
        guard !isStopping, context.lease.isValid, runners.count + claiming.count < context.configuration.maximumTasks,
            pullTask.isReadyToRun || pullTask.wantsRetry, let uid = pullTask.metadata.uid, !claiming.contains(uid),
            !ended.contains(uid) || pullTask.wantsRetry, let id = pullTask.taskID, runners[id] == nil
        else { return }
        if let owner = pullTask.status.owner?.identity, owner != context.configuration.identity {
            guard leases.hasSynced, peers.isExpired(owner, at: .now) else { return }
        }
        claiming.insert(uid)
        starts.yield(.claim(pullTask))
    }

    private func claim(_ pullTask: PullTask) async {
        let uid = pullTask.metadata.uid ?? ""
        defer {
            claiming.remove(uid)
            if isIdle { resumeIdleWaiters() }
        }
        guard let id = pullTask.taskID else { return }
        let spec: TaskSpec
        do throws(RequestFaults) {
            spec = try pullTask.work(cluster: context.configuration.cluster).spec
        } catch {
            if await TaskRejection(context: context).reject(pullTask, id: id, faults: error) { ended.insert(uid) }
            return
        }
        guard await mayUseItsSecrets(pullTask, id: id, spec: spec) else { return }
        var wanted = pullTask
        if pullTask.wantsRetry {
            guard let begun = await TaskRetry(context: context).begun(pullTask, id: id, spec: spec) else { return }
            wanted = begun
        }
        Self.mark(&wanted, id: id, spec: spec, by: context)
        do throws(KubernetesError) {
            let claimed = try await context.client.replaceStatus(wanted)
            let former = pullTask.status.owner?.identity
            context.metrics.claims.increment()
            ended.remove(uid)
            cleaned.remove(uid)
            if let former, former != context.configuration.identity {
                context.logger(for: pullTask).notice("Taken over", metadata: ["former": "\(former)"])
            }
            if isStopping {
                var released = claimed
                released.status.owner = nil
                try await context.client.replaceStatus(released)
            } else {
                start(claimed, id: id, spec: spec)
            }
        } catch {
            if error.reason == .conflict || error.reason == .notFound {
                context.metrics.claimsLost.increment()
            } else {
                context.logger(for: pullTask).warning("The task could not be claimed", metadata: ["error": "\(error)"])
            }
        }
    }

    /// Looks at the Secrets that a PullTask of kubectl's names, before anything is done for it. One from a message was looked
    /// at before it was made.
    private func mayUseItsSecrets(_ pullTask: PullTask, id: TaskID, spec: TaskSpec) async -> Bool {
        guard !pullTask.isFromKafka, pullTask.status.phase == nil else { return true }
        let faults: [RequestFault]
        do throws(KubernetesError) {
            faults = try await context.permissions.faults(of: spec, task: id)
        } catch {
            context.logger(for: pullTask).warning("Its Secrets could not be looked at", metadata: ["error": "\(error)"])
            return false
        }
        if faults.isEmpty { return true }
        let rejection = TaskRejection(context: context)
        let reason = PullTaskKeys.secretNotAllowed
        if await rejection.reject(pullTask, id: id, faults: RequestFaults(faults), reason: reason),
            let uid = pullTask.metadata.uid
        {
            ended.insert(uid)
        }
        return false
    }

    /// Writes a claim into a PullTask: the owner, the acceptance, a block of sequence numbers, and what is to be done from now on
    /// (`spec`, where it makes sense).
    static func mark(_ pullTask: inout PullTask, id: TaskID, spec: TaskSpec? = nil, by context: ExecutorContext) {
        let now = context.wallClock.now()
        pullTask.status.owner = PullTaskStatus.Owner(identity: context.configuration.identity, claimedAt: now)
        pullTask.status.taskID = id
        pullTask.status.imageNames = pullTask.imageNames
        if pullTask.status.phase == nil {
            pullTask.status.phase = .queued
            // A new task may be the copy of one that was tried again.
            pullTask.status.observedRetryRequest = pullTask.control.retryRequest
        }
        if pullTask.status.conditions[PullTaskKeys.accepted] == nil {
            pullTask.status.set(condition: PullTaskKeys.accepted, .true, reason: "Accepted", at: now)
        }
        if pullTask.status.resolved == nil, let spec {
            let resolved = ResolvedTask(spec)
            if resolved.isKept { pullTask.status.resolved = resolved }
        }
        // Number 1 is the projector's "queued".
        pullTask.status.sequence = max(1, pullTask.status.sequence) + RunnerLoop.sequenceBlock
    }

    /// Starts the runner of a task that this executor owns by the view given.
    func start(_ pullTask: PullTask, id: TaskID, spec: TaskSpec) {
        guard runners[id] == nil, !isStopping else { return }
        let runner = TaskRunner(taskID: id, pullTask: pullTask, spec: spec, context: context)
        runners[id] = runner
        load.withLock { $0 = runners.count }
        context.metrics.setRunning(tasks: runners.count)
        starts.yield(.run(runner))
        // What was changed between the claim and now was told to nobody.
        if let namespace = pullTask.metadata.namespace, let name = pullTask.metadata.name,
            let seen = context.pullTasks.get(namespace: namespace, name: name),
            seen.metadata.uid == pullTask.metadata.uid, seen.spec != pullTask.spec
        {
            runner.inbox.post { $0.pullTask = seen }
        }
    }

    private func ended(_ runner: TaskRunner, _ end: TaskRunner.End) {
        let isKnown = context.pullTasks.get(
            namespace: runner.pullTask.metadata.namespace,
            name: runner.pullTask.metadata.name ?? ""
        )
        if let uid = runner.pullTask.metadata.uid, isKnown?.metadata.uid == uid {
            switch end {
            case .finished:
                ended.insert(uid)
                cleaned.insert(uid)
            case .uncleaned: ended.insert(uid)
            case .released, .lost, .abandoned: break
            }
        }
        if end != .finished {
            context.logger(for: runner.pullTask).info("Put down a task", metadata: ["end": "\(end.rawValue)"])
        }
        free(runner)
    }

    /// Frees the slot of a runner, if it still has one.
    func free(_ runner: TaskRunner) {
        guard runners[runner.taskID] === runner else { return }
        runners[runner.taskID] = nil
        load.withLock { $0 = runners.count }
        context.metrics.setRunning(tasks: runners.count)
        if isIdle { resumeIdleWaiters() }
    }

    /// Tells the readiness check and the metrics how many slots are stale.
    func publishStaleSlots() {
        let count = slots.stale.count { runners[$0] != nil }
        stale.withLock { $0 = count }
        context.metrics.setStale(slots: count)
    }

    /// The PullTask of a task that kubectl may have made under another name.
    nonisolated func name(of task: TaskID) -> String {
        let namespace = context.configuration.namespace
        if context.pullTasks.get(namespace: namespace, name: task.text)?.taskID == task { return task.text }
        return context.pullTasks.list().first { $0.taskID == task }?.metadata.name ?? task.text
    }
}
