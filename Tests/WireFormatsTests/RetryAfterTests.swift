import Testing
import WireFormats

@Suite("Retry-After")
struct RetryAfterTests {
    static let now = Timestamp(rfc3339: "1994-11-06T08:49:00Z")!

    @Test(
        "is read as seconds or as a date",
        arguments: [
            ("0", 0), ("120", 120), ("Sun, 06 Nov 1994 08:49:37 GMT", 37), ("Mon, 07 Nov 1994 08:49:00 GMT", 86_400),
            ("Sunday, 06-Nov-94 08:49:37 GMT", 37), ("Sun Nov  6 08:49:37 1994", 37),
            ("Monday, 07-Nov-94 08:49:00 GMT", 86_400), ("Sun Nov 13 08:49:00 1994", 604_800),
            ("0000000000000000000000120", 120), ("999999999", 999_999_999),
        ]
    )
    func reads(value: String, seconds: Int) {
        #expect(RetryAfter.duration(value, now: Self.now) == .seconds(seconds))
    }

    @Test(
        "is nothing otherwise",
        arguments: [
            "", "-1", "1.5", "soon",
            "Sunday, 06-Nov-94 08:48:37 GMT", "Sun Nov  6 08:48:37 1994",
            "Sunday, 06-Nov-1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37", "Sun Nov  6 08:49:37 94",
            "Sun, Nov  6 08:49:37 1994", "Sunday, 06-Nov-+4 08:49:37 GMT", "Sun, 06 Nov 1994 08:48:00 GMT",
            "Sun, 06 Nov 1994 08:49:37 PST",
            "Sun 06 Nov 1994 08:49:37 GMT",
            "Sun, 06 Foo 1994 08:49:37 GMT", "Sun, 36 Nov 1994 08:49:37 GMT", "１２",
        ]
    )
    func ignores(value: String) {
        #expect(RetryAfter.duration(value, now: Self.now) == nil)
    }

    @Test(
        "is a very long time with any number of digits",
        arguments: [
            "1000000000", "9223372036854775807", "9223372036854775808", "99999999999999999999",
            String(repeating: "9", count: 5_000),
        ]
    )
    func saturates(value: String) {
        #expect(RetryAfter.duration(value, now: Self.now) == RetryAfter.maximum)
    }

    @Test(
        "reads a year of two digits as the nearest to now",
        arguments: [
            ("2026-11-30T00:00:00Z", "76", 2_076), ("2026-11-30T00:00:00Z", "77", 1_977),
            ("2026-11-30T00:00:00Z", "26", 2_026), ("1999-12-31T23:59:59Z", "00", 2_000),
            ("1999-12-31T23:59:59Z", "94", 1_994),
        ]
    )
    func shortYears(now: String, digits: String, year: Int) throws {
        let now = try #require(Timestamp(rfc3339: now))
        let date = RetryAfter.date("Sunday, 06-Nov-\(digits) 08:49:37 GMT", now: now)
        #expect(date == Timestamp(rfc3339: "\(year)-11-06T08:49:37Z"))
    }

    @Test("says nothing as a date when the time is not known")
    func needsTime() {
        #expect(RetryAfter.duration("Sun, 06 Nov 1994 08:49:37 GMT", now: nil) == nil)
        #expect(RetryAfter.duration("5", now: nil) == .seconds(5))
    }
}
