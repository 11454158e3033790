/// The header `Retry-After` (RFC 9110 §10.2.3).
package enum RetryAfter {
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// How long to wait: a number of seconds, or the time until an HTTP date.
    ///
    /// - Parameters:
    ///   - value: the header's value.
    ///   - now: the time that a date is compared with; best the answer's own `Date`, so that no two clocks have to agree.
    ///     Without it a date says nothing.
    /// - Returns: the wait; nil for anything else and for the past.
    package static func duration(_ value: String, now: Timestamp?) -> Duration? {
        let text = value.filter { $0 != "\t" }
        if !text.isEmpty, text.utf8.count <= 9, text.utf8.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }) {
            return Int64(text).map { .seconds($0) }
        }
        guard let now, let date = date(text), date > now else { return nil }
        return date.duration(since: now)
    }

    /// Reads an IMF-fixdate, the one form of a date that may be generated: `Sun, 06 Nov 1994 08:49:37 GMT`.
    ///
    /// - Parameter text: the value of a header such as `Date`.
    /// - Returns: the time; nil for anything else.
    package static func date(_ text: String) -> Timestamp? {
        let parts = text.split(separator: " ", omittingEmptySubsequences: true)
        guard parts.count == 6, parts[0].hasSuffix(","), parts[5] == "GMT",
            let month = months.firstIndex(of: String(parts[2]))
        else { return nil }
        let number = month + 1 < 10 ? "0\(month + 1)" : "\(month + 1)"
        return Timestamp(rfc3339: "\(parts[3])-\(number)-\(parts[1])T\(parts[4])Z")
    }
}
