package import LongshoreDomain
package import WireFormats

/// A task on its way from intake to the executors of a cluster: the message that makes "accepted" mean "done".
package struct TaskSubmitted: Sendable, Hashable {
    /// The task.
    package var taskID: TaskID
    /// What is to be done, without any secret.
    package var spec: TaskSpec
    /// The credentials that travel with it.
    package var sealedCredentials: [SealedCredential]
    /// When intake took it.
    package var acceptedAt: Timestamp
    /// SHA-256 of the request without its secrets, by which a repeated request is compared.
    package var requestHash: [UInt8]
    /// The requester's own key, where there is one.
    package var idempotencyKey: String?
    /// Where it was asked for.
    package var source: TaskSource
    /// The W3C trace context.
    package var traceParent: String?

    /// Makes a message.
    package init(
        taskID: TaskID,
        spec: TaskSpec,
        sealedCredentials: [SealedCredential] = [],
        acceptedAt: Timestamp,
        requestHash: [UInt8] = [],
        idempotencyKey: String? = nil,
        source: TaskSource = .http,
        traceParent: String? = nil
    ) {
        self.taskID = taskID
        self.spec = spec
        self.sealedCredentials = sealedCredentials
        self.acceptedAt = acceptedAt
        self.requestHash = requestHash
        self.idempotencyKey = idempotencyKey
        self.source = source
        self.traceParent = traceParent
    }

    /// When the task is no longer to be started: its deadline, counted from its acceptance.
    package var expiresAt: Timestamp { acceptedAt + .seconds(spec.deadlineSeconds) }

    /// The topic: that of the task's priority class, to which all later commands go as well.
    package var topic: String { Topics.tasks(cluster: spec.cluster, class: PriorityClass(priority: spec.priority)) }

    /// The record in binary mode, with the task id as its key.
    package var record: MessageRecord { record(specText: spec.text) }

    /// The record, for one who has the spec's text already.
    ///
    /// - Parameter specText: The spec's ``TaskSpec/text``.
    /// - Returns: The same as ``record``.
    package func record(specText: String) -> MessageRecord {
        let event = event(task: nil)
        var record = event.kafkaRecord(topic: topic, key: taskID.text, value: nil)
        record.value = event.data?.serialized(adding: ["task": specText])
        return record
    }
}

// MARK: - CloudEvent

extension TaskSubmitted {
    /// The event.
    package var event: CloudEvent { event(task: spec.json) }

    private func event(task: JSONValue?) -> CloudEvent {
        var extensions = [
            EventExtension.partitionKey: taskID.text,
            EventExtension.sequence: EventIdentity.text(sequence: 0),
            EventExtension.expiryTime: expiresAt.rfc3339,
        ]
        extensions[EventExtension.traceParent] = traceParent
        var data: JSONValue = [
            "taskId": .string(taskID.text), "source": .string(source.rawValue), "acceptedAt": acceptedAt.json,
            "requestHash": .string(Hex.encode(requestHash)),
        ]
        if let task { data["task"] = task }
        if let idempotencyKey { data["idempotencyKey"] = .string(idempotencyKey) }
        if !sealedCredentials.isEmpty { data["sealedCredentials"] = sealedCredentials.json }
        return CloudEvent(
            id: EventIdentity.submitted(taskID),
            source: EventIdentity.source(project: spec.project, cluster: spec.cluster),
            type: EventType.taskSubmitted.rawValue,
            subject: taskID.text,
            time: acceptedAt,
            extensions: extensions,
            data: data
        )
    }

    /// Reads the event.
    /// - Throws: `CloudEventError`.
    package init(event: CloudEvent) throws(CloudEventError) {
        let data = try event.data(of: .taskSubmitted)
        do {
            self.init(
                taskID: try data.requiredTaskID("taskId"),
                spec: try data.required("task"),
                sealedCredentials: try data.optional("sealedCredentials") ?? [],
                acceptedAt: try data.requiredTimestamp("acceptedAt"),
                requestHash: try data.optionalHex("requestHash") ?? [],
                idempotencyKey: try data.optionalString("idempotencyKey"),
                source: try data.optionalString("source").flatMap(TaskSource.init) ?? .http,
                traceParent: event.extensions[EventExtension.traceParent]
            )
        } catch {
            throw CloudEventError(error)
        }
    }
}
