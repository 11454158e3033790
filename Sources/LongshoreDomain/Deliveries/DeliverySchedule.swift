/// When attempts of a delivery follow each other.
package struct DeliverySchedule: Sendable, Hashable {
    /// The wait before each attempt, the first included.
    package var delays: [Duration]
    /// How far a wait may differ from its nominal length, as a share of it.
    package var jitter: Double
    /// The longest `Retry-After` that is honoured.
    package var retryAfterCap: Duration

    /// Makes a schedule; it has at least one attempt.
    package init(delays: [Duration], jitter: Double = 0.2, retryAfterCap: Duration = .seconds(3_600)) {
        self.delays = delays.isEmpty ? [.zero] : delays.map { max($0, .zero) }
        self.jitter = min(max(jitter, 0), 1)
        self.retryAfterCap = max(retryAfterCap, .zero)
    }

    /// At once, then after 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h and 24 h (the Standard Webhooks table), ±20 %.
    package static let standard = DeliverySchedule(
        delays: [0, 5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400].map { .seconds($0) }
    )

    /// The most attempts.
    package var maximumAttempts: Int { delays.count }

    /// The wait after an attempt that failed.
    ///
    /// - Parameters:
    ///   - attempt: The attempt that failed, from 1.
    ///   - retryAfter: What the receiver asked for; it can only make the wait longer, up to ``retryAfterCap``.
    ///   - random: A random number from 0 up to, not including, 1.
    /// - Returns: The wait, or `nil` when that was the last attempt.
    package func delay(afterAttempt attempt: Int, retryAfter: Duration?, random: Double) -> Duration? {
        guard attempt < delays.count else { return nil }
        let nominal = delays[max(attempt, 0)]
        let jittered = nominal.spread(by: jitter, random: random)
        guard let retryAfter else { return jittered }
        return max(jittered, min(retryAfter, retryAfterCap))
    }
}
