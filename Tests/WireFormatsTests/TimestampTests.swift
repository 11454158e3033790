import Testing

@testable import WireFormats

@Suite("Timestamps")
struct TimestampTests {
    static let readable: [(String, Int64)] = [
        ("1970-01-01T00:00:00Z", 0),
        ("1969-12-31T23:59:59.999999Z", -1),
        ("2026-11-21T01:02:03Z", 1_795_222_923_000_000),
        ("2026-11-21T01:02:03.5Z", 1_795_222_923_500_000),
        ("2026-11-21T01:02:03.123456789Z", 1_795_222_923_123_456),
        ("2026-11-21T02:02:03+01:00", 1_795_222_923_000_000),
        ("2026-11-20T19:32:03-05:30", 1_795_222_923_000_000),
        ("2026-11-21t01:02:03z", 1_795_222_923_000_000),
        ("2024-02-29T00:00:00Z", 1_709_164_800_000_000),
        ("2000-02-29T00:00:00Z", 951_782_400_000_000),
        ("2016-12-31T23:59:60Z", 1_483_228_800_000_000),
        ("0001-01-01T00:00:00Z", -62_135_596_800_000_000),
        ("9999-12-31T23:59:59Z", 253_402_300_799_000_000),
    ]

    @Test("are read from RFC 3339", arguments: readable)
    func read(text: String, microseconds: Int64) {
        #expect(Timestamp(rfc3339: text)?.microsecondsSinceEpoch == microseconds)
    }

    @Test(
        "are not read from anything else",
        arguments: [
            "", "2026-11-21", "2026-11-21T01:02:03", "2026-11-21T01:02Z", "2026-13-01T00:00:00Z",
            "2026-02-29T00:00:00Z",
            "1900-02-29T00:00:00Z", "2026-00-01T00:00:00Z", "2026-01-00T00:00:00Z", "2026-01-01T24:00:00Z",
            "2026-01-01T00:60:00Z",
            "2026-01-01T00:00:61Z", "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00+1:00", "2026-01-01T00:00:00+24:00",
            "26-01-01T00:00:00Z",
            "2026-01-01T00:00:00ZZ", "2026-01-01T00:00:00Z ", "+026-01-01T00:00:00Z", "२०२६-01-01T00:00:00Z",
            "2026-01-01T00:00:00+0100", "0000-12-31T23:59:59Z", "0001-01-01T00:00:00+00:01",
            "9999-12-31T23:59:59-00:01", "9999-12-31T23:59:60Z",
        ]
    )
    func refuse(text: String) {
        #expect(Timestamp(rfc3339: text) == nil)
    }

    @Test("are written with as many digits as they need")
    func write() {
        let time = Timestamp(microsecondsSinceEpoch: 1_795_222_923_000_000)
        #expect(time.rfc3339 == "2026-11-21T01:02:03Z")
        #expect((time + .milliseconds(5)).rfc3339 == "2026-11-21T01:02:03.005Z")
        #expect((time + .microseconds(5)).rfc3339 == "2026-11-21T01:02:03.000005Z")
        #expect((time + .microseconds(5)).rfc3339Seconds == "2026-11-21T01:02:03Z")
        #expect(time.rfc3339Micro == "2026-11-21T01:02:03.000000Z")
    }

    @Test("come back from their text over four centuries")
    func roundTrip() {
        for day in stride(from: -74_000 as Int64, through: 74_000, by: 1) {
            let time = Timestamp(microsecondsSinceEpoch: day * 86_400_000_000 + 86_399_999_999)
            #expect(Timestamp(rfc3339: time.rfc3339) == time)
        }
    }

    @Test("add and subtract durations, and stop at the ends of their range")
    func arithmetic() {
        let time = Timestamp(secondsSinceEpoch: 100)
        #expect(time + .seconds(1.5) == Timestamp(microsecondsSinceEpoch: 101_500_000))
        #expect(time - .seconds(200) == Timestamp(secondsSinceEpoch: -100))
        #expect((time + .seconds(5)).duration(since: time) == .seconds(5))
        #expect(time - (time + .seconds(5)) == .seconds(-5))
        let last = Timestamp(microsecondsSinceEpoch: .max)
        let first = Timestamp(microsecondsSinceEpoch: .min)
        #expect(last + .seconds(1) == last)
        #expect(first - .seconds(1) == first)
        #expect(time + .seconds(Int64.max) == last)
        #expect(time - .seconds(Int64.max) < time)
        #expect(last.duration(since: first) > .zero)
        #expect(!first.rfc3339.isEmpty)
        #expect(!last.rfc3339.isEmpty)
    }

    @Test("give whole seconds rounded down")
    func wholeSeconds() {
        #expect(Timestamp(microsecondsSinceEpoch: -1).secondsSinceEpoch == -1)
        #expect(Timestamp(microsecondsSinceEpoch: 1_999_999).secondsSinceEpoch == 1)
        #expect(Timestamp(microsecondsSinceEpoch: -1).millisecondsSinceEpoch == -1)
    }
}
