import ClusterSimulator
import FoundationEssentials
import Glibc
import Logging
import Redaction
import ServiceRuntime
import Synchronization

/// A PostgreSQL server of one's own, in a folder, for `longshore dev`.
///
/// `pg_ctl` starts and stops it, so that a server left behind by a killed process is found and used again rather than
/// started twice on the same files.
final class DevPostgres: Sendable {
    /// The folder that holds `data`, the password and the log.
    private let folder: String
    private let programs: DevPostgresPrograms
    private let password: String
    private let port: Int
    private let process = Mutex<pid_t?>(nil)

    private init(folder: String, programs: DevPostgresPrograms, password: String, port: Int) {
        self.folder = folder
        self.programs = programs
        self.password = password
        self.port = port
    }

    /// The connection URL; it contains the password of this server alone.
    var url: SecretBytes {
        SecretBytes(utf8: "postgres://longshore:\(password)@127.0.0.1:\(port)/postgres")
    }

    private var data: String { "\(folder)/data" }

    /// Makes the database if the folder has none, and starts the server.
    ///
    /// - Parameters:
    ///   - dataFolder: The folder of `longshore dev`.
    ///   - logger: Told where the database's files are when they cannot be in the folder.
    /// - Returns: The running server.
    /// - Throws: ``DevError`` with the program's own words when a step fails.
    static func start(in dataFolder: String, logger: Logger) async throws -> DevPostgres {
        let programs = try DevPostgresPrograms()
        let folder = try await DevPostgresFolder(dataFolder: dataFolder, programs: programs, logger: logger).prepare()
        let passwordPath = "\(folder)/password"
        if !FileManager.default.fileExists(atPath: passwordPath) {
            try PrivateFile.write(Array(RandomText.hex(bytes: 24).utf8), to: passwordPath)
            try await programs.hand(passwordPath)
        }
        let password = try String(contentsOf: URL(filePath: passwordPath), encoding: .utf8)
        if !FileManager.default.fileExists(atPath: "\(folder)/data/PG_VERSION") {
            try await programs.run(
                "initdb",
                [
                    "--pgdata", "\(folder)/data", "--username", "longshore", "--pwfile", passwordPath,
                    "--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C.UTF-8", "--no-instructions",
                ]
            )
        }
        let running = await runningPort(programs: programs, data: "\(folder)/data")
        let server = DevPostgres(
            folder: folder,
            programs: programs,
            password: password,
            port: try running ?? DevProcess.freePort()
        )
        guard running == nil else {
            server.noteProcess()
            return server
        }
        do {
            try await server.launch()
        } catch {
            // One that did not answer in time may still be starting.
            server.noteProcess()
            await server.stop()
            throw error
        }
        return server
    }

    /// Starts the server's process, on the same port as before.
    func launch() async throws {
        if let former = process.withLock({ $0 }), DevProcess.isZombie(former) {
            // Nobody has waited for it, and to the next server its number looks like a process that runs.
            try? FileManager.default.removeItem(atPath: "\(data)/postmaster.pid")
        }
        let options =
            "-c listen_addresses=127.0.0.1 -c port=\(port) -c unix_socket_directories='' -c max_connections=200"
        try await programs.run(
            "pg_ctl",
            ["start", "--pgdata", data, "--wait", "--timeout", "60", "--log", "\(folder)/log", "-o", options]
        )
        noteProcess()
    }

    /// Whether the server's process is there.
    var isRunning: Bool { process.withLock { $0 }.map(DevProcess.isRunning) ?? false }

    /// Stops the server, more and more firmly; transactions in progress are rolled back.
    func stop() async {
        for (mode, seconds) in [("fast", 10), ("immediate", 3)] where isRunning {
            // A failure means that it still runs, which is seen to.
            try? await programs.run(
                "pg_ctl",
                ["stop", "--pgdata", data, "--mode", mode, "--wait", "--timeout", "\(seconds)"]
            )
        }
        kill()
    }

    /// Ends the server at once if it is still there, as a crash would: its next start recovers.
    func kill() {
        guard let server = process.withLock({ $0 }), DevProcess.isRunning(server) else { return }
        for child in DevProcess.children(of: server) + [server] { Glibc.kill(child, SIGKILL) }
    }

    /// Remembers the number of the server's process.
    private func noteProcess() {
        guard let file = try? String(contentsOf: URL(filePath: "\(data)/postmaster.pid"), encoding: .utf8) else {
            return
        }
        process.withLock { $0 = file.split(separator: "\n").first.flatMap { pid_t($0) } }
    }

    private static func runningPort(programs: DevPostgresPrograms, data: String) async -> Int? {
        guard (try? await programs.run("pg_ctl", ["status", "--pgdata", data])) != nil,
            let file = try? String(contentsOf: URL(filePath: "\(data)/postmaster.pid"), encoding: .utf8)
        else { return nil }
        // The fourth line of the file is the port (PostgreSQL's miscadmin.h, LOCK_FILE_LINE_PORT).
        let lines = file.split(separator: "\n", omittingEmptySubsequences: false)
        return lines.count > 3 ? Int(lines[3]) : nil
    }
}
