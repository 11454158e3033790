import LibPQ
import Redaction
import Synchronization
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(3)))
struct PQPoolTests {
    @Test
    func `No more connections than allowed, and everybody is served`() async throws {
        let pool = PQPool(configuration: try await makeConfiguration(maximumConnections: 3))
        let peak = Peak()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<60 {
                group.addTask {
                    try await pool.withConnection { connection in
                        peak.enter()
                        try await connection.query("SELECT pg_sleep(0.002)")
                        peak.leave()
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(peak.most == 3)
        #expect(pool.load == (3, 3, 0))
        await pool.close()
        let closed = await #expect(throws: PQError.self) { try await pool.query("SELECT 1") }
        #expect(closed?.code == .closed)
    }

    @Test
    func `Who waits too long for a connection is refused, and the pool goes on`() async throws {
        var configuration = try await makeConfiguration(maximumConnections: 1)
        configuration.acquireTimeout = .milliseconds(200)
        let pool = PQPool(configuration: configuration)
        try await pool.withConnection { _ in
            let error = await #expect(throws: PQError.self) { try await pool.query("SELECT 1") }
            #expect(error?.code == .poolExhausted)
            #expect(error?.isRetryable == true)
        }
        #expect(try await pool.query("SELECT 1 AS one").first?.int("one") == 1)
        await pool.close()
    }

    @Test
    func `A task that is cancelled while it waits leaves the queue`() async throws {
        let pool = PQPool(configuration: try await makeConfiguration(maximumConnections: 1))
        try await pool.withConnection { _ in
            let waiting = Task { try await pool.query("SELECT 1") }
            try await waitUntil { pool.load.waiting == 1 }
            waiting.cancel()
            await #expect(throws: CancellationError.self) { try await waiting.value }
            #expect(pool.load.waiting == 0)
        }
        await pool.close()
    }

    @Test
    func `Closing refuses those who wait`() async throws {
        let pool = PQPool(configuration: try await makeConfiguration(maximumConnections: 1))
        try await pool.withConnection { _ in
            let waiting = Task { try await pool.query("SELECT 1") }
            try await waitUntil { pool.load.waiting == 1 }
            await pool.close()
            #expect(await #expect(throws: PQError.self) { try await waiting.value }?.code == .closed)
        }
        #expect(pool.load.open == 0)
    }

    @Test
    func `Connections that the server cut are replaced without anybody noticing`() async throws {
        let pool = PQPool(configuration: try await makeConfiguration(maximumConnections: 2))
        let killer = PQPool(configuration: pool.configuration)
        for _ in 0..<5 {
            try await pool.query("SELECT 1")
            try await killer.query(
                """
                SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE datname = current_database() AND pid <> pg_backend_pid()
                """
            )
            try await waitUntil {
                try await killer.query(
                    """
                    SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database()
                      AND pid <> pg_backend_pid() AND backend_type = 'client backend'
                    """
                )[0].int("n") == 0
            }
            #expect(try await pool.query("SELECT 1 AS one").first?.int("one") == 1)
        }
        await pool.close()
        await killer.close()
    }

    @Test
    func `A connection that is cut in the middle of a transaction fails it, and the pool goes on`() async throws {
        let pool = PQPool(configuration: try await makeConfiguration(maximumConnections: 2))
        let error = await #expect(throws: PQError.self) {
            try await pool.transaction { connection in
                let pid = try await connection.query("SELECT pg_backend_pid() AS pid")[0].int("pid")
                try await pool.query("SELECT pg_terminate_backend($1::int)", [.int(Int64(pid))])
                try await connection.query("SELECT 1")
            }
        }
        #expect(error?.code == .connection)
        #expect(error?.isRetryable == true)
        #expect(try await pool.query("SELECT 1 AS one").first?.int("one") == 1)
        await pool.close()
    }

    @Test
    func `A transaction that conflicts with another runs again`() async throws {
        let pool = PQPool(configuration: try await makeConfiguration(maximumConnections: 8))
        try await pool.query("CREATE TABLE counter (n bigint)")
        try await pool.query("INSERT INTO counter VALUES (0)")
        let runs = Peak()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    try await pool.transaction(isolation: .serializable, attempts: 50) { connection in
                        runs.enter()
                        let n = try await connection.query("SELECT n FROM counter")[0].int("n")
                        try await connection.query("UPDATE counter SET n = $1", [.int(Int64(n + 1))])
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(try await pool.query("SELECT n FROM counter")[0].int("n") == 8)
        #expect(runs.most >= 8)
        await pool.close()
    }

    @Test
    func `A server that goes away and comes back is used again`() async throws {
        let server = try await PostgresServer()
        var configuration = PQConfiguration(url: SecretBytes(utf8: server.url()), maximumConnections: 2)
        configuration.connectTimeout = .milliseconds(500)
        configuration.statementTimeout = .milliseconds(500)
        let pool = PQPool(configuration: configuration)
        let listener = PQListener(configuration: configuration, channels: ["news"])
        let listening = Task { try await listener.run() }
        try await pool.checkConnection()
        try await waitUntil { listener.isConnected }

        await server.stop(.immediate)
        let away = await #expect(throws: PQError.self) { try await pool.checkConnection() }
        #expect(away?.isRetryable == true)
        #expect(pool.load.open == 0)
        try await server.start()
        try await pool.checkConnection()

        // A server that accepts and never answers must not hold anybody for ever either.
        server.freeze()
        let silent = await #expect(throws: PQError.self) { try await pool.query("SELECT 1") }
        #expect(silent?.code == .timeout)
        let mute = await #expect(throws: PQError.self) { try await pool.query("SELECT 1") }
        #expect(mute?.code == .timeout)
        server.thaw()
        try await waitUntil { (try? await pool.checkConnection()) != nil }
        try await waitUntil { listener.isConnected }
        listening.cancel()
        _ = await listening.result
        await pool.close()
        await server.stop()
    }
}

struct PQListenerTests {
    @Test(.timeLimit(.minutes(2)))
    func `A listener hears, and says after each connect that it may have missed something`() async throws {
        let configuration = try await makeConfiguration()
        let pool = PQPool(configuration: configuration)
        let listener = PQListener(configuration: configuration, channels: ["news", "Other"])
        let listening = Task { try await listener.run() }
        var notifications = listener.notifications.makeAsyncIterator()
        #expect(await notifications.next() == PQNotification(channel: "news", payload: "", mayHaveMissed: true))
        #expect(await notifications.next() == PQNotification(channel: "Other", payload: "", mayHaveMissed: true))
        try await pool.query("SELECT pg_notify('news', $1)", ["hello"])
        #expect(await notifications.next() == PQNotification(channel: "news", payload: "hello"))

        try await pool.query(
            """
            SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid()
            """
        )
        #expect(await notifications.next() == PQNotification(channel: "news", payload: "", mayHaveMissed: true))
        #expect(await notifications.next() == PQNotification(channel: "Other", payload: "", mayHaveMissed: true))
        try await pool.query("SELECT pg_notify('Other', 'again')")
        #expect(await notifications.next() == PQNotification(channel: "Other", payload: "again"))
        listening.cancel()
        _ = await listening.result
        #expect(await notifications.next() == nil)
        await pool.close()
    }
}

/// Counts who is inside, and how many there were at most.
private final class Peak: Sendable {
    private let state = Mutex((now: 0, most: 0))

    var most: Int { state.withLock(\.most) }

    func enter() {
        state.withLock {
            $0.now += 1
            $0.most = max($0.most, $0.now)
        }
    }

    func leave() {
        state.withLock { $0.now -= 1 }
    }
}
