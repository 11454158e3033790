package import NIOCore

/// The end of a connection that is nearest to the network: it keeps the connection's times, answers what the service behind it
/// is not asked about, and throws away what comes after the last answer.
///
/// Answers of its own are written past the HTTP encoder, so that it can give them whatever state the encoder is in.
///
/// Thread safety: used on the channel's event loop alone, like every channel handler.
final class ConnectionFront: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = IOData
    typealias OutboundOut = IOData

    /// Written at once at most: progress is seen when the kernel has taken a whole write.
    private static let writeBytes = 64 << 10

    private let limits: ListenerLimits
    /// Whether the connection is one too many.
    private let isRefused: Bool
    private var life: ConnectionLife
    private var context: ChannelHandlerContext?
    private var timer: (deadline: NIODeadline, task: Scheduled<Void>)?
    /// Those who wait until the kernel has taken everything.
    private var waiting: [EventLoopPromise<Void>] = []
    /// Those who want the connection closed while it lingers.
    private var closing: [EventLoopPromise<Void>] = []

    /// Sent down the pipeline to wait until the kernel has taken everything that was written before.
    struct EverythingIsTaken: Sendable {}

    init(limits: ListenerLimits, isRefused: Bool) {
        self.limits = limits
        self.isRefused = isRefused
        life = ConnectionLife(limits: limits, now: .now())
    }

    // MARK: - For the handler of requests

    /// Whether the connection has had its last answer.
    var hasEnded: Bool { life.phase == .lingering || life.phase == .closed }

    func receivedHead(hasBody: Bool, isLast: Bool) {
        life.receivedHead(hasBody: hasBody, isLast: isLast, now: .now())
        schedule()
    }

    func receivedEnd() {
        life.receivedEnd()
        schedule()
    }

    /// The answer begins; says whether the connection ends with it.
    func beganAnswer() -> Bool { life.beganAnswer() }

    /// The last byte of the answer is about to be written; says whether the connection is to ``linger()`` when it is.
    func endedAnswer() -> Bool {
        let endsConnection = life.endedAnswer(now: .now())
        schedule()
        return endsConnection
    }

    /// Tells the client to send the body that it holds back (RFC 9110, section 15.2.1).
    func askForBody() {
        guard life.phase == .body, !life.hasBegunAnswer, let context else { return }
        write("HTTP/1.1 100 Continue\r\n\r\n", context)
    }

    /// Answers in place of the service, ends the connection and tells those behind that there will be no more of the request.
    func refuse(_ reason: RefusedRequest) {
        guard !hasEnded, let context else { return }
        if life.hasBegunAnswer, life.phase == .body || life.phase == .answering {
            // Half of another answer is out already.
            close()
        } else {
            write(reason.answer, context)
            linger()
        }
        context.fireErrorCaught(reason)
    }

    private func write(_ text: String, _ context: ChannelHandlerContext) {
        life.wrote(now: .now())
        schedule()
        context.writeAndFlush(wrapOutboundOut(.byteBuffer(ByteBuffer(string: text)))).assumeIsolated()
            .whenComplete { [self] _ in flushed() }
    }

    private func flushed() {
        life.flushed(now: .now())
        guard life.hasNothingPending, !waiting.isEmpty else { return }
        let promises = waiting
        waiting = []
        for promise in promises { promise.succeed() }
    }

    // MARK: - Ending

    private func carryOut(_ ending: ConnectionLife.Ending) {
        switch ending {
        case .nothing: schedule()
        case .refuse(let reason): refuse(reason)
        case .close: close()
        }
    }

    /// Ends the sending side; what the client still sends is thrown away for a while.
    func linger() {
        guard !hasEnded else { return }
        life.linger(now: .now())
        schedule()
        context?.close(mode: .output, promise: nil)
        context?.read()
    }

    private func close() {
        life.close()
        timer?.task.cancel()
        timer = nil
        context?.close(mode: .all, promise: nil)
    }

    private func schedule() {
        guard let context, let deadline = life.deadline else { return }
        if let timer {
            // One that comes too early looks again; one that came too late would let the connection stay.
            guard deadline < timer.deadline else { return }
            timer.task.cancel()
        }
        let task = context.eventLoop.assumeIsolated().scheduleTask(deadline: deadline) { [weak self] in
            guard let self else { return }
            timer = nil
            carryOut(life.elapsed(now: .now()))
        }
        timer = (deadline, task)
    }

    // MARK: - Channel events

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        if context.channel.isActive { begin() }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        timer?.task.cancel()
        timer = nil
        self.context = nil
    }

    func channelActive(context: ChannelHandlerContext) {
        context.fireChannelActive()
        begin()
    }

    private func begin() {
        if isRefused {
            refuse(.overloaded)
        } else {
            schedule()
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        life.close()
        timer?.task.cancel()
        timer = nil
        for promise in closing { promise.succeed() }
        closing = []
        for promise in waiting { promise.fail(ChannelError.ioOnClosedChannel) }
        waiting = []
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = unwrapInboundIn(data)
        switch life.received(bytes: bytes.readableBytes, now: .now()) {
        case .read:
            schedule()
            context.fireChannelRead(data)
        case .discard: break
        case .close: close()
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        context.fireChannelReadComplete()
        // Those behind may have stopped asking for more.
        if life.phase == .lingering { context.read() }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if life.phase == .lingering, event as? ChannelEvent == .inputClosed {
            close()
        } else {
            context.fireUserInboundEventTriggered(event)
        }
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard !hasEnded, case .byteBuffer(var bytes) = unwrapOutboundIn(data) else {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        while bytes.readableBytes > Self.writeBytes, let slice = bytes.readSlice(length: Self.writeBytes) {
            write(slice, nil, context)
        }
        write(bytes, promise, context)
    }

    private func write(_ bytes: ByteBuffer, _ promise: EventLoopPromise<Void>?, _ context: ChannelHandlerContext) {
        life.wrote(now: .now())
        let written = promise ?? context.eventLoop.makePromise()
        written.futureResult.assumeIsolated().whenComplete { [self] _ in flushed() }
        context.write(wrapOutboundOut(.byteBuffer(bytes)), promise: written)
    }

    func flush(context: ChannelHandlerContext) {
        context.flush()
        schedule()
    }

    func triggerUserOutboundEvent(context: ChannelHandlerContext, event: Any, promise: EventLoopPromise<Void>?) {
        guard event is EverythingIsTaken else {
            context.triggerUserOutboundEvent(event, promise: promise)
            return
        }
        if life.phase == .closed {
            promise?.fail(ChannelError.ioOnClosedChannel)
        } else if life.hasNothingPending {
            promise?.succeed()
        } else if let promise {
            waiting.append(promise)
        }
    }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        switch (life.phase, mode) {
        case (.lingering, .all):
            if let promise { closing.append(promise) }
        case (.lingering, .output):
            promise?.succeed()
        default:
            context.close(mode: mode, promise: promise)
        }
    }
}

extension Channel {
    /// Waits until the kernel has taken everything that was written to a connection of a guarded listener.
    ///
    /// Hummingbird's writer only learns on the event loop that a client reads more slowly than it is written to; who sends
    /// much waits with this after each part, and so never has more than one in memory.
    ///
    /// - Throws: `ChannelError` when the connection has been closed, which it is when its client takes nothing for
    ///   ``ListenerLimits/stallTimeout``.
    package func everythingIsTaken() async throws {
        try await triggerUserOutboundEvent(ConnectionFront.EverythingIsTaken()).get()
    }
}
