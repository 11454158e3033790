import LongshoreDomain
import LongshoreMessages
import Redaction
import WireFormats

extension FuzzTarget {
    /// CloudEvents in records of both Kafka modes.
    static let cloudEvent = FuzzTarget(
        name: "cloud-event",
        form: .record,
        words: [
            "content-type", "ce_", "ce_specversion: 1.0", "ce_id: 1", "ce_source: /a", "ce_type: t", "CE_ID",
            "ce_time: ", "ce_data",
            "ce_datacontenttype: text/plain", "application/cloudevents+json", "application/cloudevents-batch+json",
            "; charset=UTF-8",
            "application/json", "text/plain", "data", "data_base64", "specversion", "1.0", "0.3", "datacontenttype",
            "dataschema",
            "2026-11-21T01:02:03.456Z", "partitionkey", "eyJhIjoxfQ==",
        ]
    ) { input in
        let record = FuzzedRecord(input)
        var event: CloudEvent
        do throws(CloudEventError) {
            event = try CloudEvent(headers: record.headers, value: record.value)
        } catch {
            try requireNoCanary(error.description, "the error")
            return "\(error.code.rawValue) \(error.place)"
        }
        // Binary mode says the data's type in the record's own header, which is left out where there is no data.
        if event.data == nil { event.dataContentType = nil }
        let binary = event.kafkaRecord(topic: "t")
        try requireSame(event, in: binary)
        try requireSame(event, in: event.structuredKafkaRecord(topic: "t"))
        return "\(event.extensions.count) \(event.data?.kindName ?? "none")"
    }

    /// An event is read from a record as it was written, and written the same again.
    private static func requireSame(_ event: CloudEvent, in record: MessageRecord) throws(Violation) {
        let again: CloudEvent
        do {
            again = try CloudEvent(headers: record.headers, value: record.value)
        } catch {
            throw Violation("what was written cannot be read: \(error)")
        }
        try require(again == event, "what was written is read as something else: \(again), \(event)")
        let mode = record.headers.count == 1
        let written = mode ? again.structuredKafkaRecord(topic: "t") : again.kafkaRecord(topic: "t")
        try require(written == record, "what was read is written otherwise")
    }

    /// The messages of our own topics: submissions, commands, events, announcements and requests.
    static let taskMessage = FuzzTarget(
        name: "task-message",
        form: .record,
        words: EventType.allCases.map(\.rawValue) + TaskPhase.allCases.map(\.rawValue) + [
            "ce_type: dev.longshore.task.command.v1", "taskId", "project", "cluster", "priorityClass", "kind", "patch",
            "batchSize",
            "timeoutSeconds", "deadlineSeconds", "priority", "requestedAt", "cancel", "pause", "resume", "retry",
            "modify", "high",
            "counts", "progress", "percent", "remainingSeconds", "part", "number", "count", "sequence", "faults",
            "images",
            "labels", "ce_sequence: 000000000001", "2026-11-21T01:02:03.456Z", "06d0wzjr9w7g1h3mbe2rn4x8kq",
        ],
        maximumBytes: 24 << 10
    ) { input in
        let record = FuzzedRecord(input)
        do {
            let event = try CloudEvent(headers: record.headers, value: record.value)
            return try readMessage(event)
        } catch let error as CloudEventError {
            try requireNoCanary(error.description, "the error")
            return "\(error.code.rawValue) \(error.place.filter { !$0.isNumber })"
        }
    }

    private static func readMessage(_ event: CloudEvent) throws -> String {
        switch event.eventType {
        case .taskRequested:
            let request = try TaskRequested(event: event)
            try require(request.idempotencyKey.utf8.count <= TaskRequested.maximumKeyBytes, "the key is too long")
            try require((try? TaskRequested(event: request.event)) == request, "a request changed")
        case .taskSubmitted:
            let submitted = try TaskSubmitted(event: event)
            try requireSubmission(submitted)
        case .taskCommand:
            let command = try TaskCommand(event: event)
            try requireCommand(command)
        case .taskMissing:
            let missing = try TaskMissing(event: event)
            try require((try? TaskMissing(event: missing.event)) == missing, "an answer changed")
        case .taskNodes:
            let nodes = try TaskNodes(event: event)
            try require((try? TaskNodes(event: nodes.event)) == nodes, "an answer changed")
        case .clusterAnnounced:
            let announced = try ClusterAnnouncement(event: event)
            try require((try? ClusterAnnouncement(event: announced.event)) == announced, "an announcement changed")
        case nil: return "another type"
        default:
            let told = try TaskEvent(event: event)
            try requireEvent(told)
        }
        return event.type
    }

    private static func requireSubmission(_ submitted: TaskSubmitted) throws(Violation) {
        try require(submitted.expiresAt >= submitted.acceptedAt, "it expires before it is accepted")
        let record = submitted.record
        let again = try? TaskSubmitted(event: CloudEvent(headers: record.headers, value: record.value))
        try require(again == submitted, "a submission changed")
        try require(1...RequestLimits.images ~= submitted.spec.images.count, "\(submitted.spec.images.count) images")
    }

    private static func requireCommand(_ command: TaskCommand) throws(Violation) {
        let record = command.record
        let again = try? TaskCommand(event: CloudEvent(headers: record.headers, value: record.value))
        try require(again == command, "a command changed")
        let patch = command.patch
        try require(patch.batchSize.map { RequestLimits.batchSize ~= $0 } ?? true, "the batch size")
        try require(patch.timeoutSeconds.map { RequestLimits.timeoutSeconds ~= $0 } ?? true, "the time-out")
        try require(patch.deadlineSeconds.map { RequestLimits.deadlineSeconds ~= $0 } ?? true, "the deadline")
        try require(patch.priority.map { RequestLimits.priority ~= $0 } ?? true, "the priority")
    }

    private static func requireEvent(_ told: TaskEvent) throws(Violation) {
        try require(told.counts.finished >= 0, "fewer nodes than none are finished")
        try require(told.counts.pending >= Int.min, "counts overflow")
        // A percentage is written with two digits; what was written once stays as it is.
        guard let once = try? TaskEvent(event: told.event) else { throw Violation("an event cannot be read again") }
        let record = once.event.kafkaRecord(topic: "t")
        let again = try? TaskEvent(event: CloudEvent(headers: record.headers, value: record.value))
        try require(again == once, "an event changed")
    }
}
