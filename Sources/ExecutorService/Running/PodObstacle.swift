import KubernetesAPI
import LongshoreDomain

/// What keeps an attempt's Pod from being made, or from getting onto its node.
///
/// A quota or admission refuses the Pod and not the Job: the Job stays as it is, and only an Event tells why.
struct PodObstacle: Sendable {
    let client: KubernetesClient
    /// Knows the task's credentials.
    let scrubber: CredentialScrubber

    /// Looks for it.
    ///
    /// - Parameters:
    ///   - job: The attempt's Job.
    ///   - pod: Its Pod, if there is one.
    /// - Returns: `nil` when nothing is known to be in the way.
    /// - Throws: `KubernetesError` when the Events cannot be read.
    func find(job: Job?, pod: Pod?) async throws(KubernetesError) -> TaskRun.ImageFailure? {
        if let pod { return Self.obstacle(of: pod, scrubber) }
        guard let job, let uid = job.metadata.uid else { return nil }
        let selection = ListOptions(
            namespace: job.metadata.namespace,
            fieldSelector: "involvedObject.uid=\(uid),reason=FailedCreate",
            limit: 10
        )
        do throws(KubernetesError) {
            return Self.obstacle(in: try await client.list(CoreEvent.self, selection).items, scrubber)
        } catch {
            // An operator who has not granted it yet gets no reason, and everything else.
            guard error.reason == .forbidden else { throw error }
            return nil
        }
    }

    /// What the scheduler says about a Pod that it has found no place for.
    static func obstacle(of pod: Pod, _ scrubber: CredentialScrubber) -> TaskRun.ImageFailure? {
        guard pod.spec.nodeName == nil, let condition = pod.status.conditions["PodScheduled"],
            condition.status == .false, let message = condition.message, !message.isEmpty
        else { return nil }
        let text = "The Pod could not be scheduled onto the node in time: \(message)"
        return TaskRun.ImageFailure(cause: .timeout, message: scrubber.scrub(text))
    }

    /// What the Job controller was told when it made the Pod.
    static func obstacle(in events: [CoreEvent], _ scrubber: CredentialScrubber) -> TaskRun.ImageFailure? {
        guard let message = events.map(\.message).last(where: { !$0.isEmpty }) else { return nil }
        let known = FailureCause.classify(waitingReason: "", message: message)
        let isRefused = known == .policyDenied || message.contains("is forbidden")
        let text = scrubber.scrub("The Pod was refused: \(message)")
        return TaskRun.ImageFailure(cause: isRefused ? .policyDenied : .internal, message: text)
    }
}
