import Synchronization

/// A token bucket for each name: so many requests a second on average, twice as many at once.
///
/// Thread safety: every method may be called from anywhere. Names come from the token file, so there are few.
final class RateLimiter: Sendable {
    private struct Bucket {
        var level: Double
        var filledAt: ContinuousClock.Instant
    }

    private let rate: Double
    private let buckets = Mutex<[String: Bucket]>([:])

    /// Makes a limiter.
    ///
    /// - Parameter rate: Requests a second; 0 or less limits nothing.
    init(rate: Double) { self.rate = rate }

    /// Takes one request out of a bucket.
    ///
    /// - Parameters:
    ///   - name: Whose bucket.
    ///   - now: The time.
    /// - Returns: Nil when the request may pass; else how long to wait.
    func take(_ name: String, at now: ContinuousClock.Instant = .now) -> Duration? {
        guard rate > 0 else { return nil }
        return buckets.withLock { buckets in
            var bucket = buckets[name] ?? Bucket(level: rate * 2, filledAt: now)
            let elapsed = bucket.filledAt.duration(to: now) / .seconds(1)
            bucket.level = min(rate * 2, bucket.level + max(0, elapsed) * rate)
            bucket.filledAt = max(now, bucket.filledAt)
            defer { buckets[name] = bucket }
            guard bucket.level >= 1 else { return .seconds((1 - bucket.level) / rate) }
            bucket.level -= 1
            return nil
        }
    }
}
