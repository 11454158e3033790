/// Runs an operation and stops waiting for it after a time.
///
/// A task group would wait for its children, and a thread inside a C call cannot be interrupted: the operation is left
/// to itself.
///
/// - Returns: Whether the operation ended in time.
func withDeadline(_ limit: Duration, _ operation: @escaping @Sendable () async -> Void) async -> Bool {
    await withCheckedContinuation { continuation in
        let answer = FirstAnswer<Bool>()
        answer.wait(continuation)
        let timer = Task {
            try? await Task.sleep(for: limit)
            answer.give(false)
        }
        Task {
            await operation()
            answer.give(true)
            timer.cancel()
        }
    }
}
