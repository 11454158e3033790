import Logging
import ServiceLifecycle
import Synchronization
import Testing

@testable import ServiceRuntime

@Suite(.timeLimit(.minutes(1))) struct StopRequestTests {
    private struct Failure: Error, Equatable {}

    @Test func `a step waits its whole time until a stop begins, and then a part of what is left`() {
        let stop = StopRequest(gracePeriod: .seconds(24))
        StopRequest.$current.withValue(stop) {
            #expect(StopRequest.allowance(.seconds(10), share: 3) == .seconds(10))
            #expect(stop.begin(.signal))
            #expect(!stop.begin(.failure))
            #expect(stop.cause == .signal)
            // 4 of the 24 seconds are kept for what cannot be bounded.
            let third = StopRequest.allowance(.seconds(10), share: 3)
            #expect(third > .seconds(6) && third <= .seconds(20) / 3)
            #expect(StopRequest.allowance(.seconds(2), share: 3) == .seconds(2))
        }
        #expect(StopRequest.allowance(.seconds(10), share: 3) == .seconds(10))
    }

    @Test func `steps that each take their whole share end within the grace period`() {
        var left = Duration.seconds(20)
        for share in [3, 4, 3, 2, 2, 2] { left -= left / share }
        #expect(left > .zero)
    }

    @Test func `an action runs once, also when the stop has begun before`() {
        let stop = StopRequest(gracePeriod: .seconds(1))
        let count = Counter()
        stop.onBegin { _ in count.add() }
        stop.begin(.failure)
        stop.begin(.signal)
        #expect(count.value == 1)
        stop.onBegin { _ in count.add() }
        #expect(count.value == 2)
        #expect(stop.halfway != nil)
    }

    @Test func `the first task that fails ends the wait for all`() async {
        await #expect(throws: Failure()) {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await Task.sleep(for: .seconds(3_600)) }
                group.addTask { throw Failure() }
                try await group.waitForFirstFailure()
            }
        }
    }

    @Test func `services that stop at the same time end when one of them fails, and begin the process's stop`() async {
        let stop = StopRequest(gracePeriod: .seconds(5))
        let (start, opener) = AsyncStream<Void>.makeStream()
        opener.yield()
        let set = ServiceSet(services: [Waiting(), Failing()], stop: stop, start: start)
        await #expect(throws: Failure()) { try await set.run() }
        #expect(stop.cause == .failure)
    }

    @Test func `services do not start when what they wait for has failed`() async throws {
        let (start, opener) = AsyncStream<Void>.makeStream()
        opener.finish()
        let set = ServiceSet(services: [Failing()], stop: StopRequest(gracePeriod: .seconds(5)), start: start)
        try await set.run()
    }

    @Test func `a process that hangs beyond its grace period ends with 0 after a signal`() async {
        await #expect(processExitsWith: .exitCode(0)) { try await StopRequestTests.hang(.signal) }
    }

    @Test func `a process that hangs beyond its grace period ends with 1 after a failure`() async {
        await #expect(processExitsWith: .exitCode(1)) { try await StopRequestTests.hang(.failure) }
    }

    fileprivate static func hang(_ cause: StopRequest.Cause) async throws {
        let stop = StopRequest(gracePeriod: .milliseconds(200))
        let watchdog = StopWatchdog(logger: Logger(label: "test"), lastAct: {})
        stop.onBegin { watchdog.watch($0, patience: .zero) }
        stop.begin(cause)
        try await Task.sleep(for: .seconds(3_600))
    }

    private struct Waiting: Service {
        func run() async throws { try await Task.sleep(for: .seconds(3_600)) }
    }

    private struct Failing: Service {
        func run() async throws { throw Failure() }
    }
}

private final class Counter: Sendable {
    private let count = Mutex(0)
    var value: Int { count.withLock { $0 } }
    func add() { count.withLock { $0 += 1 } }
}
