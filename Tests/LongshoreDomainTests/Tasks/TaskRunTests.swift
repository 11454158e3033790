import LongshoreDomain
import Testing
import WireFormats

/// A task run in its test's hands: a clock that stands still unless moved, and the effects by kind.
struct RunDriver {
    static let start = Timestamp(secondsSinceEpoch: 1_800_000_000)

    var run: TaskRun
    var now = RunDriver.start
    var effects: [TaskRun.Effect] = []

    init(
        batchSize: Int = 2,
        tolerance: FailureTolerance = .ratio(0),
        maxRetries: Int = 0,
        strategy: RetryPolicy.Strategy = .linear,
        isPaused: Bool = false
    ) {
        let settings = TaskRun.Settings(
            batchSize: batchSize,
            tolerance: tolerance,
            timeout: .seconds(300),
            schedulingAllowance: .seconds(60),
            deadline: Self.start + .seconds(86_400),
            maxRetries: maxRetries,
            retryPolicy: RetryPolicy(strategy: strategy, base: .seconds(30), cap: .seconds(600), jitter: 0)
        )
        run = TaskRun(settings: settings, isPaused: isPaused, seed: 1)
    }

    @discardableResult
    mutating func send(_ event: TaskRun.Event) -> [TaskRun.Effect] {
        let answer = run.handle(event, at: now)
        effects += answer
        return answer
    }

    mutating func begin(_ nodes: [String], images: [String] = ["a", "b"], bad: [String: TaskRun.ImageFailure] = [:]) {
        send(.started)
        send(
            .nodesResolved(
                TaskRun.Plan(
                    imageSets: [.init(images: images, secretNames: images.map { "secret-\($0)" })],
                    targets: nodes.map { .init(node: $0) },
                    badImages: bad
                )
            )
        )
    }

    @discardableResult
    mutating func finish(_ node: String, attempt: Int = 1, images: [String] = ["a", "b"]) -> [TaskRun.Effect] {
        let seen = images.map { ($0, TaskRun.ImageObservation(phase: .pulled, digest: "sha256:0")) }
        return send(
            .jobObserved(.init(node: node, attempt: attempt, images: Dictionary(uniqueKeysWithValues: seen)))
        )
    }

    @discardableResult
    mutating func fail(
        _ node: String,
        attempt: Int = 1,
        images: [String] = ["a"],
        cause: FailureCause = .network
    ) -> [TaskRun.Effect] {
        let failure = TaskRun.ImageFailure(cause: cause, message: "no")
        var seen = ["a": TaskRun.ImageObservation(phase: .pulled), "b": TaskRun.ImageObservation(phase: .pulled)]
        for image in images { seen[image] = TaskRun.ImageObservation(phase: .failed, failure: failure) }
        return send(.jobObserved(.init(node: node, attempt: attempt, images: seen)))
    }

    mutating func wait(_ seconds: Int64) {
        now = now + .seconds(seconds)
        send(.timer)
    }
}

extension [TaskRun.Effect] {
    var starts: [TaskRun.JobStart] {
        compactMap { if case .startJob(let start) = $0 { start } else { nil } }
    }
    var deletions: [String] {
        compactMap { if case .deleteJob(let node, let attempt) = $0 { "\(node)-\(attempt)" } else { nil } }
    }
    var drafts: [TaskEventDraft] {
        compactMap { if case .emit(let draft) = $0 { draft } else { nil } }
    }
    var terminals: [TaskEventDraft] {
        compactMap { if case .publishTerminal(let draft) = $0 { draft } else { nil } }
    }
    func drafts(_ kind: TaskEventDraft.Kind) -> [TaskEventDraft] { drafts.filter { $0.kind == kind } }
}

@Suite struct TaskRunTests {
    @Test func `a task goes from its check to its end, a window of nodes at a time`() throws {
        var driver = RunDriver()
        #expect(driver.send(.started).contains(.resolveNodes))
        #expect(driver.run.phase == .checking)
        driver.send(
            .nodesResolved(
                .init(
                    imageSets: [.init(images: ["a", "b"])],
                    targets: ["n3", "n1", "n2"].map { .init(node: $0) },
                    skipped: [.init(node: "n4", reason: "NotReady", message: "the node is not ready")]
                )
            )
        )
        #expect(driver.run.phase == .pulling)
        #expect(driver.effects.starts.map(\.node) == ["n1", "n2"])
        driver.finish("n2")
        #expect(driver.effects.starts.map(\.node) == ["n1", "n2", "n3"])
        driver.finish("n1")
        let last = driver.finish("n3")
        let terminal = try #require(last.terminals.first)
        #expect(terminal.kind == .succeeded)
        #expect(terminal.counts == TaskCounts(nodesTotal: 4, succeeded: 3, skipped: 1))
        #expect(driver.run.outcome?.phase == .succeeded)
        #expect(driver.run.phase == .pulling, "terminal only once Kafka has the event")
        #expect(driver.send(.terminalAcknowledged) == [.finish(TaskRun.Outcome(phase: .succeeded))])
        #expect(driver.run.phase == .succeeded)
        #expect(driver.effects.deletions == ["n2-1", "n1-1", "n3-1"])
        #expect(driver.effects.drafts(.nodeSkipped).first?.reason == "NotReady")
    }

