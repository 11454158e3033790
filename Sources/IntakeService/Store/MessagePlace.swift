import LongshoreDomain

/// Where Kafka has a task's message: the topic follows from the task.
struct MessagePlace: Sendable {
    var task: TaskID
    var partition: Int32
    /// Nil when the broker did not tell.
    var offset: Int64?
}
