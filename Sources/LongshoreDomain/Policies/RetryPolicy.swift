/// How long to wait before a failed node is tried again.
package struct RetryPolicy: Sendable, Hashable {
    /// How the delay grows from one attempt to the next.
    package enum Strategy: String, Sendable, Hashable, CaseIterable {
        /// `base`, twice `base`, three times `base` …
        case linear
        /// `base`, twice `base`, four times `base` …
        case exponential
    }

    /// How the delay grows.
    package var strategy: Strategy
    /// The delay after the first attempt.
    package var base: Duration
    /// The longest delay, before jitter.
    package var cap: Duration
    /// How far a delay may differ from its nominal length, as a share of it: 0.1 is ±10 %. Many nodes that fail together
    /// must not come back together.
    package var jitter: Double

    /// Makes a policy; negative durations count as zero, `jitter` is kept within 0 and 1.
    package init(strategy: Strategy, base: Duration, cap: Duration, jitter: Double = 0.1) {
        self.strategy = strategy
        self.base = max(base, .zero)
        self.cap = max(cap, .zero)
        self.jitter = min(max(jitter, 0), 1)
    }

    /// The delay between the end of an attempt and the next.
    ///
    /// - Parameters:
    ///   - attempt: The attempt that failed, from 1.
    ///   - random: A random number from 0 up to, not including, 1.
    /// - Returns: The delay with its jitter; never negative.
    package func delay(afterAttempt attempt: Int, random: Double) -> Duration {
        let steps = max(attempt, 1) - 1
        let nominal =
            switch strategy {
            case .linear: Self.capped(base, times: steps + 1, cap: cap)
            case .exponential: Self.capped(base, times: 1 << min(steps, 30), cap: cap)
            }
        return nominal.spread(by: jitter, random: random)
    }

    /// `duration * factor`, at most `cap`, without overflow.
    private static func capped(_ duration: Duration, times factor: Int, cap: Duration) -> Duration {
        if duration > cap / factor { return cap }
        return min(duration * factor, cap)
    }
}
