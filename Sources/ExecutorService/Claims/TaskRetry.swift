import KubernetesAPI
import Logging
import LongshoreDomain
import ServiceRuntime
import WireFormats

/// Begins an ended task again for the nodes that failed, or says in a condition why that is not done.
struct TaskRetry: Sendable {
    let context: ExecutorContext

    /// Why a task is not begun again.
    struct Refusal: Sendable, Hashable {
        var reason: String
        var message: String
    }

    /// The PullTask as it is to be claimed.
    ///
    /// - Parameters:
    ///   - pullTask: An ended PullTask whose retry was asked for.
    ///   - id: The task.
    ///   - spec: What the task does.
    /// - Returns: The PullTask, not written yet; nil when the retry is refused, which is written then, or when nothing can be said
    ///   now.
    func begun(_ pullTask: PullTask, id: TaskID, spec: TaskSpec) async -> PullTask? {
        let logger = context.logger(for: pullTask)
        do throws(KubernetesError) {
            if let refusal = try await refusal(of: pullTask, id: id, spec: spec) {
                var refused = pullTask
                refused.status.observedRetryRequest = pullTask.control.retryRequest
                let (reason, message, now) = (refusal.reason, refusal.message, context.wallClock.now())
                refused.status.set(condition: PullTaskKeys.retried, .false, reason: reason, message: message, at: now)
                try await context.client.replaceStatus(refused)
                logger.notice("A task is not begun again", metadata: ["reason": "\(reason)"])
                return nil
            }
        } catch {
            if error.reason != .conflict, error.reason != .notFound {
                logger.warning("A task could not be begun again yet", metadata: [LogKey.error: "\(error)"])
            }
            return nil
        }
        logger.notice(
            "A task is begun again for its failed nodes",
            metadata: ["retry": "\(pullTask.status.retries + 1)"]
        )
        return Self.begin(pullTask, at: context.wallClock.now())
    }

    /// The PullTask with the record of its end turned into one to go on with.
    static func begin(_ pullTask: PullTask, at now: Timestamp) -> PullTask {
        var begun = pullTask
        let record = pullTask.status.record?.retried()
        begun.status.record = record
        begun.status.counts = record?.counts ?? TaskCounts()
        begun.status.phase = record == nil ? .checking : .pulling
        begun.status.failures = []
        begun.status.retries += 1
        begun.status.observedRetryRequest = pullTask.control.retryRequest
        begun.status.retriedAt = now
        begun.status.finishedAt = nil
        begun.status.conditions.removeAll { $0.type == PullTaskKeys.complete || $0.type == PullTaskKeys.failed }
        begun.status.set(condition: PullTaskKeys.retried, .true, reason: "Begun", at: now)
        return begun
    }

    private func refusal(
        of pullTask: PullTask,
        id: TaskID,
        spec: TaskSpec
    ) async throws(KubernetesError) -> Refusal? {
        if let refusal = Self.refusal(of: pullTask) { return refusal }
        if let fault = try await context.permissions.faults(of: spec, task: id).first {
            return Refusal(reason: PullTaskKeys.secretNotAllowed, message: "\(fault.pointer): \(fault.detail)")
        }
        for credential in spec.credentials where credential.isManaged {
            let namespace = context.configuration.namespace
            let name = credential.secretName
            guard try await context.client.getIfPresent(Secret.self, name: name, namespace: namespace) == nil else {
                continue
            }
            let message = """
                The credential for \(credential.scope) came with the task, and its Secret was removed when the task ended. Make \
                a new task, or name a Secret of your own (secretRef) in it so that it can be tried again.
                """
            return Refusal(reason: PullTaskKeys.secretRemoved, message: message)
        }
        return nil
    }

    /// Why a retry makes no sense, as far as the PullTask itself tells.
    static func refusal(of pullTask: PullTask) -> Refusal? {
        guard pullTask.status.phase?.canBeRetried == true, !pullTask.control.cancelRequested else {
            let phase = pullTask.control.cancelRequested ? "cancelled" : pullTask.status.phase?.rawValue ?? "new"
            return Refusal(
                reason: "NotRetryable",
                message: "A task that was \(phase) is not tried again; make a new task."
            )
        }
        if let refusal = pullTask.refusal {
            let reason = refusal.reason ?? PullTaskKeys.credentialUnreadable
            return Refusal(reason: reason, message: "\(refusal.message ?? "It could not be taken.") Make a new task.")
        }
        let retryable = pullTask.status.record?.retryableNodes
        if retryable == 0
            || (retryable == nil && pullTask.status.phase == .succeeded && pullTask.status.counts.failed == 0)
        {
            return Refusal(
                reason: "NothingFailed",
                message: "Every node has all images: there is nothing to try again."
            )
        }
        return nil
    }
}
