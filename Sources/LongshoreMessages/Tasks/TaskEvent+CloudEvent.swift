import LongshoreDomain
package import WireFormats

extension TaskEvent {
    /// The CloudEvent.
    package var event: CloudEvent {
        var extensions = [
            EventExtension.partitionKey: taskID.text,
            EventExtension.sequence: EventIdentity.text(sequence: sequence),
        ]
        extensions[EventExtension.traceParent] = traceParent
        return CloudEvent(
            id: id,
            source: EventIdentity.source(project: project, cluster: cluster),
            type: type.rawValue,
            subject: node.map { "\(taskID)/\($0)" } ?? taskID.text,
            time: time,
            extensions: extensions,
            data: data
        )
    }

    /// The CloudEvent's data.
    package var data: JSONValue {
        var data: JSONValue = [
            "taskId": .string(taskID.text), "project": .string(project), "cluster": .string(cluster),
            "phase": .string(phase.rawValue), "counts": counts.eventJSON,
        ]
        if let node {
            data["node"] = .string(node)
            data["nodePhase"] = type.nodePhase?.rawValue.json
            data["attempt"] = attempt?.json
        }
        if !images.isEmpty { data["images"] = images.json }
        data["cause"] = cause?.rawValue.json
        data["reason"] = reason?.json
        data["message"] = message?.json
        if retry > 0 { data["retry"] = retry.json }
        data["progress"] = progress?.eventJSON
        data["settings"] = settings?.json
        if !faults.isEmpty { data["faults"] = faults.json }
        data["faultCount"] = faultCount?.json
        if let webhook {
            data["webhookUrl"] = .string(webhook.url)
            data["webhookEvents"] = webhook.events.json
        }
        data["task"] = spec?.json
        data["source"] = source?.rawValue.json
        data["acceptedAt"] = acceptedAt?.json
        if let request {
            data["request"] = [
                "topic": .string(request.topic), "partition": request.partition.json,
                "offset": .integer(request.offset),
            ]
        }
        if let part { data["part"] = ["number": part.number.json, "count": part.count.json] }
        return data
    }

    /// Reads the CloudEvent.
    /// - Throws: `CloudEventError`; with the code `wrongType` when it is not an event of a task or a node.
    package init(event: CloudEvent) throws(CloudEventError) {
        guard let type = event.eventType, type.isEvent else {
            throw CloudEventError(.wrongType, place: "type", message: "expected an event of a task or a node")
        }
        guard let text = event.extensions[EventExtension.sequence], let sequence = Int64(text), sequence >= 0 else {
            throw CloudEventError(.invalidAttribute, place: EventExtension.sequence, message: "expected digits")
        }
        guard let time = event.time else {
            throw CloudEventError(.missingAttribute, place: "time", message: "time is required")
        }
        let data = try event.data(of: type)
        do {
            try self.init(data: data, id: event.id, type: type, sequence: sequence, time: time)
        } catch {
            throw CloudEventError(error)
        }
        traceParent = event.extensions[EventExtension.traceParent]
    }

    private init(
        data: JSONValue,
        id: String,
        type: EventType,
        sequence: Int64,
        time: Timestamp
    ) throws(JSONMappingError) {
        self.init(
            id: id,
            type: type,
            taskID: try data.requiredTaskID("taskId"),
            project: try data.requiredString("project"),
            cluster: try data.requiredString("cluster"),
            sequence: sequence,
            time: time,
            phase: try data.requiredChoice("phase"),
            counts: try TaskCounts(eventJSON: try data.requiredObject("counts").json),
            images: try data.optional("images") ?? [],
            faults: try data.optional("faults") ?? []
        )
        node = type.nodePhase == nil ? try data.optionalString("node") : try data.requiredString("node")
        attempt = try data.optionalInteger("attempt")
        cause = try data.optionalCause("cause")
        reason = try data.optionalString("reason")
        message = try data.optionalString("message")
        if let json = try data.optionalObject("progress")?.json { progress = try TaskProgress(eventJSON: json) }
        retry = min(max(0, try data.optionalInteger("retry") ?? 0), Int(Int32.max))
        settings = try data.optional("settings")
        spec = try data.optional("task")
        faultCount = try data.optionalInteger("faultCount")
        if let url = try data.optionalString("webhookUrl") {
            let events = data["webhookEvents"]?.array?.compactMap(\.string) ?? []
            webhook = WebhookWish(url: url, events: events)
        }
        source = try data.optionalString("source").flatMap(TaskSource.init)
        acceptedAt = try data.optionalTimestamp("acceptedAt")
        if let json = try data.optionalObject("request")?.json {
            request = RequestPlace(
                topic: try json.requiredString("topic"),
                partition: try json.requiredInteger("partition"),
                offset: Int64(try json.requiredInteger("offset"))
            )
        }
        if let json = try data.optionalObject("part")?.json {
            part = Part(number: try json.requiredInteger("number"), count: try json.requiredInteger("count"))
        }
    }
}

extension TaskCounts {
    /// The counts as they stand in events.
    fileprivate var eventJSON: JSONValue {
        [
            "nodesTotal": nodesTotal.json, "nodesSucceeded": succeeded.json, "nodesFailed": failed.json,
            "nodesSkipped": skipped.json, "nodesPulling": pulling.json,
        ]
    }

    fileprivate init(eventJSON json: JSONValue) throws(JSONMappingError) {
        self.init(
            nodesTotal: try json.requiredInteger("nodesTotal"),
            succeeded: try json.requiredInteger("nodesSucceeded"),
            failed: try json.requiredInteger("nodesFailed"),
            skipped: try json.requiredInteger("nodesSkipped"),
            pulling: try json.optionalInteger("nodesPulling") ?? 0
        )
    }
}

extension TaskProgress {
    /// The progress as it stands in events: the percentage with two digits, the remaining time in whole seconds.
    fileprivate var eventJSON: JSONValue {
        var json: JSONValue = ["percent": .number((percent * 100).rounded() / 100)]
        json["remainingSeconds"] = remaining.map { .integer($0.components.seconds) }
        return json
    }

    fileprivate init(eventJSON json: JSONValue) throws(JSONMappingError) {
        self.init(
            percent: try json.requiredDouble("percent"),
            remaining: try json.optionalInteger("remainingSeconds").map { .seconds($0) }
        )
    }
}
