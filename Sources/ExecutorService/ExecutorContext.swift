import KubernetesAPI
import Logging
import LongshoreDomain
import ServiceRuntime

/// What the parts of one executor share.
struct ExecutorContext: Sendable {
    let configuration: ExecutorConfiguration
    let client: KubernetesClient
    let lease: LeaseKeeper
    let publisher: EventPublisher
    let planner: TaskPlanner
    let permissions: SecretPermissions
    let secretUses: SecretUses
    let helperSecret: HelperSecret
    let helperHealth: HelperHealth
    let ended: EndedTasks
    let nodes: Informer<WatchedNode>
    let jobs: Informer<Job>
    let pods: Informer<Pod>
    let pullTasks: Informer<PullTask>
    /// Bounds the requests for Jobs of all tasks together.
    let limit: ConcurrencyLimit
    let metrics: ExecutorMetrics
    let wallClock: any WallClock
    /// Measures how long to wait; tests move it themselves.
    let clock: any Clock<Duration>
    let logger: Logger

    /// The logger of one task.
    func logger(for pullTask: PullTask) -> Logger {
        var logger = logger
        logger[metadataKey: LogKey.task] = "\(pullTask.taskID?.text ?? pullTask.metadata.name ?? "?")"
        return logger
    }
}
