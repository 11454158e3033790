import ClusterSimulator
import FoundationEssentials
import KubernetesAPI
import Logging
import ServiceLifecycle

/// The cluster of `longshore dev`: a simulated one, or one that was given.
struct DevCluster {
    let kubeconfigPath: String
    let helperImage: String?
    private let configuration: KubernetesConfiguration
    private let simulator: RunningSimulator?
    private let logger: Logger

    /// Starts the simulator and writes its kubeconfig, or takes the given cluster.
    static func start(
        kubeconfig: String?,
        folder: String,
        nodes: Int,
        instantPulls: Bool,
        helperImage: String?,
        logger: Logger
    ) async throws -> DevCluster {
        if let kubeconfig {
            return DevCluster(
                kubeconfigPath: kubeconfig,
                helperImage: helperImage,
                configuration: try await KubernetesConfiguration.load(kubeconfig: kubeconfig),
                simulator: nil,
                logger: logger
            )
        }
        var settings = ClusterSimulator.Configuration()
        settings.nodes = NodeTemplate.numbered(nodes)
        if instantPulls { settings.pulls = .instant }
        settings.dataDirectory = "\(folder)/cluster"
        if let helperImage { settings.helperImage = helperImage }
        var quiet = logger
        quiet.logLevel = max(logger.logLevel, .warning)
        let simulator = try ClusterSimulator(configuration: settings, logger: quiet)
        let running = RunningSimulator(simulator, logger: quiet)
        await simulator.waitUntilReady()
        let path = "\(folder)/kubeconfig"
        do {
            guard simulator.port != 0 else {
                try await running.end()
                throw DevError("The simulated cluster has ended before it listened")
            }
            try PrivateFile.write(Array(simulator.kubeconfig.utf8), to: path)
            return DevCluster(
                kubeconfigPath: path,
                helperImage: helperImage,
                configuration: try await KubernetesConfiguration.load(kubeconfig: path),
                simulator: running,
                logger: logger
            )
        } catch {
            await running.stop()
            throw error
        }
    }

    /// A client of the cluster; it is the caller's to close.
    func makeClient(observer: (@Sendable (APICall) -> Void)? = nil) throws -> KubernetesClient {
        try KubernetesClient(configuration: configuration, logger: logger, observer: observer)
    }

    /// Ends the simulator.
    func stop() async {
        await simulator?.stop()
    }
}

/// The simulator at work. It is stopped as a service is: a cancelled server logs that as an error.
private struct RunningSimulator: Sendable {
    private let group: ServiceGroup
    private let task: Task<Void, any Error>

    init(_ simulator: ClusterSimulator, logger: Logger) {
        var configuration = ServiceGroupConfiguration(
            services: [.init(service: simulator, successTerminationBehavior: .gracefullyShutdownGroup)],
            logger: logger
        )
        // What still asks then is cut off.
        configuration.maximumGracefulShutdownDuration = .seconds(3)
        let group = ServiceGroup(configuration: configuration)
        self.group = group
        task = Task { try await group.run() }
    }

    /// Waits until it has ended by itself.
    func end() async throws { try await task.value }

    func stop() async {
        await group.triggerGracefulShutdown()
        _ = await task.result
    }
}
