import FoundationEssentials
import Subprocess
import SystemPackage

/// The programs of an installed PostgreSQL, run as the account that may run them: it refuses to run as root.
struct DevPostgresPrograms: Sendable {
    private let folder: String

    /// Finds the newest ones.
    ///
    /// - Throws: ``DevError`` when there are none.
    init() throws {
        let installed = (try? FileManager.default.contentsOfDirectory(atPath: "/usr/lib/postgresql")) ?? []
        let folders =
            installed.sorted { (Int($0) ?? 0) > (Int($1) ?? 0) }.map { "/usr/lib/postgresql/\($0)/bin" }
            + ["/usr/local/bin", "/usr/bin"]
        guard let found = folders.first(where: { FileManager.default.isExecutableFile(atPath: "\($0)/initdb") }) else {
            throw DevError(
                "PostgreSQL is not installed: run `apt-get install postgresql`, or give --postgres with the URL of a database"
            )
        }
        folder = found
    }

    /// Runs a program of PostgreSQL to its end.
    ///
    /// - Throws: ``DevError`` with the program's own words when it fails.
    func run(_ program: String, _ arguments: [String]) async throws {
        try await runAsDatabase(["\(folder)/\(program)"] + arguments)
    }

    /// Runs a command as the account of the database.
    func runAsDatabase(_ command: [String]) async throws {
        let account = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "--"]
        try await plain(DevProcess.isRoot ? account + command : command)
    }

    /// Gives a file or a folder to the account of the database, for it alone.
    func hand(_ path: String) async throws {
        guard DevProcess.isRoot else { return }
        try await plain(["chown", "postgres:postgres", path])
    }

    /// Lets the account of the database pass through a folder, without reading it.
    func letThrough(_ path: String) async throws {
        guard DevProcess.isRoot else { return }
        try await plain(["chgrp", "postgres", path])
        try await plain(["chmod", "710", path])
    }

    private func plain(_ command: [String]) async throws {
        let program = command[0]
        // A terminal's Ctrl-C goes to its whole process group; a start of the server that is cut off would leave one behind.
        var options = PlatformOptions()
        options.processGroupID = 0
        let result = try await Subprocess.run(
            program.hasPrefix("/") ? .path(FilePath(program)) : .name(program),
            arguments: Arguments(Array(command.dropFirst())),
            workingDirectory: "/",
            platformOptions: options,
            output: .discarded,
            error: .string(limit: 16_384)
        )
        guard result.terminationStatus.isSuccess else {
            throw DevError("\(command.joined(separator: " ")) failed: \(result.standardError)")
        }
    }
}
