import Redaction
import Testing

@testable import OCIRegistry

@Suite struct TokenAnswerTests {
    private static let date = "Sun, 06 Nov 1994 08:49:37 GMT"

    /// The seconds of a token's life, a tenth of which is kept back.
    @Test(
        arguments: [
            ("", 60), (#","expires_in":300"#, 300), (#","expires_in":300.0"#, 300), (#","expires_in":0"#, 60),
            (#","expires_in":-1"#, 60), (#","expires_in":-9223372036854775808"#, 60), (#","expires_in":1"#, 60),
            (#","expires_in":59.9"#, 60), (#","expires_in":null"#, 60), (#","expires_in":"300""#, 60),
            (#","expires_in":[300]"#, 60), (#","expires_in":3601"#, 3600),
            (#","expires_in":9223372036854775807"#, 3600),
            (#","expires_in":1e300"#, 3600), (#","expires_in":99999999999999999999999"#, 3600),
            // The time runs from the token's issue, by the server's own clock.
            (#","expires_in":300,"issued_at":"1994-11-06T08:47:37Z""#, 180),
            (#","expires_in":300,"issued_at":"1994-11-06T09:47:37.5+01:00""#, 180.5),
            (#","issued_at":"1994-11-06T08:49:07Z""#, 30), (#","issued_at":"1994-11-06T08:48:37Z""#, 0),
            (#","expires_in":300,"issued_at":"1970-01-01T00:00:00Z""#, 0),
            (#","expires_in":300,"issued_at":"0001-01-01T00:00:00Z""#, 0),
            (#","expires_in":300,"issued_at":"2099-01-01T00:00:00Z""#, 300),
            (#","expires_in":300,"issued_at":"yesterday""#, 300), (#","expires_in":300,"issued_at":"""#, 300),
            (#","expires_in":300,"issued_at":784111777"#, 300),
        ] as [(String, Double)]
    )
    func `a token lives as long as its server says, within bounds`(fields: String, seconds: Double) throws {
        let answer = try #require(TokenAnswer(Array(#"{"token":"t"\#(fields)}"#.utf8), date: Self.date))
        #expect(answer.lifetime == .milliseconds(Int(seconds * 900)))
    }

    @Test func `without the server's clock the time of issue says nothing`() throws {
        let body = Array(#"{"token":"t","expires_in":300,"issued_at":"1994-11-06T08:47:37Z"}"#.utf8)
        for date in [nil, "", "soon"] {
            #expect(try #require(TokenAnswer(body, date: date)).lifetime == .seconds(270))
        }
    }

    @Test func `a token whose time is over is not kept`() {
        let cache = TokenCache()
        let key = TokenCache.Key(origin: "https://a:443", scope: "", holder: .redirect)
        cache.keep(.init(utf8: "t"), for: key, lifetime: .zero)
        #expect(cache.token(for: key) == nil)
        cache.keep(.init(utf8: "t"), for: key, lifetime: .seconds(60))
        #expect(cache.token(for: key) != nil)
    }
}
