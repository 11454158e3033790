/// Why a listener answers a request itself, before or in place of the service behind it.
package enum RefusedRequest: Error, Sendable, Equatable, CaseIterable {
    /// Neither the request's first line nor its header fields nor its chunks can be read (RFC 9112).
    case malformed
    /// HTTP/1.1 asks for exactly one `Host` field (RFC 9112, section 3.2).
    case host
    /// A body whose length is told twice (RFC 9112, section 6.3).
    case twoLengths
    /// The header fields did not come in time.
    case headTimeout
    /// The body did not come in time.
    case bodyTimeout
    /// An `Expect` other than `100-continue` (RFC 9110, section 10.1.1).
    case expectation
    /// The first line and the header fields are too long.
    case headTooLarge
    /// A transfer coding other than `chunked` (RFC 9112, section 6.1).
    case transferCoding
    /// Too many connections.
    case overloaded
    /// Another version than HTTP/1.
    case version

    /// The status of the answer.
    package var status: Int {
        switch self {
        case .malformed, .host, .twoLengths: 400
        case .headTimeout, .bodyTimeout: 408
        case .expectation: 417
        case .headTooLarge: 431
        case .transferCoding: 501
        case .overloaded: 503
        case .version: 505
        }
    }

    private var reason: String {
        switch status {
        case 400: "Bad Request"
        case 408: "Request Timeout"
        case 417: "Expectation Failed"
        case 431: "Request Header Fields Too Large"
        case 501: "Not Implemented"
        case 503: "Service Unavailable"
        default: "HTTP Version Not Supported"
        }
    }

    /// For the client: what is wrong.
    package var detail: String {
        switch self {
        case .malformed: "the request breaks the syntax of HTTP"
        case .host: "send exactly one Host header field"
        case .twoLengths: "send either Content-Length or Transfer-Encoding, not both"
        case .headTimeout: "the header fields did not come in time"
        case .bodyTimeout: "the body did not come in time"
        case .expectation: "the only expectation that is met is 100-continue"
        case .headTooLarge: "the header fields are too long"
        case .transferCoding: "the only transfer coding that is read is chunked"
        case .overloaded: "too many connections are open; come back later"
        case .version: "only version 1 of HTTP is spoken here"
        }
    }

    /// The whole answer: a problem of RFC 9457 that ends the connection.
    var answer: String {
        let kind = status == 503 ? "unavailable" : "malformed-request"
        let body = """
            {"type":"https://longshore.dev/problems/\(kind)","title":"\(reason)","status":\(status),"detail":"\(detail)"}
            """
        var lines = ["HTTP/1.1 \(status) \(reason)", "Connection: close", "Content-Type: application/problem+json"]
        if status == 503 { lines.append("Retry-After: 5") }
        lines += ["Cache-Control: no-store", "Content-Length: \(body.utf8.count)", "", body]
        return lines.joined(separator: "\r\n")
    }
}
