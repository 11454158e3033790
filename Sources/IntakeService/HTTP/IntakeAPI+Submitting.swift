import HTTPTypes
import Hummingbird
import Logging
import LongshoreDomain
import LongshoreMessages
import NIOCore
import RDKafka
import ServiceRuntime
import WireFormats

extension IntakeAPI {
    /// `POST /v1/tasks`
    func submit(_ request: Request, _ logger: Logger) async throws -> Response {
        let principal = try principal(request, atLeast: .submitter)
        _ = try Query(request.uri.query, allowed: [])
        let key = try idempotencyKey(request)
        let body = try await readBody(request)
        let project = principal.isForAllProjects ? "default" : principal.project
        let task: TaskRequest
        do {
            task = try TaskRequest.parse(body, channel: .http, defaults: RequestDefaults(project: project))
        } catch {
            metrics.countSubmission(source: "http", outcome: "invalid")
            throw Problem(error)
        }
        guard principal.covers(project: task.project) else {
            throw Problem(.forbidden, .forbidden, "the token belongs to another project")
        }
        if task.hasPlaintextCredentials, !takesPlaintextCredentials { throw Problem.tlsRequired }
        let outcome: AcceptBatcher.Outcome
        do throws(TaskAcceptor.Refusal) {
            outcome = try await acceptor.accept(
                task,
                idempotencyKey: key,
                source: .http,
                traceParent: traceParent(request)
            )
        } catch {
            switch error {
            case .faults(let faults):
                metrics.countSubmission(source: "http", outcome: "invalid")
                throw Problem(faults)
            case .unavailable(let detail):
                metrics.countSubmission(source: "http", outcome: "unavailable")
                throw Problem.unavailable(detail)
            }
        }
        return try answer(outcome, task.warnings, principal, logger)
    }

    private func answer(
        _ outcome: AcceptBatcher.Outcome,
        _ warnings: [RequestWarning],
        _ principal: Principal,
        _ logger: Logger
    ) throws(Problem) -> Response {
        metrics.countSubmission(source: "http", outcome: outcome.name)
        switch outcome {
        case .accepted(let task):
            logger.info(
                "Accepted a task",
                metadata: [
                    LogKey.task: "\(task.id)", LogKey.project: "\(task.project)", LogKey.cluster: "\(task.cluster)",
                    "token": "\(principal.name)",
                ]
            )
            return accepted(task, principal, warnings, isReplay: false)
        case .existing(let task): return accepted(task, principal, warnings, isReplay: true)
        case .conflict:
            throw Problem(.conflict, .conflict, "another request has used this Idempotency-Key")
        case .unavailable(let detail): throw Problem.unavailable(detail)
        case .tooLarge: throw Problem(.contentTooLarge, .tooLarge, "Kafka takes no message of this task's size")
        case .full: throw Problem.unavailable("too many requests are waiting", retryAfter: .seconds(1))
        }
    }

    private func accepted(
        _ task: TaskRecord,
        _ principal: Principal,
        _ warnings: [RequestWarning],
        isReplay: Bool
    ) -> Response {
        var headers: HTTPFields = [.location: "/v1/tasks/\(task.id)"]
        if isReplay { headers[.idempotencyReplayed] = "true" }
        let text = task.text(showsWebhook: principal.seesWebhooks, warnings: warnings)
        return .json(text, status: .accepted, headers: headers)
    }

