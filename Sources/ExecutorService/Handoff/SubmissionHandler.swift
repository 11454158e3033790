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
    /// - Parameter submitted: The message.
    /// - Throws: What keeps it from being taken over now; it is to be tried again.
    func handle(_ submitted: TaskSubmitted) async throws {
        var logger = context.logger
        logger[metadataKey: LogKey.task] = "\(submitted.taskID)"
        context.metrics.submissions.increment()
        guard context.lease.isValid else { throw ExecutorError(.leaseLost, "The executor's Lease has run out.") }
        let existing = try await context.client.getIfPresent(
            PullTask.self,
            name: submitted.taskID.text,
            namespace: context.configuration.namespace
        )
        if existing == nil, submitted.expiresAt <= context.wallClock.now() {
            context.metrics.expired.increment()
            logger.notice("Dropped a task that expired before it was started")
            let message = "The task's deadline passed before an executor took it."
            try await reject(submitted, reason: "expired", message: message, logger)
            return
        }
        guard let pullTask = try await takeOrCreate(existing, submitted, logger) else { return }
        guard pullTask.isFromKafka else {
            logger.error("A PullTask that was not made from a message has this task's name; it is left alone")
            return
        }
        if pullTask.isReadyToRun || pullTask.isFinished || pullTask.metadata.deletionTimestamp != nil {
            context.metrics.duplicates.increment()
            return
        }
        try await accept(pullTask, submitted, logger)
    }

    /// The task cannot be started: it is too old (a replayed topic must not start last week's work), or the API server
    /// does not take its PullTask.
    private func reject(
        _ submitted: TaskSubmitted,
        reason: String,
        message: String,
        _ logger: Logger
    ) async throws {
        let draft = TaskEventDraft(
            kind: .rejected,
            phase: .rejected,
            counts: TaskCounts(),
            reason: reason,
            message: message
        )
        var sequence: Int64 = 1
        let events = TaskEvent.make(
            draft,
            taskID: submitted.taskID,
            spec: submitted.spec,
            sequence: &sequence,
            time: context.wallClock.now(),
            traceParent: submitted.traceParent
        )
        guard await context.publisher.publish(events, logger: logger) else { throw CancellationError() }
    }

    /// The task's PullTask; `nil` when the API server will never take it.
    private func takeOrCreate(
        _ existing: PullTask?,
        _ submitted: TaskSubmitted,
        _ logger: Logger
    ) async throws -> PullTask? {
        if let existing { return existing }
        do {
            return try await create(submitted)
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

    private func create(_ submitted: TaskSubmitted) async throws -> PullTask {
        var annotations = [
            PullTaskKeys.submission: "kafka", PullTaskKeys.acceptedAt: submitted.acceptedAt.rfc3339,
        ]
        annotations[PullTaskKeys.traceParent] = submitted.traceParent
        let pullTask = PullTask(
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
        TaskCoordinator.mark(&accepted, id: submitted.taskID, by: context)
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
        for sealed in submitted.sealedCredentials {
            guard let credential = try await open(sealed, of: submitted.taskID) else {
                logger.error("A sealed credential cannot be opened", metadata: ["registry": "\(sealed.scope)"])
                let message = "The credential for \(sealed.scope) cannot be opened with any key of this cluster."
                return (PullTaskKeys.credentialUnreadable, message)
            }
            let images = submitted.spec.images.map(\.reference)
            // The name is worked out here, not taken from the message: it must not point at anything else.
            let name = SecretNames.pullSecret(submitted.taskID, scope: sealed.scope)
            do {
                try await secrets.ensure(
                    name,
                    content: DockerConfig.json(for: [(sealed.scope, credential)], images: images),
                    task: submitted.taskID,
                    project: submitted.spec.project,
                    owner: owner
                )
            } catch let error as ExecutorError where error.code == .foreignObject {
                logger.error("A pull Secret cannot be made", metadata: ["error": "\(error)"])
                return (PullTaskKeys.secretRefused, error.message)
            } catch let error as KubernetesError where error.reason == .invalid || error.reason == .badRequest {
                logger.error("A pull Secret was refused", metadata: ["error": "\(error)"])
                return (PullTaskKeys.secretRefused, "The API server refused the Secret for \(sealed.scope).")
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
