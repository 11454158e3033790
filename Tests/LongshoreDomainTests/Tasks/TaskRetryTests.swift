import LongshoreDomain
import Testing
import WireFormats

/// A task that has ended and is begun again for what failed.
@Suite struct TaskRetryTests {
    private func plan(_ nodes: [String], bad: [String: TaskRun.ImageFailure] = [:]) -> TaskRun.Plan {
        TaskRun.Plan(imageSets: [.init(images: ["a", "b"])], targets: nodes.map { .init(node: $0) }, badImages: bad)
    }

    /// A task of three nodes of which the second failed, ended as its record keeps it.
    private func ended(maxRetries: Int = 0) -> RunDriver {
        var driver = RunDriver(batchSize: 3, tolerance: .count(1), maxRetries: maxRetries)
        driver.begin(["n1", "n2", "n3"])
        driver.finish("n1")
        for attempt in 1...maxRetries + 1 {
            driver.fail("n2", attempt: attempt)
            driver.wait(600)
        }
        driver.finish("n3")
        driver.send(.terminalAcknowledged)
        return driver
    }

    private func retried(_ driver: RunDriver, plan: TaskRun.Plan) throws -> RunDriver {
        let kept = try TaskRun.Snapshot(json: driver.run.snapshot(keepsNodes: true).json)
        let record = try TaskRun.Snapshot(json: #require(kept.retried()).json)
        var next = RunDriver()
        next.now = driver.now + .seconds(3_600)
        var settings = driver.run.settings
        settings.deadline = next.now + .seconds(86_400)
        next.run = try #require(
            TaskRun(restoring: record, plan: plan, settings: settings, isPaused: false, seed: 1)
        )
        next.send(.restored)
        return next
    }

    @Test func `only what failed is tried again, with attempts that go on counting`() throws {
        let first = ended(maxRetries: 1)
        #expect(first.run.outcome?.phase == .succeeded)
        #expect(first.run.snapshot(keepsNodes: true).retryableNodes == 1)
        var again = try retried(first, plan: plan(["n1", "n2", "n3"]))
        #expect(again.run.phase == .pulling && again.run.outcome == nil)
        #expect(again.effects.contains(.resolveNodes) && again.effects.starts.isEmpty)
        #expect(again.run.counts == TaskCounts(nodesTotal: 3, succeeded: 2))
        again.send(.nodesResolved(plan(["n1", "n2", "n3"])))
        #expect(again.effects.starts.map(\.node) == ["n2"] && again.effects.starts.map(\.attempt) == [3])
        #expect(again.effects.starts.first?.images == ["a", "b"])
        again.finish("n2", attempt: 3)
        #expect(again.run.outcome == TaskRun.Outcome(phase: .succeeded))
        #expect(again.run.counts == TaskCounts(nodesTotal: 3, succeeded: 3))
        #expect(again.run.snapshot(keepsNodes: true).retryableNodes == 0)
    }

    @Test func `a retry has all its attempts, and another retry goes on behind them`() throws {
        var again = try retried(ended(maxRetries: 1), plan: plan(["n1", "n2", "n3"]))
        again.send(.nodesResolved(plan(["n2"])))
        again.fail("n2", attempt: 3)
        again.wait(600)
        #expect(again.effects.starts.map(\.attempt) == [3, 4])
        again.fail("n2", attempt: 4)
        again.send(.terminalAcknowledged)
        #expect(again.run.isFinished && again.run.counts.failed == 1)
        var third = try retried(again, plan: plan(["n2"]))
        third.send(.nodesResolved(plan(["n2"])))
        #expect(third.effects.starts.map(\.attempt) == [5])
    }

    @Test func `what a registry said is asked again, and nodes that are gone are left out`() throws {
        let missing = ["a": TaskRun.ImageFailure(cause: .notFound, message: "no such image")]
        var first = RunDriver(batchSize: 5)
        first.begin(["n1", "n2"], images: ["a"], bad: missing)
        first.send(.terminalAcknowledged)
        #expect(first.run.outcome?.phase == .failed)
        var again = try retried(first, plan: plan(["n1", "n2"]))
        again.send(.nodesResolved(plan(["n1"])))
        #expect(again.effects.starts.map(\.node) == ["n1"])
        #expect(again.run.phase(ofNode: "n2") == .skipped)
        again.finish("n1")
        #expect(again.run.outcome?.phase == .succeeded)
        var still = try retried(first, plan: plan(["n1", "n2"]))
        still.send(.nodesResolved(plan(["n1", "n2"], bad: missing)))
        #expect(still.effects.starts.allSatisfy { $0.images == ["b"] })
    }

    @Test func `an executor that takes over in the middle checks again, and removes Jobs of before`() throws {
        var again = try retried(ended(), plan: plan(["n1", "n2", "n3"]))
        let unchecked = try #require(
            TaskRun(
                restoring: TaskRun.Snapshot(json: again.run.snapshot().json),
                plan: plan(["n1", "n2", "n3"]),
                settings: again.run.settings,
                isPaused: false,
                seed: 1
            )
        )
        var other = RunDriver()
        (other.run, other.now) = (unchecked, again.now)
        #expect(other.send(.jobFound(node: "n2", attempt: 1)) == [.deleteJob(node: "n2", attempt: 1)])
        #expect(other.send(.restored).contains(.resolveNodes))
        again.send(.nodesResolved(plan(["n1", "n2", "n3"])))
        let record = try TaskRun.Snapshot(json: again.run.snapshot().json)
        let working = TaskRun(
            restoring: record,
            plan: plan(["n1", "n2", "n3"]),
            settings: again.run.settings,
            isPaused: false,
            seed: 1
        )
        other.run = try #require(working)
        other.send(.jobFound(node: "n2", attempt: 2))
        #expect(!other.send(.restored).contains(.resolveNodes))
        other.finish("n2", attempt: 2)
        #expect(other.run.outcome?.phase == .succeeded)
    }

    @Test func `a retry can be cancelled, and its time can be over, before anything is resolved`() throws {
        var cancelled = try retried(ended(), plan: plan(["n1", "n2", "n3"]))
        cancelled.send(.cancelRequested(reason: "Requested"))
        #expect(cancelled.run.outcome?.phase == .cancelled)
        #expect(cancelled.run.counts == TaskCounts(nodesTotal: 3, succeeded: 2, skipped: 1))
        var late = try retried(ended(), plan: plan(["n1", "n2", "n3"]))
        late.wait(90_000)
        #expect(late.run.outcome?.reason == "DeadlineExceeded")
    }
}
