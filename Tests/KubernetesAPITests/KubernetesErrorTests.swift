import Curl
import Testing
import WireFormats

@testable import KubernetesAPI

@Suite struct KubernetesErrorTests {
    private func error(
        _ status: Int,
        _ body: String,
        headers: [(name: String, value: String)] = []
    ) -> KubernetesError {
        KubernetesError(response: CurlResponse(status: status, headers: headers, body: Array(body.utf8)))
    }

    @Test(arguments: [
        (404, "NotFound", KubernetesError.Reason.notFound), (409, "AlreadyExists", .alreadyExists),
        (409, "Conflict", .conflict), (410, "Expired", .expired), (410, "Gone", .expired), (422, "Invalid", .invalid),
        (403, "Forbidden", .forbidden), (401, "Unauthorized", .unauthorized),
        (429, "TooManyRequests", .tooManyRequests),
        (504, "Timeout", .timeout), (500, "ServerTimeout", .serverTimeout), (500, "InternalError", .internalError),
        (503, "ServiceUnavailable", .serviceUnavailable), (418, "Teapot", .unknown), (500, "", .internalError),
    ])
    func `the reason of a Status is kept`(code: Int, reason: String, expected: KubernetesError.Reason) {
        let error = error(code, #"{"kind":"Status","reason":"\#(reason)","message":"m","code":\#(code)}"#)
        #expect(error.reason == expected)
        #expect(error.httpStatus == code)
        #expect(error.message == "m")
    }

    @Test func `an answer that is no Status counts by its code`() {
        #expect(error(502, "<html>bad gateway</html>").reason == .unknown)
        #expect(error(502, "<html>bad gateway</html>").isRetryable)
        #expect(error(404, "404 page not found").reason == .notFound)
        #expect(error(503, "").message == "the API server answered 503")
    }

    @Test func `causes are kept`() {
        let body = """
            {"kind":"Status","reason":"Invalid","code":422,"message":"Job is invalid","details":{"causes":[
              {"reason":"FieldValueInvalid","message":"must be positive","field":"spec.backoffLimit"}]}}
            """
        let expected = KubernetesError.Cause(
            reason: "FieldValueInvalid",
            message: "must be positive",
            field: "spec.backoffLimit"
        )
        #expect(error(422, body).causes == [expected])
    }

    @Test func `how long to wait is read from the header or the Status`() {
        let body = #"{"kind":"Status","reason":"TooManyRequests","code":429,"details":{"retryAfterSeconds":3}}"#
        #expect(error(429, body).retryAfter == .seconds(3))
        #expect(error(429, body, headers: [("retry-after", "7")]).retryAfter == .seconds(7))
        #expect(error(429, "{}", headers: [("Retry-After", "-7")]).retryAfter == nil)
        #expect(error(429, "{}", headers: [("Retry-After", "soon")]).retryAfter == nil)
    }

    @Test func `messages are bounded and hold no credential`() {
        let long = error(500, String(repeating: "x", count: 100_000))
        #expect(long.message.utf8.count <= 1_100)
        let body = """
            {"kind":"Status","code":403,"reason":"Forbidden",
             "message":"webhook https://user:hunter2secret@hooks.example.com denied: Authorization: Bearer abcdefghijklmnop"}
            """
        let text = error(403, body).description
        #expect(!text.contains("hunter2secret"))
        #expect(!text.contains("abcdefghijklmnop"))
    }

    @Test func `what may pass by itself is retryable, what needs a change is not`() {
        let retryable = KubernetesError.Reason.allCases.filter {
            KubernetesError(reason: $0, message: "").isRetryable
        }
        #expect(
            retryable == [.tooManyRequests, .timeout, .serverTimeout, .internalError, .serviceUnavailable, .transport]
        )
    }
}
