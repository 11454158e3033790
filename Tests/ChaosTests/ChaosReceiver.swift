import FoundationEssentials
import Synchronization
import TestSupport
import WireFormats

/// A webhook receiver whose mood can be changed; it counts only what it answered with success.
final class ChaosReceiver: Sendable {
    /// How it answers.
    enum Mood: String, Sendable, CaseIterable {
        case well
        case answers500
        case resets
        case hangs
        case answers429

        /// All but the good one.
        static let bad = allCases.filter { $0 != .well }
    }

    /// The first time that a webhook was answered with success.
    struct Delivery: Sendable {
        /// The task that it tells about.
        var task: String
        /// `webhook-id`.
        var id: String
        /// Seconds from the event to the answer.
        var lateness: Double
    }

    private final class State: Sendable {
        let mood = Mutex(Mood.well)
        let deliveries = Mutex<[String: Delivery]>([:])
        let repeated = Mutex(0)
    }

    private let state: State
    private let server: ScriptedHTTPServer

    /// Starts it on a free port.
    init() throws {
        let state = State()
        self.state = state
        server = try ScriptedHTTPServer(
            then: Behaviour { request, connection in
                switch state.mood.withLock({ $0 }) {
                case .well:
                    Self.note(request, in: state)
                    Behaviour.respond(status: 204).act(request, connection)
                case .answers500: Behaviour.respond(status: 500).act(request, connection)
                case .answers429:
                    Behaviour.respond(status: 429, headers: [(name: "Retry-After", value: "1")]).act(
                        request,
                        connection
                    )
                case .resets: Behaviour.reset.act(request, connection)
                case .hangs: Behaviour.hang.act(request, connection)
                }
            }
        )
    }

    private static func note(_ request: ScriptedRequest, in state: State) {
        guard let id = request.header("webhook-id"), let body = try? JSONValue(parsing: request.body),
            let task = body["subject"]?.string
        else { return }
        let happened = body["time"]?.string.flatMap { Timestamp(rfc3339: $0) }?.microsecondsSinceEpoch ?? 0
        let lateness = Date.now.timeIntervalSince1970 - Double(happened) / 1_000_000
        let isNew = state.deliveries.withLock { deliveries in
            if deliveries[id] != nil { return false }
            deliveries[id] = Delivery(task: task, id: id, lateness: lateness)
            return true
        }
        if !isNew { state.repeated.withLock { $0 += 1 } }
    }

    /// Where webhooks go.
    var url: String { server.url("/hook") }

    /// Changes how it answers.
    func become(_ mood: Mood) {
        state.mood.withLock { $0 = mood }
        server.dropConnections()
    }

    /// What was answered with success, once for each id.
    var deliveries: [Delivery] { Array(state.deliveries.withLock { $0 }.values) }

    /// How many came again after they had been answered with success.
    var repeated: Int { state.repeated.withLock { $0 } }

    /// All bodies and headers that came, to be searched.
    var texts: [String] {
        server.requests.map { request in
            request.text + request.headers.map { "\($0.name): \($0.value)" }.joined(separator: "\n")
        }
    }

    /// Closes the port.
    func stop() { server.stop() }
}
