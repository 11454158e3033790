import LongshoreDomain
import Testing
import WireFormats

@Suite struct DeliveryMachineTests {
    static let start = Timestamp(secondsSinceEpoch: 1_800_000_000)

    enum Step: CaseIterable, Sendable {
        case begin
        case succeed
        case fail
        case gone
        case blocked
        case recover
    }

    static func apply(_ step: Step, to machine: inout DeliveryMachine) throws -> DeliveryMachine.Action {
        switch step {
        case .begin: try machine.begin()
        case .succeed: try machine.end(.response(status: 204), at: start, random: 0.5)
        case .fail: try machine.end(.response(status: 500), at: start, random: 0.5)
        case .gone: try machine.end(.response(status: 410), at: start, random: 0.5)
        case .blocked: try machine.end(.blockedByPolicy, at: start, random: 0.5)
        case .recover: try machine.recover(at: start, random: 0.5)
        }
    }

    /// What each step leads to, from a second attempt on; nothing where the step does not fit.
    static func expected(
        _ phase: DeliveryMachine.Phase,
        _ step: Step
    ) -> (DeliveryMachine.Phase, DeliveryMachine.Action)? {
        let retry = (DeliveryMachine.Phase.retrying, DeliveryMachine.Action.scheduleRetry(at: start + .seconds(300)))
        return switch (phase, step) {
        case (.pending, .begin), (.retrying, .begin): (.delivering, .send(attempt: 3))
        case (.delivering, .succeed): (.delivered, .complete)
        case (.delivering, .fail), (.delivering, .recover): retry
        case (.delivering, .gone): (.disabled, .disableEndpoint)
        case (.delivering, .blocked): (.exhausted, .giveUp)
        default: nil
        }
    }

    @Test(arguments: DeliveryMachine.Phase.allCases, Step.allCases)
    func `every step in every phase is in the table`(phase: DeliveryMachine.Phase, step: Step) throws {
        var machine = DeliveryMachine(phase: phase, attempt: 2, nextAttempt: Self.start)
        guard let (next, action) = Self.expected(phase, step) else {
            #expect(throws: DeliveryMachine.InvalidTransition.self) { try Self.apply(step, to: &machine) }
            #expect(machine.phase == phase && machine.attempt == 2)
            return
        }
        #expect(try Self.apply(step, to: &machine) == action)
        #expect(machine.phase == next)
        #expect(phase.successors.contains(next))
    }

    @Test func `ten attempts are spread over four days and then given up`() throws {
        var machine = DeliveryMachine(nextAttempt: Self.start)
        var waits: [Int64] = []
        var now = Self.start
        for attempt in 1...10 {
            #expect(try machine.begin() == .send(attempt: attempt))
            let action = try machine.end(.timedOut, at: now, random: 0.5)
            if attempt == 10 {
                #expect(action == .giveUp)
            } else {
                waits.append(machine.nextAttempt.duration(since: now).components.seconds)
                now = machine.nextAttempt
            }
        }
        #expect(waits == [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400])
        #expect(machine.phase == .exhausted && machine.phase.isTerminal)
    }

    @Test(
        arguments: [
            (nil, 5), (.seconds(2), 5), (.seconds(60), 60), (.seconds(3_600), 3_600), (.seconds(90_000), 3_600),
            (.seconds(1_000_000_000), 3_600), (.seconds(-1), 5),
        ] as [(Duration?, Int64)]
    )
    func `Retry-After only lengthens a wait, up to an hour`(retryAfter: Duration?, expected: Int64) throws {
        var machine = DeliveryMachine(nextAttempt: Self.start)
        _ = try machine.begin()
        _ = try machine.end(.response(status: 503, retryAfter: retryAfter), at: Self.start, random: 0.5)
        #expect(machine.nextAttempt == Self.start + .seconds(expected))
    }

    @Test func `jitter stays within a fifth`() {
        let schedule = DeliverySchedule.standard
        for attempt in 1..<schedule.maximumAttempts {
            let nominal = schedule.delays[attempt]
            #expect(schedule.delay(afterAttempt: attempt, retryAfter: nil, random: 0) == nominal * 0.8)
            #expect(schedule.delay(afterAttempt: attempt, retryAfter: nil, random: 1) == nominal * 1.2)
        }
    }

    @Test(
        arguments: [
            (.response(status: 200), .delivered), (.response(status: 299), .delivered),
            (.response(status: 199), .retry(after: nil)), (.response(status: 301), .retry(after: nil)),
            (.response(status: 308), .retry(after: nil)), (.response(status: 400), .retry(after: nil)),
            (.response(status: 404), .retry(after: nil)), (.response(status: 410), .disable),
            (.response(status: 429, retryAfter: .seconds(9)), .retry(after: .seconds(9))),
            (.response(status: 503), .retry(after: nil)), (.response(status: 0), .retry(after: nil)),
            (.timedOut, .retry(after: nil)), (.connectionFailed, .retry(after: nil)),
            (.resolutionFailed, .retry(after: nil)), (.tlsFailed, .retry(after: nil)),
            (.protocolFailed, .retry(after: nil)), (.interrupted, .retry(after: nil)),
            (.blockedByPolicy, .permanent), (.invalidURL, .permanent),
        ] as [(DeliveryOutcome, DeliveryOutcome.Verdict)]
    )
    func `each outcome has its verdict`(outcome: DeliveryOutcome, verdict: DeliveryOutcome.Verdict) {
        #expect(outcome.verdict == verdict)
        #expect(!outcome.code.isEmpty)
    }
}
