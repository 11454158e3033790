import KubernetesAPI
import Logging
import LongshoreDomain
import ServiceRuntime
import WireFormats

extension RunnerLoop {
    /// Writes into the PullTask that the task is paused, as if its owner had: a command, or `kubectl patch`, resumes it, and an
    /// executor that takes over finds it paused.
    func pausePullTask(_ group: inout DiscardingTaskGroup) {
        let message = task.helperTrouble?.message ?? ""
        logger.error("The helper image cannot be run; the task is paused", metadata: [LogKey.error: "\(message)"])
        guard !isGone else { return }
        let own = status.pullTask.metadata
        group.addTask { [context, logger] in
            var delay = Duration.milliseconds(200)
            while !Task.isCancelled {
                do throws(KubernetesError) {
                    try await context.client.patch(
                        PullTask.self,
                        name: own.name ?? "",
                        namespace: own.namespace,
                        .merge(["metadata": ["uid": .string(own.uid ?? "")], "spec": ["paused": true]])
                    )
                    return
                } catch {
                    guard error.isRetryable else {
                        logger.warning("The pause could not be written", metadata: [LogKey.error: "\(error)"])
                        return
                    }
                    try? await Task.sleep(for: delay)
                    delay = min(delay * 2, .seconds(5))
                }
            }
        }
    }
}
