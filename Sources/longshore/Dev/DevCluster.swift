import ClusterSimulator
import FoundationEssentials
import KubernetesAPI
import Logging

/// The cluster of `longshore dev`: a simulated one, or one that was given.
struct DevCluster {
    let kubeconfigPath: String
    let helperImage: String?
    private let configuration: KubernetesConfiguration
    private let simulator: Task<Void, any Error>?
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
        let running = Task { try await simulator.run() }
        await simulator.waitUntilReady()
        let path = "\(folder)/kubeconfig"
        do {
            guard simulator.port != 0 else {
                try await running.value
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
            running.cancel()
            _ = await running.result
            throw error
        }
    }

    /// A client of the cluster; it is the caller's to close.
    func makeClient(observer: (@Sendable (APICall) -> Void)? = nil) throws -> KubernetesClient {
        try KubernetesClient(configuration: configuration, logger: logger, observer: observer)
    }

    /// Ends the simulator.
    func stop() async {
        simulator?.cancel()
        _ = await simulator?.result
    }
}
