import Synchronization

/// A fault to answer API calls with, a number of times.
package struct APIFault: Sendable {
    /// What happens to a call that matches.
    package enum Outcome: Sendable {
        /// Only the delay.
        case proceed
        /// An error with this HTTP status and `Retry-After` in seconds; the reason follows from the status.
        case status(Int, retryAfterSeconds: Int? = nil)
        /// The connection is closed without an answer.
        case drop
    }

    /// Matches any verb when nil; the verbs are those of ``AuditRecord/verb``.
    package var verb: String?
    /// The plural name of the resource, any when nil; `pods/status` names a subresource.
    package var resource: String?
    /// The namespace, any when nil.
    package var namespace: String?
    /// The object's name, any when nil.
    package var name: String?
    /// The user of the token, any when nil.
    package var user: String?
    /// How many calls it hits, all of them when nil.
    package var count: Int?
    /// How long a call is held up.
    package var delay: Duration
    /// When set, each call is held up for a time of its own, drawn between ``delay`` and this.
    package var longestDelay: Duration?
    /// Whether the call takes effect first and its answer is what is held up, as behind a slow proxy.
    package var delaysAnswer: Bool
    /// What happens to the call.
    package var outcome: Outcome
    /// Whether the call takes effect before the outcome: an answer lost after the write.
    package var happensAfterwards: Bool

    /// Creates a fault.
    package init(
        _ outcome: Outcome,
        verb: String? = nil,
        resource: String? = nil,
        namespace: String? = nil,
        name: String? = nil,
        user: String? = nil,
        count: Int? = 1,
        delay: Duration = .zero,
        longestDelay: Duration? = nil,
        delaysAnswer: Bool = false,
        happensAfterwards: Bool = false
    ) {
        self.outcome = outcome
        self.verb = verb
        self.resource = resource
        self.namespace = namespace
        self.name = name
        self.user = user
        self.count = count
        self.delay = delay
        self.longestDelay = longestDelay
        self.delaysAnswer = delaysAnswer
        self.happensAfterwards = happensAfterwards
    }
}

/// The faults in force, first match first.
final class FaultTable: Sendable {
    private let faults = Mutex<[(id: Int, fault: APIFault)]>([])
    private let nextID = Atomic<Int>(1)

    func add(_ fault: APIFault) -> Int {
        let id = nextID.wrappingAdd(1, ordering: .relaxed).newValue
        faults.withLock { $0.append((id, fault)) }
        return id
    }

    func remove(_ id: Int) { faults.withLock { $0.removeAll { $0.id == id } } }
    func removeAll() { faults.withLock { $0.removeAll() } }

    /// Takes one use of the first fault that matches the call.
    func take(_ call: AuditRecord) -> APIFault? {
        faults.withLock { faults in
            guard let index = faults.firstIndex(where: { $0.fault.matches(call) }) else { return nil }
            let fault = faults[index].fault
            if let count = fault.count {
                if count <= 1 { faults.remove(at: index) } else { faults[index].fault.count = count - 1 }
            }
            return fault
        }
    }
}

extension APIFault {
    /// How long one call is held up.
    func drawDelay() -> Duration {
        guard let longestDelay, longestDelay > delay else { return delay }
        return delay + (longestDelay - delay) * Double.random(in: 0...1)
    }

    fileprivate func matches(_ call: AuditRecord) -> Bool {
        let resourceName = call.subresource.isEmpty ? call.resource : "\(call.resource)/\(call.subresource)"
        return (verb ?? call.verb) == call.verb && (resource ?? resourceName) == resourceName
            && (namespace ?? call.namespace) == call.namespace && (name ?? call.name) == call.name
            && (user ?? call.user) == call.user
    }

    /// The error of a status outcome.
    static func error(_ code: Int, retryAfterSeconds: Int?) -> APIStatusError {
        let (reason, message) =
            switch code {
            case 400: ("BadRequest", "simulated bad request")
            case 401: ("Unauthorized", "Unauthorized")
            case 403: ("Forbidden", "simulated: forbidden")
            case 404: ("NotFound", "simulated: not found")
            case 409: ("Conflict", "simulated conflict")
            case 410: ("Expired", "simulated: too old resource version")
            case 422: ("Invalid", "simulated: invalid")
            case 429:
                ("TooManyRequests", "the server has received too many requests and has asked us to try again later")
            case 503: ("ServiceUnavailable", "the server is currently unable to handle the request")
            case 504: ("Timeout", "simulated: the request timed out")
            default:
                ("InternalError", "an error on the server (\"simulated\") has prevented the request from succeeding")
            }
        return APIStatusError(code: code, reason: reason, message: message, retryAfterSeconds: retryAfterSeconds)
    }
}
