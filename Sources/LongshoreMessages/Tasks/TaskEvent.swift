package import LongshoreDomain
package import WireFormats

/// What happened to a task or to a node of it; one record on `longshore.events`.
package struct TaskEvent: Sendable, Hashable {
    /// The event's id; see `EventIdentity`.
    package var id: String
    /// What happened.
    package var type: EventType
    /// The task.
    package var taskID: TaskID
    /// The task's project.
    package var project: String
    /// The task's cluster.
    package var cluster: String
    /// The event's place in the task's order, from 1.
    package var sequence: Int64
    /// When it happened.
    package var time: Timestamp
    /// The W3C trace context.
    package var traceParent: String?
    /// The task's phase after the event.
    package var phase: TaskPhase
    /// The nodes' counts after the event.
    package var counts: TaskCounts
    /// The node, for a node's event.
    package var node: String?
    /// The attempt on the node, from 1; 0 for a node that was decided without one.
    package var attempt: Int?
    /// The images on the node.
    package var images: [EventImage]
    /// Why something failed.
    package var cause: FailureCause?
    /// Why, as a constant word.
    package var reason: String?
    /// Why, in a sentence, scrubbed.
    package var message: String?
    /// How often the task was begun again before this.
    package var retry = 0
    /// How far the task has come.
    package var progress: TaskProgress?
    /// The settings that hold from now on, where somebody has changed them.
    package var settings: TaskPatch?
    /// Everything that is wrong with a request that was rejected.
    package var faults: [EventFault]
    /// How many faults there are in all, where they are more than are listed.
    package var faultCount: Int?
    /// Who is to be told of a refusal, where no row of a task can say so.
    package var webhook: WebhookWish?
    /// The task itself, on the first event of one that did not come through intake.
    package var spec: TaskSpec?
    /// Where the task was asked for: beside `spec`, and on a rejection of what did not come through intake.
    package var source: TaskSource?
    /// When the task was accepted: beside `spec`, and on a rejection of what did not come through intake.
    package var acceptedAt: Timestamp?
    /// Where the refused request stands, for the rejection of one that came over Kafka.
    package var request: RequestPlace?
    /// Which part this is of an event that was too long for one record, from 1, and of how many.
    package var part: Part?

    /// The project of refusals whose sender may not ask in the name of the project that the request names. It is no project's
    /// name (a project's is a DNS label), so that only who may see all projects is shown it.
    package static let unassignedProject = "_unassigned"

    /// Whether this tells of a request that was refused before it became a task: it is no event of any task.
    ///
    /// Releases before refusals had ids of their own gave them the id of the task that the request would have become, and the
    /// sequence 1, which among a task's own events only `queued` has.
    package var isRefusal: Bool { type == .taskRejected && (taskID.isRefusal || sequence <= 1) }

    /// Whether this tells of a refusal that is nowhere else: of a request on Kafka, under an id of its own kind, or of a PullTask that
    /// kubectl made. What intake has accepted and an executor rejects has a row already.
    package var isOnlyTrace: Bool { type == .taskRejected && (taskID.isRefusal || source == .kubernetes) }

    /// A record of the topic of requests.
    package struct RequestPlace: Sendable, Hashable {
        /// The topic.
        package var topic: String
        /// The partition.
        package var partition: Int
        /// The offset.
        package var offset: Int64

        /// Makes a place.
        package init(topic: String, partition: Int, offset: Int64) {
            self.topic = topic
            self.partition = partition
            self.offset = offset
        }
    }

    /// A part of an event.
    package struct Part: Sendable, Hashable {
        /// Which one, from 1.
        package var number: Int
        /// Of how many.
        package var count: Int

        /// Makes a part.
        package init(number: Int, count: Int) {
            self.number = number
            self.count = count
        }
    }

    /// Makes an event.
    package init(
        id: String,
        type: EventType,
        taskID: TaskID,
        project: String,
        cluster: String,
        sequence: Int64,
        time: Timestamp,
        phase: TaskPhase,
        counts: TaskCounts = TaskCounts(),
        images: [EventImage] = [],
        faults: [EventFault] = []
    ) {
        self.id = id
        self.type = type
        self.taskID = taskID
        self.project = project
        self.cluster = cluster
        self.sequence = sequence
        self.time = time
        self.phase = phase
        self.counts = counts
        self.images = images
        self.faults = faults
    }

    /// The record in binary mode, with the task id as its key.
    package var record: MessageRecord { event.kafkaRecord(topic: Topics.events, key: taskID.text) }
}

