package import LongshoreDomain
package import WireFormats

/// A wish about a task that is under way. It goes to the topic of the task's own submission, so that it stays behind it.
package struct TaskCommand: Sendable, Hashable {
    /// What is wished.
    package enum Kind: String, Sendable, Hashable, CaseIterable {
        /// Stop and clean up.
        case cancel
        /// Start no further node.
        case pause
        /// Start nodes again.
        case resume
        /// Change settings.
        case patch
        /// Try the failed nodes again.
        case retry
        /// Nothing of a user's: say so if there is no PullTask of the task. See ``TaskMissing``.
        case confirm
        /// Nothing of a user's: say how the nodes of an ended task have ended. See ``TaskNodes``.
        case report
    }

    /// The command's own id: the same wish sent twice has the same one.
    package var id: String
    /// The task.
    package var taskID: TaskID
    /// The task's project.
    package var project: String
    /// The task's cluster.
    package var cluster: String
    /// The class of the task's original priority.
    package var priorityClass: PriorityClass
    /// What is wished.
    package var kind: Kind
    /// The settings to change, for `patch`.
    package var patch: TaskPatch
    /// When it was asked.
    package var requestedAt: Timestamp
    /// The W3C trace context.
    package var traceParent: String?

    /// Makes a command.
    package init(
        id: String,
        taskID: TaskID,
        project: String,
        cluster: String,
        priorityClass: PriorityClass,
        kind: Kind,
        patch: TaskPatch = TaskPatch(),
        requestedAt: Timestamp,
        traceParent: String? = nil
    ) {
        self.id = id
        self.taskID = taskID
        self.project = project
        self.cluster = cluster
        self.priorityClass = priorityClass
        self.kind = kind
        self.patch = patch
        self.requestedAt = requestedAt
        self.traceParent = traceParent
    }

    /// The topic of the task's submission.
    package var topic: String { Topics.tasks(cluster: cluster, class: priorityClass) }

    /// The record in binary mode, with the task id as its key.
    package var record: MessageRecord { event.kafkaRecord(topic: topic, key: taskID.text) }
}

// MARK: - CloudEvent

extension TaskCommand {
    /// The event.
    package var event: CloudEvent {
        var extensions = [EventExtension.partitionKey: taskID.text]
        extensions[EventExtension.traceParent] = traceParent
        var data: JSONValue = [
            "taskId": .string(taskID.text), "project": .string(project), "cluster": .string(cluster),
            "priorityClass": .string(priorityClass.rawValue), "kind": .string(kind.rawValue),
            "requestedAt": requestedAt.json,
        ]
        if !patch.isEmpty { data["patch"] = patch.json }
        return CloudEvent(
            id: id,
            source: EventIdentity.source(project: project, cluster: cluster),
            type: EventType.taskCommand.rawValue,
            subject: taskID.text,
            time: requestedAt,
            extensions: extensions,
            data: data
        )
    }

    /// Reads the event.
    /// - Throws: `CloudEventError`.
    package init(event: CloudEvent) throws(CloudEventError) {
        let data = try event.data(of: .taskCommand)
        do {
            self.init(
                id: event.id,
                taskID: try data.requiredTaskID("taskId"),
                project: try data.requiredString("project"),
                cluster: try data.requiredString("cluster"),
                priorityClass: try data.requiredChoice("priorityClass"),
                kind: try data.requiredChoice("kind"),
                patch: try data.optional("patch") ?? TaskPatch(),
                requestedAt: try data.requiredTimestamp("requestedAt"),
                traceParent: event.extensions[EventExtension.traceParent]
            )
        } catch {
            throw CloudEventError(error)
        }
    }
}
