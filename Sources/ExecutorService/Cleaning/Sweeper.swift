import KubernetesAPI
import Logging
import LongshoreDomain
import Metrics
import ServiceRuntime
import WireFormats

/// Removes what has had its time, and what an executor that died left behind. Every executor sweeps; what one has removed,
/// the others find gone.
actor Sweeper {
    private let context: ExecutorContext
    private let isAlive: @Sendable (_ executor: String) async -> Bool
    private let isCleaned: @Sendable (_ uid: String) async -> Bool
    /// Ended tasks that nobody else cleans up, looked after once.
    private var cleaned: Set<String> = []
    /// Jobs without a PullTask, or of one that has long ended, by uid; removed when they still are at the next look.
    private var suspects: Set<String> = []

    /// Makes a sweeper.
    ///
    /// - Parameters:
    ///   - context: The executor.
    ///   - isAlive: Whether another executor holds its Lease.
    ///   - isCleaned: Whether an ended PullTask is being cleaned up by this executor's own runner, or has been.
    init(
        context: ExecutorContext,
        isAlive: @escaping @Sendable (_ executor: String) async -> Bool,
        isCleaned: @escaping @Sendable (_ uid: String) async -> Bool
    ) {
        self.context = context
        self.isAlive = isAlive
        self.isCleaned = isCleaned
    }

    /// Sweeps until cancelled.
    func run() async {
        while !Task.isCancelled {
            let interval = context.configuration.sweepInterval
            // Executors that were started together must not sweep together.
            try? await Task.sleep(for: interval * Double.random(in: 0.8...1.2))
            guard !Task.isCancelled, context.lease.isValid, context.pullTasks.hasSynced else { continue }
            await sweep()
        }
    }

    /// Looks once.
    func sweep() async {
        let pullTasks = context.pullTasks.list()
        let now = context.wallClock.now()
        for pullTask in pullTasks where pullTask.metadata.deletionTimestamp == nil {
            guard context.lease.isValid, !Task.isCancelled else { return }
            if isOver(pullTask, now) {
                await delete(pullTask)
            } else if pullTask.isFinished, !pullTask.wantsRetry {
                await cleanUp(pullTask)
            }
        }
        cleaned.formIntersection(pullTasks.compactMap(\.metadata.uid))
        await removeOrphans(Set(pullTasks.filter { !hasLongEnded($0, now) }.compactMap(\.metadata.uid)))
    }

    /// Whether the PullTask itself is to go: after its TTL, or when its hand-off was never completed and is too late now.
    private func isOver(_ pullTask: PullTask, _ now: Timestamp) -> Bool {
        if pullTask.isFinished {
            guard !pullTask.wantsRetry, let finishedAt = pullTask.status.finishedAt else { return false }
            let seconds = pullTask.spec["ttlSecondsAfterFinished"]?.integer ?? 3_600
            return finishedAt + .seconds(max(0, seconds)) < now
        }
        guard pullTask.isFromKafka, !pullTask.isReadyToRun else { return false }
        let seconds = pullTask.spec["deadlineSeconds"]?.integer ?? 86_400
        return pullTask.acceptedAt + .seconds(max(0, seconds)) + .seconds(60) < now
    }

    private func delete(_ pullTask: PullTask) async {
        guard let name = pullTask.metadata.name else { return }
        do throws(KubernetesError) {
            try await context.client.deleteIfPresent(
                PullTask.self,
                name: name,
                namespace: pullTask.metadata.namespace,
                // One that is begun again in this moment stays.
                DeleteOptions(uid: pullTask.metadata.uid, resourceVersion: pullTask.metadata.resourceVersion)
            )
        } catch {
            guard error.reason != .conflict else { return }
            context.logger(for: pullTask).warning("A PullTask could not be removed", metadata: ["error": "\(error)"])
        }
    }

    /// An ended task's Jobs and Secrets are its owner's to remove; when that one is gone, anyone's.
    private func cleanUp(_ pullTask: PullTask) async {
        guard let uid = pullTask.metadata.uid, !cleaned.contains(uid), let id = pullTask.taskID,
            let owner = pullTask.status.owner?.identity, let reference = OwnerReference(controller: pullTask)
        else { return }
        // The informer still shows Jobs whose deletion is on its way: what a runner cleans up is not cleaned up beside it.
        if await isCleaned(uid) { return }
        if owner != context.configuration.identity, await isAlive(owner) { return }
        let spec = (try? pullTask.work(cluster: context.configuration.cluster))?.spec
        let template = JobTemplate(
            taskID: id,
            spec: spec ?? TaskSpec(images: []),
            owner: reference,
            namespace: context.configuration.namespace,
            helperImage: context.configuration.helperImage,
            priorityClassName: nil
        )
        let jobs = JobWriter(
            client: context.client,
            lease: context.lease,
            limit: context.limit,
            metrics: context.metrics,
            template: template,
            scrubber: CredentialScrubber(),
            secrets: context.secretUses,
            helper: context.helperSecret,
            logger: context.logger(for: pullTask)
        )
        if await TaskCleaner(context: context).clean(id, spec: spec, jobs: jobs) { cleaned.insert(uid) }
    }

    /// Whether nobody is busy any more with the Jobs that an ended task left behind.
    private func hasLongEnded(_ pullTask: PullTask, _ now: Timestamp) -> Bool {
        guard pullTask.isFinished, let finishedAt = pullTask.status.finishedAt else { return false }
        return finishedAt + context.configuration.slotTimeout < now
    }

    /// Removes Jobs whose PullTask is gone, as Kubernetes' own garbage collection can be late or not there, and Jobs that an
    /// executor has made, or left behind, after their task's end.
    ///
    /// - Parameter owners: The uids of the PullTasks whose Jobs are no orphans.
    private func removeOrphans(_ owners: Set<String>) async {
        var orphans: Set<String> = []
        for job in context.jobs.list() {
            guard AttemptKey(job.metadata) != nil, let uid = job.metadata.uid, let name = job.metadata.name,
                job.metadata.deletionTimestamp == nil,
                let owner = job.metadata.ownerReferences.first(where: { $0.kind == PullTask.kind }),
                !owners.contains(owner.uid)
            else { continue }
            guard suspects.contains(uid) else {
                orphans.insert(uid)
                continue
            }
            guard context.lease.isValid, !Task.isCancelled else { return }
            do throws(KubernetesError) {
                try await context.client.deleteIfPresent(
                    Job.self,
                    name: name,
                    namespace: job.metadata.namespace,
                    DeleteOptions(uid: uid)
                )
                context.metrics.orphansDeleted.increment()
            } catch {
                orphans.insert(uid)
            }
        }
        suspects = orphans
    }
}
