/// When and how soon a failed request is sent again.
package struct RequestRetryPolicy: Sendable, Hashable {
    /// The most attempts for one call, the first included; 5 by default, 1 for none but the first.
    package var maximumAttempts: Int
    /// The pause after the first attempt; 200 ms by default, doubled each time.
    package var baseDelay: Duration
    /// The longest pause of our own choice; 10 s by default.
    package var maximumDelay: Duration
    /// The longest pause that a server's `Retry-After` can impose; 60 s by default. A longer one ends the call.
    package var maximumRetryAfter: Duration

    /// Creates a policy.
    package init(
        maximumAttempts: Int = 5,
        baseDelay: Duration = .milliseconds(200),
        maximumDelay: Duration = .seconds(10),
        maximumRetryAfter: Duration = .seconds(60)
    ) {
        self.maximumAttempts = max(1, maximumAttempts)
        self.baseDelay = baseDelay
        self.maximumDelay = maximumDelay
        self.maximumRetryAfter = maximumRetryAfter
    }

    /// The pause before the next attempt.
    ///
    /// - Parameters:
    ///   - attempt: How many attempts have failed, from 1.
    ///   - error: What the last one failed with.
    ///   - isRepeatable: Whether sending the request twice does no more than sending it once.
    ///   - random: A number from 0 up to 1, for the jitter.
    /// - Returns: The pause; `nil` when there is to be no other attempt.
    package func delay(
        afterAttempt attempt: Int,
        error: KubernetesError,
        isRepeatable: Bool,
        random: Double
    ) -> Duration? {
        guard attempt < maximumAttempts, error.isRetryable else { return nil }
        // A 429 was turned away before anything was done, and so was what never left this machine.
        let wasNotDone = error.reason == .tooManyRequests || error.isSurelyUnsent
        guard isRepeatable || wasNotDone else { return nil }
        let own = backoff(afterAttempt: attempt, random: random)
        guard let asked = error.retryAfter else { return own }
        guard asked <= maximumRetryAfter else { return nil }
        // Everybody is told the same time: the jitter comes on top of it.
        return max(own, asked + asked * (0.1 * random))
    }

    /// The pause after `attempt` failures: doubled each time, between one half and the whole of it.
    package func backoff(afterAttempt attempt: Int, random: Double) -> Duration {
        let doublings = min(max(attempt, 1) - 1, 20)
        let full = min(baseDelay * (1 << doublings), maximumDelay)
        return full * (0.5 + 0.5 * random)
    }
}
