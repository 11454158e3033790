package import LongshoreDomain
package import WireFormats

/// An executor's answer to the command `report`: how the nodes of a task that has ended did, as the task's PullTask has it.
///
/// Asked for by the read model when events of nodes are gone from Kafka. A long list goes as several records, one behind the
/// other in the same partition.
package struct TaskNodes: Sendable, Hashable {
    /// How a node has ended.
    package struct End: Sendable, Hashable, JSONDecodable, JSONEncodable {
        /// The node's name.
        package var name: String
        /// Its last phase.
        package var phase: NodePhase
        /// Why it failed, where that is known.
        package var cause: FailureCause?
        /// A constant word for why it was set aside, where it was.
        package var reason: String?
        /// Why, in a sentence, scrubbed.
        package var message: String?

        /// Makes an end.
        package init(
            name: String,
            phase: NodePhase,
            cause: FailureCause? = nil,
            reason: String? = nil,
            message: String? = nil
        ) {
            self.name = name
            self.reason = reason
            self.phase = phase
            self.cause = cause
            self.message = message
        }

        package init(json: JSONValue) throws(JSONMappingError) {
            name = try json.requiredString("name")
            phase = try json.requiredChoice("phase")
            cause = try json.optionalCause("cause")
            reason = try json.optionalString("reason")
            message = try json.optionalString("message")
        }

        package var json: JSONValue {
            var json: JSONValue = ["name": .string(name), "phase": .string(phase.rawValue)]
            json["cause"] = cause?.rawValue.json
            json["reason"] = reason?.json
            json["message"] = message?.json
            return json
        }
    }

    /// The task.
    package var taskID: TaskID
    /// The task's project.
    package var project: String
    /// The task's cluster.
    package var cluster: String
    /// When it was asked, as the command says: an answer counts for its own question only.
    package var askedAt: Timestamp
    /// Which record of the answer this is, from 1, and of how many.
    package var part: TaskEvent.Part
    /// Ends of nodes; none when the PullTask does not say.
    package var nodes: [End]
    /// The W3C trace context.
    package var traceParent: String?

    /// Makes an answer.
    package init(
        taskID: TaskID,
        project: String,
        cluster: String,
        askedAt: Timestamp,
        part: TaskEvent.Part,
        nodes: [End],
        traceParent: String? = nil
    ) {
        self.taskID = taskID
        self.project = project
        self.cluster = cluster
        self.askedAt = askedAt
        self.part = part
        self.nodes = nodes
        self.traceParent = traceParent
    }

    /// Makes the records of an answer: at least one, each with at most 60 KiB of nodes.
    ///
    /// - Parameters:
    ///   - command: The question.
    ///   - nodes: How nodes ended.
    /// - Returns: The answer's records, in their order.
    package static func answers(to command: TaskCommand, nodes: [End]) -> [TaskNodes] {
        var chunks: [[End]] = [[]]
        var room = TaskEvent.maximumDataBytes - 1_024
        for node in nodes {
            let size = node.json.serialized().count + 1
            if size > room, chunks.last?.isEmpty == false {
                chunks.append([])
                room = TaskEvent.maximumDataBytes - 1_024
            }
            room -= size
            chunks[chunks.count - 1].append(node)
        }
        return chunks.enumerated().map { index, chunk in
            TaskNodes(
                taskID: command.taskID,
                project: command.project,
                cluster: command.cluster,
                askedAt: command.requestedAt,
                part: TaskEvent.Part(number: index + 1, count: chunks.count),
                nodes: chunk,
                traceParent: command.traceParent
            )
        }
    }

    /// The record in binary mode, with the task id as its key: it stays behind the task's events.
    package var record: MessageRecord { event.kafkaRecord(topic: Topics.events, key: taskID.text) }
}

// MARK: - CloudEvent

extension TaskNodes {
    /// The event.
    package var event: CloudEvent {
        var extensions = [EventExtension.partitionKey: taskID.text]
        extensions[EventExtension.traceParent] = traceParent
        return CloudEvent(
            id: "\(taskID)-nodes-\(askedAt.microsecondsSinceEpoch)-\(part.number)",
            source: EventIdentity.source(project: project, cluster: cluster),
            type: EventType.taskNodes.rawValue,
            subject: taskID.text,
            time: askedAt,
            extensions: extensions,
            data: [
                "taskId": .string(taskID.text), "project": .string(project), "cluster": .string(cluster),
                "askedAt": askedAt.json, "part": ["number": part.number.json, "count": part.count.json],
                "nodes": nodes.json,
            ]
        )
    }

    /// Reads the event.
    /// - Throws: `CloudEventError`.
    package init(event: CloudEvent) throws(CloudEventError) {
        let data = try event.data(of: .taskNodes)
        do {
            let part = try data.requiredObject("part").json
            self.init(
                taskID: try data.requiredTaskID("taskId"),
                project: try data.requiredString("project"),
                cluster: try data.requiredString("cluster"),
                askedAt: try data.requiredTimestamp("askedAt"),
                part: TaskEvent.Part(
                    number: try part.requiredInteger("number"),
                    count: try part.requiredInteger("count")
                ),
                nodes: try data.required("nodes"),
                traceParent: event.extensions[EventExtension.traceParent]
            )
        } catch {
            throw CloudEventError(error)
        }
    }
}
