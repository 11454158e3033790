import HTTPTypes
import Hummingbird
import LibPQ
import Logging
import LongshoreDomain
import NIOCore
import RDKafka
import ServiceRuntime

/// Finds the endpoint of a request and turns every failure into a problem of RFC 9457.
struct IntakeResponder: HTTPResponder {
    let api: IntakeAPI
    let metrics: IntakeMetrics
    let logger: Logger

    func respond(to request: Request, context: IntakeContext) async throws -> Response {
        let started = ContinuousClock.now
        let id = context.id
        var logger = logger
        logger[metadataKey: LogKey.request] = "\(id)"
        let endpoint = Endpoint(path: request.uri.path)
        var response: Response
        do {
            response = try await answer(request, context, endpoint, logger)
        } catch {
            response = problem(for: error, logger).response(instance: id)
        }
        response.headers[.xRequestID] = id
        response.headers[.xContentTypeOptions] = "nosniff"
        let duration = ContinuousClock.now - started
        metrics.countRequest(route: endpoint.route, status: response.status.code, duration: duration)
        logger.debug(
            "Answered",
            metadata: ["route": "\(endpoint.route)", "status": "\(response.status.code)", "duration": "\(duration)"]
        )
        return response
    }

    private func answer(
        _ request: Request,
        _ context: IntakeContext,
        _ endpoint: Endpoint,
        _ logger: Logger
    ) async throws -> Response {
        switch (endpoint, request.method) {
        case (.openAPI, .get): return api.openAPI()
        case (.tasks, .post): return try await api.submit(request, logger)
        case (.tasks, .get): return try await api.listTasks(request)
        case (.task(let id), .get): return try await api.readTask(id, request)
        case (.task(let id), .delete): return try await api.cancelTask(id, request, logger)
        case (.task(let id), .patch): return try await api.patchTask(id, request, logger)
        case (.retry(let id), .post): return try await api.retryTask(id, request, logger)
        case (.pause(let id), .post): return try await api.pauseTask(id, request, logger)
        case (.resume(let id), .post): return try await api.resumeTask(id, request, logger)
        case (.nodes(let id), .get): return try await api.listNodes(id, request)
        case (.events(let id), .get): return try await api.followEvents(id, request, context)
        case (.deliveries(let id), .get): return try await api.listDeliveries(id, request)
        case (.redelivery(let id), .post): return try await api.redeliver(id, request, logger)
        case (.redeliveries, .post): return try await api.redeliverMany(request, logger)
        case (.clusters, .get): return try await api.listClusters(request)
        case (.unknown, _): throw Problem.notFound("the path is not known")
        default:
            var problem = Problem(.methodNotAllowed, .methodNotAllowed, "see the Allow header")
            problem.headers[.allow] = endpoint.methods.map(\.rawValue).joined(separator: ", ")
            throw problem
        }
    }

    private func problem(for error: any Error, _ logger: Logger) -> Problem {
        switch error {
        case let problem as Problem: return problem
        case let faults as RequestFaults: return Problem(faults)
        case is NIOTooManyBytesError: return .tooLarge
        // The client has been told by the listener already: this is for the metrics.
        case let refused as RefusedRequest:
            return Problem(HTTPResponse.Status(code: refused.status), .malformedRequest, refused.detail)
        case let error as PQError where error.code == .data:
            logger.warning("Postgres has refused a value of a request", metadata: [LogKey.error: "\(error)"])
            return Problem(.badRequest, .invalidRequest, "a value of the request is out of the range that is kept")
        case let error as PQError:
            logger.warning("Postgres has failed", metadata: [LogKey.error: "\(error)"])
            // What is wrong between us and the database is never the client's doing.
            return .unavailable("the database does not answer")
        case let error as KafkaError:
            logger.warning("Kafka has failed", metadata: [LogKey.error: "\(error)"])
            return .unavailable("Kafka does not answer")
        case is CancellationError:
            return .unavailable("the service is stopping", retryAfter: .seconds(1))
        default:
            // The text of an unknown error is not shown to anybody; its type tells enough to look for it.
            logger.error("A request has failed", metadata: [LogKey.error: "\(type(of: error))"])
            return Problem(.internalServerError, .internal, "the service has failed; its log has this request's id")
        }
    }
}

/// What is known of a request beside itself.
struct IntakeContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    /// The connection that it came over.
    let connection: any Channel

    init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        connection = source.channel
    }
}

/// What a path names.
enum Endpoint: Equatable {
    case openAPI
    case tasks
    case task(String)
    case retry(String)
    case pause(String)
    case resume(String)
    case nodes(String)
    case events(String)
    case deliveries(String)
    case redelivery(String)
    case redeliveries
    case clusters
    case unknown

    init(path: String) {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
        switch (parts.first, parts.dropFirst().first, parts.count) {
        case ("openapi.json", nil, 1): self = .openAPI
        case ("v1", "tasks", 2): self = .tasks
        case ("v1", "clusters", 2): self = .clusters
        case ("v1", "deliveries", 3) where parts[3] == "redeliver": self = .redeliveries
        case ("v1", "deliveries", 4) where parts[4] == "redeliver": self = .redelivery(String(parts[3]))
        case ("v1", "tasks", 3): self = .task(String(parts[3]))
        case ("v1", "tasks", 4):
            let id = String(parts[3])
            switch parts[4] {
            case "retry": self = .retry(id)
            case "pause": self = .pause(id)
            case "resume": self = .resume(id)
            case "nodes": self = .nodes(id)
            case "events": self = .events(id)
            case "deliveries": self = .deliveries(id)
            default: self = .unknown
            }
        default: self = .unknown
        }
    }

    /// For metrics: the same for every task.
    var route: String {
        switch self {
        case .openAPI: "/openapi.json"
        case .tasks: "/v1/tasks"
        case .task: "/v1/tasks/{id}"
        case .retry: "/v1/tasks/{id}/retry"
        case .pause: "/v1/tasks/{id}/pause"
        case .resume: "/v1/tasks/{id}/resume"
        case .nodes: "/v1/tasks/{id}/nodes"
        case .events: "/v1/tasks/{id}/events"
        case .deliveries: "/v1/tasks/{id}/deliveries"
        case .redelivery: "/v1/deliveries/{id}/redeliver"
        case .redeliveries: "/v1/deliveries/redeliver"
        case .clusters: "/v1/clusters"
        case .unknown: "other"
        }
    }

    var methods: [HTTPRequest.Method] {
        switch self {
        case .tasks: [.get, .post]
        case .task: [.get, .delete, .patch]
        case .redelivery, .redeliveries, .retry, .pause, .resume: [.post]
        case .openAPI, .nodes, .events, .deliveries, .clusters: [.get]
        case .unknown: []
        }
    }
}

extension Problem {
    /// The body is over its limit.
    static let tooLarge = Problem(.contentTooLarge, .tooLarge, "the body may have at most 1 MiB")
}

extension HTTPField.Name {
    /// The request's id, for finding its log lines.
    static let xRequestID = HTTPField.Name("X-Request-Id") ?? .eTag
    /// The client's key for asking the same thing only once.
    static let idempotencyKey = HTTPField.Name("Idempotency-Key") ?? .eTag
    /// Tells that the same request was accepted before.
    static let idempotencyReplayed = HTTPField.Name("Idempotency-Replayed") ?? .eTag
    /// Where a stream of events goes on.
    static let lastEventID = HTTPField.Name("Last-Event-ID") ?? .eTag
    /// W3C trace context.
    static let traceparent = HTTPField.Name("traceparent") ?? .eTag
}
