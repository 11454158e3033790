import KubernetesAPI
import Logging
import LongshoreDomain

/// Removes what a task that has ended leaves behind. Whatever it does not get to goes with the PullTask.
struct TaskCleaner: Sendable {
    let context: ExecutorContext

    /// Removes the task's Jobs and its own Secrets.
    ///
    /// - Parameters:
    ///   - task: The task.
    ///   - spec: Its spec, which names the Secrets; `nil` leaves them to the PullTask's end.
    ///   - jobs: The task's Jobs.
    ///   - nodes: Nodes whose Jobs are being removed already.
    func clean(_ task: TaskID, spec: TaskSpec?, jobs: JobWriter, except nodes: Set<String> = []) async {
        let left = context.jobs.list().filter { job in
            jobs.isOurs(job) && job.metadata.deletionTimestamp == nil
                && !(job.metadata.annotations[PullTaskKeys.node].map(nodes.contains) ?? false)
        }
        await withDiscardingTaskGroup { group in
            for deletion in left.compactMap(JobWriter.Deletion.init) {
                group.addTask { _ = await jobs.delete(deletion, tries: 5) }
            }
        }
        guard let spec else { return }
        let secrets = PullSecrets(client: context.client, namespace: context.configuration.namespace)
        for attempt in 1...3 where !Task.isCancelled {
            do {
                try await secrets.remove(spec, task: task)
                return
            } catch {
                jobs.logger.warning(
                    "Pull Secrets could not be removed; they go with the PullTask",
                    metadata: ["error": "\(error)", "attempt": "\(attempt)"]
                )
                try? await Task.sleep(for: .milliseconds(300 << attempt))
            }
        }
    }
}
