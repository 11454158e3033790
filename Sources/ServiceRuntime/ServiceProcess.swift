import CoreMetrics
package import Logging
package import ServiceLifecycle
import UnixSignals

/// What every process of the product does around its services: logs, metrics, health, signals and a bounded stop.
package struct ServiceProcess: Sendable {
    /// The logger that services derive theirs from.
    package let logger: Logger
    /// The process's metrics.
    package let metrics: MetricsRegistry
    /// The checks behind `/readyz`.
    package let readiness: Readiness
    /// The longest time of a graceful stop.
    package let gracePeriod: Duration

    /// How the files and connections that the process may open are shared out.
    package let descriptors: DescriptorPlan

    private let healthAddress: String?

    /// Sets up logging and metrics from the configuration; call it once a process.
    ///
    /// - Parameters:
    ///   - service: The service's name, on every log line.
    ///   - settings: The configuration, made with ``SettingKeys/common`` among its keys.
    ///   - ownDescriptors: The files and connections that the service itself needs at once, beside those of its runtime and
    ///     of its listeners.
    /// - Throws: ``SettingsError`` when a common key is malformed, or the process may open too few files.
    package init(service: String, settings: Settings, ownDescriptors: Int) throws(SettingsError) {
        let levelText = try settings.required(SettingKeys.logLevel)
        guard let level = Logger.Level(rawValue: levelText.lowercased()) else {
            throw SettingsError(["--log-level: “\(levelText)” is none of trace, debug, info, notice, warning, error"])
        }
        self.logger = Logger(label: service) { _ in JSONLogHandler(service: service, level: level) }
        self.metrics = MetricsRegistry()
        self.readiness = Readiness(logger: logger)
        self.gracePeriod = try settings.seconds(SettingKeys.shutdownSeconds, in: 1...3_600)
        self.descriptors = try DescriptorPlan(
            limit: DescriptorPlan.raiseLimit(),
            ownWork: DescriptorPlan.runtimeDescriptors + ownDescriptors
        )
        self.healthAddress = settings.text(SettingKeys.healthAddress)
        MetricsSystem.bootstrap(metrics)
    }

    /// Runs the services until one ends or a signal arrives, then stops them, the last one first, in ``gracePeriod``.
    ///
    /// SIGTERM and SIGINT stop gracefully.
    ///
    /// - Parameter services: In order of dependency: what others need comes first.
    /// - Throws: What a service threw.
    package func run(_ services: [any Service]) async throws {
        var all = services
        if let healthAddress {
            var limits = ListenerLimits()
            limits.maximumConnections = descriptors.healthConnections
            all.insert(
                try HealthServer(
                    address: healthAddress,
                    readiness: readiness,
                    metrics: metrics,
                    logger: logger,
                    limits: limits
                ),
                at: 0
            )
        }
        all.append(DrainAnnouncer(readiness: readiness))
        var configuration = ServiceGroupConfiguration(
            services: all.map { .init(service: $0, successTerminationBehavior: .gracefullyShutdownGroup) },
            gracefulShutdownSignals: [.sigterm, .sigint],
            logger: logger
        )
        configuration.maximumGracefulShutdownDuration = gracePeriod
        configuration.maximumCancellationDuration = .seconds(5)
        try await ServiceGroup(configuration: configuration).run()
    }
}

/// Takes the process out of its load balancer before anything else stops: it is the last service, so the first to stop.
private struct DrainAnnouncer: Service {
    let readiness: Readiness

    func run() async throws {
        try? await gracefulShutdown()
        readiness.drain()
    }
}
