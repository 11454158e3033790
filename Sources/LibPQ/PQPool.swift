import Synchronization

/// A bounded number of connections, opened when needed and checked before each use, so that a restart of the server
/// costs no more than the statements that were in flight.
///
/// Thread safety: every method may be called from anywhere.
package final class PQPool: Sendable {
    fileprivate typealias Answer = Result<PoolState<PQConnection>.Action, PQError>

    private struct State {
        var pool: PoolState<PQConnection>
        var waiters: [UInt64: CheckedContinuation<Answer, Never>] = [:]
        /// Tickets that were answered or given up before their continuation was stored.
        var early: [UInt64: Answer] = [:]
        var nextTicket: UInt64 = 0

        /// The continuation of a ticket; when it is not there yet, the answer is kept for it.
        mutating func take(_ ticket: UInt64, answer: Answer) -> CheckedContinuation<Answer, Never>? {
            if let waiter = waiters.removeValue(forKey: ticket) { return waiter }
            early[ticket] = answer
            return nil
        }
    }

    /// The settings that the pool was made with.
    package let configuration: PQConfiguration
    private let state: Mutex<State>

    /// Makes a pool; no connection is opened yet.
    ///
    /// - Parameter configuration: Where to, how many, how long.
    package init(configuration: PQConfiguration) {
        self.configuration = configuration
        state = Mutex(State(pool: PoolState(maximum: configuration.maximumConnections)))
    }

    /// Connections that exist, are being made, or are lent; and callers that wait for one.
    package var load: (open: Int, idle: Int, waiting: Int) {
        state.withLock { ($0.pool.openCount, $0.pool.idleCount, $0.pool.waitingCount) }
    }

    /// Lends a connection for the time of the body.
    ///
    /// - Parameter body: Must not keep the connection.
    /// - Returns: What the body returns.
    /// - Throws: What the body throws, or ``PQError``: `poolExhausted`, `connection`, `timeout`, `closed`;
    ///   `CancellationError` when the task is cancelled while it waits.
    @discardableResult
    package func withConnection<Success>(
        _ body: (PQConnection) async throws -> Success
    ) async throws -> Success {
        let connection = try await acquire()
        do {
            let success = try await body(connection)
            await release(connection)
            return success
        } catch {
            await release(connection)
            throw error
        }
    }

    /// Lends a connection with a transaction open on it; see ``PQConnection/transaction(isolation:_:)``.
    ///
    /// - Parameters:
    ///   - isolation: The isolation level.
    ///   - attempts: How often the body runs at most when the transaction conflicts with another one (serialization
    ///     failure or deadlock). Default 3.
    ///   - body: May run more than once.
    /// - Returns: What the body returns.
    /// - Throws: What the body throws, or ``PQError``.
    @discardableResult
    package func transaction<Success>(
        isolation: PQIsolation = .readCommitted,
        attempts: Int = 3,
        _ body: (PQConnection) async throws -> Success
    ) async throws -> Success {
        var attempt = 1
        while true {
            do {
                return try await withConnection { connection in
                    try await connection.transaction(isolation: isolation, body)
                }
            } catch let error as PQError where error.code == .serialization && attempt < attempts {
                // Two that collided must not collide again at once.
                try await Task.sleep(for: .milliseconds(Int.random(in: 1...20) * attempt))
                attempt += 1
            }
        }
    }

    /// Runs one statement on some connection.
    ///
    /// - Parameters:
    ///   - sql: With `$1`, `$2`, … for parameters.
    ///   - parameters: Their values.
    /// - Returns: The rows.
    /// - Throws: ``PQError``.
    @discardableResult
    package func query(_ sql: String, _ parameters: [PQParameter] = []) async throws -> PQResult {
        try await withConnection { try await $0.query(sql, parameters) }
    }

    /// Runs statements on some connection as one transaction in one round trip.
    ///
    /// - Parameter statements: In order.
    /// - Returns: One result for each statement.
    /// - Throws: ``PQError``.
    @discardableResult
    package func pipeline(_ statements: [PQStatement]) async throws -> [PQResult] {
        try await withConnection { try await $0.pipeline(statements) }
    }

    /// Asks the server for an answer.
    ///
    /// - Parameter timeout: For the statement; connecting and waiting for a connection have their own limits.
    /// - Throws: ``PQError``.
    package func checkConnection(timeout: Duration = .seconds(2)) async throws {
        _ = try await withConnection { try await $0.query("SELECT 1", timeout: timeout) }
    }

    /// Refuses new work and closes the idle connections now, the lent ones when they come back.
    package func close() async {
        let (connections, waiters) = state.withLock { state in
            let (connections, tickets) = state.pool.close()
            return (connections, tickets.compactMap { state.take($0, answer: .success(.fail)) })
        }
        for waiter in waiters { waiter.resume(returning: .success(.fail)) }
        for connection in connections { await connection.close() }
    }

    // MARK: - Lending

    private func acquire() async throws -> PQConnection {
        let deadline = configuration.waitLimit.bounded(.now + configuration.acquireTimeout)
        var action = try await nextAction(deadline: deadline)
        while true {
            switch action {
            case .use(let connection):
                if await connection.isUsable() { return connection }
                // Cut by the server while it was idle. Its place is used for a new one.
                await connection.close()
                action = .open
            case .open:
                do throws(PQError) {
                    return try await PQConnection.connect(configuration)
                } catch {
                    handOver(state.withLock { $0.pool.lose() })
                    throw error
                }
            case .wait: action = try await nextAction(deadline: deadline)
            case .fail: throw PQError(.closed, "the pool is closed")
            }
        }
    }

    private func release(_ connection: PQConnection) async {
        guard await connection.isUsable() else {
            await connection.close()
            return handOver(state.withLock { $0.pool.lose() })
        }
        let handover = state.withLock { $0.pool.release(connection) }
        if case .discard(let connection) = handover { await connection.close() }
        handOver(handover)
    }

    private func nextAction(deadline: ContinuousClock.Instant) async throws -> PoolState<PQConnection>.Action {
        let (ticket, action) = state.withLock { state in
            state.nextTicket += 1
            return (state.nextTicket, state.pool.acquire(ticket: state.nextTicket))
        }
        guard case .wait = action else { return action }
        let timer = Task {
            try await Task.sleep(until: deadline)
            giveUp(ticket, .failure(PQError(.poolExhausted, "no connection became free in time")))
        }
        defer { timer.cancel() }
        let answer = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let early: Answer? = state.withLock { state in
                    if let early = state.early.removeValue(forKey: ticket) { return early }
                    state.waiters[ticket] = continuation
                    return nil
                }
                if let early { continuation.resume(returning: early) }
            }
        } onCancel: {
            giveUp(ticket, .failure(PQError(.poolExhausted, "cancelled")))
        }
        if case .failure = answer { try Task.checkCancellation() }
        return try answer.get()
    }

    private func giveUp(_ ticket: UInt64, _ answer: Answer) {
        let waiter = state.withLock { state in
            state.pool.giveUp(ticket: ticket) ? state.take(ticket, answer: answer) : nil
        }
        waiter?.resume(returning: answer)
    }

    private func handOver(_ handover: PoolState<PQConnection>.Handover) {
        switch handover {
        case .give(let ticket, let connection): answer(ticket, .success(.use(connection)))
        case .letOpen(let ticket): answer(ticket, .success(.open))
        case .nothing, .discard: break
        }
    }

    private func answer(_ ticket: UInt64, _ answer: Answer) {
        state.withLock { $0.take(ticket, answer: answer) }?.resume(returning: answer)
    }
}
