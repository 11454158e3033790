import DeploymentSupport
import LongshoreMessages
import TestSupport
import Testing
import WireFormats

/// What fails around the service: Kubernetes, nodes, registries. One fleet serves all tests, so they run one by one, each
/// with several faults at once, on tasks and nodes of their own.
@Suite("Faults around", .tags(.integration), .timeLimit(.minutes(20)), .serialized)
enum Faults {}

/// The fleet of this target's tests, and what they all ask of it.
struct FaultWorld: Sendable {
    let fleet: Fleet
    let simulator: Simulator
    let registries: SharedRegistries

    static let nodes = 10

    private actor Shared {
        private var starting: Task<FaultWorld, any Error>?

        func get() async throws -> FaultWorld {
            if let starting { return try await starting.value }
            let task = Task { try await FaultWorld.start() }
            starting = task
            return try await task.value
        }
    }

    private static let shared = Shared()

    /// The world with no fault in it, started by whoever asks first; it dies with the test run.
    static func get() async throws -> FaultWorld {
        let world = try await shared.get()
        try await world.simulator.endFaults()
        for node in 1...nodes {
            for knob in ["speed", "restore", "disk?full=false"] {
                // One that was removed stays so.
                try? await world.simulator.post("nodes/node-\(node)/\(knob)")
            }
        }
        try await world.kubectl("uncordon", "-l", "kubernetes.io/os=linux")
        return world
    }

    /// How executors are started here: impatient, so that faults show within seconds.
    static let executorArguments = [
        "--sweep-interval-seconds", "1", "--lease-duration-seconds", "4", "--scheduling-allowance-seconds", "3",
        "--registry-check-timeout-seconds", "3",
    ]

    private static func start() async throws -> FaultWorld {
        async let registries = SharedRegistries.instance.get()
        let fleet = try await Fleet.start(nodes: nodes, executors: 0, intakes: 0, notifiers: 0)
        // Long pulls are silent: executors are asked about them all the time, which must do no harm.
        let intake = try fleet.start(.intake, arguments: ["--task-silence-seconds", "2"])
        let executor = try fleet.start(.executor, name: "executor", arguments: executorArguments)
        for member in [intake, executor] { try await fleet.waitUntilReady(member) }
        return FaultWorld(fleet: fleet, simulator: try Simulator(fleet.host), registries: try await registries)
    }

    var host: Deployment { fleet.host }

    // MARK: - Asking

    /// Asks for a task.
    ///
    /// - Parameters:
    ///   - nodes: The numbers of the nodes.
    ///   - images: The images; a private one with its credential where none is given.
    ///   - key: The idempotency key, from which the task's id follows.
    ///   - more: Further members of the body.
    /// - Returns: The task's id.
    func submit(
        nodes: [Int],
        images: [String]? = nil,
        key: String? = nil,
        _ more: JSONObject = [:]
    ) async throws -> String {
        var body: JSONObject = [
            "images": .array((images ?? [registries.first.private]).map { .string($0) }), "pullPolicy": "Always",
            "nodes": ["names": .array(nodes.map { .string("node-\($0)") })],
        ]
        if images == nil { body["registryCredentials"] = [registries.first.credential] }
        for (key, value) in more { body[key] = value }
        return try await fleet.api.submit(.object(body), key: key)
    }

    /// Waits until nodes have a Job of a task.
    ///
    /// - Returns: The Jobs' names, by node.
    @discardableResult
    func waitForJobs(of task: String, nodes: [Int]) async throws -> [Int: String] {
        let path =
            "jsonpath={range .items[*]}{.metadata.annotations.longshore\\.dev/node}={.metadata.name}{\"\\n\"}{end}"
        return try await waitForValue(timeout: .seconds(60), "Jobs of \(task) on \(nodes)") {
            let text = try await host.kubectl(
                "get",
                "jobs",
                "-n",
                "longshore",
                "-l",
                "longshore.dev/task=\(task)",
                "-o",
                path
            )
            var found: [Int: String] = [:]
            for line in text.split(separator: "\n") {
                let parts = line.split(separator: "=", maxSplits: 1)
                guard parts.count == 2, let number = Int(parts[0].dropFirst("node-".count)) else { continue }
                found[number] = String(parts[1])
            }
            return Set(found.keys).isSuperset(of: nodes) ? found : nil
        }
    }

    /// Runs kubectl in the namespace of tasks.
    @discardableResult
    func kubectl(_ verb: String, _ arguments: String...) async throws -> String {
        try await TestProcess.run(
            "kubectl",
            ["--kubeconfig", host.kubeconfig, verb, "-n", "longshore"] + arguments,
            check: true
        )
        .standardOutput
    }

    /// Makes an object again, as `kubectl get -o json` has shown it.
    func create(_ text: String) async throws {
        var object = try JSONValue(parsing: Array(text.utf8))
        object["metadata"] = ["name": object[path: "metadata", "name"] ?? .null]
        _ = try await host.kubectl("create", input: object.text())
    }

    // MARK: - Checking

    /// How a node of a task ended.
    struct NodeEnd: Equatable, CustomStringConvertible {
        let state: String
        let cause: String?
        let message: String

        var description: String { "\(state) \(cause ?? "-"): \(message)" }
    }

    /// Waits for the end of a task.
    ///
    /// - Returns: How each node ended.
    func end(
        of task: String,
        _ status: String,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> [String: NodeEnd] {
        let ended = try await fleet.api.waitForEnd(of: task, timeout: .seconds(120))
        #expect(ended["status"]?.string == status, "\(ended.text())", sourceLocation: sourceLocation)
        return try await fleet.api.nodes(of: task).mapValues { node in
            let image = node["images"]?.array?.first { $0["cause"] != nil }
            return NodeEnd(
                state: node["state"]?.string ?? "",
                cause: node["cause"]?.string ?? image?["cause"]?.string,
                message: node["message"]?.string ?? image?["message"]?.string ?? ""
            )
        }
    }

    /// Checks that tasks have ended once each, and waits until nothing of theirs is left but the ended PullTask.
    func expectNothingLeft(of tasks: [String], sourceLocation: SourceLocation = #_sourceLocation) async throws {
        let accounts = try await Accounts(of: host)
        let faults = accounts.faults(of: tasks).filter { fault in tasks.contains { fault.contains($0) } }
        #expect(faults.isEmpty, sourceLocation: sourceLocation)
        for task in tasks {
            try await waitUntil(timeout: .seconds(60), "\(task) to leave nothing") {
                try await host.objectsLeft(ofTask: task).isEmpty
            }
        }
    }

    /// How many Jobs of a task have got a Pod, by what the Job controller told.
    func jobsRun(for task: String) async throws -> Int {
        let path =
            "jsonpath={range .items[?(@.reason==\"SuccessfulCreate\")]}{.involvedObject.name} {.involvedObject.uid}{\"\\n\"}{end}"
        let lines = try await kubectl("get", "events", "-o", path).split(separator: "\n")
        return Set(lines.filter { $0.hasPrefix("pull-\(task)-") }).count
    }
}
