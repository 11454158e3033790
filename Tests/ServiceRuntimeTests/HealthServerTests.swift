import CoreMetrics
import Curl
import Logging
import ServiceLifecycle
import Testing

@testable import ServiceRuntime

@Suite("Health over a socket")
struct HealthServerTests {
    @Test("Health, readiness and metrics answer on their own port", .timeLimit(.minutes(1)))
    func answers() async throws {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let readiness = Readiness(logger: logger)
        readiness.add("postgres") { "down" }
        let metrics = MetricsRegistry()
        metrics.makeCounter(label: "longshore_things", dimensions: []).increment(by: 1)
        let (ports, continuation) = AsyncStream<Int>.makeStream()
        let server = try HealthServer(
            address: "127.0.0.1:0",
            readiness: readiness,
            metrics: metrics,
            logger: logger
        ) { continuation.yield($0) }
        let group = ServiceGroup(services: [server], logger: logger)
        let running = Task { try await group.run() }
        var iterator = ports.makeAsyncIterator()
        let port = try #require(await iterator.next())
        let client = try CurlClient(configuration: .init())
        let health = try await client.execute(CurlRequest(url: "http://127.0.0.1:\(port)/healthz"))
        #expect(health.status == 200)
        let ready = try await client.execute(CurlRequest(url: "http://127.0.0.1:\(port)/readyz"))
        #expect(ready.status == 503)
        #expect(String(decoding: ready.body, as: UTF8.self).contains("\"postgres\":\"down\""))
        let shown = try await client.execute(CurlRequest(url: "http://127.0.0.1:\(port)/metrics"))
        #expect(String(decoding: shown.body, as: UTF8.self).contains("longshore_things_total 1"))
        await client.close()
        await group.triggerGracefulShutdown()
        try await running.value
    }

    @Test("An address without a port names its flag", arguments: ["localhost", ":80", "x:99999", ""])
    func badAddress(_ text: String) {
        #expect(throws: SettingsError.self) { try ListenAddress.parse(text, flag: "--health-address") }
    }
}
