import Foundation

/// By how much every wait of the tests is longer than it says: `LONGSHORE_TEST_PATIENCE`, 1 when it is not set. Sanitizers and
/// machines that are shared with others are slower than the one in front of you; a wait that is met ends at once either way.
package let testPatience = max(1, ProcessInfo.processInfo.environment["LONGSHORE_TEST_PATIENCE"].flatMap(Int.init) ?? 1)

/// Waits for a condition to become true, looking every few milliseconds.
///
/// - Parameters:
///   - timeout: How long to wait before giving up, times ``testPatience``. Generous by default: the machine may be busy.
///   - interval: The pause between two looks.
///   - what: Named in the error.
///   - condition: Looked at in the caller's isolation. Errors from it end the wait.
/// - Throws: ``TestSupportError`` when the time is over.
package func waitUntil(
    timeout: Duration = .seconds(30),
    interval: Duration = .milliseconds(5),
    _ what: String = "the condition",
    _ condition: () async throws -> Bool
) async throws {
    let timeout = timeout * testPatience
    let deadline = ContinuousClock.now + timeout
    while true {
        if try await condition() { return }
        guard ContinuousClock.now < deadline else {
            throw TestSupportError("gave up waiting for \(what) after \(timeout)")
        }
        try await Task.sleep(for: interval)
    }
}

/// Waits until a value is there, looking every few milliseconds; `timeout` is multiplied by ``testPatience``.
///
/// - Throws: ``TestSupportError`` when the time is over.
package func waitForValue<Value>(
    timeout: Duration = .seconds(30),
    interval: Duration = .milliseconds(5),
    _ what: String = "the value",
    _ value: () async throws -> Value?
) async throws -> Value {
    let timeout = timeout * testPatience
    let deadline = ContinuousClock.now + timeout
    while true {
        if let found = try await value() { return found }
        guard ContinuousClock.now < deadline else {
            throw TestSupportError("gave up waiting for \(what) after \(timeout)")
        }
        try await Task.sleep(for: interval)
    }
}
