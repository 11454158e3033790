import KubernetesAPI
import Logging
import LongshoreDomain
import LongshoreMessages
import Metrics
import RDKafka
import ServiceRuntime
import WireFormats

/// Writes commands into the spec of their PullTask, where the task's owner sees them, whoever that is.
struct CommandHandler: Sendable {
    let context: ExecutorContext
    let coordinator: TaskCoordinator

    /// Writes a command down.
    ///
    /// - Parameter command: The command. One that makes no sense for its task is dropped and counted.
    /// - Throws: What keeps it from being written now; it is to be tried again.
    func handle(_ command: TaskCommand) async throws {
        var logger = context.logger
        logger[metadataKey: LogKey.task] = "\(command.taskID)"
        context.metrics.commands.increment()
        let name = coordinator.name(of: command.taskID)
        let namespace = context.configuration.namespace
        let pullTask = try await context.client.getIfPresent(PullTask.self, name: name, namespace: namespace)
        if command.kind == .confirm { return try await confirm(pullTask, command, logger) }
        if command.kind == .report { return try await report(pullTask, command) }
        // Somebody may write to the PullTask at the same time: then it is looked at again.
        for _ in 0..<5 {
            let current = try await context.client.getIfPresent(PullTask.self, name: name, namespace: namespace)
            guard let current, current.taskID == command.taskID, current.project == command.project,
                Self.makesSense(command, current)
            else {
                context.metrics.commandsDropped.increment()
                logger.notice(
                    "Dropped a command that makes no sense for its task now",
                    metadata: [
                        "command": "\(command.kind.rawValue)", "phase": "\(current?.status.phase?.rawValue ?? "gone")",
                    ]
                )
                return
            }
            guard let change = Self.change(command, current) else {
                context.metrics.duplicates.increment()
                return
            }
            if try await write(change, to: current, command, logger) { return }
        }
        throw ExecutorError(.notReady, "The PullTask changes too often for a command to be written down.")
    }

    /// - Returns: Whether that is settled; false when the PullTask was changed in between.
    private func write(
        _ change: JSONValue,
        to pullTask: PullTask,
        _ command: TaskCommand,
        _ logger: Logger
    ) async throws -> Bool {
        do throws(KubernetesError) {
            try await context.client.patch(
                PullTask.self,
                name: pullTask.metadata.name ?? "",
                namespace: pullTask.metadata.namespace,
                .merge(change)
            )
            logger.info("Took a command", metadata: ["command": "\(command.kind.rawValue)"])
        } catch {
            if error.reason == .conflict { return false }
            guard error.reason == .notFound || error.reason == .invalid else { throw error }
            context.metrics.commandsDropped.increment()
            logger.notice("Dropped a command", metadata: ["\(LogKey.error)": "\(error)"])
        }
        return true
    }

    /// Whether the task is in a state to which the command means something: a retry to a task that has ended, everything else to
    /// one that has not.
    static func makesSense(_ command: TaskCommand, _ pullTask: PullTask) -> Bool {
        if command.kind == .retry { return pullTask.isFinished && TaskRetry.refusal(of: pullTask) == nil }
        return !pullTask.isFinished || (command.kind == .cancel && pullTask.wantsRetry)
    }

    /// What to change in the PullTask as it was seen; `nil` when the command was written down before. A topic that is read again
    /// brings the same commands, behind others perhaps, so the last ones are remembered by their ids.
    static func change(_ command: TaskCommand, _ pullTask: PullTask) -> JSONValue? {
        let known = (pullTask.metadata.annotations[PullTaskKeys.commands] ?? "").split(separator: " ").map(String.init)
        guard !known.contains(command.id), let spec = specChange(command, pullTask) else { return nil }
        let remembered = (known.suffix(rememberedCommands - 1) + [command.id.filter { $0 != " " }]).joined(
            separator: " "
        )
        var metadata: JSONValue = ["annotations": [PullTaskKeys.commands: .string(remembered)]]
        if let version = pullTask.metadata.resourceVersion { metadata["resourceVersion"] = .string(version) }
        return ["metadata": metadata, "spec": spec]
    }

