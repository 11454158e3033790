import ClusterSimulator
import Logging
import ServiceLifecycle
import TestSupport
import Testing
import WireFormats

/// A simulator that runs for the length of a test.
struct SimulatorHarness {
    let simulator: ClusterSimulator
    let directory: TemporaryDirectory

    /// Runs `body` against a simulator and stops it afterwards.
    static func run(
        _ configuration: ClusterSimulator.Configuration = .with { _ in },
        _ body: (SimulatorHarness) async throws -> Void
    ) async throws {
        var logger = Logger(label: "simulator")
        logger.logLevel = .error
        let simulator = try ClusterSimulator(configuration: configuration, logger: logger)
        let group = ServiceGroup(configuration: .init(services: [simulator], logger: logger))
        let running = Task { try await group.run() }
        await simulator.waitUntilReady()
        let harness = try SimulatorHarness(
            simulator: simulator,
            directory: TemporaryDirectory(prefix: "simulator")
        )
        do {
            try writeFile(harness.kubeconfigPath, simulator.kubeconfig)
            try await body(harness)
        } catch {
            await group.triggerGracefulShutdown()
            _ = try? await running.value
            throw error
        }
        await group.triggerGracefulShutdown()
        try await running.value
    }

    var kubeconfigPath: String { directory.appending("kubeconfig") }

    /// The environment of a Kubernetes client that knows this cluster and no other.
    var environment: [String: String] {
        ["KUBECONFIG": kubeconfigPath, "KUBECACHEDIR": directory.appending("cache"), "HOME": directory.path]
    }

    /// Runs kubectl to its end; with `check` it must succeed.
    @discardableResult
    func kubectl(_ arguments: String..., check: Bool = true) async throws -> (output: String, error: String) {
        try await kubectl(arguments: arguments, check: check)
    }

    /// Runs kubectl to its end; with `check` it must succeed.
    @discardableResult
    func kubectl(arguments: [String], check: Bool = true) async throws -> (output: String, error: String) {
        let result = try await TestProcess.run("kubectl", arguments, environment: environment, check: check)
        return (result.standardOutput, result.standardError)
    }

    // MARK: Objects

    func object(_ resource: String, _ name: String, namespace: String = "default") -> JSONValue? {
        simulator.object(resource, namespace: namespace, name: name)
    }

    /// The only Pod of a Job.
    func pod(ofJob name: String, namespace: String = "default") -> JSONValue? {
        simulator.objects("pods", namespace: namespace).first {
            $0[path: "metadata", "labels"]?["job-name"]?.string == name
        }
    }

    /// Waits for a value that a Pod of the Job has.
    func waitForPod(ofJob name: String, _ what: String, _ condition: (JSONValue) -> Bool) async throws -> JSONValue {
        try await waitForValue(what) { () -> JSONValue? in
            // JSONValue has a null of its own: `condition ? pod : nil` would be that.
            guard let pod = pod(ofJob: name), condition(pod) else { return .none }
            return pod
        }
    }

    func waitUntilGone(_ resource: String, _ name: String, namespace: String = "default") async throws {
        try await waitUntil("\(resource)/\(name) to go") { object(resource, name, namespace: namespace) == nil }
    }

    /// The waiting reason of a container.
    static func waiting(_ pod: JSONValue, _ container: Int) -> JSONValue? {
        pod[path: "status", "containerStatuses"]?[container]?[path: "state", "waiting"]
    }

    static func phase(_ object: JSONValue) -> String? { object[path: "status", "phase"]?.string }

    /// The reasons of the Events about an object.
    func eventReasons(_ name: String) -> Set<String> {
        let events = simulator.objects("events").filter { $0[path: "involvedObject", "name"]?.string == name }
        return Set(events.compactMap { $0["reason"]?.string })
    }
}

extension ClusterSimulator.Configuration {
    /// Fast times, pulls without a registry, and what the test changes.
    static func with(_ change: (inout ClusterSimulator.Configuration) -> Void) -> Self {
        var configuration = Self()
        configuration.timings = .fast
        configuration.pulls = .instant
        change(&configuration)
        return configuration
    }
}

/// A Job with one Pod that mounts images as volumes, as a puller makes it.
func imageVolumeJob(
    _ name: String,
    node: String,
    images: [String],
    secrets: [String] = [],
    policy: String = "IfNotPresent",
    extra: JSONValue = [:]
) -> String {
    let helper: JSONValue = "docker.io/library/busybox:1.37.0-musl"
    let containers = images.indices.map { index -> JSONValue in
        [
            "name": "image-\(index)", "image": helper, "command": ["/bin/busybox", "true"],
            "volumeMounts": [["name": "image-\(index)", "mountPath": "/image", "readOnly": true]],
        ]
    }
    let volumes = images.enumerated().map { index, image -> JSONValue in
        ["name": "image-\(index)", "image": ["reference": .string(image), "pullPolicy": .string(policy)]]
    }
    let affinity: JSONValue = [
        "nodeAffinity": [
            "requiredDuringSchedulingIgnoredDuringExecution": [
                "nodeSelectorTerms": [
                    ["matchFields": [["key": "metadata.name", "operator": "In", "values": [.string(node)]]]]
                ]
            ]
        ]
    ]
    var job: JSONValue = [
        "apiVersion": "batch/v1", "kind": "Job", "metadata": ["name": .string(name)],
        "spec": [
            "backoffLimit": 0,
            "template": [
                "spec": [
                    "restartPolicy": "Never", "affinity": affinity,
                    "imagePullSecrets": .array(secrets.map { ["name": .string($0)] }),
                    "containers": .array(containers), "volumes": .array(volumes),
                ]
            ],
        ],
    ]
    for (key, value) in extra.object ?? [:] { job["spec"]?[key] = value }
    return job.text()
}
