import FoundationEssentials
import Redaction
import Subprocess
import SystemPackage

/// A PostgreSQL server of one's own, in a folder, for `longshore dev`.
///
/// `pg_ctl` starts and stops it, so that a server left behind by a killed process is found and used again rather than
/// started twice on the same files.
struct DevPostgres {
    /// The folder that holds `data`, the password and the log.
    private let folder: String
    private let programs: String
    private let password: String
    private let port: Int

    /// The connection URL; it contains the password of this server alone.
    var url: SecretBytes {
        SecretBytes(utf8: "postgres://longshore:\(password)@127.0.0.1:\(port)/postgres")
    }

    /// Makes the database if the folder has none, and starts the server.
    ///
    /// - Parameter folder: Where everything of this server lives; made if missing.
    /// - Returns: The running server.
    /// - Throws: ``DevError`` with the program's own words when a step fails.
    static func start(folder: String) async throws -> DevPostgres {
        let programs = try findPrograms()
        let data = "\(folder)/data"
        try await prepare(folder: folder)
        let passwordPath = "\(folder)/password"
        if (try? String(contentsOf: URL(filePath: passwordPath), encoding: .utf8)) == nil {
            try RandomText.hex(bytes: 24).write(to: URL(filePath: passwordPath), atomically: true, encoding: .utf8)
            try await hand(passwordPath, mode: "600")
        }
        let password = try String(contentsOf: URL(filePath: passwordPath), encoding: .utf8)
        if !FileManager.default.fileExists(atPath: "\(data)/PG_VERSION") {
            try await command(
                "\(programs)/initdb",
                [
                    "--pgdata", data, "--username", "longshore", "--pwfile", passwordPath, "--auth", "scram-sha-256",
                    "--encoding", "UTF8", "--locale", "C.UTF-8", "--no-instructions",
                ]
            )
        }
        if let port = await runningPort(programs: programs, data: data) {
            return DevPostgres(folder: folder, programs: programs, password: password, port: port)
        }
        let preferredPort = try DevProcess.freePort()
        let options =
            "-c listen_addresses=127.0.0.1 -c port=\(preferredPort) -c unix_socket_directories='' -c max_connections=200"
        try await command(
            "\(programs)/pg_ctl",
            ["start", "--pgdata", data, "--wait", "--timeout", "60", "--log", "\(folder)/log", "-o", options]
        )
        return DevPostgres(folder: folder, programs: programs, password: password, port: preferredPort)
    }

    /// Stops the server; transactions in progress are rolled back.
    func stop() async throws {
        try await Self.command(
            "\(programs)/pg_ctl",
            ["stop", "--pgdata", "\(folder)/data", "--mode", "fast", "--wait", "--timeout", "30"]
        )
    }

    // MARK: - Programs

    private static func findPrograms() throws -> String {
        let installed = (try? FileManager.default.contentsOfDirectory(atPath: "/usr/lib/postgresql")) ?? []
        let folders =
            installed.sorted { (Int($0) ?? 0) > (Int($1) ?? 0) }.map { "/usr/lib/postgresql/\($0)/bin" }
            + ["/usr/local/bin", "/usr/bin"]
        guard let found = folders.first(where: { FileManager.default.isExecutableFile(atPath: "\($0)/initdb") }) else {
            throw DevError(
                "PostgreSQL is not installed: run `apt-get install postgresql`, or give --postgres with the URL of a database"
            )
        }
        return found
    }

    private static func prepare(folder: String) async throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try await hand(folder, mode: "700")
    }

    /// PostgreSQL refuses to run as root: then it runs as the package's own user, which must own its files.
    private static func hand(_ path: String, mode: String) async throws {
        _ = try? await Subprocess.run(.name("chmod"), arguments: [mode, path], output: .discarded)
        guard DevProcess.isRoot else { return }
        try await plain("chown", ["postgres:postgres", path])
    }

    private static func runningPort(programs: String, data: String) async -> Int? {
        guard (try? await command("\(programs)/pg_ctl", ["status", "--pgdata", data])) != nil,
            let file = try? String(contentsOf: URL(filePath: "\(data)/postmaster.pid"), encoding: .utf8)
        else { return nil }
        // The fourth line of the file is the port (PostgreSQL's miscadmin.h, LOCK_FILE_LINE_PORT).
        let lines = file.split(separator: "\n", omittingEmptySubsequences: false)
        return lines.count > 3 ? Int(lines[3]) : nil
    }

    private static func command(_ program: String, _ arguments: [String]) async throws {
        if DevProcess.isRoot {
            try await plain(
                "setpriv",
                ["--reuid=postgres", "--regid=postgres", "--init-groups", "--", program] + arguments
            )
        } else {
            try await plain(program, arguments)
        }
    }

    private static func plain(_ program: String, _ arguments: [String]) async throws {
        let result = try await Subprocess.run(
            program.hasPrefix("/") ? .path(FilePath(program)) : .name(program),
            arguments: Arguments(arguments),
            workingDirectory: "/",
            output: .discarded,
            error: .string(limit: 16_384)
        )
        guard result.terminationStatus.isSuccess else {
            throw DevError("\(program) failed: \(result.standardError)")
        }
    }
}
