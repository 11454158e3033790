import FoundationEssentials
package import WireFormats

/// Tells the calendar time. Services take one, so that tests decide what time it is.
///
/// Durations are measured with a Swift `Clock`; this protocol is only for instants that leave the process
/// (`acceptedAt`, `expirytime`, Lease renewal times) and may jump when the machine's clock is set.
package protocol WallClock: Sendable {
    /// The current instant, in microseconds since 1970-01-01T00:00:00Z.
    func now() -> Timestamp
}

/// The machine's real-time clock.
package struct SystemWallClock: WallClock {
    /// Creates the clock; it holds no state.
    package init() {}

    /// The machine's current time, as `CLOCK_REALTIME` tells it, rounded down to a microsecond.
    package func now() -> Timestamp {
        Timestamp(microsecondsSinceEpoch: Int64((Date().timeIntervalSince1970 * 1_000_000).rounded(.down)))
    }
}
