import KubernetesAPI
import Logging
import LongshoreDomain
import LongshoreMessages
import Metrics
import Redaction
import ServiceRuntime
import WireFormats

/// Turns a task message into a PullTask: from then on the record of the work is in Kubernetes, and the message's
/// offset may be stored. Every step may be repeated.
struct SubmissionHandler: Sendable {
    let context: ExecutorContext
    let keys: SealingKeys
    let coordinator: TaskCoordinator

    /// Takes a task over.
    ///
    /// - Parameters:
    ///   - submitted: The message.
    ///   - isWithdrawn: Whether its cancel is known already: then the task is to end without a Job.
    /// - Throws: What keeps it from being taken over now; it is to be tried again.
    func handle(_ submitted: TaskSubmitted, isWithdrawn: Bool = false) async throws {
        var logger = context.logger
        logger[metadataKey: LogKey.task] = "\(submitted.taskID)"
        context.metrics.submissions.increment()
        guard context.lease.isValid else { throw ExecutorError(.leaseLost, "The executor's Lease has run out.") }
        let existing = try await context.client.getIfPresent(
            PullTask.self,
            name: submitted.taskID.text,
            namespace: context.configuration.namespace
        )
        if existing == nil, try await isOver(submitted, logger) { return }
        if existing == nil, try await isRefused(submitted, logger) { return }
        guard let pullTask = try await takeOrCreate(existing, submitted, isWithdrawn: isWithdrawn, logger) else {
            return
        }
        // The annotation that it came from a message can be written by kubectl too.
        guard pullTask.isFromKafka, pullTask.project == submitted.spec.project else {
            logger.error("A PullTask that was not made from a message has this task's name; it is left alone")
            let message = "A PullTask \(submitted.taskID) exists that is not this task's; it is left alone."
            try await reject(submitted, reason: "NameTaken", message: message, logger)
            return
        }
        if pullTask.isReadyToRun || pullTask.isFinished || pullTask.metadata.deletionTimestamp != nil {
            context.metrics.duplicates.increment()
            return
        }
        try await accept(pullTask, submitted, logger)
    }

    /// Whether nothing is to be done for a task that has no PullTask: it has ended before and was cleared away, so that this is
    /// a topic that is read again; or it comes too late.
    private func isOver(_ submitted: TaskSubmitted, _ logger: Logger) async throws -> Bool {
        let now = context.wallClock.now()
        let isExpired = submitted.expiresAt <= now
        let timeToLive = Duration.seconds(max(10, submitted.spec.ttlSecondsAfterFinished))
        let isOld = now.duration(since: submitted.acceptedAt) >= min(context.configuration.replayAge, timeToLive)
        guard isExpired || isOld else { return false }
        // To tell of its end again, perhaps of another one, would be wrong.
        let hasEnded = try await context.ended.contains(submitted.taskID, project: submitted.spec.project)
        guard hasEnded || isExpired else { return false }
        if isExpired { context.metrics.expired.increment() }
        if hasEnded {
            context.metrics.replayed.increment()
            logger.notice("Dropped a message of a task that has ended", metadata: ["expired": "\(isExpired)"])
            return true
        }
        logger.notice("Dropped a task that expired before it was started")
        let message = "The task's deadline passed before an executor took it."
        try await reject(submitted, reason: "expired", message: message, logger)
        return true
    }

    /// The task cannot be started: it is too old (a replayed topic must not start last week's work), or the API server
    /// does not take its PullTask.
    private func reject(
        _ submitted: TaskSubmitted,
        reason: String,
        message: String,
        cause: FailureCause? = nil,
        faults: [RequestFault] = [],
        _ logger: Logger
    ) async throws {
        let draft = TaskEventDraft(
            kind: .rejected,
            phase: .rejected,
            counts: TaskCounts(),
            cause: cause,
            reason: reason,
            message: message
        )
        var sequence: Int64 = 1
        var events = TaskEvent.make(
            draft,
            taskID: submitted.taskID,
            spec: submitted.spec,
            sequence: &sequence,
            time: context.wallClock.now(),
            traceParent: submitted.traceParent
        )
        if !events.isEmpty {
            events[0].faults = faults.map(EventFault.init)
            events[0] = events[0].withFaults()
        }
        guard await context.publisher.publish(events, logger: logger) else { throw CancellationError() }
    }

    /// Whether the task names a Secret that its project may not use; then it is told so, and nothing is made for it.
    private func isRefused(_ submitted: TaskSubmitted, _ logger: Logger) async throws -> Bool {
        let faults = try await context.permissions.faults(of: submitted.spec, task: submitted.taskID)
        guard let first = faults.first else { return false }
        logger.notice("Refused a task for the Secrets it names", metadata: ["faults": "\(faults.count)"])
        try await reject(
            submitted,
            reason: PullTaskKeys.secretNotAllowed,
            message: "\(first.pointer): \(first.detail)",
            cause: .policyDenied,
            faults: faults,
            logger
        )
        return true
    }