    /// `DELETE /v1/tasks/{id}`
    func cancelTask(_ id: String, _ request: Request, _ logger: Logger) async throws -> Response {
        let principal = try principal(request, atLeast: .submitter)
        _ = try Query(request.uri.query, allowed: [])
        var task = try await visibleTask(id, principal)
        guard !task.phase.isTerminal else {
            throw Problem(.conflict, .conflict, "the task has ended already: \(task.phase.rawValue)")
        }
        guard let taskID = TaskID(task.id) else { throw Problem.notFound("there is no such task") }
        let now = clock.now()
        let command = TaskCommand(
            // Cancelling twice is one wish.
            id: "\(task.id)-cancel",
            taskID: taskID,
            project: task.project,
            cluster: task.cluster,
            priorityClass: task.priorityClass,
            kind: .cancel,
            requestedAt: now,
            traceParent: traceParent(request)
        )
        _ = try await producer.send(ProducerRecord(command.record))
        try await store.noteCancelRequest(task.id, at: now)
        task.cancelRequestedAt = task.cancelRequestedAt ?? now
        logger.info(
            "Asked to cancel a task",
            metadata: [LogKey.task: "\(task.id)", LogKey.project: "\(task.project)", "token": "\(principal.name)"]
        )
        return .json(
            task.text(showsWebhook: principal.seesWebhooks),
            status: .accepted,
            headers: [.location: "/v1/tasks/\(task.id)"]
        )
    }

    // MARK: - Reading requests

    func readBody(_ request: Request) async throws -> JSONValue {
        if let encoding = request.headers[.contentEncoding], encoding.lowercased() != "identity" {
            throw Problem(.unsupportedMediaType, .unsupportedMediaType, "the body must not be compressed")
        }
        if let type = request.headers[.contentType] {
            let essence = type.prefix { $0 != ";" }.lowercased().filter { $0 != " " }
            guard essence == "application/json" || essence.hasSuffix("+json") else {
                throw Problem(.unsupportedMediaType, .unsupportedMediaType, "send Content-Type: application/json")
            }
        }
        if let text = request.headers[.contentLength], let length = Int(text), length > Self.maximumBodyBytes {
            throw Problem.tooLarge
        }
        let buffer = try await request.body.collect(upTo: Self.maximumBodyBytes)
        do {
            return try JSONValue(
                parsing: Array(buffer.readableBytesView),
                limits: .init(
                    maximumDepth: Self.maximumDepth,
                    maximumBytes: Self.maximumBodyBytes,
                    allowsNUL: false
                )
            )
        } catch {
            metrics.countSubmission(source: "http", outcome: "malformed")
            throw Problem(.badRequest, .malformedRequest, "\(error)")
        }
    }

    func idempotencyKey(_ request: Request) throws(Problem) -> String? {
        let values = request.headers[values: .idempotencyKey]
        guard let key = values.first else { return nil }
        let isPrintable = key.utf8.allSatisfy { (0x21...0x7E).contains($0) }
        guard values.count == 1, isPrintable, (1...255).contains(key.utf8.count) else {
            let fault = RequestFault(
                pointer: JSONPointer().appending("headers").appending("Idempotency-Key"),
                kind: .invalidValue,
                detail: "must be one value of 1 to 255 visible ASCII characters"
            )
            var problem = Problem(RequestFaults([fault]))
            problem.status = .badRequest
            throw problem
        }
        return key
    }

    /// The caller's trace, when it has the form of W3C Trace Context.
    func traceParent(_ request: Request) -> String? {
        request.headers[.traceparent].flatMap { TraceParent.isValid($0) ? $0 : nil }
    }
}

extension AcceptBatcher.Outcome {
    /// For metrics.
    var name: String {
        switch self {
        case .accepted: "accepted"
        case .existing: "existing"
        case .conflict: "conflict"
        case .unavailable: "unavailable"
        case .tooLarge: "tooLarge"
        case .full: "full"
        }
    }
}

extension Problem {
    /// A secret must not cross a network in the clear.
    static var tlsRequired: Problem {
        var problem = Problem(
            .upgradeRequired,
            .tlsRequired,
            "this listener is not encrypted: use https, seal the credentials, or name a Secret. Change what was sent"
        )
        // RFC 9110, section 15.5.22: the answer names what to upgrade to.
        problem.headers[.upgrade] = "TLS/1.3, HTTP/1.1"
        problem.headers[.connection] = "Upgrade"
        return problem
    }
}
