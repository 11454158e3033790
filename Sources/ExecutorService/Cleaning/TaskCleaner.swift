import KubernetesAPI
import Logging
import LongshoreDomain
import ServiceRuntime

/// Jobs that are being removed, and those that were and may still be in what is known of the cluster.
struct JobsBeingRemoved: Sendable {
    let nodes: Set<String>
    let uids: RecentSet<String>

    func contains(_ job: Job) -> Bool {
        if let uid = job.metadata.uid, uids.contains(uid) { return true }
        return job.metadata.annotations[PullTaskKeys.node].map(nodes.contains) ?? false
    }
}

/// Removes what a task that has ended leaves behind. Whatever it does not get to goes with the PullTask.
struct TaskCleaner: Sendable {
    let context: ExecutorContext

    /// Removes the task's Jobs and its own Secrets.
    ///
    /// - Parameters:
    ///   - task: The task.
    ///   - spec: Its spec, which names the Secrets; `nil` leaves them to the PullTask's end.
    ///   - jobs: The task's Jobs.
    ///   - removed: Jobs that are seen to already.
    /// - Returns: Whether nothing is left that could not be removed.
    func clean(
        _ task: TaskID,
        spec: TaskSpec?,
        jobs: JobWriter,
        except removed: JobsBeingRemoved? = nil
    ) async -> Bool {
        let left = context.jobs.list().filter { job in
            jobs.isOurs(job) && job.metadata.deletionTimestamp == nil && removed?.contains(job) != true
        }
        let isClean = await withTaskGroup(of: Bool.self) { group in
            for deletion in left.compactMap(JobWriter.Deletion.init) {
                group.addTask { await jobs.delete(deletion, tries: 5) != nil }
            }
            return await group.reduce(true) { $0 && $1 }
        }
        guard let spec else { return isClean }
        let secrets = PullSecrets(client: context.client, namespace: context.configuration.namespace)
        for attempt in 1...3 where !Task.isCancelled {
            do {
                try await secrets.remove(spec, task: task)
                return isClean
            } catch {
                jobs.logger.warning(
                    "Pull Secrets could not be removed; they go with the PullTask",
                    metadata: ["error": "\(error)", "attempt": "\(attempt)"]
                )
                try? await Task.sleep(for: .milliseconds(300 << attempt))
            }
        }
        return false
    }
}
