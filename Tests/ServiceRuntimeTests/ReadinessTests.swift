import Logging
import Synchronization
import Testing

@testable import ServiceRuntime

private final class Calls: Sendable {
    let count = Mutex(0)
}

@Suite("Readiness")
struct ReadinessTests {
    private let readiness = Readiness(logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })

    @Test("It is ready only when every check passes")
    func allChecks() async {
        #expect(await readiness.faults().isEmpty)
        readiness.add("kafka") { nil }
        readiness.add("postgres") { "connection refused" }
        #expect(await readiness.faults() == ["postgres": "connection refused"])
    }

    @Test("Frequent probes use the same result")
    func cached() async {
        let calls = Calls()
        readiness.add("kafka") {
            calls.count.withLock { $0 += 1 }
            return nil
        }
        for _ in 0..<20 { _ = await readiness.faults() }
        #expect(calls.count.withLock { $0 } < 20)
    }

    @Test("A check that hangs is a fault, not a hanging probe")
    func hanging() async {
        readiness.add("kubernetes") {
            try? await Task.sleep(for: .seconds(600))
            return nil
        }
        let faults = await readiness.faults()
        #expect(faults["kubernetes"]?.contains("no answer") == true)
    }

    @Test("A stopping service is not ready")
    func draining() async {
        readiness.drain()
        #expect(await readiness.faults() == ["service": "stopping"])
    }
}
