/// The metadata keys of log lines, in one place, so that every service writes the same name for the same thing.
package enum LogKey {
    /// The task's id: on every line that concerns one task.
    package static let task = "task_id"
    /// The project of the task.
    package static let project = "project"
    /// The cluster of the task.
    package static let cluster = "cluster"
    /// The node's name.
    package static let node = "node"
    /// The number of a node's or a delivery's attempt.
    package static let attempt = "attempt"
    /// A delivery's id.
    package static let delivery = "delivery_id"
    /// A request's id, as in the answer's `X-Request-Id`.
    package static let request = "request_id"
    /// A Kafka topic.
    package static let topic = "topic"
    /// A partition of the topic.
    package static let partition = "partition"
    /// An offset in the partition.
    package static let offset = "offset"
    /// A constant word for what went wrong.
    package static let code = "code"
    /// What went wrong, scrubbed and bounded.
    package static let error = "error"
    /// A Kubernetes object as `kind/name`.
    package static let object = "object"
    /// An executor's identity.
    package static let executor = "executor"
}
