import LongshoreDomain
import LongshoreMessages
import WireFormats

/// Who is to be told about a task.
struct WebhookTarget: Sendable, Hashable {
    /// The task's project, whose secret signs.
    var project: String
    /// The receiver.
    var url: String
    /// The short names of the events that it wants.
    var events: Set<String>
}

/// A delivery to be recorded.
struct NewDelivery: Sendable, Hashable {
    /// The event's id, which is the delivery's, too.
    var eventID: String
    /// The event's short name.
    var eventName: String
    /// The event's place among the task's.
    var sequence: Int64
    /// The task.
    var taskID: TaskID
    /// Who is to be told.
    var target: WebhookTarget
    /// The Secret that signs.
    var secretName: String
    /// The body, as it will be sent.
    var body: String

    /// Whether it tells how far a task is, and all of it: then newer progress makes it superfluous.
    var isProgress: Bool { eventID == EventIdentity.event(taskID, type: .taskProgress, sequence: sequence) }
}

/// A delivery that this notifier has leased in order to send it.
struct ClaimedDelivery: Sendable {
    var id: String
    var eventID: String
    var taskID: String
    var project: String
    var url: String
    var secretName: String
    var body: String
    /// The attempt that the lease is for, from 1.
    var attempt: Int
    /// The database's time of the lease.
    var claimedAt: Timestamp
}

/// What came of an attempt, for the database.
struct DeliveryResult: Sendable {
    var id: String
    var taskID: String
    var url: String
    var attempt: Int
    var outcome: DeliveryOutcome
    /// Where the delivery is now.
    var phase: DeliveryMachine.Phase
    /// How long to wait for the next attempt.
    var retryDelay: Duration?
    /// When the attempt began, by the database's clock.
    var startedAt: Timestamp
    var duration: Duration
    var status: Int?
    /// What went wrong, scrubbed.
    var error: String?
    /// The beginning of the answer, scrubbed.
    var excerpt: String?
}