    /// The task's PullTask; `nil` when the API server will never take it.
    private func takeOrCreate(
        _ existing: PullTask?,
        _ submitted: TaskSubmitted,
        isWithdrawn: Bool,
        _ logger: Logger
    ) async throws -> PullTask? {
        if let existing { return existing }
        do {
            return try await create(submitted, isWithdrawn: isWithdrawn)
        } catch let error as KubernetesError {
            switch error.reason {
            case .invalid, .badRequest, .requestEntityTooLarge: break
            default: throw error
            }
            // To try again would hold up everything behind it for ever.
            logger.error("The API server refuses a PullTask", metadata: [LogKey.error: "\(error)"])
            try await reject(submitted, reason: "PullTaskRefused", message: error.message, logger)
            return nil
        }
    }

    private func create(_ submitted: TaskSubmitted, isWithdrawn: Bool) async throws -> PullTask {
        var annotations = [
            PullTaskKeys.submission: "kafka", PullTaskKeys.acceptedAt: submitted.acceptedAt.rfc3339,
        ]
        annotations[PullTaskKeys.traceParent] = submitted.traceParent
        var pullTask = PullTask(
            metadata: ObjectMeta(
                name: submitted.taskID.text,
                namespace: context.configuration.namespace,
                labels: [
                    PullTaskKeys.managedBy: PullTaskKeys.manager, PullTaskKeys.task: submitted.taskID.text,
                    PullTaskKeys.project: submitted.spec.project,
                ],
                annotations: annotations
            ),
            spec: submitted.spec.json
        )
        // A cancel that is written only behind it could come after the first Job.
        if isWithdrawn { pullTask.spec["cancelRequested"] = true }
        do throws(KubernetesError) {
            return try await context.client.create(pullTask)
        } catch {
            guard error.reason == .alreadyExists else { throw error }
            return try await context.client.get(
                PullTask.self,
                name: submitted.taskID.text,
                namespace: context.configuration.namespace
            )
        }
    }

    // MARK: - Acceptance

    private func accept(_ pullTask: PullTask, _ submitted: TaskSubmitted, _ logger: Logger) async throws {
        let refusal = try await makeSecrets(pullTask, submitted, logger)
        var accepted = pullTask
        let now = context.wallClock.now()
        accepted.status.set(
            condition: PullTaskKeys.accepted,
            refusal == nil ? .true : .false,
            reason: refusal?.reason ?? "Accepted",
            message: refusal?.message,
            at: now
        )
        TaskCoordinator.mark(&accepted, id: submitted.taskID, spec: submitted.spec, by: context)
        let claimed = try await context.client.replaceStatus(accepted)
        logger.info("Took a task over", metadata: ["images": "\(submitted.spec.images.count)"])
        await coordinator.start(claimed, id: submitted.taskID, spec: submitted.spec)
    }

    /// Makes the Secrets that the task's images are pulled with.
    ///
    /// - Returns: Why the task can only fail, if so.
    private func makeSecrets(
        _ pullTask: PullTask,
        _ submitted: TaskSubmitted,
        _ logger: Logger
    ) async throws -> (reason: String, message: String)? {
        guard !submitted.sealedCredentials.isEmpty else { return nil }
        guard let owner = OwnerReference(controller: pullTask) else {
            throw ExecutorError(.notReady, "The PullTask has no uid.")
        }
        let secrets = PullSecrets(client: context.client, namespace: context.configuration.namespace)
        // All are opened before the first Secret is made: a task that is refused leaves no trace of which of them were good.
        var opened: [(scope: RegistryScope, credential: PlainCredential)] = []
        for sealed in submitted.sealedCredentials {
            guard let credential = try await open(sealed, of: submitted.taskID) else {
                logger.error("A sealed credential cannot be opened", metadata: ["registry": "\(sealed.scope)"])
                let message = "The credential for \(sealed.scope) cannot be opened with any key of this cluster."
                return (PullTaskKeys.credentialUnreadable, message)
            }
            opened.append((sealed.scope, credential))
        }
        let images = submitted.spec.images.map(\.reference)
        for (scope, credential) in opened {
            // The name is worked out here, not taken from the message: it must not point at anything else.
            let name = SecretNames.pullSecret(submitted.taskID, scope: scope)
            do {
                try await secrets.ensure(
                    name,
                    content: DockerConfig.json(for: [(scope, credential)], images: images),
                    task: submitted.taskID,
                    project: submitted.spec.project,
                    owner: owner
                )
            } catch let error as ExecutorError where error.code == .foreignObject {
                logger.error("A pull Secret cannot be made", metadata: ["error": "\(error)"])
                return (PullTaskKeys.secretRefused, error.message)
            } catch let error as KubernetesError where error.reason == .invalid || error.reason == .badRequest {
                logger.error("A pull Secret was refused", metadata: ["error": "\(error)"])
                return (PullTaskKeys.secretRefused, "The API server refused the Secret for \(scope).")
            }
        }
        return nil
    }

    /// Opens a box. A key that is not known may be one that another executor, or an operator, has just made.
    private func open(_ sealed: SealedCredential, of task: TaskID) async throws -> PlainCredential? {
        if !keys.unsealer.keyIDs.contains(sealed.box.keyID) { try await keys.load() }
        let binding = SealBinding(taskID: task, scope: sealed.scope)
        guard let secret = try? keys.unsealer.open(sealed.box, binding: binding) else { return nil }
        return PlainCredential(sealedForm: secret)
    }
}
