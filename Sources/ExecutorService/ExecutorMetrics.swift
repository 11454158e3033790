package import KubernetesAPI
import LongshoreDomain
import Metrics

/// What an executor counts. Labels are bounded: phases, causes, verbs and codes; never images, nodes or tasks.
package struct ExecutorMetrics: Sendable {
    let eventsPublished: Counter
    let eventsDropped: Counter
    let jobsCreated = Counter(label: "longshore_executor_jobs_created_total")
    let jobsAdopted = Counter(label: "longshore_executor_jobs_adopted_total")
    let jobsDeleted = Counter(label: "longshore_executor_jobs_deleted_total")
    let statusWrites = Counter(label: "longshore_executor_status_writes_total")
    let statusConflicts = Counter(label: "longshore_executor_status_conflicts_total")
    let claims = Counter(label: "longshore_executor_claims_total")
    let claimsLost = Counter(label: "longshore_executor_claims_lost_total")
    let leaseLosses = Counter(label: "longshore_executor_lease_losses_total")
    let submissions = Counter(label: "longshore_executor_submissions_total")
    let duplicates = Counter(label: "longshore_executor_submissions_duplicate_total")
    let expired = Counter(label: "longshore_executor_submissions_expired_total")
    let replayed = Counter(label: "longshore_executor_submissions_replayed_total")
    let commands = Counter(label: "longshore_executor_commands_total")
    let commandsDropped = Counter(label: "longshore_executor_commands_dropped_total")
    let orphansDeleted = Counter(label: "longshore_executor_orphans_deleted_total")
    let slotsAbandoned = Counter(label: "longshore_executor_slots_abandoned_total")
    private let running = Gauge(label: "longshore_executor_tasks_running")
    private let owned = Gauge(label: "longshore_executor_tasks_owned")
    private let stale = Gauge(label: "longshore_executor_slots_stale")

    package init() {
        self.init(factory: MetricsSystem.factory)
    }

    /// Makes metrics whose counts of events go to a factory of one's own.
    init(factory: any MetricsFactory) {
        eventsPublished = Counter(label: "longshore_executor_events_published_total", dimensions: [], factory: factory)
        eventsDropped = Counter(label: "longshore_executor_events_dropped_total", dimensions: [], factory: factory)
        // An alarm that watches for an increase never sees the first of a counter that appears with it.
        for phase in TaskPhase.allCases where phase.isTerminal { Self.ended(phase).increment(by: 0) }
        for cause in FailureCause.allCases { Self.nodeCounter("failed", cause.rawValue).increment(by: 0) }
        for result in ["succeeded", "failed", "skipped"] { Self.nodeCounter(result, "").increment(by: 0) }
    }

    /// How many slots are taken.
    func setRunning(tasks: Int) { running.record(tasks) }

    /// How many tasks have this executor as their owner in the cluster and have not ended there.
    func setOwned(tasks: Int) { owned.record(tasks) }

    /// How many slots are taken by tasks that have ended in the cluster for too long.
    func setStale(slots: Int) { stale.record(slots) }

    func taskEnded(_ phase: TaskPhase) {
        Self.ended(phase).increment()
    }

    private static func ended(_ phase: TaskPhase) -> Counter {
        Counter(label: "longshore_executor_tasks_ended_total", dimensions: [("phase", phase.rawValue)])
    }

    private static func nodeCounter(_ result: String, _ cause: String) -> Counter {
        Counter(label: "longshore_executor_nodes_ended_total", dimensions: [("result", result), ("cause", cause)])
    }

    func nodeEnded(_ kind: TaskEventDraft.Kind, cause: FailureCause?) {
        let result: String
        switch kind {
        case .nodeSucceeded: result = "succeeded"
        case .nodeFailed: result = "failed"
        case .nodeSkipped: result = "skipped"
        case .checking, .pulling, .progress, .paused, .succeeded, .failed, .cancelled, .rejected, .nodePulling: return
        }
        Self.nodeCounter(result, cause?.rawValue ?? "").increment()
    }

    /// Records a call of the API server; to be given to `KubernetesClient` as its observer.
    package static func record(_ call: APICall) {
        let dimensions = [("verb", call.verb), ("resource", call.resource), ("code", String(call.code))]
        let (seconds, attoseconds) = call.duration.components
        Timer(label: "longshore_kubernetes_request_seconds", dimensions: dimensions)
            .recordNanoseconds(seconds * 1_000_000_000 + attoseconds / 1_000_000_000)
    }
}