    @Test func `nothing comes after the end`() {
        var driver = RunDriver()
        driver.begin(["n1"])
        driver.finish("n1")
        driver.send(.terminalAcknowledged)
        let late: [TaskRun.Event] = [
            .started, .timer, .cancelRequested(reason: "Requested"), .pauseRequested, .resumeRequested,
            .terminalAcknowledged, .nodeGone(node: "n1"), .jobMissing(node: "n1", attempt: 1), .restored,
            .jobObserved(.init(node: "n1", attempt: 1)), .planFailed(cause: .internal, reason: "x", message: "y"),
        ]
        for event in late {
            driver.now = driver.now + .seconds(100_000)
            #expect(driver.send(event).allSatisfy { $0 == .persistStatus }, "\(event)")
        }
    }

    @Test func `a retry pulls only what failed and is worth it`() throws {
        var driver = RunDriver(maxRetries: 2)
        driver.begin(["n1"])
        #expect(driver.effects.starts.last?.secretNames == ["secret-a", "secret-b"])
        driver.fail("n1", images: ["b"])
        #expect(driver.run.counts.pulling == 1 && driver.run.nodesInWork == 0)
        driver.wait(29)
        #expect(driver.effects.starts.count == 1)
        driver.wait(1)
        let second = try #require(driver.effects.starts.last)
        #expect(second.attempt == 2 && second.images == ["b"] && second.secretNames == ["secret-b"])
        driver.fail("n1", attempt: 2, images: ["b"])
        driver.wait(60)
        #expect(driver.effects.starts.last?.attempt == 3)
        let end = driver.fail("n1", attempt: 3, images: ["b"])
        #expect(end.terminals.first?.kind == .failed)
        #expect(end.terminals.first?.cause == .network)
        #expect(driver.run.failures == [.init(node: "n1", image: "b", failure: .init(cause: .network, message: "no"))])
    }

    @Test(arguments: [(RetryPolicy.Strategy.linear, [30, 60, 90]), (.exponential, [30, 60, 120])])
    func `delays follow the strategy`(strategy: RetryPolicy.Strategy, expected: [Int64]) throws {
        var driver = RunDriver(maxRetries: 3, strategy: strategy)
        driver.begin(["n1"])
        for (index, delay) in expected.enumerated() {
            let answer = driver.fail("n1", attempt: index + 1)
            #expect(answer.contains(.scheduleTimer(driver.now + .seconds(delay))) || delay == 0)
            driver.wait(delay)
            #expect(driver.effects.starts.last?.attempt == index + 2)
        }
    }

    @Test(arguments: FailureCause.allCases)
    func `only causes worth it lead to another attempt`(cause: FailureCause) {
        var driver = RunDriver(maxRetries: 1)
        driver.begin(["n1"])
        let answer = driver.fail("n1", cause: cause)
        #expect(answer.terminals.isEmpty == cause.isWorthRetrying)
    }

    @Test func `no retries means one attempt`() {
        var driver = RunDriver(maxRetries: 0)
        driver.begin(["n1"])
        #expect(driver.fail("n1").terminals.first?.kind == .failed)
        #expect(driver.effects.starts.count == 1)
    }

    @Test func `a task stops once the failures pass its tolerance, and lets what is in work end`() {
        var driver = RunDriver(batchSize: 3, tolerance: .ratio(0.2))
        driver.begin((0..<10).map { "n\($0)" })
        driver.fail("n0", cause: .disk)
        driver.fail("n1", cause: .disk)
        #expect(driver.effects.starts.count == 5)
        let third = driver.fail("n2", cause: .disk)
        #expect(third.starts.isEmpty && third.terminals.isEmpty)
        #expect(third.drafts(.nodeSkipped).map(\.node) == ["n5", "n6", "n7", "n8", "n9"])
        driver.finish("n3")
        let end = driver.finish("n4")
        #expect(end.terminals.first?.reason == "FailureToleranceExceeded")
        #expect(end.terminals.first?.cause == .disk)
        #expect(end.terminals.first?.counts == TaskCounts(nodesTotal: 10, succeeded: 2, failed: 3, skipped: 5))
    }

