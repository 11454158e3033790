import Logging
import LongshoreDomain
import ServiceRuntime
import Synchronization

/// Writes the outcomes of attempts, those that come together in one transaction.
final class ResultWriter: Sendable {
    private struct State {
        var pending: [(result: DeliveryResult, continuation: CheckedContinuation<Void, Never>)] = []
        var isWriting = false
    }

    private static let maximumBatch = 200

    private let store: DeliveryStore
    private let owner: String
    private let patience: Duration
    private let metrics: NotifierMetrics
    private let logger: Logger
    private let state = Mutex(State())

    /// Makes a writer. `patience` is how long an outcome is tried to be written; beyond the lease another notifier sends again.
    init(store: DeliveryStore, owner: String, patience: Duration, metrics: NotifierMetrics, logger: Logger) {
        self.store = store
        self.owner = owner
        self.patience = patience
        self.metrics = metrics
        self.logger = logger
    }

    /// Writes an outcome; returns when it is written or given up. Not ended by cancellation: what was sent must be known.
    func write(_ result: DeliveryResult) async {
        await withCheckedContinuation { continuation in
            let leads = state.withLock { state in
                state.pending.append((result, continuation))
                defer { state.isWriting = true }
                return !state.isWriting
            }
            // Unstructured, so that the cancellation of a sender does not cancel the writing.
            if leads { Task { await self.writePending() } }
        }
    }

    private func writePending() async {
        while true {
            let batch = state.withLock { state in
                let batch = Array(state.pending.prefix(Self.maximumBatch))
                state.pending.removeFirst(batch.count)
                if batch.isEmpty { state.isWriting = false }
                return batch
            }
            guard !batch.isEmpty else { return }
            await write(batch.map(\.result))
            for item in batch { item.continuation.resume() }
        }
    }

    private func write(_ results: [DeliveryResult]) async {
        let deadline = ContinuousClock.now + patience
        var delay = Duration.milliseconds(100)
        while true {
            do {
                try await store.complete(results, owner: owner)
                for result in results where result.phase.isTerminal { metrics.finished(result.phase) }
                return
            } catch {
                metrics.problem("database")
                let halfway = StopRequest.current?.halfway
                guard ContinuousClock.now + delay < min(deadline, halfway ?? deadline) else {
                    metrics.problem("outcome_lost", count: results.count)
                    logger.error(
                        "Outcomes could not be written; the deliveries will be sent again",
                        metadata: ["count": "\(results.count)", "\(LogKey.error)": "\(error)"]
                    )
                    return
                }
                try? await Task.sleep(for: delay)
                delay = min(delay * 2, .seconds(5))
            }
        }
    }
}
