import NIOCore

/// Where one connection stands between its requests and answers, and when it has taken too long.
///
/// A pure state machine: it is told what has happened and when, and says what is to be done.
struct ConnectionLife: Equatable {
    /// What is being waited for.
    enum Phase: Equatable {
        /// The first byte of a request.
        case idle
        /// The end of a request's header fields.
        case head
        /// The end of a request's body.
        case body
        /// The end of the answer to a request that was read to its end.
        case answering
        /// The client's end of a connection that has had its last answer; what comes is thrown away.
        case lingering
        /// Nothing any more.
        case closed
    }

    /// What is to be done with bytes that have come.
    enum Inbound: Equatable {
        case read
        case discard
        case close
    }

    /// What is to be done when a time is over.
    enum Ending: Equatable {
        case nothing
        case refuse(RefusedRequest)
        case close
    }

    private(set) var phase = Phase.idle
    /// Whether the first byte of the answer to the current request is on its way.
    private(set) var hasBegunAnswer = false
    /// Whether the connection ends with the current answer.
    private(set) var endsWithAnswer = false
    private let limits: ListenerLimits
    private var phaseDeadline: NIODeadline?
    private var lingerBytes = 0
    /// Writes that the kernel has not taken yet.
    private var pendingWrites = 0
    private var lastProgress: NIODeadline

    init(limits: ListenerLimits, now: NIODeadline) {
        self.limits = limits
        lastProgress = now
        phaseDeadline = now + limits.headTimeout
    }

    /// Whether the kernel has taken everything.
    var hasNothingPending: Bool { pendingWrites == 0 }

    /// When the connection is to be looked at next; nil when nothing is waited for.
    var deadline: NIODeadline? {
        guard phase != .closed else { return nil }
        guard pendingWrites > 0 else { return phaseDeadline }
        let stalled = lastProgress + limits.stallTimeout
        return phaseDeadline.map { min($0, stalled) } ?? stalled
    }

    // MARK: - What the client sends

    /// Bytes have come.
    mutating func received(bytes: Int, now: NIODeadline) -> Inbound {
        switch phase {
        case .idle:
            phase = .head
            phaseDeadline = now + limits.headTimeout
            return .read
        case .head, .body, .answering: return .read
        case .lingering:
            lingerBytes += bytes
            return lingerBytes > limits.lingerBytes ? .close : .discard
        case .closed: return .discard
        }
    }

    /// A request's header fields are complete.
    ///
    /// - Parameters:
    ///   - hasBody: Whether a body follows.
    ///   - isLast: Whether the client wants no further request on the connection.
    ///   - now: The time.
    mutating func receivedHead(hasBody: Bool, isLast: Bool, now: NIODeadline) {
        switch phase {
        case .idle, .head:
            phase = hasBody ? .body : .answering
            phaseDeadline = hasBody ? now + limits.bodyTimeout : nil
            hasBegunAnswer = false
            endsWithAnswer = isLast
        case .body, .answering, .lingering, .closed: break
        }
    }

    /// A request has been read to its end.
    mutating func receivedEnd() {
        switch phase {
        case .body:
            phase = .answering
            phaseDeadline = nil
        case .idle, .head, .answering, .lingering, .closed: break
        }
    }

    // MARK: - What is sent to the client

    /// The answer begins.
    ///
    /// - Returns: Whether it must say that the connection ends with it: the client wants that, or there is more of its
    ///   request than is going to be read.
    mutating func beganAnswer() -> Bool {
        hasBegunAnswer = true
        if phase == .body { endsWithAnswer = true }
        return endsWithAnswer
    }

    /// The last byte of the answer is written.
    ///
    /// - Returns: Whether the connection ends when the kernel has taken it. Otherwise the next request may begin at once.
    mutating func endedAnswer(now: NIODeadline) -> Bool {
        switch phase {
        case .body, .answering:
            guard !endsWithAnswer, phase == .answering else { return true }
            phase = .idle
            phaseDeadline = now + limits.idleTimeout
            return false
        case .idle, .head, .lingering, .closed: return false
        }
    }

    /// The connection has had its last answer.
    mutating func linger(now: NIODeadline) {
        guard phase != .closed else { return }
        phase = .lingering
        phaseDeadline = now + limits.lingerTimeout
    }

    mutating func close() { phase = .closed }

    /// Something was handed to the kernel.
    mutating func wrote(now: NIODeadline) {
        if pendingWrites == 0 { lastProgress = now }
        pendingWrites += 1
    }

    /// The kernel has taken it.
    mutating func flushed(now: NIODeadline) {
        pendingWrites -= 1
        lastProgress = now
    }

    // MARK: - Time

    /// The deadline may have passed.
    func elapsed(now: NIODeadline) -> Ending {
        guard let deadline, now >= deadline else { return .nothing }
        let isStalled = pendingWrites > 0 && now >= lastProgress + limits.stallTimeout
        switch phase {
        case .head where !isStalled: return .refuse(.headTimeout)
        case .body where !isStalled && !hasBegunAnswer: return .refuse(.bodyTimeout)
        case .idle, .head, .body, .answering, .lingering: return .close
        case .closed: return .nothing
        }
    }
}
