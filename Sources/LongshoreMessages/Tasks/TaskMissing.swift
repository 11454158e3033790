package import LongshoreDomain
package import WireFormats

/// An executor's answer to the command `confirm`: its cluster has no PullTask of the task.
///
/// The command travels behind the task's own message in the same partition. So whoever answers has handled that message
/// before, if it was there: no PullTask means that the task has ended, or that nothing will ever begin it.
package struct TaskMissing: Sendable, Hashable {
    /// The task.
    package var taskID: TaskID
    /// The task's project.
    package var project: String
    /// The task's cluster.
    package var cluster: String
    /// When it was asked, as the command says: an answer counts for its own question only.
    package var askedAt: Timestamp
    /// The W3C trace context.
    package var traceParent: String?

    /// Makes an answer.
    package init(
        taskID: TaskID,
        project: String,
        cluster: String,
        askedAt: Timestamp,
        traceParent: String? = nil
    ) {
        self.taskID = taskID
        self.project = project
        self.cluster = cluster
        self.askedAt = askedAt
        self.traceParent = traceParent
    }

    /// The answer to a command.
    package init(answering command: TaskCommand) {
        self.init(
            taskID: command.taskID,
            project: command.project,
            cluster: command.cluster,
            askedAt: command.requestedAt,
            traceParent: command.traceParent
        )
    }

    /// The record in binary mode, with the task id as its key: it stays behind the task's events.
    package var record: MessageRecord { event.kafkaRecord(topic: Topics.events, key: taskID.text) }
}

// MARK: - CloudEvent

extension TaskMissing {
    /// The event.
    package var event: CloudEvent {
        var extensions = [EventExtension.partitionKey: taskID.text]
        extensions[EventExtension.traceParent] = traceParent
        return CloudEvent(
            id: "\(taskID)-missing-\(askedAt.microsecondsSinceEpoch)",
            source: EventIdentity.source(project: project, cluster: cluster),
            type: EventType.taskMissing.rawValue,
            subject: taskID.text,
            time: askedAt,
            extensions: extensions,
            data: [
                "taskId": .string(taskID.text), "project": .string(project), "cluster": .string(cluster),
                "askedAt": askedAt.json,
            ]
        )
    }

    /// Reads the event.
    /// - Throws: `CloudEventError`.
    package init(event: CloudEvent) throws(CloudEventError) {
        let data = try event.data(of: .taskMissing)
        do {
            self.init(
                taskID: try data.requiredTaskID("taskId"),
                project: try data.requiredString("project"),
                cluster: try data.requiredString("cluster"),
                askedAt: try data.requiredTimestamp("askedAt"),
                traceParent: event.extensions[EventExtension.traceParent]
            )
        } catch {
            throw CloudEventError(error)
        }
    }
}
