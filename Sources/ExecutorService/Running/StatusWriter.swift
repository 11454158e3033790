import KubernetesAPI
import Logging
import Metrics
import Synchronization

/// Writes the status of one PullTask for as long as this executor owns it.
///
/// Every write carries the version of the last view. After a conflict the PullTask is read again: still owned, the change is
/// made to the newer view; otherwise nothing more is written.
final class StatusWriter: Sendable {
    /// What became of a write.
    enum Result: Sendable, Hashable {
        case written
        /// Somebody else owns the task.
        case lost
        /// The PullTask is gone.
        case deleted
        /// The executor's Lease has run out, or the runner was stopped.
        case stopped
    }

    private let client: KubernetesClient
    private let lease: LeaseKeeper
    private let identity: String
    private let metrics: ExecutorMetrics
    private let logger: Logger
    private let current: Mutex<PullTask>

    init(
        _ pullTask: PullTask,
        client: KubernetesClient,
        lease: LeaseKeeper,
        identity: String,
        metrics: ExecutorMetrics,
        logger: Logger
    ) {
        self.client = client
        self.lease = lease
        self.identity = identity
        self.metrics = metrics
        self.logger = logger
        current = Mutex(pullTask)
    }

    /// The PullTask as of the last write.
    var pullTask: PullTask { current.withLock { $0 } }

    /// Changes the status. At most one write may be under way.
    ///
    /// - Parameter change: What to change; may be called several times, each time on a newer view.
    /// - Returns: What became of it; an API server that is away is waited for.
    func write(_ change: @Sendable (inout PullTaskStatus) -> Void) async -> Result {
        var attempt = 0
        var isTooLarge = false
        while true {
            guard !Task.isCancelled, lease.isValid else { return .stopped }
            var next = current.withLock { $0 }
            change(&next.status)
            if isTooLarge { next.status.removeNodes() }
            do throws(KubernetesError) {
                let written = try await client.replaceStatus(next)
                metrics.statusWrites.increment()
                current.withLock { $0 = written }
                return .written
            } catch {
                if error.reason == .notFound { return .deleted }
                if error.reason == .conflict {
                    metrics.statusConflicts.increment()
                    if let result = await refresh() { return result }
                    continue
                }
                if !isTooLarge, error.reason == .requestEntityTooLarge || error.reason == .invalid {
                    // Better a record from which the task is checked anew than none.
                    logger.error("The status was refused; it goes without its nodes", metadata: ["error": "\(error)"])
                    isTooLarge = true
                    continue
                }
                attempt += 1
                if attempt == 1 || attempt.isMultiple(of: 20) {
                    logger.warning("The status could not be written", metadata: ["error": "\(error)"])
                }
                try? await Task.sleep(for: .milliseconds(min(100 << min(attempt, 6), 5_000)))
            }
        }
    }

    /// Reads the PullTask again; a result when there is nothing more to write.
    private func refresh() async -> Result? {
        let known = current.withLock { $0 }
        do throws(KubernetesError) {
            let fresh = try await client.getIfPresent(
                PullTask.self,
                name: known.metadata.name ?? "",
                namespace: known.metadata.namespace
            )
            guard let fresh, fresh.metadata.uid == known.metadata.uid else { return .deleted }
            guard fresh.status.owner?.identity == identity else { return .lost }
            current.withLock { $0 = fresh }
            return nil
        } catch {
            try? await Task.sleep(for: .milliseconds(200))
            return nil
        }
    }
}
