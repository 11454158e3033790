/// What came of one attempt to deliver.
package enum DeliveryOutcome: Sendable, Hashable {
    /// The receiver answered. The status is the answer: what becomes of the body after it changes nothing.
    case response(status: Int, retryAfter: Duration? = nil)
    /// No answer within the time allowed.
    case timedOut
    /// The receiver could not be reached.
    case connectionFailed
    /// Its name could not be resolved.
    case resolutionFailed
    /// Its certificate or protocol was not acceptable.
    case tlsFailed
    /// It broke off, or its answer could not be read, before there was a status.
    case protocolFailed
    /// The address policy forbids the address that the name leads to.
    case blockedByPolicy
    /// The URL cannot be used at all.
    case invalidURL
    /// The notifier stopped or died before the answer came.
    case interrupted

    /// What follows from an outcome.
    package enum Verdict: Sendable, Hashable {
        /// The receiver has it.
        case delivered
        /// Try again; not before `after`.
        case retry(after: Duration?)
        /// The receiver wants no more: disable the endpoint.
        case disable
        /// No later attempt can end otherwise.
        case permanent
    }

    /// What follows: any 2xx is success; 410 disables; every other answer is tried again, redirects included since they are
    /// never followed; what the address policy forbids burns no attempts.
    package var verdict: Verdict {
        switch self {
        case .response(200...299, _): .delivered
        case .response(410, _): .disable
        case .response(_, let retryAfter): .retry(after: retryAfter)
        case .timedOut, .connectionFailed, .resolutionFailed, .tlsFailed, .protocolFailed, .interrupted:
            .retry(after: nil)
        case .blockedByPolicy, .invalidURL: .permanent
        }
    }

    /// A constant word for logs, metrics and the attempt log: `http_503`'s class is `5xx`.
    package var code: String {
        switch self {
        case .response(100...199, _): "1xx"
        case .response(200...299, _): "2xx"
        case .response(300...399, _): "3xx"
        case .response(400...499, _): "4xx"
        case .response(500...599, _): "5xx"
        case .response: "other"
        case .timedOut: "timeout"
        case .connectionFailed: "connection"
        case .resolutionFailed: "resolution"
        case .tlsFailed: "tls"
        case .protocolFailed: "protocol"
        case .blockedByPolicy: "blocked"
        case .invalidURL: "invalid_url"
        case .interrupted: "interrupted"
        }
    }
}
