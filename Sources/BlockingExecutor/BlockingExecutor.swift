import Synchronization

/// One dedicated thread for C calls that may block.
///
/// Swift's cooperative pool has one thread per core and does not grow, so a call that waits in C must not run there.
/// The executor can isolate an actor (`unownedExecutor`), be a task's preference
/// (`withTaskExecutorPreference`), or run single closures with ``run(_:)``. All three share the one thread and run in
/// the order in which they were handed over.
///
/// The thread starts with the first work. It ends after ``shutdown()`` or when the executor is released, always after
/// the work that is queued. Work handed over later than that still runs.
///
/// Thread safety: every method may be called from any thread.
package final class BlockingExecutor: SerialExecutor, TaskExecutor, Sendable {
    private let queue: WorkerQueue

    /// Makes an executor whose thread has not started yet.
    ///
    /// - Parameter label: The thread's name; Linux shows its first 15 bytes.
    package init(label: String) {
        self.queue = WorkerQueue(label: label, maximumThreads: 1)
    }

    deinit {
        // Queued items hold the executor strongly: the queue is empty here and only the thread is left to end.
        self.queue.shutdown()
    }

    /// Work that waits for the thread.
    package var queueDepth: Int { self.queue.depth }

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        // The closure holds the executor: the unowned reference below must stay valid until the job has run.
        self.queue.add {
            job.runSynchronously(
                isolatedTo: self.asUnownedSerialExecutor(),
                taskExecutor: self.asUnownedTaskExecutor()
            )
        }
    }

    package func asUnownedSerialExecutor() -> UnownedSerialExecutor {
        UnownedSerialExecutor(ordinary: self)
    }

    package func asUnownedTaskExecutor() -> UnownedTaskExecutor {
        UnownedTaskExecutor(ordinary: self)
    }

    /// Runs a closure on the thread and returns what it returns.
    ///
    /// The closure always runs to its end; cancelling the calling task does not interrupt it, so bound every wait inside.
    ///
    /// - Parameter body: Synchronous code that may block.
    /// - Returns: The closure's result.
    /// - Throws: What the closure throws.
    package func run<Success: Sendable, Failure: Error>(
        _ body: @Sendable @escaping () throws(Failure) -> Success
    ) async throws(Failure) -> Success {
        let result: Result<Success, Failure> = await withCheckedContinuation { continuation in
            self.queue.add { continuation.resume(returning: Result(catching: body)) }
        }
        return try result.get()
    }

    /// Hands a closure over and returns at once.
    ///
    /// - Parameter body: Synchronous code that may block.
    package func submit(_ body: @Sendable @escaping () -> Void) {
        self.queue.add(body)
    }

    /// Finishes the queued work and lets the thread end; returns at once.
    package func shutdown() {
        self.queue.shutdown()
    }

    /// Shuts down and returns when the thread has ended.
    package func shutdownAndWait() async {
        self.queue.shutdown()
        await self.queue.waitUntilIdle()
    }
}
