package import LongshoreDomain

/// Names a task as events do. Whoever may write to the topic can name any task's id: an event is one of a task only if it
/// names the task's project and cluster as well.
package struct TaskKey: Sendable, Hashable, Comparable {
    /// The task's id.
    package var task: TaskID
    /// The project that the task belongs to.
    package var project: String
    /// The cluster on whose nodes it works.
    package var cluster: String

    /// Names a task by its parts.
    package init(task: TaskID, project: String, cluster: String) {
        self.task = task
        self.project = project
        self.cluster = cluster
    }

    /// Names the task that an event is about.
    package init(_ event: TaskEvent) {
        self.init(task: event.taskID, project: event.project, cluster: event.cluster)
    }

    package static func < (left: TaskKey, right: TaskKey) -> Bool {
        if left.task != right.task { return left.task < right.task }
        return (left.project, left.cluster) < (right.project, right.cluster)
    }
}
