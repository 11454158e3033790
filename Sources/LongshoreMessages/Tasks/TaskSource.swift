/// Where a task was asked for; the raw values are what the database holds.
package enum TaskSource: String, Sendable, Hashable, CaseIterable {
    /// `POST /v1/tasks`.
    case http
    /// The topic `longshore.requests`.
    case kafka
    /// A PullTask that was made in the cluster itself.
    case kubernetes
}
