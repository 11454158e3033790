import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import ServiceLifecycle
import Synchronization
import TestSupport

@testable import ServiceRuntime

/// A guarded listener with a small service behind it:
///
/// - `POST /echo` answers with the number of bytes of its body;
/// - `POST /refuse` answers with 401 and reads no body;
/// - `GET /stream` sends 16 KiB again and again as long as the client takes it;
/// - everything else is answered with `ok`.
final class GuardedListener: Sendable {
    let port: Int
    let connections = OpenConnections()
    /// Requests that the service behind it has seen.
    let seen = SeenRequests()
    private let group: ServiceGroup
    private let running: Task<Void, any Error>

    final class SeenRequests: Sendable {
        let count = Atomic<Int>(0)
        let streamed = Atomic<Int>(0)
        let streamsEnded = Atomic<Int>(0)
    }

    init(_ configure: (inout ListenerLimits) -> Void = { _ in }) async throws {
        var limits = ListenerLimits()
        configure(&limits)
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let (ports, continuation) = AsyncStream<Int>.makeStream()
        let application = Application(
            responder: Responder(seen: seen),
            server: .guarded(limits, connections: connections),
            configuration: ApplicationConfiguration(host: "127.0.0.1", port: 0, limits: limits),
            onServerRunning: { continuation.yield($0.localAddress?.port ?? 0) },
            logger: logger
        )
        let group = ServiceGroup(services: [application], logger: logger)
        self.group = group
        running = Task { try await group.run() }
        var iterator = ports.makeAsyncIterator()
        port = await iterator.next() ?? 0
    }

    func stop() async throws {
        await group.triggerGracefulShutdown()
        try await running.value
    }

    func connect(receiveBuffer: Int32? = nil) throws -> RawConnection {
        try RawConnection(port: port, receiveBuffer: receiveBuffer)
    }

    /// Sends a text on a connection of its own and reads what comes until the end of the connection.
    func exchange(_ text: String) async throws -> String {
        let connection = try connect()
        try await connection.send(text)
        return try await connection.readToEnd()
    }

    struct Context: RequestContext {
        var coreContext: CoreRequestContextStorage
        let channel: any Channel

        init(source: ApplicationRequestContextSource) {
            coreContext = CoreRequestContextStorage(source: source)
            channel = source.channel
        }
    }

    private struct Responder: HTTPResponder {
        let seen: SeenRequests

        func respond(to request: Request, context: Context) async throws -> Response {
            seen.count.add(1, ordering: .relaxed)
            switch request.uri.path {
            case "/echo":
                do {
                    let body = try await request.body.collect(upTo: 10 << 20)
                    return text("read \(body.readableBytes)")
                } catch is RefusedRequest {
                    return text("never seen", .internalServerError)
                }
            case "/refuse": return text("who are you", .unauthorized)
            case "/stream":
                return Response(
                    status: .ok,
                    body: ResponseBody { [seen] writer in
                        defer { seen.streamsEnded.add(1, ordering: .relaxed) }
                        let chunk = ByteBuffer(repeating: 0x61, count: 16 << 10)
                        while !Task.isCancelled {
                            try await writer.write(chunk)
                            try await context.channel.everythingIsTaken()
                            seen.streamed.add(16 << 10, ordering: .relaxed)
                        }
                        try await writer.finish(nil)
                    }
                )
            default: return text("ok")
            }
        }

        private func text(_ text: String, _ status: HTTPResponse.Status = .ok) -> Response {
            Response(status: status, body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
        }
    }
}
