import LongshoreDomain
import Testing
import WireFormats

/// A helper image that cannot be had is told as such, fails no image, and stops a task before it has failed a fleet.
@Suite struct TaskRunHelperTests {
    private static let failure = TaskRun.ImageFailure(
        cause: .helper,
        message: "The helper image could not be pulled: no"
    )

    private static let pulled = Dictionary(
        uniqueKeysWithValues: ["a", "b"].map { ($0, TaskRun.ImageObservation(phase: .pulled)) }
    )

    @Test(arguments: [true, false]) func `one node of its own fails at once, with the cause and with no image failed`(
        arePulled: Bool
    ) throws {
        var driver = RunDriver()
        driver.begin(["n1"])
        let images = arePulled ? Self.pulled : [:]
        let effects = driver.send(.jobObserved(.init(node: "n1", attempt: 1, images: images, ending: Self.failure)))
        #expect(effects.deletions == ["n1-1"])
        let draft = try #require(effects.drafts(.nodeFailed).first)
        #expect(draft.cause == .helper && draft.message == Self.failure.message)
        #expect(draft.images.map(\.phase) == (arePulled ? [.pulled, .pulled] : [.pending, .pending]))
        #expect(driver.run.failures.map(\.failure) == [Self.failure])
        let terminal = try #require(effects.terminals.first)
        #expect(terminal.kind == .failed && terminal.cause == .helper)
    }

    @Test func `three nodes in a row pause the task, and none has failed`() throws {
        var driver = RunDriver(batchSize: 4)
        let nodes = (1...20).map { "n\($0 + 10)" }
        driver.begin(nodes)
        for node in nodes.prefix(2) {
            driver.send(.jobObserved(.init(node: node, attempt: 1, ending: Self.failure)))
        }
        #expect(!driver.run.isPaused && driver.effects.starts.count == 6)
        let effects = driver.send(.jobObserved(.init(node: nodes[2], attempt: 1, ending: Self.failure)))
        #expect(driver.run.isPaused && driver.run.phase == .paused && effects.contains(.pauseTask))
        #expect(driver.run.helperTrouble == Self.failure)
        let paused = try #require(effects.drafts(.paused).first)
        #expect(paused.cause == .helper && paused.reason == "HelperUnavailable")
        // What is in work ends, and nothing is started.
        for node in nodes[3..<6] { driver.send(.jobObserved(.init(node: node, attempt: 1, ending: Self.failure))) }
        #expect(driver.effects.starts.count == 6 && driver.run.counts.failed == 0 && driver.effects.terminals.isEmpty)
        // Once it can be had everything is done.
        driver.send(.resumeRequested)
        #expect(driver.run.helperTrouble == nil)
        for _ in 0..<20 {
            for start in driver.effects.starts { driver.finish(start.node, attempt: start.attempt) }
        }
        #expect(driver.effects.terminals.first?.kind == .succeeded)
        #expect(driver.run.counts.succeeded == 20)
    }

    @Test func `when another node can run it, the one that cannot has failed at the end`() throws {
        var driver = RunDriver(batchSize: 1, tolerance: .count(1))
        driver.begin(["n1", "n2", "n3", "n4", "n5"])
        driver.send(.jobObserved(.init(node: "n1", attempt: 1, ending: Self.failure)))
        driver.send(.jobObserved(.init(node: "n2", attempt: 1, ending: Self.failure)))
        #expect(driver.run.counts.failed == 0)
        driver.finish("n3")
        driver.send(.jobObserved(.init(node: "n4", attempt: 1, ending: Self.failure)))
        #expect(!driver.run.isPaused, "no three in a row")
        driver.finish("n5")
        #expect(driver.run.counts == TaskCounts(nodesTotal: 5, succeeded: 2, failed: 3))
        #expect(driver.effects.terminals.first?.cause == .helper)
    }

    @Test func `retries that are left are used, and every image is proven anew`() {
        var driver = RunDriver(maxRetries: 1)
        driver.begin(["n1"])
        driver.send(.jobObserved(.init(node: "n1", attempt: 1, images: Self.pulled, ending: Self.failure)))
        #expect(driver.effects.terminals.isEmpty)
        driver.wait(30)
        #expect(driver.effects.starts.map(\.images) == [["a", "b"], ["a", "b"]])
        driver.finish("n1", attempt: 2)
        #expect(driver.effects.terminals.first?.kind == .succeeded)
    }

    @Test func `an image that has failed itself is its node's cause`() {
        var driver = RunDriver()
        driver.begin(["n1"])
        let own = TaskRun.ImageFailure(cause: .notFound, message: "manifest unknown")
        let images = ["a": TaskRun.ImageObservation(phase: .failed, failure: own)]
        let effects = driver.send(.jobObserved(.init(node: "n1", attempt: 1, images: images, ending: Self.failure)))
        #expect(effects.drafts(.nodeFailed).first?.cause == .notFound)
    }

    @Test func `cancel and deadline end nodes that were put aside`() {
        for isCancelled in [true, false] {
            var driver = RunDriver(batchSize: 3)
            driver.begin(["n1", "n2", "n3"])
            for node in ["n1", "n2", "n3"] {
                driver.send(.jobObserved(.init(node: node, attempt: 1, ending: Self.failure)))
            }
            #expect(driver.run.isPaused)
            if isCancelled { driver.send(.cancelRequested(reason: "Requested")) } else { driver.wait(90_000) }
            #expect(driver.effects.terminals.first?.kind == (isCancelled ? .cancelled : .failed))
            #expect(driver.run.counts.failed == 3)
            #expect(driver.effects.drafts(.nodeFailed).allSatisfy { $0.cause == .helper })
        }
    }
}
