import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import WireFormats

/// What the HTTP library hands over with a request: here also its connection, so that a fault can close it.
struct SimulatorRequestContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    let channel: any Channel

    init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        channel = source.channel
    }
}

/// Brings the API to HTTP/1.1: authentication, faults, audit, bodies and streams.
struct SimulatorResponder: HTTPResponder {
    typealias Context = SimulatorRequestContext

    let server: APIServer
    let controls: SimulatorControls
    /// The largest request body, as the real API server's (3 MiB).
    static let bodyLimit = 3 * 1_024 * 1_024

    func respond(to request: Request, context: SimulatorRequestContext) async throws -> Response {
        let channel = context.channel
        var call = apiRequest(request)
        let pathUser = server.takePathToken(&call)
        // The token of the path stands in for clients that send no header.
        guard let user = server.user(authorization: request.headers[.authorization]) ?? pathUser else {
            if Discovery.isOpen(call.path) { return response(server.respond(to: call), channel) }
            record(server.attributes(call), code: 401)
            return response(.error(.unauthorized), channel)
        }
        call.user = user
        let attributes = server.attributes(call)
        let fault = server.faults.take(attributes)
        let delay = fault?.drawDelay() ?? .zero
        let delaysAnswer = fault?.delaysAnswer ?? false
        if delay > .zero, !delaysAnswer { try await Task.sleep(for: delay) }
        if let fault, !fault.happensAfterwards, let answer = outcome(of: fault, attributes, channel) {
            return answer
        }
        do {
            call.body = Array(buffer: try await request.body.collect(upTo: Self.bodyLimit))
        } catch {
            let tooLarge = APIStatusError(
                code: 413,
                reason: "RequestEntityTooLarge",
                message: "Request entity too large: limit is \(Self.bodyLimit)"
            )
            return response(.error(tooLarge), channel)
        }
        let answer = await answer(to: call)
        if let fault, fault.happensAfterwards, let lost = outcome(of: fault, attributes, channel) {
            return lost
        }
        record(attributes, code: answer.status)
        // Recorded already: the audit tells the order in which calls took effect.
        if delay > .zero, delaysAnswer { try await Task.sleep(for: delay) }
        return response(answer, channel)
    }

    private func answer(to call: APIRequest) async -> APIResponse {
        // The knobs are the administrators' own.
        if call.user.hasPrefix(AccessControl.accountPrefix) { return server.respond(to: call) }
        return await controls.respond(to: call) ?? server.respond(to: call)
    }

    private func apiRequest(_ request: Request) -> APIRequest {
        APIRequest(
            method: request.method.rawValue,
            path: request.uri.path,
            query: QueryParameters(request.uri.query ?? ""),
            accept: request.headers[.accept] ?? "",
            contentType: request.headers[.contentType] ?? "",
            userAgent: request.headers[.userAgent] ?? "",
            user: "system:anonymous"
        )
    }

    private func outcome(
        of fault: APIFault,
        _ attributes: AuditRecord,
        _ channel: any Channel
    ) -> Response? {
        switch fault.outcome {
        case .proceed: return nil
        case .status(let code, let retryAfterSeconds):
            record(attributes, code: code)
            return response(.error(APIFault.error(code, retryAfterSeconds: retryAfterSeconds)), channel)
        case .drop:
            record(attributes, code: 0)
            channel.close(promise: nil)
            return Response(status: .serviceUnavailable)
        }
    }

    private func record(_ attributes: AuditRecord, code: Int) {
        var record = attributes
        record.code = code
        server.audit.append(record)
    }

    // MARK: Answers

    private func response(_ answer: APIResponse, _ channel: any Channel) -> Response {
        switch answer {
        case .body(let status, let bytes, let contentType, let headers):
            var fields: HTTPFields = [.contentType: contentType, .cacheControl: "no-cache, private"]
            for header in headers {
                if let name = HTTPField.Name(header.name) {
                    fields.append(HTTPField(name: name, value: header.value))
                }
            }
            return Response(
                status: .init(code: status),
                headers: fields,
                body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes))
            )
        case .watch(let stream):
            return Response(
                status: .ok,
                headers: [.contentType: "application/json", .cacheControl: "no-cache, private"],
                body: watchBody(stream, channel)
            )
        }
    }

    private func watchBody(_ stream: WatchStream, _ channel: any Channel) -> ResponseBody {
        ResponseBody { writer in
            let watcher = Watcher(resource: stream.definition.resource)
            defer { stream.store.endWatch(watcher) }
            let departure = DepartureHandler { watcher.close() }
            try await channel.pipeline.addHandler(departure).get()
            var cursor = WatchCursor(stream, watcher: watcher)
            while let bytes = await cursor.next() {
                if !bytes.isEmpty { try await writer.write(ByteBuffer(bytes: bytes)) }
            }
            channel.pipeline.removeHandler(departure, promise: nil)
            try await writer.finish(nil)
        }
    }
}

/// Notices that a client closed its side of the connection, while nothing is being sent to it.
///
/// Hummingbird's own `consumeWithInboundCloseHandler` traps when the request's end was read before it.
private final class DepartureHandler: ChannelInboundHandler, RemovableChannelHandler, Sendable {
    typealias InboundIn = Any
    private let onDeparture: @Sendable () -> Void

    init(onDeparture: @escaping @Sendable () -> Void) {
        self.onDeparture = onDeparture
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let event = event as? ChannelEvent, event == .inputClosed { onDeparture() }
        context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
        onDeparture()
        context.fireChannelInactive()
    }
}

extension APIResponse {
    /// The HTTP status.
    var status: Int {
        switch self {
        case .body(let status, _, _, _): status
        case .watch: 200
        }
    }
}