    @Test func `failures within the tolerance let the task succeed`() {
        var driver = RunDriver(batchSize: 10, tolerance: .count(1))
        driver.begin((0..<3).map { "n\($0)" })
        driver.fail("n0")
        driver.finish("n1")
        #expect(driver.finish("n2").terminals.first?.kind == .succeeded)
    }

    @Test func `an image known to be bad is asked of no node, and the others are still pulled everywhere`() {
        var driver = RunDriver(batchSize: 1)
        driver.begin(["n1", "n2"], bad: ["a": .init(cause: .unauthorized, message: "401")])
        #expect(driver.effects.starts.map(\.images) == [["b"]])
        driver.finish("n1", images: ["b"])
        #expect(driver.effects.starts.map(\.node) == ["n1", "n2"], "the tolerance of 0 does not stop the others")
        let end = driver.finish("n2", images: ["b"])
        #expect(end.terminals.first?.kind == .failed && end.terminals.first?.cause == .unauthorized)
        #expect(driver.effects.drafts(.nodeFailed).allSatisfy { $0.images.map(\.phase) == [.failed, .pulled] })
    }

    @Test func `nodes that have everything, or can get nothing, need no Job`() {
        var driver = RunDriver()
        driver.send(.started)
        let end = driver.send(
            .nodesResolved(
                .init(
                    imageSets: [.init(images: ["a", "b"])],
                    targets: [.init(node: "n1", present: [0, 1]), .init(node: "n2", present: [1])],
                    badImages: ["a": .init(cause: .notFound, message: "404")]
                )
            )
        )
        #expect(end.starts.isEmpty)
        #expect(end.drafts(.nodeSucceeded).first?.images.map(\.phase) == [.present, .present])
        #expect(end.drafts(.nodeFailed).first?.images.map(\.phase) == [.failed, .present])
        #expect(end.terminals.first?.counts == TaskCounts(nodesTotal: 2, succeeded: 1, failed: 1))
    }

    @Test func `a task without a node fails and says so`() {
        var driver = RunDriver()
        driver.send(.started)
        let end = driver.send(
            .nodesResolved(
                .init(imageSets: [], targets: [], skipped: [.init(node: "n", reason: "NotReady", message: "m")])
            )
        )
        #expect(end.terminals.first?.reason == "NoNodes")
    }

    @Test func `cancelling removes the Jobs in work and skips the rest`() {
        var driver = RunDriver(batchSize: 2)
        driver.begin(["n1", "n2", "n3"])
        driver.finish("n1")
        let end = driver.send(.cancelRequested(reason: "Requested"))
        #expect(end.deletions == ["n2-1", "n3-1"])
        #expect(end.terminals.first?.kind == .cancelled && end.terminals.first?.reason == "Requested")
        #expect(end.terminals.first?.counts == TaskCounts(nodesTotal: 3, succeeded: 1, skipped: 2))
        #expect(driver.send(.cancelRequested(reason: "Deleted")).terminals.isEmpty, "one terminal only")
        #expect(driver.finish("n2").isEmpty)
    }

    @Test func `no image of a node that has ended is told to be being pulled`() {
        var driver = RunDriver(batchSize: 1)
        driver.begin(["n1"])
        driver.send(.jobObserved(.init(node: "n1", attempt: 1, images: ["a": .init(phase: .pulling)])))
        let end = driver.send(.cancelRequested(reason: "Requested"))
        #expect(end.drafts(.nodeSkipped).map { $0.images.map(\.phase) } == [[.pending, .pending]])
    }

    @Test func `a task can be cancelled before and during its check`() {
        var early = RunDriver()
        #expect(early.send(.cancelRequested(reason: "Requested")).terminals.count == 1)
        var checking = RunDriver()
        checking.send(.started)
        #expect(checking.send(.cancelRequested(reason: "Requested")).terminals.count == 1)
        #expect(checking.send(.nodesResolved(.init(imageSets: [], targets: []))).isEmpty)
    }

