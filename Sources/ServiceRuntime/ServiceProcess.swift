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
        let level = try Self.level(settings)
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

    /// Looks at the values that ``init(service:settings:ownDescriptors:)`` reads.
    ///
    /// - Parameter settings: The configuration.
    /// - Throws: ``SettingsError`` when one is malformed.
    package static func check(_ settings: Settings) throws(SettingsError) {
        _ = try level(settings)
        _ = try settings.seconds(SettingKeys.shutdownSeconds, in: 1...3_600)
        guard let address = settings.text(SettingKeys.healthAddress) else { return }
        try settings.attempt { () throws(SettingsError) in
            _ = try ListenAddress.parse(address, flag: SettingKeys.healthAddress.flag)
        }
    }

    /// The least severe level that is logged.
    ///
    /// - Parameter settings: The configuration.
    /// - Returns: The level; `info` where it is none and faults are collected.
    /// - Throws: ``SettingsError`` when it is none.
    package static func level(_ settings: Settings) throws(SettingsError) -> Logger.Level {
        let text = try settings.required(SettingKeys.logLevel)
        if let level = Logger.Level(rawValue: text.lowercased()) { return level }
        try settings.report("--log-level: “\(text)” is none of trace, debug, info, notice, warning, error")
        return .info
    }

    /// Runs the services until one ends or a signal arrives, then stops them all at the same time in ``gracePeriod``.
    ///
    /// SIGTERM and SIGINT stop gracefully; a second one ends every wait. No service starts before the health port is bound.
    ///
    /// - Parameters:
    ///   - services: What the process does.
    ///   - onHealthListening: Told the port of health and metrics once it is bound.
    /// - Throws: What the first service to fail threw; ``ListenFailure`` when the health port cannot be bound.
    package func run(
        _ services: [any Service],
        onHealthListening: @escaping @Sendable (Int) -> Void = { _ in }
    ) async throws {
        try await untilStopped { stop in try await serve(services, stop: stop, onHealthListening: onHealthListening) }
    }

    /// Runs something that SIGTERM and SIGINT end, as all that a process does.
    ///
    /// The first signal cancels `body`, unless services run in it, which stop gracefully; the second one cancels in any case.
    /// When ``gracePeriod`` and `patience` are over, the process ends with code 0 after a signal and 1 after a failure.
    ///
    /// - Parameters:
    ///   - patience: How long what follows the services' end may take.
    ///   - lastAct: What must be done before the process ends although something hangs; must return soon.
    ///   - body: What the process does; ``run(_:)`` in it takes part in the same stop.
    /// - Throws: What `body` throws, but for errors after its cancellation by a signal.
    package func untilStopped(
        patience: Duration = .seconds(1),
        lastAct: @escaping @Sendable () -> Void = {},
        _ body: @escaping @Sendable (StopRequest) async throws -> Void
    ) async throws {
        if let stop = StopRequest.current { return try await body(stop) }
        let stop = StopRequest(gracePeriod: gracePeriod)
        let watchdog = StopWatchdog(logger: logger, lastAct: lastAct)
        stop.onBegin { watchdog.watch($0, patience: patience) }
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
        let work = StopRequest.$current.withValue(stop) { Task { try await body(stop) } }
        // It is never cancelled: no late signal may cut off what a command does after this.
        _ = Task { [logger] in
            for await signal in signals {
                let isFirst = stop.begin(.signal)
                logger.info("Stopping", metadata: ["signal": "\(signal)"])
                if !isFirst || !stop.isServing { work.cancel() }
            }
        }
        do {
            try await work.value
        } catch {
            guard stop.cause == .signal else { throw error }
            if error is CancellationError { return }
            logger.warning("Something failed while the process was stopping", metadata: [LogKey.error: "\(error)"])
        }
    }

    private func serve(
        _ services: [any Service],
        stop: StopRequest,
        onHealthListening: @escaping @Sendable (Int) -> Void
    ) async throws {
        let (start, opener) = AsyncStream<Void>.makeStream()
        var all: [any Service] = []
        if let healthAddress {
            var limits = ListenerLimits()
            limits.maximumConnections = descriptors.healthConnections
            let health = try HealthServer(
                address: healthAddress,
                readiness: readiness,
                metrics: metrics,
                logger: logger,
                limits: limits,
                onListening: { port in
                    opener.yield()
                    onHealthListening(port)
                }
            )
            all.append(StopNoticing(service: health, stop: stop))
        } else {
            opener.yield()
        }
        all.append(ServiceSet(services: services, stop: stop, start: start))
        all.append(DrainAnnouncer(readiness: readiness))
        var configuration = ServiceGroupConfiguration(
            services: all.map { .init(service: $0, successTerminationBehavior: .gracefullyShutdownGroup) },
            logger: logger
        )
        // What is left then is for the services' cancellation. There is no limit for that, which the group would enforce by a
        // trap: the watchdog ends the process with an ordinary code.
        configuration.maximumGracefulShutdownDuration = gracePeriod * 5 / 6
        let group = ServiceGroup(configuration: configuration)
        guard stop.beginServing() else { return }
        stop.onBegin { stop in
            // After a failure the group stops by itself.
            if stop.cause == .signal { Task { await group.triggerGracefulShutdown() } }
        }
        try await group.run()
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
