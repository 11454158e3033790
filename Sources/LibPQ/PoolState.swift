/// The bookkeeping of a pool: which connections are idle, how many exist, who waits. No effects, no clock.
struct PoolState<Connection: Sendable>: Sendable {
    /// What the caller of a transition has to do.
    enum Action: Sendable {
        /// Use this one, after having checked it.
        case use(Connection)
        /// Open a new one; its place is reserved.
        case open
        /// Wait for ``PoolState/Action`` to come with the given ticket.
        case wait
        /// The pool is closed.
        case fail
    }

    /// What to do with a connection or a place that became free.
    enum Handover: Sendable {
        /// Give it to the waiter with this ticket.
        case give(ticket: UInt64, Connection)
        /// Let the waiter with this ticket open one; the place stays reserved.
        case letOpen(ticket: UInt64)
        /// Nobody waits: a returned connection is idle now, a place is free.
        case nothing
        /// The pool is closed: close the connection.
        case discard(Connection)
    }

    private let maximum: Int
    private var idle: [Connection] = []
    private var count = 0
    private var waiting: [UInt64] = []
    private var isClosed = false

    init(maximum: Int) { self.maximum = maximum }

    /// Connections that exist, are being made, or are lent.
    var openCount: Int { count }
    var idleCount: Int { idle.count }
    var waitingCount: Int { waiting.count }

    mutating func acquire(ticket: UInt64) -> Action {
        guard !isClosed else { return .fail }
        if let connection = idle.popLast() { return .use(connection) }
        if count < maximum {
            count += 1
            return .open
        }
        waiting.append(ticket)
        return .wait
    }

    /// A lent connection comes back in working order.
    mutating func release(_ connection: Connection) -> Handover {
        guard !isClosed else {
            count -= 1
            return .discard(connection)
        }
        guard !waiting.isEmpty else {
            idle.append(connection)
            return .nothing
        }
        return .give(ticket: waiting.removeFirst(), connection)
    }

    /// A lent connection was closed, or could not be opened.
    mutating func lose() -> Handover {
        guard !isClosed, !waiting.isEmpty else {
            count -= 1
            return .nothing
        }
        return .letOpen(ticket: waiting.removeFirst())
    }

    /// A waiter gives up. False when it has been served meanwhile.
    mutating func giveUp(ticket: UInt64) -> Bool {
        guard let index = waiting.firstIndex(of: ticket) else { return false }
        waiting.remove(at: index)
        return true
    }

    /// No connection is lent any more. Returns the idle ones, to be closed, and the waiters, to be refused.
    mutating func close() -> (connections: [Connection], tickets: [UInt64]) {
        isClosed = true
        defer {
            count -= idle.count
            idle = []
            waiting = []
        }
        return (idle, waiting)
    }
}
