import FoundationEssentials
import Synchronization
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
    /// The ready file's address of the API; where `longshore dev` runs no intake, one at which nobody listens (the port "discard").
    package let http: String
    /// The bearer token.
    package let token: String
    /// The broker's address.
    package let kafka: String
    /// The path of a kubeconfig for the cluster.
    package let kubeconfig: String
    /// The namespace of PullTasks, pull Secrets and Jobs.
    package let namespace: String
    private let ownWebhookSecret: String
    private let cluster: ExternalCluster?
    private let services = Mutex<[TestProcess]>([])
    /// The path of the ready file, which the command's client options take.
    package let readyFile: String
    /// The API with the token.
    package let api: APIClient

    private init(
        process: TestProcess,
        folder: TemporaryDirectory,
        postgres: PostgresServer?,
        ready: JSONValue,
        readyFile: String,
        cluster: ExternalCluster?
    ) throws {
        self.process = process
        self.folder = folder
        self.postgres = postgres
        self.readyFile = readyFile
        http = ready["http"]?.string ?? "http://127.0.0.1:9"
        token = try Self.text("token", in: ready)
        kafka = try Self.text("kafka", in: ready)
        let own = try Self.text("kubeconfig", in: ready)
        kubeconfig = TestTarget.kubeconfig ?? own
        ownWebhookSecret = try Self.text("webhookSecret", in: ready)
        namespace = cluster?.namespace ?? "longshore"
        self.cluster = cluster
        api = try APIClient(base: http, token: token)
    }

    private static func text(_ key: String, in json: JSONValue) throws -> String {
        guard let text = json[key]?.string, !text.isEmpty else {
            throw TestSupportError("the ready file has no \(key): \(json.text())")
        }
        return text
    }

    /// Starts one. Where another cluster is given, executors and notifier are processes of their own with the rights of their
    /// accounts there, in namespaces of the run's own; `longshore dev` has the rest, and a cluster that nothing uses.
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
        var plan = ServicePlan(arguments)
        var cluster: ExternalCluster?
        if let kubeconfig = TestTarget.kubeconfig {
            cluster = try await ExternalCluster(kubeconfig: kubeconfig, folder: folder)
            plan.moveOut()
        }
        let process = try TestProcess(TestTarget.binary, all + plan.arguments, environment: environment)
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
        let deployment = try Deployment(
            process: process,
            folder: folder,
            postgres: postgres,
            ready: ready,
            readyFile: readyFile,
            cluster: cluster
        )
        if cluster != nil {
            do {
                try await deployment.startServices(plan, database: ready["postgres"]?.string ?? "", environment)
            } catch {
                _ = await deployment.stop()
                throw error
            }
        }
        return deployment
    }

    /// Starts executors and the notifier beside `longshore dev`, and waits until credentials can be sealed to them.
    private func startServices(
        _ plan: ServicePlan,
        database: String,
        _ environment: [String: String]
    ) async throws {
        _ = try folder.write("postgres-url", database, mode: 0o600)
        func start(_ service: Fleet.Service, _ name: String, _ arguments: [String]) async throws {
            let health = "127.0.0.1:\(try freePort())"
            let common = [service.rawValue, "--health-address", health, "--kafka-bootstrap-servers", kafka]
            let kafkaArguments = ["--kafka-replication", "1", "--kafka-partitions", "4"]
            let process = try TestProcess(
                TestTarget.binary,
                common + kafkaArguments + clusterArguments(service) + arguments,
                environment: environment
            )
            services.withLock { $0.append(process) }
            let client = try APIClient(base: "http://\(health)", token: "")
            defer { Task { await client.close() } }
            try await waitUntil(timeout: .seconds(60), "\(name) to be ready") {
                guard process.isRunning else {
                    throw TestSupportError("\(name) ended: \(process.standardError.suffix(4_000))")
                }
                return (try? await client.send("GET", "/readyz").status) == 200
            }
        }
        for index in 0..<plan.executors {
            let name = "executor-\(index + 1)"
            try await start(.executor, name, ["--identity", name, "--puller-priority-class", "longshore-puller"])
        }
        if plan.hasNotifier {
            let loopback = ["--webhook-allow-loopback", "true", "--webhook-allow-private", "true"]
            try await start(
                .notifier,
                "notifier",
                loopback + ["--postgres-url-file", folder.appending("postgres-url")]
            )
        }
        guard plan.executors > 0, plan.hasIntake else { return }
        try await waitUntil(timeout: .seconds(60), "a sealing key") {
            let clusters = try await api.send("GET", "/v1/clusters").json["items"]?.array ?? []
            return clusters.contains { $0["keys"]?.array?.isEmpty == false }
        }
    }

    /// How a service that is a process of its own gets at the cluster: with an account's rights where it is not the simulator.
    package func clusterArguments(_ service: Fleet.Service) -> [String] {
        guard let cluster else { return service == .intake ? [] : ["--kubeconfig", kubeconfig] }
        switch service {
        case .intake: return []
        case .executor:
            let helper = TestTarget.helperImage.map { ["--helper-image", $0] } ?? []
            return ["--kubeconfig", cluster.executorKubeconfig, "--namespace", namespace] + helper
        case .notifier:
            return ["--kubeconfig", cluster.notifierKubeconfig, "--webhook-namespace", cluster.webhookNamespace]
        }
    }

    /// The secret that webhooks of the project `default` are signed with, as `whsec_…`; elsewhere than in the simulator there
    /// is one once a webhook was sent.
    package func webhookSecret() async throws -> String {
        guard let cluster else { return ownWebhookSecret }
        return try await cluster.webhookSecret()
    }

    /// The nodes that a task works on when it names none.
    package func nodes() async throws -> Set<String> {
        let list = try await kubectl("get", "nodes", "-o", "json")
        return NodeChoice.chosen.nodes(among: try JSONValue(parsing: Array(list.utf8)))
    }

    /// Stops it as Ctrl-C does.
    package func stop() async -> TestProcess.Termination {
        await api.close()
        for service in services.withLock({ $0 }) { _ = await service.stop(gracePeriod: .seconds(35)) }
        let ended = await process.stop(gracePeriod: .seconds(30))
        await cluster?.remove()
        return ended
    }

    /// The log so far, of all its processes.
    package var log: String {
        process.standardError + services.withLock { $0 }.map(\.standardError).joined()
    }

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
            namespace,
            "-l",
            "longshore.dev/task=\(task)",
            "-o",
            "name"
        )
        .split(separator: "\n").map(String.init)
    }
}

/// What `longshore dev` is told to run of the services.
private struct ServicePlan {
    private(set) var arguments: [String]
    private(set) var executors = 1
    private(set) var hasIntake = true
    private(set) var hasNotifier = true

    init(_ arguments: [String]) {
        self.arguments = arguments
        for (option, value) in zip(arguments, arguments.dropFirst()) {
            switch (option, value) {
            case ("--executors", _): executors = Int(value) ?? 1
            case ("--without", "intake"): hasIntake = false
            case ("--without", "notifier"): hasNotifier = false
            default: continue
            }
        }
    }

    /// Leaves to `longshore dev` what does not use the cluster.
    mutating func moveOut() {
        let kept = hasIntake ? [] : ["--without", "intake"]
        arguments = ["--nodes", "1", "--executors", "0", "--without", "notifier"] + kept
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
