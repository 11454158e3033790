import HTTPTypes
import Hummingbird
package import Logging
import NIOCore
import ServiceLifecycle
import WireFormats

/// Serves `/healthz`, `/readyz` and `/metrics` on a port of its own, which is not meant for the public.
package struct HealthServer: Service {
    private let host: String
    private let port: Int
    private let readiness: Readiness
    private let metrics: MetricsRegistry
    private let logger: Logger
    private let limits: ListenerLimits
    private let onListening: @Sendable (Int) -> Void

    /// Creates the server.
    ///
    /// - Parameters:
    ///   - address: `HOST:PORT`; port 0 takes a free one.
    ///   - readiness: What `/readyz` asks.
    ///   - metrics: What `/metrics` shows.
    ///   - logger: For the server's own lines.
    ///   - limits: What its connections may cost.
    ///   - onListening: Told the port once the server listens.
    /// - Throws: ``SettingsError`` when the address has no port.
    package init(
        address: String,
        readiness: Readiness,
        metrics: MetricsRegistry,
        logger: Logger,
        limits: ListenerLimits = ListenerLimits(),
        onListening: @escaping @Sendable (Int) -> Void = { _ in }
    ) throws(SettingsError) {
        (self.host, self.port) = try ListenAddress.parse(address, flag: SettingKeys.healthAddress.flag)
        self.readiness = readiness
        self.metrics = metrics
        self.logger = logger
        self.limits = limits
        self.onListening = onListening
    }

    /// Serves until the service group stops.
    ///
    /// - Throws: ``ListenFailure`` when the address cannot be bound.
    package func run() async throws {
        let isListening = ListeningFlag()
        let router = Router()
        router.get("/healthz") { _, _ in Response.plain("ok\n") }
        router.get("/readyz") { [readiness] _, _ in
            let faults = await readiness.faults()
            var body: JSONObject = ["ready": .bool(faults.isEmpty)]
            if !faults.isEmpty {
                body["faults"] = .object(
                    faults.sorted { $0.key < $1.key }.reduce(into: [:]) { $0[$1.key] = .string($1.value) }
                )
            }
            return Response(
                status: faults.isEmpty ? .ok : .serviceUnavailable,
                headers: [.contentType: "application/json"],
                body: ResponseBody(byteBuffer: ByteBuffer(bytes: JSONValue.object(body).serialized()))
            )
        }
        router.get("/metrics") { [metrics] _, _ in
            Response.plain(metrics.exposition(), contentType: "text/plain; version=0.0.4; charset=utf-8")
        }
        var quiet = logger
        quiet.logLevel = max(logger.logLevel, .warning)
        let application = Application(
            router: router,
            server: .guarded(limits),
            configuration: ApplicationConfiguration(host: host, port: port, limits: limits),
            onServerRunning: { [onListening] channel in
                isListening.set()
                if let port = channel.localAddress?.port { onListening(port) }
            },
            logger: quiet
        )
        do {
            try await application.run()
        } catch {
            if isListening.isSet { throw error }
            throw ListenFailure(host: host, port: port, flag: SettingKeys.healthAddress.flag, cause: error)
        }
    }
}

extension Response {
    fileprivate static func plain(_ text: String, contentType: String = "text/plain; charset=utf-8") -> Response {
        Response(
            status: .ok,
            headers: [.contentType: contentType],
            body: ResponseBody(byteBuffer: ByteBuffer(string: text))
        )
    }
}
