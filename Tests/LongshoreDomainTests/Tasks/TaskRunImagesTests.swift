import LongshoreDomain
import Testing
import WireFormats

/// Each image of a node has a state of its own while others are still pulled.
@Suite struct TaskRunImagesTests {
    private typealias Seen = TaskRun.ImageObservation

    private func observed(_ images: [String: TaskRun.ImageObservation], attempt: Int = 1) -> TaskRun.Event {
        .jobObserved(.init(node: "n1", attempt: attempt, images: images))
    }

    @Test func `what is decided is told while others are pulled, and not more often than every five seconds`() throws {
        var driver = RunDriver()
        driver.begin(["n1"], images: ["a", "b", "c", "d"])
        let first = driver.send(
            observed(["a": Seen(phase: .pulled, bytes: 7, milliseconds: 9), "b": Seen(phase: .pulling)])
        )
        let draft = try #require(first.drafts(.nodePulling).first)
        #expect(draft.images.map(\.phase) == [.pulled, .pulling, .pending, .pending])
        #expect(draft.images[0].bytes == 7 && draft.images[0].milliseconds == 9)
        #expect(draft.occurrence == 1 && draft.attempt == 1)
        // Nothing new is decided.
        #expect(driver.send(observed(["c": Seen(phase: .pulling)])).drafts(.nodePulling).isEmpty)
        driver.now = driver.now + .seconds(4)
        #expect(driver.send(observed(["b": Seen(phase: .present)])).drafts(.nodePulling).isEmpty)
        driver.now = driver.now + .seconds(1)
        let later = driver.send(observed(["c": Seen(phase: .pulled)]))
        #expect(later.drafts(.nodePulling).map(\.occurrence) == [3])
        // The last one is told by the node's end.
        driver.now = driver.now + .seconds(10)
        let end = driver.send(observed(["d": Seen(phase: .pulled)]))
        #expect(end.drafts(.nodePulling).isEmpty && end.drafts(.nodeSucceeded).count == 1)
    }

    @Test func `an attempt that runs out of time fails what is not there, and the next asks for that alone`() throws {
        var driver = RunDriver(maxRetries: 1)
        driver.begin(["n1"])
        driver.send(observed(["a": Seen(phase: .pulled, bytes: 7), "b": Seen(phase: .pulling)]))
        driver.wait(301)
        driver.send(.attemptExpired(node: "n1", attempt: 1))
        driver.wait(31)
        let start = try #require(driver.effects.starts.last)
        #expect(start.attempt == 2 && start.images == ["b"])
        let pulling = try #require(driver.effects.drafts(.nodePulling).last)
        #expect(pulling.images.map(\.phase) == [.pulled, .pending])
        driver.wait(361)
        driver.send(.attemptExpired(node: "n1", attempt: 2))
        let failed = try #require(driver.effects.drafts(.nodeFailed).last)
        #expect(failed.images.map(\.phase) == [.pulled, .failed])
        #expect(failed.images[0].bytes == 7 && failed.images[1].failure?.cause == .timeout)
    }
}
