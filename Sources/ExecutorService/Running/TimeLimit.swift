/// An operation took too long.
struct TimeLimitExceeded: Error, CustomStringConvertible {
    let limit: Duration
    var description: String { "no answer within \(limit)" }
}

/// Runs an operation that heeds cancellation, for at most so long.
///
/// - Parameters:
///   - limit: The longest time.
///   - body: The operation.
/// - Returns: What the operation returned.
/// - Throws: What the operation threw, or ``TimeLimitExceeded``.
func withTimeout<Value: Sendable>(
    _ limit: Duration,
    _ body: @Sendable @escaping () async throws -> Value
) async throws -> Value {
    try await withThrowingTaskGroup(of: Value.self) { group in
        group.addTask { try await body() }
        group.addTask {
            try await Task.sleep(for: limit)
            throw TimeLimitExceeded(limit: limit)
        }
        defer { group.cancelAll() }
        guard let first = try await group.next() else { throw CancellationError() }
        return first
    }
}

/// Waits for a task that others wait for too, until this task is cancelled.
///
/// - Parameter task: It goes on when this task is cancelled.
/// - Returns: What the task returned.
/// - Throws: What the task threw, or `CancellationError` as soon as this task is cancelled.
func valueUnlessCancelled<Value: Sendable>(of task: Task<Value, any Error>) async throws -> Value {
    let (results, continuation) = AsyncStream<Result<Value, any Error>>.makeStream()
    Task {
        continuation.yield(await task.result)
        continuation.finish()
    }
    // The stream ends without a result when this task is cancelled.
    for await result in results { return try result.get() }
    throw CancellationError()
}
