import BlockingExecutor

/// One connection to PostgreSQL, with a thread of its own.
///
/// Thread safety: methods may be called from anywhere; statements run one after the other, in order of arrival. A
/// transaction therefore needs the connection to itself: take it from a ``PQPool``. Cancelling a task does not
/// interrupt a statement; the statement timeout bounds it.
package final class PQConnection: Sendable {
    private let handle = PQHandle()
    private let executor: BlockingExecutor
    /// In milliseconds. Whoever asks has given up long before a statement's time is over, and each that waits for a table that
    /// somebody has locked holds a connection: none would be left for what needs no such table.
    private static let longestLockWait: Int64 = 10_000

    private let statementTimeout: Duration

    private init(_ configuration: PQConfiguration) {
        executor = BlockingExecutor(label: "postgres")
        statementTimeout = configuration.statementTimeout
    }

    deinit {
        // The queued closure keeps the handle alive until the thread has closed it; finishing can write to the network.
        let handle = handle
        executor.submit { handle.finish() }
        executor.shutdown()
    }

    /// Connects.
    ///
    /// - Parameter configuration: Where to, and the timeouts.
    /// - Returns: The open connection.
    /// - Throws: ``PQError``: `connection`, `timeout`, `authorization` or `configuration`.
    package static func connect(_ configuration: PQConfiguration) async throws(PQError) -> PQConnection {
        let connection = PQConnection(configuration)
        let handle = connection.handle
        let milliseconds = configuration.statementTimeout.wholeMilliseconds
        let lockWait = Swift.min(milliseconds, longestLockWait)
        // A transaction that its client has forgotten must not hold locks for ever. And a plan that was made when a table was empty
        // must not be kept until the next analysis: going through a table that has grown since, row by row, once made a statement
        // a hundred times dearer. Planning costs a fraction of a millisecond for each batch. To compile a statement takes longer than
        // any of ours, and a plan that is thought to be dear for want of statistics would be compiled.
        let settings = """
            SET statement_timeout = \(milliseconds); SET lock_timeout = \(lockWait);
            SET idle_in_transaction_session_timeout = \(max(60_000, milliseconds * 2)); SET TimeZone = 'UTC';
            SET plan_cache_mode = force_custom_plan; SET jit = off
            """
        try await connection.executor.run { () throws(PQError) in
            try handle.connect(configuration)
            try handle.script(settings, timeout: configuration.connectTimeout)
        }
        return connection
    }

    /// Runs one statement.
    ///
    /// - Parameters:
    ///   - sql: With `$1`, `$2`, … for parameters; prepared once for each connection.
    ///   - parameters: Their values.
    ///   - timeout: In place of the statement timeout of the configuration, for waiting here.
    /// - Returns: The rows.
    /// - Throws: ``PQError``.
    @discardableResult
    package func query(
        _ sql: String,
        _ parameters: [PQParameter] = [],
        timeout: Duration? = nil
    ) async throws(PQError) -> PQResult {
        let results = try await pipeline([PQStatement(sql, parameters)], timeout: timeout)
        guard let result = results.first else { throw PQError(.connection, "the server sent no result") }
        return result
    }

    /// Runs statements in one round trip. Outside a transaction they are one transaction: all take effect or none.
    ///
    /// - Parameters:
    ///   - statements: In order.
    ///   - timeout: In place of the statement timeout of the configuration, for the whole batch.
    /// - Returns: One result for each statement.
    /// - Throws: ``PQError``.
    @discardableResult
    package func pipeline(
        _ statements: [PQStatement],
        timeout: Duration? = nil
    ) async throws(PQError) -> [PQResult] {
        let handle = handle
        let limit = patience(timeout)
        return try await executor.run { () throws(PQError) in try handle.run(statements, timeout: limit) }
    }

    /// Runs statements without parameters through the simple protocol, and drops their rows.
    ///
    /// - Parameters:
    ///   - sql: Any number of statements; outside a transaction they are one transaction.
    ///   - timeout: In place of the statement timeout of the configuration, for waiting here.
    /// - Throws: ``PQError``.
    package func script(_ sql: String, timeout: Duration? = nil) async throws(PQError) {
        let handle = handle
        let limit = patience(timeout)
        try await executor.run { () throws(PQError) in try handle.script(sql, timeout: limit) }
    }

    /// Waits for notifications of the channels that this connection listens to.
    ///
    /// - Parameter timeout: How long at most; keep it short, since nothing else can run on the connection meanwhile.
    /// - Returns: What arrived; empty when the time was over.
    /// - Throws: ``PQError``.
    package func notifications(timeout: Duration) async throws(PQError) -> [PQNotification] {
        let handle = handle
        return try await executor.run { () throws(PQError) in try handle.notifications(timeout: timeout) }
    }

    /// Runs a body in a transaction: commits when it returns, rolls back when it throws.
    ///
    /// The connection must not be used by anything else meanwhile.
    ///
    /// - Parameters:
    ///   - isolation: The isolation level.
    ///   - body: Gets this connection.
    /// - Returns: What the body returns.
    /// - Throws: What the body throws, or ``PQError``. After a lost connection during the commit it is unknown whether
    ///   the transaction took effect.
    @discardableResult
    package func transaction<Success>(
        isolation: PQIsolation = .readCommitted,
        _ body: (PQConnection) async throws -> Success
    ) async throws -> Success {
        try await query(isolation.begin)
        let success: Success
        do {
            success = try await body(self)
        } catch {
            // A connection that cannot roll back is of no use any more: it is closed, which rolls back as well.
            do { try await query("ROLLBACK") } catch { await close() }
            throw error
        }
        let committed = try await query("COMMIT")
        guard committed.commandTag == "COMMIT" else {
            throw PQError(.server, "the transaction had failed and was rolled back", sqlState: "25P02")
        }
        return success
    }

    /// Whether the connection is open and outside a transaction. Does not ask the server, but sees what it has sent.
    package func isUsable() async -> Bool {
        let handle = handle
        return await executor.run { handle.isUsable }
    }

    /// Closes the connection and lets its thread end.
    package func close() async {
        let handle = handle
        await executor.run { handle.finish() }
        executor.shutdown()
    }

    /// The server enforces the statement timeout; we wait a little longer for its answer.
    private func patience(_ timeout: Duration?) -> Duration {
        (timeout ?? statementTimeout) + .seconds(2)
    }
}

/// The isolation level of a transaction.
package enum PQIsolation: String, Sendable, CaseIterable {
    /// The default: each statement sees what was committed before it began.
    case readCommitted = "READ COMMITTED"
    /// All statements see one snapshot.
    case repeatableRead = "REPEATABLE READ"
    /// As if transactions ran one after the other; expect serialization failures.
    case serializable = "SERIALIZABLE"

    var begin: String { self == .readCommitted ? "BEGIN" : "BEGIN ISOLATION LEVEL \(rawValue)" }
}

/// What `NOTIFY` sent.
package struct PQNotification: Sendable, Equatable {
    /// The channel.
    package var channel: String
    /// The text, at most 7,999 bytes; empty also when ``mayHaveMissed`` is set.
    package var payload: String
    /// True for the notification that ``PQListener`` makes itself for each channel after it has connected: whatever
    /// was sent before it has not been heard.
    package var mayHaveMissed: Bool

    /// Makes a notification.
    ///
    /// - Parameters:
    ///   - channel: The channel.
    ///   - payload: The text.
    ///   - mayHaveMissed: See the property.
    package init(channel: String, payload: String, mayHaveMissed: Bool = false) {
        self.channel = channel
        self.payload = payload
        self.mayHaveMissed = mayHaveMissed
    }
}