    @Test func `a paused task starts nothing, and goes on when resumed`() {
        var driver = RunDriver(batchSize: 1)
        driver.begin(["n1", "n2"])
        #expect(driver.send(.pauseRequested).drafts(.paused).count == 1)
        #expect(driver.run.phase == .paused)
        #expect(driver.send(.pauseRequested).isEmpty)
        #expect(driver.finish("n1").starts.isEmpty)
        let resumed = driver.send(.resumeRequested)
        #expect(resumed.drafts(.pulling).first?.occurrence == 1)
        #expect(resumed.starts.map(\.node) == ["n2"])
        var fromStart = RunDriver(isPaused: true)
        fromStart.begin(["n1"])
        #expect(fromStart.run.phase == .paused && fromStart.effects.starts.isEmpty)
    }

    @Test func `the deadline ends whatever is left`() {
        var driver = RunDriver(batchSize: 1)
        driver.begin(["n1", "n2"])
        driver.now = RunDriver.start + .seconds(86_400)
        let end = driver.send(.timer)
        #expect(end.deletions == ["n1-1"])
        #expect(end.terminals.first?.reason == "DeadlineExceeded" && end.terminals.first?.cause == .timeout)
        #expect(end.terminals.first?.counts == TaskCounts(nodesTotal: 2, failed: 1, skipped: 1))
        var checking = RunDriver()
        checking.send(.started)
        checking.now = RunDriver.start + .seconds(90_000)
        #expect(checking.send(.timer).terminals.first?.reason == "DeadlineExceeded")
    }

    @Test func `a node's time counts from when its Pod is bound, and the cluster is asked before it fails`() {
        var driver = RunDriver(batchSize: 1)
        driver.begin(["n1"])
        driver.wait(50)
        driver.send(.jobObserved(.init(node: "n1", attempt: 1, images: ["a": .init(phase: .pulled)])))
        driver.wait(299)
        #expect(!driver.effects.contains(.inspectJob(node: "n1", attempt: 1)))
        driver.wait(1)
        #expect(driver.effects.contains(.inspectJob(node: "n1", attempt: 1)))
        let end = driver.send(.attemptExpired(node: "n1", attempt: 1))
        #expect(end.deletions == ["n1-1"])
        #expect(end.drafts(.nodeFailed).first?.images.map(\.failure?.cause) == [nil, .timeout])
    }

    @Test func `a node that stopped answering is lost, one whose image says why keeps that`() {
        var lost = RunDriver()
        lost.begin(["n1"])
        lost.send(.nodeReadiness(node: "n1", isReady: false))
        lost.wait(360)
        #expect(lost.send(.attemptExpired(node: "n1", attempt: 1)).drafts(.nodeFailed).first?.cause == .nodeLost)
        var slow = RunDriver()
        slow.begin(["n1"])
        let sofar = TaskRun.ImageObservation(phase: .pulling, failure: .init(cause: .network, message: "reset"))
        slow.send(.jobObserved(.init(node: "n1", attempt: 1, images: ["a": sofar], isScheduled: false)))
        slow.wait(360)
        let end = slow.send(.attemptExpired(node: "n1", attempt: 1))
        #expect(end.drafts(.nodeFailed).first?.images.map(\.failure?.cause) == [.network, .timeout])
    }

    @Test func `a Pod that is never made or scheduled ends with what kept it`() {
        let refusal = TaskRun.ImageFailure(cause: .policyDenied, message: "exceeded quota")
        var refused = RunDriver()
        refused.begin(["n1"])
        refused.wait(420)
        let end = refused.send(.attemptExpired(node: "n1", attempt: 1, obstacle: refusal))
        #expect(end.drafts(.nodeFailed).first?.cause == .policyDenied)
        #expect(end.drafts(.nodeFailed).first?.message == "exceeded quota")
        var scheduled = RunDriver()
        scheduled.begin(["n1"])
        scheduled.send(.jobObserved(.init(node: "n1", attempt: 1)))
        scheduled.wait(420)
        let late = scheduled.send(.attemptExpired(node: "n1", attempt: 1, obstacle: refusal))
        #expect(late.drafts(.nodeFailed).first?.cause == .timeout)
    }

    @Test func `a Job that could not be made until the deadline ends with what kept it`() {
        let refusal = TaskRun.ImageFailure(cause: .internal, message: "exceeded quota")
        var driver = RunDriver()
        driver.begin(["n1", "n2"])
        driver.send(.jobCreationFailed(node: "n1", attempt: 1, failure: refusal, isRetryable: true))
        driver.send(.jobCreationFailed(node: "n2", attempt: 1, failure: refusal, isRetryable: true))
        driver.send(.jobObserved(.init(node: "n2", attempt: 1)))
        driver.wait(86_401)
        let failed = driver.effects.drafts(.nodeFailed)
        #expect(failed.map(\.cause) == [.internal, .timeout])
        #expect(failed.first?.message == "exceeded quota")
    }