    /// So many commands are remembered: more than anybody gives one task while an offset waits for a slot.
    static let rememberedCommands = 64

    /// The fields of the spec to change; `nil` when they are so already.
    private static func specChange(_ command: TaskCommand, _ pullTask: PullTask) -> JSONValue? {
        switch command.kind {
        case .cancel: return pullTask.control.cancelRequested ? nil : ["cancelRequested": true]
        case .pause: return pullTask.control.paused ? nil : ["paused": true]
        case .resume: return pullTask.control.paused ? ["paused": false] : nil
        case .patch: return command.patch.isEmpty ? nil : command.patch.json
        case .retry:
            let last = max(pullTask.control.retryRequest, pullTask.status.observedRetryRequest)
            return ["retryRequest": .integer(Int64(last + 1))]
        case .confirm, .report: return nil
        }
    }

    // MARK: - Questions of intake

    /// Finds the PullTask of a command's task among all of them. One that kubectl made has another name than the task's, which
    /// the informer may not have told yet, or not any more.
    private func underAnotherName(_ command: TaskCommand) async throws -> PullTask? {
        let selection = ListOptions(namespace: context.configuration.namespace)
        return try await context.client.listAll(PullTask.self, selection).items
            .first { $0.taskID == command.taskID && $0.project == command.project }
    }

    /// Tells intake that there is no PullTask of a command's task.
    private func answerMissing(_ command: TaskCommand) async throws {
        _ = try await context.publisher.producer.send(ProducerRecord(TaskMissing(answering: command).record))
    }

    // MARK: - Reporting

    /// Answers how the nodes of a task have ended, whose events the read model has not heard. One that is being marked as finished
    /// is asked about again.
    private func report(_ found: PullTask?, _ command: TaskCommand) async throws {
        let pullTask: PullTask?
        if let found, found.taskID == command.taskID, found.project == command.project {
            pullTask = found
        } else {
            pullTask = try await underAnotherName(command)
        }
        guard let pullTask else { return try await answerMissing(command) }
        guard pullTask.isFinished else { return }
        let failures = Dictionary(pullTask.status.failures.map { ($0.node, $0.failure) }) { first, _ in first }
        let ends = (pullTask.status.record?.ends ?? []).map { end in
            let failure = end.phase == .failed ? failures[end.name] : nil
            return TaskNodes.End(
                name: end.name,
                phase: end.phase,
                cause: failure?.cause,
                reason: end.reason,
                message: failure?.message ?? end.message
            )
        }
        let answers = TaskNodes.answers(to: command, nodes: ends).map { ProducerRecord($0.record) }
        for report in await context.publisher.producer.send(answers) { _ = try report.get() }
    }

    // MARK: - Confirming

    /// Answers whether the task is known here. One that is worked on answers by its events, sooner or later; of one that has
    /// ended the last event is told once more, in case it is that which was lost.
    private func confirm(_ pullTask: PullTask?, _ command: TaskCommand, _ logger: Logger) async throws {
        guard let pullTask, pullTask.project == command.project else {
            guard try await underAnotherName(command) == nil else { return }
            logger.warning("There is no PullTask of a task that was accepted; intake is told")
            return try await answerMissing(command)
        }
        guard pullTask.isFinished,
            let kind = pullTask.status.phase.flatMap({ TaskEventDraft.Kind(rawValue: $0.rawValue) }),
            pullTask.taskID == command.taskID
        else { return }
        let status = pullTask.status
        let condition = status.conditions[PullTaskKeys.failed] ?? status.conditions[PullTaskKeys.complete]
        var draft = TaskEventDraft(
            kind: kind,
            phase: status.phase ?? .failed,
            counts: status.counts,
            reason: condition?.reason,
            message: condition?.message
        )
        draft.cause = status.failures.first?.failure.cause
        var sequence = status.sequence
        let events = TaskEvent.make(
            draft,
            taskID: command.taskID,
            spec: try pullTask.work(cluster: context.configuration.cluster).spec,
            sequence: &sequence,
            time: status.finishedAt ?? context.wallClock.now(),
            traceParent: command.traceParent,
            retry: status.retries
        )
        guard await context.publisher.publish(events, logger: logger) else { throw CancellationError() }
    }
}