/// The state of an image on a node.
package struct EventImage: Sendable, Hashable, JSONDecodable, JSONEncodable {
    /// The canonical reference.
    package var image: String
    /// Its phase.
    package var phase: ImagePhase
    /// The digest that the runtime reported.
    package var digest: String?
    /// Its size in bytes as the runtime counts it, where the kubelet has told it.
    package var bytes: Int64?
    /// How long its pull took in milliseconds, without the wait for other pulls, where the kubelet has told it.
    package var milliseconds: Int64?
    /// Why it failed.
    package var cause: FailureCause?
    /// Why, in the runtime's words, scrubbed.
    package var message: String?

    /// Makes a state.
    package init(
        image: String,
        phase: ImagePhase,
        digest: String? = nil,
        bytes: Int64? = nil,
        milliseconds: Int64? = nil,
        cause: FailureCause? = nil,
        message: String? = nil
    ) {
        self.image = image
        self.phase = phase
        self.digest = digest
        self.bytes = bytes
        self.milliseconds = milliseconds
        self.cause = cause
        self.message = message
    }

    /// Takes what a task's run says of an image.
    package init(_ outcome: TaskRun.ImageOutcome) {
        self.init(
            image: outcome.image,
            phase: outcome.phase,
            digest: outcome.digest,
            bytes: outcome.bytes,
            milliseconds: outcome.milliseconds,
            cause: outcome.failure?.cause,
            message: outcome.failure?.message
        )
    }

    package init(json: JSONValue) throws(JSONMappingError) {
        self.init(
            image: try json.requiredString("image"),
            phase: try json.requiredChoice("phase"),
            digest: try json.optionalString("digest"),
            bytes: try json.optional("bytes"),
            milliseconds: try json.optional("pullMilliseconds"),
            cause: try json.optionalCause("cause"),
            message: try json.optionalString("message")
        )
    }

    package var json: JSONValue {
        var json: JSONValue = ["image": .string(image), "phase": .string(phase.rawValue)]
        json["digest"] = digest?.json
        json["bytes"] = bytes?.json
        json["pullMilliseconds"] = milliseconds?.json
        json["cause"] = cause?.rawValue.json
        json["message"] = message?.json
        return json
    }
}

/// One thing that is wrong with a rejected request, without any value of it.
package struct EventFault: Sendable, Hashable, JSONDecodable, JSONEncodable {
    /// The field's JSON pointer.
    package var pointer: String
    /// What is wrong, as a constant word.
    package var code: String
    /// What is wrong, in a sentence.
    package var detail: String

    /// Makes a fault.
    package init(pointer: String, code: String, detail: String) {
        self.pointer = pointer
        self.code = code
        self.detail = detail
    }

    /// Takes a fault of a request.
    package init(_ fault: RequestFault) {
        self.init(pointer: fault.pointer.description, code: fault.code, detail: fault.detail)
    }

    package init(json: JSONValue) throws(JSONMappingError) {
        pointer = try json.requiredString("pointer")
        code = try json.requiredString("code")
        detail = try json.requiredString("detail")
    }

    package var json: JSONValue { ["pointer": .string(pointer), "code": .string(code), "detail": .string(detail)] }
}

extension JSONValue {
    /// A cause; one that a newer service has written reads as `Unknown`.
    func optionalCause(_ key: String) throws(JSONMappingError) -> FailureCause? {
        guard let text = try optionalString(key) else { return nil }
        return FailureCause(rawValue: text) ?? .unknown
    }
}
