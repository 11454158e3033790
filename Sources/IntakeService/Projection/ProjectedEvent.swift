import LongshoreDomain
import LongshoreMessages
import RDKafka
import ServiceRuntime
import WireFormats

/// What a batch of records says, ready to be folded into the read model.
struct ProjectionBatch: Sendable {
    /// Tasks that Kafka has.
    var submissions: [Submission] = []
    /// What happened.
    var events: [Event] = []
    /// Answers of executors that have no PullTask of a task.
    var missing: [TaskMissing] = []
    /// Answers of executors that say how nodes have ended.
    var nodes: [TaskNodes] = []
    /// Records that are none of these, for instance commands, and those that say nothing new.
    var ignored = 0
    /// Messages, by index, that are not what their type says.
    var rejected: [Int: KafkaRejection] = [:]
    /// How many messages it was.
    private(set) var count = 0

    /// A task message, with the time at which Kafka took it.
    final class Submission: Sendable {
        let task: TaskSubmitted
        let publishedAt: Timestamp
        let place: MessagePlace
        let topic: String
        /// The announcement that the task is queued. It is the same whenever it is made again.
        let queued: Event

        init(task: TaskSubmitted, publishedAt: Timestamp, place: MessagePlace, topic: String) {
            self.task = task
            self.publishedAt = publishedAt
            self.place = place
            self.topic = topic
            var event = TaskEvent(
                id: EventIdentity.phase(task.taskID, .queued),
                type: .taskQueued,
                taskID: task.taskID,
                project: task.spec.project,
                cluster: task.spec.cluster,
                sequence: 1,
                time: publishedAt,
                phase: .queued
            )
            event.traceParent = task.traceParent
            queued = Event(event, event.event)
        }
    }

    /// An event of a task, as the message that it is.
    final class Event: Sendable {
        let event: TaskEvent
        let message: CloudEvent
        /// The structured form.
        let text: String

        init(_ event: TaskEvent, _ message: CloudEvent) {
            self.event = event
            self.message = message
            text = message.structuredJSON.text()
        }

        /// The task that the event brings along, if it does, and speaks for.
        var describedSpec: TaskSpec? {
            event.spec.flatMap { $0.project == event.project && $0.cluster == event.cluster ? $0 : nil }
        }

        /// The record in binary mode.
        var record: MessageRecord { message.kafkaRecord(topic: Topics.events, key: event.taskID.text) }
    }

    /// Reads the messages; what cannot be read is rejected, since it cannot be read later either.
    ///
    /// - Parameters:
    ///   - messages: The messages, one after another.
    ///   - isWritten: Whether an announcement is in the read model already, by its id; there is nothing to be done for it.
    init(_ messages: [KafkaMessage], isWritten: (String) -> Bool = { _ in false }) {
        count = messages.count
        for (index, message) in messages.enumerated() {
            if message.event.eventType == .taskQueued, isWritten(message.event.id) {
                ignored += 1
                continue
            }
            do {
                try read(message)
            } catch {
                rejected[index] = KafkaRejection(code: error.code.rawValue, detail: error.description)
            }
        }
    }

    /// Reads the messages, many of them on several processors: while they are read, the database waits.
    static func reading(
        _ messages: [KafkaMessage],
        isWritten: @escaping @Sendable (String) -> Bool
    ) async -> ProjectionBatch {
        let parts = await inChunks(of: messages) { ProjectionBatch($0, isWritten: isWritten) }
        var whole = ProjectionBatch([])
        for part in parts { whole.append(part) }
        return whole
    }

    private mutating func append(_ next: ProjectionBatch) {
        for (index, rejection) in next.rejected { rejected[count + index] = rejection }
        submissions += next.submissions
        events += next.events
        missing += next.missing
        nodes += next.nodes
        ignored += next.ignored
        count += next.count
    }

    private mutating func read(_ message: KafkaMessage) throws(CloudEventError) {
        switch message.event.eventType {
        case .taskSubmitted:
            let task = try TaskSubmitted(event: message.event)
            let time = message.timestampMilliseconds.map { Timestamp(microsecondsSinceEpoch: $0 * 1_000) }
            let place = MessagePlace(
                task: task.taskID,
                partition: message.topicPartition.partition,
                offset: message.offset
            )
            submissions.append(
                Submission(
                    task: task,
                    publishedAt: time ?? task.acceptedAt,
                    place: place,
                    topic: message.topicPartition.topic
                )
            )
        case .taskMissing:
            missing.append(try TaskMissing(event: message.event))
        case .taskNodes:
            nodes.append(try TaskNodes(event: message.event))
        case .some(let type) where type.isEvent:
            let event = try TaskEvent(event: message.event)
            // A refusal that bears the id of a task is one of a former release: it says nothing about that task.
            guard !event.isRefusal || event.taskID.isRefusal else {
                ignored += 1
                return
            }
            events.append(Event(event, message.event))
        default:
            // Commands, and what a later release may have added.
            ignored += 1
        }
    }

    /// The announcements that the submissions are queued.
    var queuedEvents: [Event] { submissions.map(\.queued) }

    /// The announcements of those messages whose place meets a condition; a message of unknown place always does.
    func queuedEvents(where condition: (TopicPartition, Int64) -> Bool) -> [Event] {
        submissions.filter { submission in
            guard let offset = submission.place.offset else { return true }
            return condition(TopicPartition(topic: submission.topic, partition: submission.place.partition), offset)
        }.map(\.queued)
    }

    /// Tasks whose rows may be missing, since the batch says all about them: all submissions, and those tasks that an event
    /// brings along because they were not asked of intake.
    var describedTasks: [TaskID] {
        submissions.map(\.task.taskID) + events.compactMap { $0.describedSpec == nil ? nil : $0.event.taskID }
    }

    /// Those of the described tasks that meet a condition.
    func tasks(where condition: (TaskID) -> Bool) -> [AcceptedTask] {
        let submitted = submissions.filter { condition($0.task.taskID) }.map { submission in
            AcceptedTask(
                id: submission.task.taskID,
                spec: submission.task.spec,
                source: submission.task.source.rawValue,
                requestHash: submission.task.requestHash,
                idempotencyKey: submission.task.idempotencyKey,
                acceptedAt: submission.task.acceptedAt,
                traceparent: submission.task.traceParent,
                queuedAt: submission.publishedAt
            )
        }
        let announced = events.compactMap { event -> AcceptedTask? in
            guard let spec = event.describedSpec, condition(event.event.taskID) else { return nil }
            return AcceptedTask(
                id: event.event.taskID,
                spec: spec,
                source: (event.event.source ?? .kubernetes).rawValue,
                requestHash: [],
                idempotencyKey: nil,
                acceptedAt: event.event.acceptedAt ?? event.event.time,
                traceparent: event.event.traceParent
            )
        }
        var seen: Set<TaskID> = []
        return (submitted + announced).filter { seen.insert($0.id).inserted }
    }
}
