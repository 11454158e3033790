import Crypto
import HTTPTypes
import Hummingbird
import Logging
import LongshoreDomain
import LongshoreMessages
import RDKafka
import ServiceRuntime
import WireFormats

// Wishes about a task that is there. Each goes as a command behind the task's own message; what comes of it is told by events.
extension IntakeAPI {
    /// `POST /v1/tasks/{id}/retry`
    func retryTask(_ id: String, _ request: Request, _ logger: Logger) async throws -> Response {
        let (task, principal) = try await steeredTask(id, request)
        if let obstacle = Self.obstacleToRetry(task, now: clock.now()) {
            throw Problem(.conflict, .conflict, obstacle)
        }
        // Asking twice for the same retry is one wish.
        return try await send(.retry, "\(task.id)-retry-\(task.retries + 1)", to: task, principal, request, logger)
    }

    /// `POST /v1/tasks/{id}/pause`
    func pauseTask(_ id: String, _ request: Request, _ logger: Logger) async throws -> Response {
        let (task, principal) = try await steeredTask(id, request)
        try Self.requireUnfinished(task)
        return try await send(.pause, try commandID(task, .pause, request), to: task, principal, request, logger)
    }

    /// `POST /v1/tasks/{id}/resume`
    func resumeTask(_ id: String, _ request: Request, _ logger: Logger) async throws -> Response {
        let (task, principal) = try await steeredTask(id, request)
        try Self.requireUnfinished(task)
        return try await send(.resume, try commandID(task, .resume, request), to: task, principal, request, logger)
    }

    /// `PATCH /v1/tasks/{id}`
    func patchTask(_ id: String, _ request: Request, _ logger: Logger) async throws -> Response {
        let (task, principal) = try await steeredTask(id, request)
        let body = try await readBody(request)
        let patch = try Self.patch(body, of: task)
        try Self.requireUnfinished(task)
        let id = try commandID(task, .patch, request)
        return try await send(.patch, id, patch: patch, to: task, principal, request, logger)
    }

    // MARK: - What makes sense

    /// Why a task cannot be tried again.
    ///
    /// - Parameters:
    ///   - task: The task as the read model has it.
    ///   - now: The moment.
    /// - Returns: A sentence that says what to do instead; nil when it can be.
    static func obstacleToRetry(_ task: TaskRecord, now: Timestamp) -> String? {
        guard task.phase.isTerminal else {
            return "the task has not ended yet: \(task.phase.rawValue). Only one that has ended can be tried again"
        }
        guard task.phase.canBeRetried, task.cancelRequestedAt == nil else {
            let end = task.phase == .rejected ? "rejected" : "cancelled"
            return "a task that was \(end) is not tried again; make a new task"
        }
        if task.phase == .succeeded, task.counts.failed == 0, task.counts.skipped == 0 {
            return "every node has all images: there is nothing to try again"
        }
        let spec = (try? JSONValue(parsing: Array(task.spec.utf8))).flatMap { try? TaskSpec(json: $0) }
        if spec?.credentials.contains(where: \.isManaged) == true {
            return """
                a credential came with the task, and its Secret was removed when the task ended; make a new task, or name a Secret \
                of your own (secretRef) in it so that it can be tried again
                """
        }
        let stay = Duration.seconds(spec?.ttlSecondsAfterFinished ?? 3_600)
        if let finishedAt = task.finishedAt, finishedAt + stay <= now {
            return "the task's record in the cluster is gone (ttlSecondsAfterFinished); make a new task"
        }
        return nil
    }

    private static func requireUnfinished(_ task: TaskRecord) throws(Problem) {
        guard task.phase.isTerminal else { return }
        throw Problem(.conflict, .conflict, "the task has ended already: \(task.phase.rawValue)")
    }

    /// What a body changes. Every field is judged as in a request, beside the settings that the task has.
    static func patch(_ body: JSONValue, of task: TaskRecord) throws(RequestFaults) -> TaskPatch {
        guard let members = body.object else {
            throw RequestFaults([RequestFault(pointer: .root, kind: .wrongType, detail: "expected an object")])
        }
        let fields = ResolvedTask.changeableFields
        var faults: [RequestFault] = []
        for (key, value) in members where !fields.contains(key) || value.isNull {
            let pointer = JSONPointer.root.appending(key)
            if fields.contains(key) {
                faults.append(RequestFault(pointer: pointer, kind: .wrongType, detail: "expected a value, found null"))
            } else {
                let detail = "cannot be changed; make a new task. These can: \(fields.joined(separator: ", "))"
                faults.append(RequestFault(pointer: pointer, kind: .notSupported, detail: detail))
            }
        }
        if members.isEmpty {
            let detail = "names nothing to change; these can be: \(fields.joined(separator: ", "))"
            faults.append(RequestFault(pointer: .root, kind: .required, detail: detail))
        }
        guard faults.isEmpty else { throw RequestFaults(faults) }
        var whole: JSONValue = ["images": ["image"]]
        let current = (try? JSONValue(parsing: Array(task.spec.utf8))) ?? [:]
        for key in fields { whole[key] = members[key] ?? current[key] }
        let settings = try TaskRequest.parse(whole, channel: .http, defaults: RequestDefaults()).spec.changeableSettings
        let changed = JSONValue.object(
            JSONObject(fields.filter { members[$0] != nil }.map { ($0, settings[$0] ?? .null) })
        )
        // What a request may say, a patch may.
        return (try? TaskPatch(json: changed)) ?? TaskPatch()
    }

    // MARK: - Sending

    private func steeredTask(_ id: String, _ request: Request) async throws -> (TaskRecord, Principal) {
        let principal = try principal(request, atLeast: .submitter)
        _ = try Query(request.uri.query, allowed: [])
        return (try await visibleTask(id, principal), principal)
    }

    /// The id of a wish that may come again as another one; the same `Idempotency-Key` is the same wish.
    private func commandID(_ task: TaskRecord, _ kind: TaskCommand.Kind, _ request: Request) throws -> String {
        let random = (0..<8).map { _ in UInt8.random(in: .min ... .max) }
        let bytes = try idempotencyKey(request).map { Array(SHA256.hash(data: Array($0.utf8)).prefix(8)) } ?? random
        return "\(task.id)-\(kind.rawValue)-\(Hex.encode(bytes))"
    }

    private func send(
        _ kind: TaskCommand.Kind,
        _ id: String,
        patch: TaskPatch = TaskPatch(),
        to task: TaskRecord,
        _ principal: Principal,
        _ request: Request,
        _ logger: Logger
    ) async throws -> Response {
        guard let taskID = TaskID(task.id) else { throw Problem.notFound("there is no such task") }
        let command = TaskCommand(
            id: id,
            taskID: taskID,
            project: task.project,
            cluster: task.cluster,
            priorityClass: task.priorityClass,
            kind: kind,
            patch: patch,
            requestedAt: clock.now(),
            traceParent: traceParent(request)
        )
        _ = try await producer.send(ProducerRecord(command.record))
        logger.info(
            "Sent a command",
            metadata: [
                LogKey.task: "\(task.id)", LogKey.project: "\(task.project)", "command": "\(kind.rawValue)",
                "token": "\(principal.name)",
            ]
        )
        return .json(
            task.text(showsWebhook: principal.seesWebhooks),
            status: .accepted,
            headers: [.location: "/v1/tasks/\(task.id)"]
        )
    }
}
