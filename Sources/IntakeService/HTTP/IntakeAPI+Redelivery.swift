import HTTPTypes
import Hummingbird
import Logging
import LongshoreDomain
import ServiceRuntime
import WireFormats

extension IntakeAPI {
    /// Sends one delivery again.
    func redeliver(_ id: String, _ request: Request, _ logger: Logger) async throws -> Response {
        let principal = try principal(request, atLeast: .submitter)
        _ = try Query(request.uri.query, allowed: [])
        guard let id = Query.decode(Substring(id)), !id.isEmpty,
            let project = try await store.projectOfDelivery(
                id,
                in: principal.isForAllProjects ? nil : principal.project
            )
        else { throw Problem.notFound("there is no such delivery") }
        guard let delivery = try await store.redeliver(id) else {
            throw Problem(.conflict, .conflict, "the delivery is on its way at this moment")
        }
        logger.notice(
            "A webhook is sent again",
            metadata: ["delivery": "\(id)", LogKey.project: "\(project)", "token": "\(principal.name)"]
        )
        let shown = principal.seesWebhooks ? delivery : WebhookRedaction.redact(delivery: delivery)
        return .json(shown, status: .accepted)
    }

    /// Sends many deliveries again, those of a receiver that was away.
    func redeliverMany(_ request: Request, _ logger: Logger) async throws -> Response {
        let principal = try principal(request, atLeast: .submitter)
        _ = try Query(request.uri.query, allowed: [])
        var wish: RedeliveryRequest
        do {
            wish = try RedeliveryRequest(json: try await readBody(request))
        } catch let faults as RequestFaults {
            throw Problem(faults)
        }
        wish.filter.project = try principal.narrowed(wish.filter.project)
        let found = try await store.count(wish.filter)
        if wish.isDryRun { return .json(["count": 0, "remaining": .integer(Int64(found))]) }
        let count = try await store.redeliver(wish.filter)
        logger.notice(
            "Webhooks are sent again",
            metadata: [
                "count": "\(count)", LogKey.project: "\(wish.filter.project ?? "*")", "token": "\(principal.name)",
            ]
        )
        let remaining = max(0, found - count)
        return .json(
            ["count": .integer(Int64(count)), "remaining": .integer(Int64(remaining))],
            status: .accepted
        )
    }
}

/// Which deliveries are to be sent again: the body of `POST /v1/deliveries/redeliver`.
struct RedeliveryRequest: Equatable {
    var filter = TaskStore.RedeliveryFilter()
    /// Only count.
    var isDryRun = false

    /// Reads a body.
    ///
    /// - Parameter json: The body.
    /// - Throws: Every fault. A range must be given: what was sent since the beginning is never meant.
    init(json: JSONValue) throws(RequestFaults) {
        var faults = RequestFaults()
        func fault(_ field: String, _ kind: RequestFaultCode, _ detail: String) {
            faults.append(RequestFault(pointer: JSONPointer().appending(field), kind: kind, detail: detail))
        }
        func time(_ field: String, _ value: JSONValue) -> Timestamp? {
            guard let text = value.string else {
                fault(field, .wrongType, "must be a time as text")
                return nil
            }
            guard let time = Timestamp(rfc3339: text) else {
                fault(field, .invalidValue, "must be a time such as 2026-01-31T12:00:00Z (RFC 3339)")
                return nil
            }
            return time
        }
        guard let object = json.object else {
            throw RequestFaults([.init(pointer: JSONPointer(), kind: .wrongType, detail: "must be an object")])
        }
        for (field, value) in object where !value.isNull {
            switch field {
            case "since": filter.since = time(field, value)
            case "until": filter.until = time(field, value)
            case "project":
                filter.project = value.string
                if !(value.string.map { KubernetesNames.isLabel(Array($0.utf8)) } ?? false) {
                    fault(field, .invalidValue, "must be a project's name")
                }
            case "taskId":
                filter.task = value.string.flatMap { TaskID($0) }
                if filter.task == nil { fault(field, .invalidValue, "must be a task's id") }
            case "states":
                let names = value.array ?? []
                let ends = DeliveryMachine.Phase.allCases.filter(\.isTerminal)
                filter.states =
                    names.count <= ends.count
                    ? names.compactMap { $0.string.flatMap(DeliveryMachine.Phase.init) }.filter(\.isTerminal) : []
                if filter.states.isEmpty || filter.states.count != names.count {
                    fault(field, .invalidValue, "must list some of delivered, exhausted, disabled, each once at most")
                }
            case "dryRun":
                isDryRun = value.bool ?? false
                if value.bool == nil { fault(field, .wrongType, "must be true or false") }
            default:
                fault(field, .unknownField, "the fields here are: dryRun, project, since, states, taskId, until")
            }
        }
        if object["since"] == nil, object["taskId"] == nil {
            fault("since", .required, "say from when on, or of which task")
        }
        if let since = filter.since, let until = filter.until, until <= since {
            fault("until", .conflict, "must be later than since")
        }
        if !faults.isEmpty { throw faults }
    }
}
