import DeploymentSupport
import FoundationEssentials
import Glibc
import TestSupport
import Testing
import WireFormats

/// `longshore dev` as somebody at a terminal meets it: it ends when it cannot go on, and leaves nothing behind.
@Suite(
    "longshore dev",
    .tags(.integration),
    .timeLimit(.minutes(6)),
    .needsSimulator("starts and ends `longshore dev` with its simulated cluster"),
    .needsEmbeddedBroker
)
struct DevTests {
    private static func start(_ folder: TemporaryDirectory, _ arguments: [String] = []) throws -> TestProcess {
        try TestProcess(
            TestTarget.binary,
            ["dev", "--data-dir", folder.appending("dev"), "--nodes", "1", "--executors", "0"] + arguments
        )
    }

    /// The process of its PostgreSQL; `initdb` writes a negative number.
    private static func postmaster(_ folder: TemporaryDirectory) -> pid_t? {
        let file = readFile(folder.appending("dev/postgres/data/postmaster.pid"))
        return file.split(separator: "\n").first.flatMap { pid_t($0) }.flatMap { $0 > 0 ? $0 : nil }
    }

    private static func isAtWork(_ process: pid_t) -> Bool {
        let state = readFile("/proc/\(process)/stat").split(separator: ")").last?.split(separator: " ").first
        return kill(process, 0) == 0 && state != "Z"
    }

    @Test("A port that is taken ends it with 1, named by its flag, and its database with it")
    func takenPort() async throws {
        let folder = try TemporaryDirectory(prefix: "dev")
        let other = try ScriptedHTTPServer()
        let port = String(try #require(other.url("").split(separator: ":").last).prefix { $0.isNumber })
        let process = try Self.start(folder, ["--port", port])
        let database = try await waitForValue(timeout: .seconds(60), "PostgreSQL") {
            process.isRunning ? Self.postmaster(folder) : 0
        }
        #expect(try await process.waitForExit() == .exited(1))
        let text = process.standardError
        #expect(text.contains("--port: cannot listen on 127.0.0.1:\(port): the port is taken"), "\(text)")
        #expect(!process.standardOutput.contains("is ready"))
        #expect(database > 0 && !Self.isAtWork(database))
    }

    @Test("A second one on the same folder is refused, and told which process has it")
    func twoOnOneFolder() async throws {
        let first = try await Deployment.start(["--nodes", "1", "--executors", "0"])
        let second = try TestProcess(
            TestTarget.binary,
            ["dev", "--data-dir", first.folder.appending("dev"), "--port", "0"]
        )
        #expect(try await second.waitForExit() == .exited(1))
        let text = second.standardError
        let holder = "process \(first.process.processIdentifier)"
        #expect(text.contains("in use by another `longshore dev` (\(holder))"), "\(text)")
        #expect(text.contains(first.folder.appending("dev")))
        #expect(try await first.api.send("GET", "/v1/tasks").status == 200)
        #expect(await first.stop() == .exited(0))
    }

    @Test("It says where its token and its metrics are and what to type next, and Ctrl-C ends it without an error")
    func ready() async throws {
        let dev = try await Deployment.start(["--nodes", "1", "--executors", "1"])
        let output = dev.process.standardOutput
        let own = dev.folder.appending("dev/ready.json")
        #expect(output.contains("Longshore is ready on \(dev.http). Ctrl-C stops it."))
        #expect(output.contains("  token     \(dev.folder.appending("dev/token"))\n"))
        #expect(output.contains("export LONGSHORE_READY_FILE=\(dev.readyFile); longshore submit"), "\(output)")
        #expect(readFile(own) == readFile(dev.readyFile))
        let health = try #require(JSONValue(parsing: Array(readFile(own).utf8))["health"]?.string)
        #expect(output.contains("\(health)/metrics"))
        let metrics = try await TestProcess.run("curl", ["-sS", "\(health)/metrics"]).standardOutput
        #expect(metrics.contains("longshore_kafka_dead_letters_total"))
        dev.process.signal(SIGINT, wholeGroup: true)
        #expect(try await dev.process.waitForExit() == .exited(0))
        #expect(!dev.log.contains(#""level":"error""#), "\(dev.log.suffix(2_000))")
    }

    @Test("Without intake it names no address of it")
    func withoutIntake() async throws {
        let folder = try TemporaryDirectory(prefix: "dev")
        let process = try Self.start(folder, ["--port", "0", "--without", "intake", "--without", "notifier"])
        try await waitUntil(timeout: .seconds(60), "it to be ready") { process.standardOutput.contains("is ready") }
        #expect(process.standardOutput.contains("is ready, without intake. Ctrl-C stops it.\n"))
        #expect(!process.standardOutput.contains(":0") && !process.standardOutput.contains("longshore submit"))
        #expect(await process.stop() == .exited(0))
    }

    @Test("A signal while it starts ends it with 0 and leaves no database behind", arguments: [SIGINT, SIGTERM])
    func signalWhileStarting(_ signal: Int32) async throws {
        let folder = try TemporaryDirectory(prefix: "dev")
        let process = try Self.start(folder, ["--port", "0"])
        let database = try await waitForValue(timeout: .seconds(60), interval: .milliseconds(1), "PostgreSQL") {
            process.isRunning ? Self.postmaster(folder) : 0
        }
        // As a terminal does it: to all programs that it has started there.
        process.signal(signal, wholeGroup: true)
        #expect(try await process.waitForExit() == .exited(0), "\(process.standardError)")
        #expect(database > 0 && !Self.isAtWork(database))
        #expect(Self.postmaster(folder) == nil)
    }

    @Test("Its database is started again when it dies, and work goes on")
    func databaseDies() async throws {
        let dev = try await Deployment.start(["--nodes", "1", "--executors", "0"], ownPostgres: true)
        let former = try #require(Self.postmaster(dev.folder))
        kill(former, SIGKILL)
        try await waitUntil(timeout: .seconds(60), "another PostgreSQL") {
            let now = Self.postmaster(dev.folder)
            return now != nil && now != former
        }
        try await waitUntil(timeout: .seconds(60), "the API to answer again") {
            (try? await dev.api.send("GET", "/v1/tasks").status) == 200
        }
        #expect(dev.log.contains("PostgreSQL has ended and is started again"))
        let last = try #require(Self.postmaster(dev.folder))
        #expect(await dev.stop() == .exited(0))
        #expect(!Self.isAtWork(last))
    }

    @Test("What it writes is for its owner alone, but for the way to its database")
    func permissions() async throws {
        let dev = try await Deployment.start(["--nodes", "1", "--executors", "1"], ownPostgres: true)
        let task = try await dev.api.submit(["images": ["registry.invalid/a:1"], "checks": []])
        _ = try await dev.api.send("GET", "/v1/tasks/\(task)")
        #expect(await dev.stop() == .exited(0))
        let root = dev.folder.appending("dev")
        // The account of the database passes through the folder where it is another one than ours.
        #expect(try Self.mode(root) == (geteuid() == 0 ? 0o710 : 0o700))
        #expect(try Self.mode(dev.readyFile) == 0o600)
        for name in try FileManager.default.contentsOfDirectory(atPath: root) {
            let path = "\(root)/\(name)"
            var isFolder = false
            guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else { continue }
            #expect(try Self.mode(path) == (isFolder ? 0o700 : 0o600), "\(path)")
        }
    }

    private static func mode(_ path: String) throws -> Int {
        let value = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions]
        return Int(value as? UInt16 ?? 0) | (value as? Int ?? 0)
    }
}
