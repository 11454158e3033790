import KubernetesAPI
import Logging
import LongshoreDomain

/// Works on one task from its claim to its end, or until somebody else has to.
final class TaskRunner: Sendable {
    /// Why a runner came to its end.
    enum End: String, Sendable, Hashable {
        /// The task has ended and is cleaned up.
        case finished
        /// The task has ended; something that it left behind could not be removed and is the sweeper's to remove.
        case uncleaned
        /// The task was given up for others, as the executor stops.
        case released
        /// Somebody else owns the task.
        case lost
        /// The executor's Lease has run out.
        case abandoned
    }

    let taskID: TaskID
    let pullTask: PullTask
    let inbox = RunnerInbox()
    private let spec: TaskSpec
    private let context: ExecutorContext

    /// Makes a runner for a task that this executor owns.
    ///
    /// - Parameters:
    ///   - taskID: The task's id.
    ///   - pullTask: The view with the claim, its sequence numbers reserved.
    ///   - spec: What is to be done.
    ///   - context: The executor.
    init(taskID: TaskID, pullTask: PullTask, spec: TaskSpec, context: ExecutorContext) {
        self.taskID = taskID
        self.pullTask = pullTask
        self.spec = spec
        self.context = context
    }

    /// Works until the task ends or ``RunnerInbox/stop(_:)`` is called.
    func run() async -> End {
        let logger = context.logger(for: pullTask)
        guard let owner = OwnerReference(controller: pullTask) else {
            logger.error("A PullTask without a uid cannot be worked on")
            return .lost
        }
        let template = JobTemplate(
            taskID: taskID,
            spec: spec,
            owner: owner,
            namespace: context.configuration.namespace,
            helperImage: context.configuration.helperImage,
            priorityClassName: context.configuration.priorityClassName
        )
        let scrubber = CredentialScrubber()
        let jobs = JobWriter(
            client: context.client,
            lease: context.lease,
            limit: context.limit,
            metrics: context.metrics,
            template: template,
            scrubber: scrubber,
            secrets: context.secretUses,
            helper: context.helperSecret,
            logger: logger
        )
        let status = StatusWriter(
            pullTask,
            client: context.client,
            lease: context.lease,
            identity: context.configuration.identity,
            metrics: context.metrics,
            logger: logger
        )
        let loop = RunnerLoop(
            taskID: taskID,
            spec: spec,
            pullTask: pullTask,
            inbox: inbox,
            jobs: jobs,
            status: status,
            scrubber: scrubber,
            context: context,
            logger: logger
        )
        return await loop.run()
    }
}
