import FoundationEssentials
package import TestSupport
import WireFormats

/// A running `longshore dev`, as a process of its own: what a stranger would start.
package final class Deployment: Sendable {
    /// The process of `longshore dev`.
    package let process: TestProcess
    /// Where it keeps its files.
    package let folder: TemporaryDirectory
    /// The database, where the test started it.
    package let postgres: PostgresServer?
    /// The ready file's address of the API.
    package let http: String
    /// The bearer token.
    package let token: String
    /// The broker's address.
    package let kafka: String
    /// The path of a kubeconfig for the cluster.
    package let kubeconfig: String
    /// The secret that webhooks are signed with, as `whsec_…`.
    package let webhookSecret: String
    /// The path of the ready file, which the command's client options take.
    package let readyFile: String
    /// The API with the token.
    package let api: APIClient

    private init(
        process: TestProcess,
        folder: TemporaryDirectory,
        postgres: PostgresServer?,
        ready: JSONValue,
        readyFile: String
    ) throws {
        self.process = process
        self.folder = folder
        self.postgres = postgres
        self.readyFile = readyFile
        http = try Self.text("http", in: ready)
        token = try Self.text("token", in: ready)
        kafka = try Self.text("kafka", in: ready)
        kubeconfig = try Self.text("kubeconfig", in: ready)
        webhookSecret = try Self.text("webhookSecret", in: ready)
        api = try APIClient(base: http, token: token)
    }

    private static func text(_ key: String, in json: JSONValue) throws -> String {
        guard let text = json[key]?.string, !text.isEmpty else {
            throw TestSupportError("the ready file has no \(key): \(json.text())")
        }
        return text
    }

    /// Starts one.
    ///
    /// - Parameters:
    ///   - arguments: Further arguments of `longshore dev`.
    ///   - folder: A folder of an earlier one, to go on with it.
    ///   - given: The database; one that the test starts by default.
    ///   - ownPostgres: Whether it starts a database itself.
    ///   - environment: Added to the process's environment.
    package static func start(
        _ arguments: [String] = [],
        folder: TemporaryDirectory? = nil,
        postgres given: PostgresServer? = nil,
        ownPostgres: Bool = false,
        environment: [String: String] = [:]
    ) async throws -> Deployment {
        let folder = try folder ?? TemporaryDirectory(prefix: "longshore-e2e")
        let readyFile = folder.appending("ready.json")
        try? FileManager.default.removeItem(atPath: readyFile)
        var all = ["dev", "--data-dir", folder.appending("dev"), "--port", "0", "--ready-file", readyFile]
        var postgres = given
        if !ownPostgres {
            if postgres == nil { postgres = try await PostgresServer() }
            all += ["--postgres", postgres?.url() ?? ""]
        }
        if let kafka = TestTarget.kafka { all += ["--kafka", kafka] }
        if let kubeconfig = TestTarget.kubeconfig { all += ["--kubeconfig", kubeconfig] }
        let process = try TestProcess(TestTarget.binary, all + arguments, environment: environment)
        do {
            try await waitUntil(timeout: .seconds(90), "longshore dev to be ready") {
                if !process.isRunning {
                    throw TestSupportError("longshore dev ended: \(process.standardError.suffix(4_000))")
                }
                return FileManager.default.fileExists(atPath: readyFile)
            }
        } catch {
            _ = await process.killNow()
            throw TestSupportError("\(error)\n\(process.standardError.suffix(4_000))")
        }
        let ready = try JSONValue(parsing: Array(readFile(readyFile).utf8))
        return try Deployment(process: process, folder: folder, postgres: postgres, ready: ready, readyFile: readyFile)
    }

    /// Stops it as Ctrl-C does.
    package func stop() async -> TestProcess.Termination {
        await api.close()
        return await process.stop(gracePeriod: .seconds(30))
    }

    /// The log so far.
    package var log: String { process.standardError }

    /// Runs kubectl against the cluster.
    package func kubectl(_ arguments: String..., input: String? = nil) async throws -> String {
        var all = arguments
        if let input {
            all += ["-f", try folder.write("manifest-\(UInt64.random(in: 0...UInt64.max)).yaml", input)]
        }
        return try await TestProcess.run("kubectl", ["--kubeconfig", kubeconfig] + all, check: true).standardOutput
    }

    /// Objects of this task that are left.
    package func objectsLeft(ofTask task: String) async throws -> [String] {
        try await kubectl(
            "get",
            "jobs,secrets,pods",
            "-n",
            "longshore",
            "-l",
            "longshore.dev/task=\(task)",
            "-o",
            "name"
        )
        .split(separator: "\n").map(String.init)
    }
}

/// The one deployment that most tests share; it dies with the test run.
package actor SharedDeployment {
    package static let instance = SharedDeployment()
    private var starting: Task<Deployment, any Error>?

    /// The deployment, started by whoever asks first.
    package func get() async throws -> Deployment {
        if let starting { return try await starting.value }
        let task = Task { try await Deployment.start(["--nodes", "5", "--executors", "2"]) }
        starting = task
        return try await task.value
    }
}
