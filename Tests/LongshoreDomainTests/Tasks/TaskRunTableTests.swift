import LongshoreDomain
import Testing
import WireFormats

/// Every event in every state: what the task's phase is afterwards, and whether anything is done.
@Suite struct TaskRunTableTests {
    enum Stage: String, CaseIterable, Sendable {
        case idle
        case checking
        case restoring
        case working
        case paused
        case draining
        case publishing
        case finished

        func make() -> RunDriver {
            var driver = RunDriver(batchSize: 2)
            switch self {
            case .idle: break
            case .checking: driver.send(.started)
            case .restoring:
                driver.begin(["n1", "n2", "n3"])
                let plan = TaskRun.Plan(
                    imageSets: [.init(images: ["a", "b"])],
                    targets: ["n1", "n2", "n3"].map { .init(node: $0) }
                )
                driver.run = TaskRun(
                    restoring: driver.run.snapshot(),
                    plan: plan,
                    settings: driver.run.settings,
                    isPaused: false,
                    seed: 2
                )!
            case .working: driver.begin(["n1", "n2", "n3"])
            case .paused:
                driver.begin(["n1", "n2", "n3"])
                driver.send(.pauseRequested)
            case .draining:
                driver.begin(["n1", "n2", "n3", "n4"])
                driver.fail("n3")
                driver.fail("n2")
            case .publishing, .finished:
                driver.begin(["n1"])
                driver.finish("n1")
                if self == .finished { driver.send(.terminalAcknowledged) }
            }
            driver.effects = []
            return driver
        }
    }

    enum Input: String, CaseIterable, Sendable {
        case started
        case nodesResolved
        case planFailed
        case jobPulled
        case jobMissing
        case creationFailed
        case attemptExpired
        case nodeGone
        case readiness
        case timer
        case cancel
        case pause
        case resume
        case settings
        case acknowledged
        case jobFound
        case restored

        func event(_ driver: RunDriver) -> TaskRun.Event {
            switch self {
            case .started: .started
            case .nodesResolved: .nodesResolved(.init(imageSets: [.init(images: ["a"])], targets: [.init(node: "n1")]))
            case .planFailed: .planFailed(cause: .internal, reason: "NoCluster", message: "m")
            case .jobPulled:
                .jobObserved(
                    .init(node: "n1", attempt: 1, images: ["a": .init(phase: .pulled), "b": .init(phase: .pulled)])
                )
            case .jobMissing: .jobMissing(node: "n1", attempt: 1)
            case .creationFailed:
                .jobCreationFailed(
                    node: "n1",
                    attempt: 1,
                    failure: .init(cause: .internal, message: "m"),
                    isRetryable: true
                )
            case .attemptExpired: .attemptExpired(node: "n1", attempt: 1)
            case .nodeGone: .nodeGone(node: "n1")
            case .readiness: .nodeReadiness(node: "n1", isReady: false)
            case .timer: .timer
            case .cancel: .cancelRequested(reason: "Requested")
            case .pause: .pauseRequested
            case .resume: .resumeRequested
            case .settings: .settingsChanged(driver.run.settings)
            case .acknowledged: .terminalAcknowledged
            case .jobFound: .jobFound(node: "n2", attempt: 1)
            case .restored: .restored
            }
        }
    }

    /// The phase after an input where it differs from the phase before, and the outcome it decides.
    static func changes(_ stage: Stage, _ input: Input) -> (phase: TaskPhase?, outcome: TaskPhase?) {
        switch (stage, input) {
        case (.idle, .started): (.checking, nil)
        case (.idle, .planFailed), (.checking, .planFailed): (.checking, .failed)
        case (.idle, .cancel), (.checking, .cancel): (.checking, .cancelled)
        case (.checking, .nodesResolved): (.pulling, nil)
        case (.working, .cancel), (.draining, .cancel): (nil, .cancelled)
        case (.paused, .cancel): (.pulling, .cancelled)
        case (.working, .pause): (.paused, nil)
        case (.restoring, .pause): (.paused, nil)
        // One failed node is more than this task tolerates: what is in work ends, paused or not.
        case (.paused, .resume), (.paused, .jobMissing): (.pulling, nil)
        case (.publishing, .acknowledged): (.succeeded, .succeeded)
        default: (nil, nil)
        }
    }

    @Test(arguments: Stage.allCases, Input.allCases)
    func `every event in every state`(stage: Stage, input: Input) {
        var driver = stage.make()
        let before = (phase: driver.run.phase, outcome: driver.run.outcome?.phase)
        let effects = driver.send(input.event(driver))
        let expected = Self.changes(stage, input)
        #expect(driver.run.phase == expected.phase ?? before.phase)
        // In `draining` the first node in work ends the task's last work.
        let ends = stage == .draining && [.jobPulled, .jobMissing, .creationFailed, .nodeGone].contains(input)
        #expect(driver.run.outcome?.phase == expected.outcome ?? (ends ? .failed : before.outcome))
        let hasDecided = before.outcome == nil && driver.run.outcome != nil
        #expect(effects.terminals.count == (hasDecided ? 1 : 0))
        if stage == .finished { #expect(effects.allSatisfy { $0 == .persistStatus }) }
        if stage != .idle { #expect(!effects.contains(.resolveNodes)) }
        if before.phase != driver.run.phase, stage != .idle || input != .started {
            #expect(before.phase == .queued || before.phase.canBecome(driver.run.phase))
        }
    }
}
