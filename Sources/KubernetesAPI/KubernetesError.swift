import Curl
import Redaction
import WireFormats

/// A call to the Kubernetes API that did not succeed.
///
/// Errors of the server are its `Status` objects; errors before an answer was there carry ``Reason/transport``.
/// Messages are scrubbed of credentials and bounded, so that they may be logged and put into events.
package struct KubernetesError: Error, Sendable, Hashable, CustomStringConvertible {
    /// One of the causes that a `Status` lists, for example an invalid field.
    package struct Cause: Sendable, Hashable {
        /// What is wrong, as a constant (`FieldValueInvalid`).
        package var reason: String
        /// The same for people.
        package var message: String
        /// The path of the field it is about, where there is one.
        package var field: String?

        /// Creates a cause.
        package init(reason: String, message: String, field: String? = nil) {
            self.reason = reason
            self.message = message
            self.field = field
        }
    }

    /// The HTTP status of the answer; `nil` when there was none.
    package var httpStatus: Int?
    /// What happened, as a constant.
    package var reason: Reason
    /// What happened, for people; scrubbed and at most 1,024 characters.
    package var message: String
    /// Details from the server, at most 32.
    package var causes: [Cause]
    /// How long the server asks to wait before the next attempt.
    package var retryAfter: Duration?
    /// Whether the request cannot have reached the server, so that even a create may be sent again.
    package var isSurelyUnsent: Bool

    /// Creates an error.
    package init(
        reason: Reason,
        message: String,
        httpStatus: Int? = nil,
        causes: [Cause] = [],
        retryAfter: Duration? = nil,
        isSurelyUnsent: Bool = false
    ) {
        self.httpStatus = httpStatus
        self.reason = reason
        self.message = Scrubber().scrub(message)
        self.causes = causes
        self.retryAfter = retryAfter
        self.isSurelyUnsent = isSurelyUnsent
    }

    /// Whether the same call may succeed later without anything being changed by the caller.
    ///
    /// A conflict is not: the caller has to read the object again first.
    package var isRetryable: Bool {
        switch reason {
        case .tooManyRequests, .timeout, .serverTimeout, .internalError, .serviceUnavailable, .transport: true
        case .unknown: (httpStatus ?? 0) >= 500
        default: false
        }
    }

    /// The reason as a constant that can be a metric label.
    package var code: String { reason.rawValue }

    /// The reason, the HTTP status and the message.
    package var description: String {
        let status = httpStatus.map { " (HTTP \($0))" } ?? ""
        return "\(reason.rawValue)\(status): \(message)"
    }
}

// MARK: - Reasons

extension KubernetesError {
    /// Why a call failed: the reasons of `Status` objects and those of the client itself.
    package enum Reason: String, Sendable, Hashable, CaseIterable {
        case notFound = "NotFound"
        case alreadyExists = "AlreadyExists"
        case conflict = "Conflict"
        /// The resourceVersion or continue token is too old (HTTP 410): list again.
        case expired = "Expired"
        case invalid = "Invalid"
        case badRequest = "BadRequest"
        case forbidden = "Forbidden"
        case unauthorized = "Unauthorized"
        case methodNotAllowed = "MethodNotAllowed"
        case notAcceptable = "NotAcceptable"
        case unsupportedMediaType = "UnsupportedMediaType"
        case requestEntityTooLarge = "RequestEntityTooLarge"
        case tooManyRequests = "TooManyRequests"
        case timeout = "Timeout"
        case serverTimeout = "ServerTimeout"
        case internalError = "InternalError"
        case serviceUnavailable = "ServiceUnavailable"
        /// No answer, or one that was cut off.
        case transport = "Transport"
        /// An answer that is not what the API promises.
        case invalidResponse = "InvalidResponse"
        /// The configuration cannot be used: a missing file, an unknown context, a plugin that fails.
        case configuration = "Configuration"
        /// The calling task was cancelled.
        case cancelled = "Cancelled"
        /// The client was closed.
        case closed = "Closed"
        case unknown = "Unknown"

        /// The reason that an HTTP status stands for where the server gives no better one.
        package init(httpStatus: Int) {
            self =
                switch httpStatus {
                case 400: .badRequest
                case 401: .unauthorized
                case 403: .forbidden
                case 404: .notFound
                case 405: .methodNotAllowed
                case 406: .notAcceptable
                case 409: .conflict
                case 410: .expired
                case 413: .requestEntityTooLarge
                case 415: .unsupportedMediaType
                case 422: .invalid
                case 429: .tooManyRequests
                case 500: .internalError
                case 503: .serviceUnavailable
                case 504: .timeout
                default: .unknown
                }
        }

        /// Reads the `reason` of a `Status`; `Gone` is the older name of ``expired``.
        init(statusReason: String, httpStatus: Int) {
            self =
                if statusReason == "Gone" {
                    .expired
                } else {
                    Reason(rawValue: statusReason) ?? Reason(httpStatus: httpStatus)
                }
        }
    }
}

// MARK: - From answers and transfers

extension KubernetesError {
    /// Reads a `Status` object.
    ///
    /// - Parameters:
    ///   - status: The object; what it lacks is filled in from `httpStatus`.
    ///   - httpStatus: The status of the answer, for a watch event the `code` of the object counts.
    init(status: JSONValue, httpStatus: Int) {
        let code = status["code"]?.integer ?? httpStatus
        let causes = (status["details"]?["causes"]?.array ?? []).prefix(32).map { cause in
            Cause(
                reason: cause["reason"]?.string ?? "",
                message: Scrubber().scrub(cause["message"]?.string ?? ""),
                field: cause["field"]?.string
            )
        }
        self.init(
            reason: Reason(statusReason: status["reason"]?.string ?? "", httpStatus: code),
            message: status["message"]?.string ?? "the API server answered \(code)",
            httpStatus: code,
            causes: Array(causes),
            retryAfter: status["details"]?["retryAfterSeconds"]?.integer.flatMap { $0 > 0 ? .seconds($0) : nil }
        )
    }

    /// Reads the answer to a failed request: a `Status`, or whatever a proxy in between has sent.
    init(response: CurlResponse) {
        let body = try? JSONValue(parsing: response.body)
        if let body, body["kind"]?.string == "Status" {
            self.init(status: body, httpStatus: response.status)
            httpStatus = response.status
        } else {
            let text = String(decoding: response.body.prefix(512), as: UTF8.self)
            self.init(
                reason: Reason(httpStatus: response.status),
                message: text.isEmpty ? "the API server answered \(response.status)" : text,
                httpStatus: response.status
            )
        }
        if let seconds = response.header("Retry-After").flatMap({ Int($0) }), seconds >= 0 {
            retryAfter = .seconds(seconds)
        }
    }

    /// An error of the transfer itself.
    init(_ error: CurlError) {
        let reason: Reason
        switch error.code {
        case .cancelled: reason = .cancelled
        case .closed: reason = .closed
        case .invalidRequest: reason = .configuration
        case .tooLarge: reason = .invalidResponse
        default: reason = .transport
        }
        self.init(reason: reason, message: error.message, isSurelyUnsent: !error.requestMayHaveBeenSent)
    }
}
