import Glibc
import Synchronization

/// A real PostgreSQL server of the tests' own: a fresh data folder, a free port on 127.0.0.1, no fsync.
///
/// PostgreSQL refuses to run as root; there the server runs as the user `postgres`.
package final class PostgresServer: Sendable {
    /// How to end the server.
    package enum ShutdownMode: Sendable {
        /// Open connections are cut, data is written.
        case fast
        /// As a crash: the next start recovers.
        case immediate
    }

    /// The port on 127.0.0.1. It stays the same over restarts.
    package let port: Int
    /// The folder of the Unix socket.
    package let socketDirectory: String

    private let directory: TemporaryDirectory
    private let process = Mutex<TestProcess?>(nil)
    private let databases = Atomic<Int>(0)

    /// The server that all tests of this process share; it starts with the first use. Do not stop it.
    package static func shared() async throws -> PostgresServer {
        try await sharedStart.value
    }

    private static let sharedStart = Task {
        let server = try await PostgresServer()
        sharedServer.withLock { $0 = server }
        // The kernel ends the server with this process; its files are ours to remove.
        atexit { PostgresServer.sharedServer.withLock { $0 }?.killAndRemove() }
        return server
    }
    private static let sharedServer = Mutex<PostgresServer?>(nil)

    /// Makes a data folder and starts a server on it.
    ///
    /// - Parameters:
    ///   - settings: Server settings in addition to those that make it quick.
    ///   - folder: An empty folder for its data; one of its own by default.
    package init(settings: [String: String] = [:], folder: TemporaryDirectory? = nil) async throws {
        directory = try folder ?? TemporaryDirectory(prefix: "pg")
        port = try freePort()
        socketDirectory = directory.path
        let data = directory.appending("data")
        mkdir(data, 0o700)
        if geteuid() == 0 {
            guard let user = getpwnam("postgres") else { throw TestSupportError("there is no user postgres") }
            chown(data, user.pointee.pw_uid, user.pointee.pw_gid)
            chown(directory.path, user.pointee.pw_uid, user.pointee.pw_gid)
        }
        try await TestProcess.run(
            Self.program("initdb"),
            ["-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"],
            workingDirectory: "/",
            user: "postgres"
        )
        self.settings = settings
        try await start()
    }

    private let settings: [String: String]

    /// A connection URL for a database of the server.
    package func url(database: String = "postgres", user: String = "postgres") -> String {
        "postgres://\(user)@127.0.0.1:\(port)/\(database)"
    }

    /// Makes an empty database (or a copy of `template`) and returns its URL.
    package func createDatabase(template: String? = nil) async throws -> String {
        let number = databases.add(1, ordering: .relaxed).newValue
        let name = "test_\(getpid())_\(number)"
        try await sql("CREATE DATABASE \(name)" + (template.map { " TEMPLATE \($0)" } ?? ""))
        return url(database: name)
    }

    /// Runs SQL with psql and returns the rows, unaligned and without headers.
    @discardableResult
    package func sql(_ text: String, database: String = "postgres") async throws -> String {
        try await TestProcess.run(
            Self.program("psql"),
            ["-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-c", text, url(database: database)]
        ).standardOutput
    }

    /// Starts the server again after ``stop(_:)``; returns when it answers.
    package func start() async throws {
        var arguments = ["-D", directory.appending("data"), "-p", "\(port)", "-k", socketDirectory]
        // Commits stay synchronous: with the kernel alive they survive an immediate stop even without fsync, and what a
        // service was told is committed must be there after it.
        let quick = [
            "listen_addresses": "127.0.0.1", "fsync": "off", "full_page_writes": "off",
            "max_connections": "200", "shared_buffers": "32MB", "autovacuum": "off", "jit": "off",
        ]
        for (name, value) in quick.merging(settings, uniquingKeysWith: { $1 }).sorted(by: { $0.key < $1.key }) {
            arguments += ["-c", "\(name)=\(value)"]
        }
        let started = try TestProcess(
            Self.program("postgres"),
            arguments,
            workingDirectory: "/",
            user: "postgres"
        )
        process.withLock { $0 = started }
        try await waitUntil(timeout: .seconds(60), interval: .milliseconds(50), "PostgreSQL") {
            guard started.isRunning else {
                throw TestSupportError("PostgreSQL ended: \(started.standardError.suffix(2_000))")
            }
            let answer = try await TestProcess.run(
                Self.program("pg_isready"),
                ["-q", "-h", "127.0.0.1", "-p", "\(port)"],
                check: false
            )
            return answer.termination == .exited(0)
        }
    }

    /// Ends the server and leaves its data for ``start()``.
    package func stop(_ mode: ShutdownMode = .fast) async {
        guard let running = process.withLock({ $0.take() }) else { return }
        running.signal(mode == .fast ? SIGINT : SIGQUIT)
        _ = try? await running.waitForExit(timeout: .seconds(30))
        await running.killNow()
    }

    /// Stops every process of the server without ending it: it accepts connections and never answers.
    package func freeze() {
        process.withLock { $0 }?.signal(SIGSTOP)
        for child in children() { kill(child, SIGSTOP) }
    }

    /// Undoes ``freeze()``.
    package func thaw() {
        for child in children() { kill(child, SIGCONT) }
        process.withLock { $0 }?.signal(SIGCONT)
    }

    private func children() -> [pid_t] {
        guard let parent = process.withLock({ $0 })?.processIdentifier else { return [] }
        return readFile("/proc/\(parent)/task/\(parent)/children").split(separator: " ").compactMap { pid_t($0) }
    }

    private func killAndRemove() {
        process.withLock { $0 }?.signal(SIGQUIT)
        usleep(200_000)
        process.withLock { $0 }?.signal(SIGKILL, wholeGroup: true)
        directory.remove()
    }

    private static func program(_ name: String) -> String {
        for version in [18, 17, 16, 15, 14] {
            let path = "/usr/lib/postgresql/\(version)/bin/\(name)"
            if access(path, X_OK) == 0 { return path }
        }
        return name
    }
}
