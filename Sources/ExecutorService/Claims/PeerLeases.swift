import LongshoreDomain

/// Judges whether other executors are alive by what changes, not by what their clocks say.
///
/// A Lease that was not seen to change for its duration has run out, whatever times stand in it: clocks may disagree
/// and jump. An executor that has just started waits that long before it takes anything from anyone.
struct PeerLeases: Sendable {
    private struct Sighting: Sendable {
        var version: String
        var changedAt: ContinuousClock.Instant
        var duration: Duration
    }

    private var sightings: [String: Sighting] = [:]
    /// Since when a Lease is missing.
    private var missing: [String: ContinuousClock.Instant] = [:]
    private let defaultDuration: Duration

    init(defaultDuration: Duration) {
        self.defaultDuration = defaultDuration
    }

    /// A Lease was seen.
    mutating func observe(_ identity: String, version: String, duration: Duration?, at now: ContinuousClock.Instant) {
        missing[identity] = nil
        let duration = max(duration ?? defaultDuration, .seconds(1))
        if sightings[identity]?.version == version {
            sightings[identity]?.duration = duration
        } else {
            sightings[identity] = Sighting(version: version, changedAt: now, duration: duration)
        }
    }

    /// A Lease was deleted, as an executor does when it stops.
    mutating func remove(_ identity: String, at now: ContinuousClock.Instant) {
        sightings[identity] = nil
        if missing[identity] == nil { missing[identity] = now }
    }

    /// Whether what the executor owns may be taken.
    ///
    /// - Parameters:
    ///   - identity: The executor.
    ///   - now: The moment, by a clock that does not jump.
    /// - Returns: Whether its Lease has not changed, or has not been there, for its duration. The first time that a missing
    ///   one is asked for starts its time.
    mutating func isExpired(_ identity: String, at now: ContinuousClock.Instant) -> Bool {
        if let sighting = sightings[identity] {
            return now - sighting.changedAt > sighting.duration
        }
        guard let since = missing[identity] else {
            missing[identity] = now
            return false
        }
        return now - since > defaultDuration
    }

    /// The executors whose Leases are being renewed.
    func living(at now: ContinuousClock.Instant) -> [String] {
        sightings.filter { now - $0.value.changedAt <= $0.value.duration }.keys.sorted()
    }
}
