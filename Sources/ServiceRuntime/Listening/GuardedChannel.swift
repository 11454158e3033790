import HTTPTypes
package import Hummingbird
package import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP1
import Synchronization

/// The connections that a listener has open, counted.
///
/// Thread safety: every method may be called from anywhere.
package final class OpenConnections: Sendable {
    private let state = Atomic<Int>(0)

    /// Makes a count of zero.
    package init() {}

    /// How many are open.
    package var count: Int { state.load(ordering: .relaxed) }

    /// Counts one more and gives the number with it.
    func enter() -> Int { state.add(1, ordering: .relaxed).newValue }

    func leave() { state.subtract(1, ordering: .relaxed) }
}

/// A connection of HTTP/1.1 whose requests, answers and silences are bounded by ``ListenerLimits``.
///
/// It is Hummingbird's own with three handlers more: the ``ConnectionFront`` before its decoder; NIO's handler of pipelined
/// requests and the ``RequestGuard`` behind it.
struct GuardedChannel: ServerChildChannel {
    typealias Value = HTTP1Channel.Value

    /// What waits in this process for a client that reads more slowly than it is written to.
    private static let waterMark = ChannelOptions.Types.WriteBufferWaterMark(low: 16 << 10, high: 32 << 10)

    private let http: HTTP1Channel
    private let limits: ListenerLimits
    private let connections: OpenConnections

    init(responder: @escaping HTTPChannelHandler.Responder, limits: ListenerLimits, connections: OpenConnections) {
        self.limits = limits
        self.connections = connections
        let decoder = HTTP1Channel.Configuration.DecoderConfiguration(
            maxHeaderFieldSize: limits.headBytes / 2,
            maxHeaderListSize: limits.headBytes,
            maxHeaderFieldCount: limits.headFields
        )
        http = HTTP1Channel(
            responder: { request, writer, channel in
                var request = request
                if request.headers[.expect] != nil {
                    request.body = RequestBody(asyncSequence: ExpectedBody(body: request.body, channel: channel))
                }
                try await responder(request, writer, channel)
            },
            configuration: HTTP1Channel.Configuration(httpDecoderConfiguration: decoder)
        )
    }

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        let number = connections.enter()
        channel.closeFuture.whenComplete { [connections] _ in connections.leave() }
        // Where the kernel does not take the size, its own is as good.
        channel.setOption(.socketOption(.so_sndbuf), value: SocketOptionValue(limits.sendBufferBytes))
            .whenFailure { _ in }
        channel.setOption(.writeBufferWaterMark, value: Self.waterMark).whenFailure { _ in }
        let front = ConnectionFront(limits: limits, isRefused: number > limits.maximumConnections)
        do {
            try channel.pipeline.syncOperations.addHandler(front)
        } catch {
            return channel.eventLoop.makeFailedFuture(error)
        }
        return http.setup(channel: channel, logger: logger).assumeIsolated().flatMapThrowing { value in
            let pipeline = channel.pipeline.syncOperations
            let decoder = try pipeline.handler(type: ByteToMessageHandler<HTTPRequestDecoder>.self)
            let pipelining = HTTPServerPipelineHandler()
            try pipeline.addHandler(pipelining, position: .after(decoder))
            try pipeline.addHandler(RequestGuard(front: front), position: .after(pipelining))
            return value
        }
        .nonisolated()
    }

    func handle(value: Value, logger: Logger) async { await http.handle(value: value, logger: logger) }
}

/// A body that its client sends when it is asked to.
private struct ExpectedBody: AsyncSequence, Sendable {
    typealias Element = ByteBuffer

    let body: RequestBody
    let channel: any Channel

    struct AsyncIterator: AsyncIteratorProtocol {
        fileprivate var body: RequestBody.AsyncIterator
        fileprivate var channel: (any Channel)?

        @concurrent
        mutating func next() async throws -> ByteBuffer? {
            channel?.triggerUserOutboundEvent(RequestGuard.BodyIsWanted(), promise: nil)
            channel = nil
            return try await body.next()
        }
    }

    func makeAsyncIterator() -> AsyncIterator { AsyncIterator(body: body.makeAsyncIterator(), channel: channel) }
}

extension HTTPServerBuilder {
    /// A server of HTTP/1.1 whose connections are bounded.
    ///
    /// - Parameters:
    ///   - limits: What each connection may cost, and how many there may be.
    ///   - connections: Counts those that are open.
    /// - Returns: The builder, for a Hummingbird application.
    package static func guarded(
        _ limits: ListenerLimits,
        connections: OpenConnections = OpenConnections()
    ) -> HTTPServerBuilder {
        HTTPServerBuilder { GuardedChannel(responder: $0, limits: limits, connections: connections) }
    }
}

extension ApplicationConfiguration {
    /// The configuration of a guarded listener.
    ///
    /// - Parameters:
    ///   - host: Host or address to listen on.
    ///   - port: The port; 0 takes a free one.
    ///   - limits: How many connections there may be. Those above stay in the kernel's queue of 256.
    package init(host: String, port: Int, limits: ListenerLimits) {
        self.init(
            address: .hostname(host, port: port),
            serverName: nil,
            availableConnectionsDelegate: MaximumAvailableConnections(
                limits.maximumConnections + ListenerLimits.refusedAtOnce,
                logger: Logger(label: "connections") { _ in SwiftLogNoOpLogHandler() }
            )
        )
    }
}
