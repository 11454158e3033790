import CLibpq
import Glibc
import Redaction

/// Owns one `PGconn`. All waiting is `poll(2)` with a deadline: libpq runs in non-blocking mode throughout.
///
/// Thread safety: none, which is libpq's own rule for a `PGconn`; ``PQConnection`` runs every call on the one thread
/// of its executor.
final class PQHandle: @unchecked Sendable {
    private var connection: OpaquePointer?
    var statements = PreparedStatements()
    private var waitLimit: PQWaitLimit?
    /// How often a wait looks whether the limit has come nearer.
    private static let longestPoll: Int64 = 250

    deinit {
        if let connection { PQfinish(connection) }
    }

    /// Whether the connection is open, outside a transaction, and the server has sent nothing unasked.
    ///
    /// What a server sends to an idle connection is its farewell: the message first and the end of the stream a moment
    /// later, so that waiting for the latter would let a dying connection through.
    var isUsable: Bool {
        guard let connection, PQstatus(connection) == CONNECTION_OK, isIdle else { return false }
        return (try? poll(POLLIN, until: .now)) == false
    }

    /// Whether no transaction is open.
    var isIdle: Bool { connection.map { PQtransactionStatus($0) == PQTRANS_IDLE } ?? false }

    /// Closes the connection. Safe to call more than once.
    func finish() {
        guard let open = connection else { return }
        connection = nil
        statements = PreparedStatements()
        PQfinish(open)
    }

    // MARK: - Connecting

    func connect(_ configuration: PQConfiguration) throws(PQError) {
        guard let url = configuration.url.exposeUTF8(), isParsable(url) else {
            throw PQError(.configuration, "the connection string cannot be parsed")
        }
        // What stands before `dbname` are defaults that the connection string may override, what stands after it is ours.
        let settings: [(String, String)] = [
            ("tcp_user_timeout", "15000"), ("keepalives_idle", "30"), ("keepalives_interval", "5"),
            ("keepalives_count", "3"), ("dbname", url), ("application_name", configuration.applicationName),
            ("client_encoding", "UTF8"),
        ]
        let started = withCStrings(settings.map(\.0)) { names in
            withCStrings(settings.map(\.1)) { values in PQconnectStartParams(names, values, 1) }
        }
        guard let started else { throw PQError(.connection, "out of memory") }
        waitLimit = configuration.waitLimit
        connection = started
        PQsetNoticeProcessor(started, { _, _ in }, nil)
        do throws(PQError) {
            try finishConnecting(started, deadline: .now + configuration.connectTimeout)
        } catch {
            finish()
            throw error
        }
    }

    private func finishConnecting(_ connection: OpaquePointer, deadline: ContinuousClock.Instant) throws(PQError) {
        guard PQstatus(connection) != CONNECTION_BAD else { throw connectError() }
        var direction = PGRES_POLLING_WRITING
        while true {
            try wait(
                for: direction == PGRES_POLLING_READING ? POLLIN : POLLOUT,
                deadline: deadline,
                "the connection to PostgreSQL was not made in time"
            )
            direction = PQconnectPoll(connection)
            switch direction {
            case PGRES_POLLING_OK:
                guard PQsetnonblocking(connection, 1) == 0 else { throw connectionError() }
                return
            case PGRES_POLLING_READING, PGRES_POLLING_WRITING: continue
            default: throw connectError()
            }
        }
    }

    private func isParsable(_ connectionString: String) -> Bool {
        // libpq's own message would quote the string, password and all; it is asked for none.
        guard let options = PQconninfoParse(connectionString, nil) else { return false }
        PQconninfoFree(options)
        return true
    }

    /// Why connecting failed. libpq gives no SQLSTATE here, so its text has to do; it names host and user, never the password.
    private func connectError() -> PQError {
        let message = lastMessage()
        let isRefusal = ["authentication failed", "does not exist", "no pg_hba.conf entry", "permission denied"]
            .contains { message.contains($0) }
        return PQError(isRefusal ? .authorization : .connection, message)
    }

    func connectionError() -> PQError {
        PQError(.connection, lastMessage())
    }

    private func lastMessage() -> String {
        guard let connection, let text = PQerrorMessage(connection) else { return "the connection is closed" }
        let message = String(cString: text).split(separator: "\n").joined(separator: " ")
        return message.isEmpty ? "the connection was lost" : String(message.prefix(512))
    }

    // MARK: - Waiting

