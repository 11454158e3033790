package import LongshoreDomain
package import WireFormats

extension TaskEvent {
    /// The most bytes of an event's data: CloudEvents asks intermediaries to carry 64 KiB, headers included.
    package static let maximumDataBytes = 60 << 10

    /// Makes the events of a draft: one, or several when its images are too many for one record.
    ///
    /// - Parameters:
    ///   - draft: what a task's run emits.
    ///   - taskID: the task.
    ///   - spec: the task's spec, of which only project and cluster are taken.
    ///   - sequence: the last sequence number that the task has used; it is counted up by each event.
    ///   - time: the moment.
    ///   - traceParent: the W3C trace context.
    ///   - retry: how often the task was begun again.
    /// - Returns: the events, in their order.
    package static func make(
        _ draft: TaskEventDraft,
        taskID: TaskID,
        spec: TaskSpec,
        sequence: inout Int64,
        time: Timestamp,
        traceParent: String? = nil,
        retry: Int = 0
    ) -> [TaskEvent] {
        let type = EventType(draft.kind)
        sequence += 1
        var event = TaskEvent(
            id: EventIdentity.event(
                taskID,
                type: type,
                node: draft.node,
                attempt: draft.attempt,
                occurrence: draft.occurrence,
                sequence: sequence,
                retry: retry
            ),
            type: type,
            taskID: taskID,
            project: spec.project,
            cluster: spec.cluster,
            sequence: sequence,
            time: time,
            phase: draft.phase,
            counts: draft.counts,
            images: draft.images.map(EventImage.init)
        )
        event.node = draft.node
        event.attempt = draft.attempt
        event.cause = draft.cause
        event.reason = draft.reason
        event.message = draft.message
        event.progress = draft.progress
        event.settings = draft.settings.flatMap { try? TaskPatch(json: $0) }
        event.traceParent = traceParent
        event.retry = retry
        return event.split(sequence: &sequence)
    }

    /// The event itself when it is short enough, else as many parts as its images and faults need, each of which is an event
    /// of its own with the next sequence number. The first keeps the event's id.
    ///
    /// - Parameter sequence: the last sequence number that the task has used, this event's own.
    /// - Returns: the events, in their order.
    package func split(sequence: inout Int64) -> [TaskEvent] {
        guard data.serialized().count > Self.maximumDataBytes, images.count + faults.count > 1 else { return [self] }
        let chunks = Self.chunks(images.map { ($0, nil) } + faults.map { (nil, $0) })
        return chunks.enumerated().map { index, chunk in
            var part = self
            part.images = chunk.compactMap(\.0)
            part.faults = chunk.compactMap(\.1)
            part.part = Part(number: index + 1, count: chunks.count)
            if index > 0 {
                sequence += 1
                part.sequence = sequence
                part.id = EventIdentity.part(index + 1, of: id)
                // The task itself is told once.
                part.spec = nil
                part.source = nil
                part.acceptedAt = nil
                part.webhook = nil
            }
            return part
        }
    }

    /// The event with as many of its faults, from the first, as fit, and with the number of all where some do not.
    ///
    /// A refusal is one event: who is told of it by webhook is told once. The rest of it is small whatever was refused.
    ///
    /// - Parameter bytes: the most bytes of the data; 0 leaves no fault at all.
    /// - Returns: the event.
    package func withFaults(fitting bytes: Int = maximumDataBytes) -> TaskEvent {
        var cut = self
        let total = max(faultCount ?? 0, faults.count)
        cut.faults = []
        cut.faultCount = total
        // `,"faults":[]` stands beside what is measured here.
        var size = cut.data.serialized().count + 16
        for fault in faults {
            size += fault.json.serialized().count + 1
            guard size <= bytes else { break }
            cut.faults.append(fault)
        }
        if cut.faults.count == total { cut.faultCount = nil }
        return cut
    }

    /// Divides a list so that each piece stays well below the limit, whatever else stands beside it.
    private static func chunks(_ items: [(EventImage?, EventFault?)]) -> [[(EventImage?, EventFault?)]] {
        var chunks: [[(EventImage?, EventFault?)]] = [[]]
        var room = maximumDataBytes / 2
        for item in items {
            let size = (item.0?.json ?? item.1?.json ?? nil).serialized().count + 1
            if size > room, chunks.last?.isEmpty == false {
                chunks.append([])
                room = maximumDataBytes / 2
            }
            room -= size
            chunks[chunks.count - 1].append(item)
        }
        return chunks
    }
}
