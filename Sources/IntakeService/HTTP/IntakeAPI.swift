import HTTPTypes
import Hummingbird
import Logging
import LongshoreDomain
import NIOCore
import RDKafka
import ServiceRuntime
import WireFormats

/// The endpoints: each decodes, asks, encodes.
struct IntakeAPI: Sendable {
    /// The most bytes of a body.
    static let maximumBodyBytes = 1 << 20
    /// The deepest JSON; the contract's own shapes need 7.
    static let maximumDepth = 32

    let store: TaskStore
    let acceptor: TaskAcceptor
    let tokens: TokenFile
    let limiter: RateLimiter
    let keys: SealingKeys
    let feed: EventFeed
    let producer: KafkaProducer
    let clock: any WallClock
    let metrics: IntakeMetrics
    /// Whether a secret may come over this listener.
    let takesPlaintextCredentials: Bool

    // MARK: - Who asks

    /// Whom a request comes from.
    ///
    /// - Throws: ``Problem`` 401, 403 or 429.
    func principal(_ request: Request, atLeast role: Role = .viewer) throws(Problem) -> Principal {
        let principal = try bearer(request)
        if let wait = limiter.take(principal.name) {
            var problem = Problem(.tooManyRequests, .tooManyRequests, "this token's rate is used up")
            problem.setRetryAfter(wait)
            throw problem
        }
        guard principal.role >= role else {
            throw Problem(.forbidden, .forbidden, "this needs the role \(role.rawValue)")
        }
        return principal
    }

    /// Whom the bearer token of a request stands for.
    ///
    /// - Throws: ``Problem`` 401 with a sentence of its own for each fault. None quotes the header: it may be a token without
    ///   its scheme, or an account.
    private func bearer(_ request: Request) throws(Problem) -> Principal {
        let example = "send Authorization: Bearer TOKEN"
        guard let value = request.headers[.authorization], !value.isEmpty else {
            throw .unauthenticated("the request has no token: \(example)")
        }
        guard value.utf8.count <= 4_096 else {
            throw .unauthenticated("the Authorization header has more than 4096 bytes: \(example)")
        }
        let words = value.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: true)
        guard words.first?.lowercased() == "bearer" else {
            let known = ["basic", "digest", "negotiate", "token", "apikey"]
            let scheme = words.first.flatMap { word in known.first { $0 == word.lowercased() } }
            throw .unauthenticated(
                scheme.map { "the Authorization header has the scheme \($0), which is not taken: \(example)" }
                    ?? "the Authorization header does not begin with the scheme Bearer: \(example)"
            )
        }
        let token = words.count > 1 ? String(words[1].drop { $0 == " " }) : ""
        guard !token.isEmpty else { throw .unauthenticated("there is nothing behind Bearer: \(example)") }
        guard let principal = tokens.principal(bearing: token) else {
            throw .unauthenticated(
                "this token is not known here: it is mistyped, was withdrawn, or is for another service"
            )
        }
        return principal
    }

    /// A task that the principal may see.
    func visibleTask(_ id: String, _ principal: Principal) async throws -> TaskRecord {
        // A task of another project is as good as not there: its existence is nobody else's business.
        let project = principal.isForAllProjects ? nil : principal.project
        guard let id = TaskID(id),
            let task = try await metrics.timed("task", { try await store.task(id.text, project: project) })
        else { throw Problem.notFound("there is no such task") }
        return task
    }

    // MARK: - Tasks

    func listTasks(_ request: Request) async throws -> Response {
        let principal = try principal(request)
        let query = try Query(
            request.uri.query,
            allowed: ["status", "project", "cluster", "label", "image", "since", "idPrefix", "limit", "cursor"]
        )
        var filter = TaskStore.Filter(phases: try query.choices("status"))
        filter.project = try principal.narrowed(query.text("project"))
        filter.cluster = query.text("cluster")
        if let since = query.text("since") {
            guard let time = Timestamp(rfc3339: since) else { throw query.invalid("since", "is no RFC 3339 time") }
            filter.since = time
        }
        if let prefix = query.text("idPrefix") {
            guard prefix.count <= TaskID.length, TaskID(prefix.padding(with: "0", to: TaskID.length)) != nil else {
                throw query.invalid("idPrefix", "is no beginning of a task's id")
            }
            filter.idPrefix = prefix
        }
        for label in query.all("label", split: true) {
            let pair = label.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard pair.count == 2, !pair[0].isEmpty else { throw query.invalid("label", "must be key=value") }
            filter.labels[pair[0]] = pair[1]
        }
        if let image = query.text("image") {
            guard let reference = try? ImageReference(parsing: image) else {
                throw query.invalid("image", "is no image reference")
            }
            filter.image = reference.canonical
        }
        if let cursor = query.text("cursor") {
            guard let place = PageCursor.task(cursor) else {
                throw query.invalid("cursor", "must come from the page before")
            }
            filter.after = place
        }
        let limit = try query.limit()
        let narrowed = filter
        let tasks = try await metrics.timed("tasks") { try await store.tasks(narrowed, limit: limit + 1) }
        return .page(tasks.prefix(limit).map { $0.json }) {
            guard tasks.count > limit, let last = tasks.prefix(limit).last else { return nil }
            return PageCursor.encode(acceptedAt: last.acceptedAt, id: last.id)
        }
    }

    func readTask(_ id: String, _ request: Request) async throws -> Response {
        let principal = try principal(request)
        _ = try Query(request.uri.query, allowed: [])
        return .json(try await visibleTask(id, principal).text(showsWebhook: principal.seesWebhooks))
    }

    func listNodes(_ id: String, _ request: Request) async throws -> Response {
        let principal = try principal(request)
        let query = try Query(request.uri.query, allowed: ["state", "limit", "cursor"])
        let phases: [ShownNodeState] = try query.choices("state")
        let limit = try query.limit(default: 100, maximum: 1_000)
        var after: String?
        if let cursor = query.text("cursor") {
            guard let node = PageCursor.node(cursor) else {
                throw query.invalid("cursor", "must come from the page before")
            }
            after = node
        }
        let task = try await visibleTask(id, principal)
        let nodes = try await store.nodes(of: task.id, phases: phases, after: after, limit: limit + 1)
        return .page(Array(nodes.prefix(limit))) {
            guard nodes.count > limit, let last = nodes.prefix(limit).last?["node"]?.string else { return nil }
            return PageCursor.encode(node: last)
        }
    }

    func listDeliveries(_ id: String, _ request: Request) async throws -> Response {
        let principal = try principal(request)
        _ = try Query(request.uri.query, allowed: [])
        let task = try await visibleTask(id, principal)
        let deliveries = try await store.deliveries(of: task.id)
        return .page(principal.seesWebhooks ? deliveries : deliveries.map(WebhookRedaction.redact(delivery:))) { nil }
    }

    func listClusters(_ request: Request) async throws -> Response {
        _ = try principal(request)
        _ = try Query(request.uri.query, allowed: [])
        return .page(keys.json) { nil }
    }

    func openAPI() -> Response { .json(OpenAPIDocument.json) }
}

