/// A bounded number of threads for C calls that may block and need not run in order.
///
/// Threads start when there is work for them and end after ``shutdown()`` or when the pool is released.
///
/// Thread safety: every method may be called from any thread.
package final class BlockingThreadPool: Sendable {
    private let queue: WorkerQueue
    private let gate: AsyncGate
    private let queueLimit: Int

    /// Makes a pool whose threads have not started yet.
    ///
    /// - Parameters:
    ///   - label: The threads' name; Linux shows its first 15 bytes.
    ///   - threads: The most threads, at least 1.
    ///   - queueLimit: The most closures that wait for a thread, at least 0; beyond it callers of ``run(_:)`` are
    ///     suspended.
    package init(label: String, threads: Int, queueLimit: Int) {
        precondition(queueLimit >= 0, "The queue limit is negative")
        self.queue = WorkerQueue(label: label, maximumThreads: threads)
        self.gate = AsyncGate(permits: threads + queueLimit)
        self.queueLimit = queueLimit
    }

    deinit {
        self.queue.shutdown()
    }

    /// Runs a closure on one of the threads and returns what it returns.
    ///
    /// When the queue is full the caller is suspended, in order of arrival, until there is room. The closure always
    /// runs to its end; cancelling the calling task does not interrupt it.
    ///
    /// - Parameter body: Synchronous code that may block.
    /// - Returns: The closure's result.
    /// - Throws: What the closure throws.
    package func run<Success: Sendable, Failure: Error>(
        _ body: @Sendable @escaping () throws(Failure) -> Success
    ) async throws(Failure) -> Success {
        await self.gate.enter()
        return try await self.runAdmitted(body)
    }

    /// Like ``run(_:)``, but gives up at once when the queue is full.
    ///
    /// - Parameter body: Synchronous code that may block.
    /// - Returns: The closure's result, or `nil` when the queue is full.
    /// - Throws: What the closure throws.
    package func runIfRoom<Success: Sendable, Failure: Error>(
        _ body: @Sendable @escaping () throws(Failure) -> Success
    ) async throws(Failure) -> Success? {
        guard self.gate.tryEnter() else { return nil }
        return try await self.runAdmitted(body)
    }

    /// Finishes the queued work and lets the threads end; returns at once. Work handed over later still runs.
    package func shutdown() {
        self.queue.shutdown()
    }

    private func runAdmitted<Success: Sendable, Failure: Error>(
        _ body: @Sendable @escaping () throws(Failure) -> Success
    ) async throws(Failure) -> Success {
        let result: Result<Success, Failure> = await withCheckedContinuation { continuation in
            self.queue.add {
                let result = Result(catching: body)
                // Left before the caller goes on, so that a caller that returns finds its place free.
                self.gate.leave()
                continuation.resume(returning: result)
            }
        }
        return try result.get()
    }
}