    func open() throws(PQError) -> OpaquePointer {
        guard let connection else { throw PQError(.closed, "the connection is closed") }
        return connection
    }

    /// Waits for the socket; the connection cannot be used any more when this throws.
    private func wait(for events: Int32, deadline: ContinuousClock.Instant, _ message: String) throws(PQError) {
        guard try poll(events, until: deadline) else {
            finish()
            throw PQError(.timeout, message)
        }
    }

    private func poll(_ events: Int32, until deadline: ContinuousClock.Instant) throws(PQError) -> Bool {
        while true {
            let connection = try open()
            var descriptor = pollfd(fd: PQsocket(connection), events: Int16(events), revents: 0)
            guard descriptor.fd >= 0 else { throw connectionError() }
            let left = max(0, ((waitLimit?.bounded(deadline) ?? deadline) - .now).wholeMilliseconds)
            let count = Glibc.poll(&descriptor, 1, Int32(clamping: min(left, Self.longestPoll)))
            if count > 0 { return true }
            if count == 0 {
                if left <= Self.longestPoll { return false }
                continue
            }
            guard errno == EINTR else { throw PQError(.connection, "poll failed with \(errno)") }
        }
    }

    /// Sends what libpq has buffered, reading meanwhile so that neither side waits for the other for ever.
    func flush(_ connection: OpaquePointer, deadline: ContinuousClock.Instant) throws(PQError) {
        while true {
            switch PQflush(connection) {
            case 0: return
            case 1:
                try wait(for: POLLIN | POLLOUT, deadline: deadline, "the server did not take the statement in time")
                guard PQconsumeInput(connection) == 1 else { throw connectionError() }
            default: throw connectionError()
            }
        }
    }

    /// The next result; nil at the end of a statement's results.
    func nextResult(_ connection: OpaquePointer, deadline: ContinuousClock.Instant) throws(PQError) -> OpaquePointer? {
        while PQisBusy(connection) == 1 {
            try wait(for: POLLIN, deadline: deadline, "the server did not answer in time")
            guard PQconsumeInput(connection) == 1 else { throw connectionError() }
        }
        return PQgetResult(connection)
    }

    // MARK: - Simple protocol

    /// Runs any number of statements without parameters and drops their rows.
    func script(_ sql: String, timeout: Duration) throws(PQError) {
        let connection = try open()
        let deadline = ContinuousClock.now + timeout
        guard PQsendQuery(connection, sql) == 1 else { throw connectionError() }
        try flush(connection, deadline: deadline)
        var failure: PQError?
        while let result = try nextResult(connection, deadline: deadline) {
            defer { PQclear(result) }
            if let error = PQResultHandle.error(of: result), failure == nil { failure = error }
            let status = PQresultStatus(result)
            if status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH {
                finish()
                throw PQError(.syntax, "COPY is not supported in scripts")
            }
        }
        if PQstatus(connection) == CONNECTION_BAD { throw failure ?? connectionError() }
        if let failure { throw failure }
    }

    // MARK: - Notifications

    /// Waits for notifications until some arrive or the time is over.
    func notifications(timeout: Duration) throws(PQError) -> [PQNotification] {
        let deadline = ContinuousClock.now + timeout
        while true {
            let connection = try open()
            guard PQconsumeInput(connection) == 1 else { throw connectionError() }
            var found: [PQNotification] = []
            while let notification = PQnotifies(connection) {
                defer { PQfreemem(notification) }
                found.append(
                    PQNotification(
                        channel: String(cString: notification.pointee.relname),
                        payload: String(cString: notification.pointee.extra)
                    )
                )
            }
            if !found.isEmpty { return found }
            guard try poll(POLLIN, until: deadline) else { return [] }
        }
    }
}

/// Lends an array of C strings that ends with NULL.
private func withCStrings<Result>(
    _ strings: [String],
    _ body: (UnsafePointer<UnsafePointer<CChar>?>) -> Result
) -> Result {
    let copies = strings.map { strdup($0) }
    defer {
        for copy in copies {
            guard let copy else { continue }
            // The connection string holds a password.
            explicit_bzero(copy, strlen(copy))
            free(copy)
        }
    }
    let pointers = copies.map { UnsafePointer($0) } + [nil]
    return pointers.withUnsafeBufferPointer { buffer in
        guard let base = buffer.baseAddress else { preconditionFailure("the array ends with a null pointer") }
        return body(base)
    }
}
