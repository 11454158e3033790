/// The header `Retry-After` (RFC 9110 §10.2.3).
package enum RetryAfter {
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// The longest wait that is told apart from longer ones: about 31 years. Whoever waits has a limit far below.
    package static let maximum = Duration.seconds(1_000_000_000)

    /// How long to wait: a number of seconds, or the time until an HTTP date.
    ///
    /// - Parameters:
    ///   - value: the header's value.
    ///   - now: the time that a date is compared with; best the answer's own `Date`, so that no two clocks have to agree.
    ///     Without it a date says nothing.
    /// - Returns: the wait, at most ``maximum``; nil for anything else and for the past.
    package static func duration(_ value: String, now: Timestamp?) -> Duration? {
        let text = value.filter { $0 != "\t" }
        if isNumber(text) {
            let digits = text.utf8.drop { $0 == UInt8(ascii: "0") }
            // However many digits: it is a long time.
            guard digits.count <= 10, let seconds = Int64(text.suffix(10)) else { return maximum }
            return min(.seconds(seconds), maximum)
        }
        guard let now, let date = date(text, now: now), date > now else { return nil }
        return min(date.duration(since: now), maximum)
    }

    /// Reads a date as ``date(_:now:)`` does when no time is known.
    package static func date(_ text: String) -> Timestamp? { date(text, now: nil) }

    /// Reads a date in any of the three forms that must be understood (RFC 9110 §5.6.7): `Sun, 06 Nov 1994 08:49:37 GMT`,
    /// `Sunday, 06-Nov-94 08:49:37 GMT` and `Sun Nov  6 08:49:37 1994`.
    ///
    /// - Parameters:
    ///   - text: the value of a header such as `Date`.
    ///   - now: the year to which one of two digits is nearest: it lies less than fifty years after it, or before it.
    ///     Without it the years are 1970 to 2069.
    /// - Returns: the time; nil for anything else.
    package static func date(_ text: String, now: Timestamp?) -> Timestamp? {
        let parts = text.split(separator: " ", omittingEmptySubsequences: true)
        guard let weekday = parts.first else { return nil }
        switch (parts.count, weekday.hasSuffix(",")) {
        case (6, true) where parts[5] == "GMT":
            return time(year: parts[3], month: parts[2], day: parts[1], clock: parts[4])
        case (4, true) where parts[3] == "GMT":
            let date = parts[1].split(separator: "-", omittingEmptySubsequences: false)
            guard date.count == 3, let year = fullYear(date[2], now: now) else { return nil }
            return time(year: "\(year)", month: date[1], day: date[0], clock: parts[2])
        case (5, false):
            let day = parts[2].utf8.count == 1 ? "0\(parts[2])" : parts[2]
            return time(year: parts[4], month: parts[1], day: day, clock: parts[3])
        default:
            return nil
        }
    }

    private static func time(year: Substring, month: Substring, day: Substring, clock: Substring) -> Timestamp? {
        guard let index = months.firstIndex(of: String(month)) else { return nil }
        let number = index + 1 < 10 ? "0\(index + 1)" : "\(index + 1)"
        return Timestamp(rfc3339: "\(year)-\(number)-\(day)T\(clock)Z")
    }

    private static func fullYear(_ digits: Substring, now: Timestamp?) -> Int? {
        guard digits.utf8.count == 2, isNumber(digits), let short = Int(digits) else { return nil }
        // A year has 31,556,952 seconds on average; the day on which it changes does not matter here.
        let current = now.map { 1_970 + Int($0.secondsSinceEpoch / 31_556_952) } ?? 2_019
        let year = current - current % 100 + short
        if year > current + 50 { return year - 100 }
        return year <= current - 50 ? year + 100 : year
    }

    private static func isNumber(_ text: some StringProtocol) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }
    }
}
