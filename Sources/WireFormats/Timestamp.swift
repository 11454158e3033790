/// A moment in time with microseconds, as Postgres and Kubernetes keep it. Arithmetic stops at the ends of its range.
package struct Timestamp: Sendable, Hashable, Comparable {
    /// Microseconds since 1970-01-01T00:00:00Z.
    package var microsecondsSinceEpoch: Int64

    /// A moment by its microseconds since 1970-01-01T00:00:00Z.
    package init(microsecondsSinceEpoch: Int64) { self.microsecondsSinceEpoch = microsecondsSinceEpoch }

    /// A moment by its whole seconds since 1970-01-01T00:00:00Z.
    package init(secondsSinceEpoch: Int64) {
        microsecondsSinceEpoch = secondsSinceEpoch.multipliedSaturating(by: 1_000_000)
    }

    /// Whole seconds since 1970-01-01T00:00:00Z, rounded down.
    package var secondsSinceEpoch: Int64 { Self.floorDivide(microsecondsSinceEpoch, by: 1_000_000) }

    /// Whole milliseconds since 1970-01-01T00:00:00Z, rounded down.
    package var millisecondsSinceEpoch: Int64 { Self.floorDivide(microsecondsSinceEpoch, by: 1_000) }

    package static func < (left: Timestamp, right: Timestamp) -> Bool {
        left.microsecondsSinceEpoch < right.microsecondsSinceEpoch
    }

    package static func + (time: Timestamp, duration: Duration) -> Timestamp {
        Timestamp(microsecondsSinceEpoch: time.microsecondsSinceEpoch.addingSaturating(microseconds(of: duration)))
    }

    package static func - (time: Timestamp, duration: Duration) -> Timestamp {
        let microseconds = microseconds(of: duration)
        return Timestamp(
            microsecondsSinceEpoch: time.microsecondsSinceEpoch.addingSaturating(
                microseconds == .min ? .max : -microseconds
            )
        )
    }

    package static func += (time: inout Timestamp, duration: Duration) { time = time + duration }

    package static func - (later: Timestamp, earlier: Timestamp) -> Duration { later.duration(since: earlier) }

    /// The time that passed from `earlier` to this moment; negative when `earlier` is the later one.
    package func duration(since earlier: Timestamp) -> Duration {
        let (difference, overflowed) = microsecondsSinceEpoch.subtractingReportingOverflow(
            earlier.microsecondsSinceEpoch
        )
        guard overflowed else { return .microseconds(difference) }
        return .microseconds(self > earlier ? Int64.max : Int64.min)
    }

    private static func microseconds(of duration: Duration) -> Int64 {
        let (seconds, attoseconds) = duration.components
        return seconds.multipliedSaturating(by: 1_000_000).addingSaturating(attoseconds / 1_000_000_000_000)
    }

    private static func floorDivide(_ value: Int64, by divisor: Int64) -> Int64 {
        let (quotient, remainder) = value.quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? quotient - 1 : quotient
    }
}

extension Int64 {
    fileprivate func multipliedSaturating(by factor: Int64) -> Int64 {
        let (product, overflowed) = multipliedReportingOverflow(by: factor)
        return overflowed ? ((self < 0) == (factor < 0) ? .max : .min) : product
    }

    fileprivate func addingSaturating(_ other: Int64) -> Int64 {
        let (sum, overflowed) = addingReportingOverflow(other)
        return overflowed ? (other < 0 ? .min : .max) : sum
    }
}