extension Response {
    /// An answer in JSON.
    static func json(_ json: JSONValue, status: HTTPResponse.Status = .ok, headers: HTTPFields = [:]) -> Response {
        .json(json.serialized(), status: status, headers: headers)
    }

    /// An answer that is a JSON text already.
    static func json(_ text: [UInt8], status: HTTPResponse.Status = .ok, headers: HTTPFields = [:]) -> Response {
        var headers = headers
        headers[.contentType] = "application/json"
        headers[.cacheControl] = "no-store"
        return Response(
            status: status,
            headers: headers,
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: text))
        )
    }

    /// A page of a list.
    static func page(_ items: [JSONValue], next: () -> String?) -> Response {
        var json: JSONValue = ["items": .array(items)]
        if let next = next() { json["nextCursor"] = .string(next) }
        return .json(json)
    }
}

extension Principal {
    /// The project whose things it is shown.
    ///
    /// - Parameter asked: The project that is asked for; nil for all that it may see.
    /// - Returns: A project; nil for all of them.
    /// - Throws: `forbidden` when another project than its own is asked for.
    func narrowed(_ asked: String?) throws(Problem) -> String? {
        guard !isForAllProjects else { return asked }
        guard asked == nil || asked == project else {
            throw Problem(.forbidden, .forbidden, "the token belongs to another project")
        }
        return project
    }
}

extension String {
    /// The text, filled up to a length with a character at its end.
    func padding(with character: Character, to length: Int) -> String {
        self + String(repeating: character, count: max(0, length - count))
    }
}

extension Problem {
    fileprivate static func unauthenticated(_ detail: String) -> Problem {
        var problem = Problem(.unauthorized, .unauthenticated, detail)
        problem.headers[.wwwAuthenticate] = "Bearer realm=\"longshore\""
        return problem
    }
}
