import Testing
import WireFormats

@Suite("Retry-After")
struct RetryAfterTests {
    static let now = Timestamp(rfc3339: "1994-11-06T08:49:00Z")!

    @Test(
        "is read as seconds or as a date",
        arguments: [
            ("0", 0), ("120", 120), ("Sun, 06 Nov 1994 08:49:37 GMT", 37), ("Mon, 07 Nov 1994 08:49:00 GMT", 86_400),
        ]
    )
    func reads(value: String, seconds: Int) {
        #expect(RetryAfter.duration(value, now: Self.now) == .seconds(seconds))
    }

    @Test(
        "is nothing otherwise",
        arguments: [
            "", "-1", "1.5", "soon", "Sun, 06 Nov 1994 08:48:00 GMT", "Sun, 06 Nov 1994 08:49:37 PST",
            "Sun 06 Nov 1994 08:49:37 GMT",
            "Sun, 06 Foo 1994 08:49:37 GMT", "Sun, 36 Nov 1994 08:49:37 GMT", "99999999999999999999", "１２",
        ]
    )
    func ignores(value: String) {
        #expect(RetryAfter.duration(value, now: Self.now) == nil)
    }

    @Test("says nothing as a date when the time is not known")
    func needsTime() {
        #expect(RetryAfter.duration("Sun, 06 Nov 1994 08:49:37 GMT", now: nil) == nil)
        #expect(RetryAfter.duration("5", now: nil) == .seconds(5))
    }
}