    @Test func `an evicted Pod and a Job that is gone are tried again`() {
        var driver = RunDriver(maxRetries: 2)
        driver.begin(["n1"])
        let ending = TaskRun.ImageFailure(cause: .evicted, message: "The node was low on resource")
        driver.send(.jobObserved(.init(node: "n1", attempt: 1, images: ["a": .init(phase: .pulled)], ending: ending)))
        driver.wait(30)
        #expect(driver.effects.starts.last?.images == ["b"])
        // Nobody sees a Job that has lost its labels; it must go all the same.
        #expect(driver.send(.jobMissing(node: "n1", attempt: 2)).deletions == ["n1-2"])
        driver.wait(60)
        #expect(driver.effects.starts.last?.attempt == 3)
    }

    @Test func `an API server that is away stops the window and fails no node`() {
        var driver = RunDriver(batchSize: 1)
        driver.begin(["n1", "n2"])
        let failure = TaskRun.ImageFailure(cause: .internal, message: "503")
        for _ in 0..<40 {
            driver.send(.jobCreationFailed(node: "n1", attempt: 1, failure: failure, isRetryable: true))
            driver.wait(30)
        }
        #expect(driver.effects.starts.allSatisfy { $0.node == "n1" && $0.attempt == 1 })
        #expect(driver.effects.terminals.isEmpty && driver.run.counts.failed == 0)
        driver.finish("n1")
        #expect(driver.effects.starts.last?.node == "n2")
    }

    @Test func `a Job that is refused for good fails its node`() {
        var driver = RunDriver()
        driver.begin(["n1"])
        let failure = TaskRun.ImageFailure(cause: .policyDenied, message: "exceeded quota")
        let end = driver.send(.jobCreationFailed(node: "n1", attempt: 1, failure: failure, isRetryable: false))
        #expect(end.drafts(.nodeFailed).first?.cause == .policyDenied && end.deletions.isEmpty)
    }

    @Test func `a node that vanishes is skipped wherever it is`() {
        var driver = RunDriver(batchSize: 2, tolerance: .count(1), maxRetries: 1)
        driver.begin(["n1", "n2", "n3", "n4"])
        driver.fail("n2")
        let gone = ["n1", "n2", "n4"].flatMap { driver.send(.nodeGone(node: $0)) }
        #expect(gone.drafts(.nodeSkipped).map(\.reason) == ["NodeGone", "NodeGone", "NodeGone"])
        #expect(gone.deletions == ["n1-1"] || gone.deletions == ["n1-1", "n4-1"])
        #expect(driver.finish("n3").terminals.first?.counts == TaskCounts(nodesTotal: 4, succeeded: 1, skipped: 3))
    }

    @Test func `a larger window opens at once, a smaller one as nodes end, and a new timeout holds for nodes in work`()
    {
        var driver = RunDriver(batchSize: 1)
        driver.begin((0..<6).map { "n\($0)" })
        var settings = driver.run.settings
        settings.batchSize = 4
        settings.timeout = .seconds(10)
        #expect(driver.send(.settingsChanged(settings)).starts.count == 3)
        settings.batchSize = 2
        driver.send(.settingsChanged(settings))
        #expect(driver.finish("n0").starts.isEmpty && driver.finish("n1").starts.isEmpty)
        #expect(driver.finish("n2").starts.count == 1)
        driver.wait(70)
        #expect(driver.effects.contains(.inspectJob(node: "n3", attempt: 1)))
    }

    @Test func `progress is told at most twice a second, and the speed so far tells the rest`() throws {
        var driver = RunDriver(batchSize: 100)
        driver.begin((0..<100).map { "n\($0)" })
        for index in 0..<50 {
            driver.now = driver.now + .milliseconds(100)
            driver.finish("n\(index)")
        }
        #expect((9...11).contains(driver.effects.drafts(.progress).count))
        let progress = driver.run.progress(at: driver.now)
        #expect(abs(progress.percent - 50) < 0.001)
        let remaining = try #require(progress.remaining)
        #expect(remaining > .seconds(4.9) && remaining < .seconds(5.1))
        driver.send(.jobObserved(.init(node: "n50", attempt: 1, images: ["a": .init(phase: .pulled)])))
        #expect(abs(driver.run.progress(at: driver.now).percent - 50.5) < 0.001)
    }
}
