import ClusterSimulator
import Logging
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct ClusterSimulatorTests {
    private func makeSimulator(port: Int = 0) throws -> ClusterSimulator {
        var logger = Logger(label: "simulator")
        logger.logLevel = .critical
        return try ClusterSimulator(configuration: .with { $0.port = port }, logger: logger)
    }

    @Test func `Cancelling ends it, open watches and all`() async throws {
        let simulator = try makeSimulator()
        let running = Task { try await simulator.run() }
        await simulator.waitUntilReady()
        let directory = try TemporaryDirectory(prefix: "simulator")
        try directory.write("kubeconfig", simulator.kubeconfig)
        let watch = try TestProcess(
            "kubectl",
            ["get", "nodes", "-w"],
            environment: ["KUBECONFIG": directory.appending("kubeconfig"), "HOME": directory.path]
        )
        try await waitUntil("the watch") { simulator.watchCount(of: "nodes") == 1 }
        running.cancel()
        _ = await running.result
        await watch.stop()
    }

    @Test func `A watch whose client goes away is forgotten`() async throws {
        try await SimulatorHarness.run { harness in
            let watch = try TestProcess("kubectl", ["get", "nodes", "-w"], environment: harness.environment)
            try await waitUntil("the watch") { harness.simulator.watchCount(of: "nodes") == 1 }
            await watch.killNow()
            try await waitUntil("its end") { harness.simulator.watchCount(of: "nodes") == 0 }
        }
    }

    @Test func `A port that is taken ends it with an error and leaves nobody waiting`() async throws {
        let port = try freePort()
        let first = try makeSimulator(port: port)
        let running = Task { try await first.run() }
        await first.waitUntilReady()
        #expect(first.port == port)
        let second = try makeSimulator(port: port)
        let failing = Task { try await second.run() }
        await second.waitUntilReady()
        await #expect(throws: (any Error).self) { try await failing.value }
        #expect(second.port == 0)
        running.cancel()
        _ = await running.result
    }

    @Test func `A manifest that is refused is an error`() throws {
        var logger = Logger(label: "simulator")
        logger.logLevel = .critical
        let bad = "{apiVersion: v1, kind: Secret, metadata: {name: s}, type: kubernetes.io/dockerconfigjson}"
        let error = #expect(throws: SimulatorError.self) {
            try ClusterSimulator(configuration: .with { $0.crdYAML = [bad] }, logger: logger)
        }
        #expect(error?.code == .manifest)
    }
}
