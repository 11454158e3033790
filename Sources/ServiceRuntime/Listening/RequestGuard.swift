import NIOCore
import NIOHTTP1

/// Looks at each request before the service does, and at each answer before the client does, and keeps the ``ConnectionFront``
/// informed about both.
///
/// It stands behind NIO's handler of pipelined requests, so it sees one request at a time.
///
/// Thread safety: used on the channel's event loop alone, like every channel handler.
final class RequestGuard: ChannelDuplexHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    /// Sent down the pipeline when the service begins to read a body.
    struct BodyIsWanted: Sendable {}

    private let front: ConnectionFront
    /// Whether the client waits to be asked for the body.
    private var holdsBodyBack = false

    init(front: ConnectionFront) { self.front = front }

    // MARK: - Requests

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !front.hasEnded else { return }
        switch unwrapInboundIn(data) {
        case .head(let head):
            if let fault = Self.fault(of: head) {
                front.refuse(fault)
                return
            }
            let hasBody = head.headers.contains(name: "transfer-encoding") || head.contentLength > 0
            holdsBodyBack = hasBody && head.version != .http1_0 && head.headers.contains(name: "expect")
            // NIO reads nothing of a connection after a request that asks for another protocol.
            let asksForAnother = head.method == .CONNECT || head.headers.contains(name: "upgrade")
            front.receivedHead(hasBody: hasBody, isLast: !head.isKeepAlive || asksForAnother)
        case .body: holdsBodyBack = false
        case .end: front.receivedEnd()
        }
        context.fireChannelRead(data)
    }

    /// What is wrong with the header fields by which a message is framed and routed; nil when nothing is.
    static func fault(of head: HTTPRequestHead) -> RefusedRequest? {
        let hosts = head.headers["host"]
        let mustHaveHost = head.version != .http1_0
        guard hosts.count == 1 || (hosts.isEmpty && !mustHaveHost) else { return .host }
        let codings = head.headers["transfer-encoding"]
        if !codings.isEmpty {
            guard !head.headers.contains(name: "content-length") else { return .twoLengths }
            guard codings.count == 1, codings[0].lowercased() == "chunked" else { return .transferCoding }
        }
        let expectations = head.headers["expect"]
        guard expectations.allSatisfy({ $0.lowercased() == "100-continue" }) else { return .expectation }
        return nil
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let error = error as? HTTPParserError else {
            context.fireErrorCaught(error)
            return
        }
        // Those behind are told by what the front sends through the pipeline.
        switch error {
        case .headerOverflow: front.refuse(.headTooLarge)
        case .invalidVersion: front.refuse(.version)
        default: front.refuse(.malformed)
        }
    }

    // MARK: - Answers

    func triggerUserOutboundEvent(context: ChannelHandlerContext, event: Any, promise: EventLoopPromise<Void>?) {
        guard event is BodyIsWanted else {
            context.triggerUserOutboundEvent(event, promise: promise)
            return
        }
        if holdsBodyBack {
            holdsBodyBack = false
            front.askForBody()
        }
        promise?.succeed()
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard !front.hasEnded else {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        switch unwrapOutboundIn(data) {
        case .head(var head) where head.status.code >= 200:
            if front.beganAnswer() {
                head.headers.remove(name: "keep-alive")
                head.headers.add(name: "connection", value: "close")
            }
            context.write(wrapOutboundOut(.head(head)), promise: promise)
        case .end:
            // Before it is handed on: NIO's handler of pipelined requests lets the next one in while it writes this.
            guard front.endedAnswer() else {
                context.write(data, promise: promise)
                return
            }
            let written = promise ?? context.eventLoop.makePromise()
            written.futureResult.assumeIsolated().whenSuccess { [front] in front.linger() }
            context.write(data, promise: written)
        case .head, .body:
            context.write(data, promise: promise)
        }
    }
}

extension HTTPRequestHead {
    /// What `Content-Length` says; 0 without it. NIO's decoder has refused what is no number, and two that differ.
    fileprivate var contentLength: Int { headers.first(name: "content-length").flatMap(Int.init) ?? 0 }
}
