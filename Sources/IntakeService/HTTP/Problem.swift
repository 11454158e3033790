import HTTPTypes
import Hummingbird
import LongshoreDomain
import NIOCore
import WireFormats

/// An answer that says what is wrong: `application/problem+json` of RFC 9457.
struct Problem: Error, Sendable {
    /// The kinds of problems; part of the API, as the last part of `type`.
    enum Kind: String, Sendable, CaseIterable {
        case malformedRequest = "malformed-request"
        case invalidRequest = "invalid-request"
        case unauthenticated
        case forbidden
        case notFound = "not-found"
        case methodNotAllowed = "method-not-allowed"
        case conflict
        case tooLarge = "too-large"
        case unsupportedMediaType = "unsupported-media-type"
        case tlsRequired = "tls-required"
        case tooManyRequests = "too-many-requests"
        case unavailable
        case `internal`

        var title: String {
            switch self {
            case .malformedRequest: "The request cannot be read"
            case .invalidRequest: "The request cannot be followed"
            case .unauthenticated: "A bearer token is required"
            case .forbidden: "The token does not allow this"
            case .notFound: "Not found"
            case .methodNotAllowed: "The method is not allowed here"
            case .conflict: "The request conflicts with what is there"
            case .tooLarge: "The request is too large"
            case .unsupportedMediaType: "The body must be JSON"
            case .tlsRequired: "Credentials need an encrypted connection"
            case .tooManyRequests: "Too many requests"
            case .unavailable: "The service cannot do this at the moment"
            case .internal: "The service has failed"
            }
        }
    }

    var status: HTTPResponse.Status
    var kind: Kind
    var detail: String
    var faults: [RequestFault] = []
    var faultCount = 0
    var headers = HTTPFields()

    init(_ status: HTTPResponse.Status, _ kind: Kind, _ detail: String) {
        self.status = status
        self.kind = kind
        self.detail = detail
    }

    /// A request that was read and cannot be followed, with every fault.
    init(_ faults: RequestFaults) {
        let count = faults.totalCount
        self.init(
            HTTPResponse.Status(code: faults.suggestedStatus),
            .invalidRequest,
            count == 1 ? "1 field is wrong" : "\(count) fields are wrong"
        )
        self.faults = faults.faults
        faultCount = count
    }

    /// Something that this service needs does not answer.
    static func unavailable(_ detail: String, retryAfter: Duration = .seconds(5)) -> Problem {
        var problem = Problem(.serviceUnavailable, .unavailable, detail)
        problem.setRetryAfter(retryAfter)
        return problem
    }

    static func notFound(_ detail: String) -> Problem { Problem(.notFound, .notFound, detail) }

    mutating func setRetryAfter(_ duration: Duration) {
        headers[.retryAfter] = "\(max(1, duration.components.seconds + (duration.components.attoseconds > 0 ? 1 : 0)))"
    }

    /// The answer.
    ///
    /// - Parameter instance: The request's id, with which its log lines can be found.
    /// - Returns: The response.
    func response(instance: String) -> Response {
        var body: JSONValue = [
            "type": .string("https://longshore.dev/problems/\(kind.rawValue)"), "title": .string(kind.title),
            "status": .integer(Int64(status.code)), "detail": .string(detail),
            "instance": .string("urn:longshore:request:\(instance)"),
        ]
        if !faults.isEmpty {
            body["errors"] = .array(
                faults.map { fault in
                    [
                        "pointer": .string(fault.pointer.description), "code": .string(fault.code),
                        "detail": .string(fault.detail),
                    ]
                }
            )
        }
        if faultCount > faults.count { body["errorCount"] = .integer(Int64(faultCount)) }
        var headers = headers
        headers[.contentType] = "application/problem+json"
        headers[.cacheControl] = "no-store"
        return Response(
            status: status,
            headers: headers,
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: body.serialized()))
        )
    }
}
