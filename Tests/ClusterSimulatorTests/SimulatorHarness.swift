import ClusterSimulator
import Logging
import ServiceLifecycle
import TestSupport
import Testing

/// A simulator that runs for the length of a test.
struct SimulatorHarness {
    let simulator: ClusterSimulator
    let directory: TemporaryDirectory

    /// Runs `body` against a simulator and stops it afterwards.
    static func run(
        _ change: (inout ClusterSimulator.Configuration) -> Void = { _ in },
        _ body: (SimulatorHarness) async throws -> Void
    ) async throws {
        var configuration = ClusterSimulator.Configuration()
        configuration.timings = .fast
        configuration.pulls = .instant
        change(&configuration)
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
        let result = try await TestProcess.run("kubectl", arguments, environment: environment, check: check)
        return (result.standardOutput, result.standardError)
    }
}
