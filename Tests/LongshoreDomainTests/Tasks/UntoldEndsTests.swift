import LongshoreDomain
import TestSupport
import Testing
import WireFormats

/// The ends of nodes that are written down before they are told.
@Suite struct UntoldEndsTests {
    /// Writes a snapshot that tells `drafts`, loses the executor and restores it as a cluster that offers `plan`.
    static func takeOver(
        _ driver: RunDriver,
        telling drafts: [TaskEventDraft],
        _ plan: TaskRun.Plan
    ) throws -> RunDriver {
        let written = driver.run.snapshot(telling: drafts)
        let read = try TaskRun.Snapshot(json: JSONValue(parsing: written.json.serialized()))
        #expect(read == written)
        var other = driver
        other.effects = []
        other.run = try #require(
            TaskRun(restoring: read, plan: plan, settings: driver.run.settings, isPaused: false, seed: 3)
        )
        return other
    }

    static func ends(_ effects: [TaskRun.Effect]) -> [TaskEventDraft] {
        effects.compactMap { if case .emit(let draft) = $0, draft.kind.isNodeEnd { draft } else { nil } }
    }

    static func described(_ drafts: [TaskEventDraft]) -> Set<String> {
        Set(
            drafts.map {
                "\($0.node ?? "") \($0.kind) \($0.attempt ?? -1) \($0.images) \($0.cause as Any) \($0.reason ?? "")"
            }
        )
    }

    @Test func `whoever takes over tells the ends that were written, whatever the cluster looks like now`() throws {
        let names = (1...5).map { "n\($0)" }
        var first = RunDriver(batchSize: 5, tolerance: .count(5), maxRetries: 0)
        first.begin(names)
        var told = Self.ends(first.effects)
        told += Self.ends(first.finish("n1"))
        told += Self.ends(first.fail("n2", cause: .disk))
        told += Self.ends(first.send(.nodeGone(node: "n3")))
        #expect(told.count == 3)
        // The nodes that are done are gone, and the one that was gone is back.
        let plan = TaskRunSnapshotTests.plan(["n3", "n4", "n5"])
        var second = try Self.takeOver(first, telling: told, plan)
        let answer = second.send(.restored)
        #expect(Self.described(Self.ends(answer)) == Self.described(told))
        #expect(
            Self.ends(answer).first { $0.node == "n2" }?.images.contains { $0.failure?.message.isEmpty == false }
                == true
        )
        second.finish("n4")
        let end = second.finish("n5")
        #expect(end.terminals.first?.counts == TaskCounts(nodesTotal: 5, succeeded: 3, failed: 1, skipped: 1))
        #expect(Self.ends(second.send(.nodeGone(node: "n3"))).isEmpty)
    }

    @Test func `what was told before is not told again`() throws {
        var first = RunDriver(batchSize: 3)
        first.begin(["n1", "n2", "n3"])
        first.finish("n1")
        let told = Self.ends(first.finish("n2"))
        var second = try Self.takeOver(first, telling: told, TaskRunSnapshotTests.plan(["n1", "n2", "n3"]))
        #expect(Self.ends(second.send(.restored)).map(\.node) == ["n2"])
        var third = try Self.takeOver(second, telling: [], TaskRunSnapshotTests.plan(["n1", "n2", "n3"]))
        #expect(Self.ends(third.send(.restored)).isEmpty)
    }

    @Test func `set-aside nodes are told again with their reason`() throws {
        var first = RunDriver()
        first.send(.started)
        let skipped = (0..<500).map { "set-aside-\(1000 + $0).example.com" }
        let told = Self.ends(first.send(.nodesResolved(TaskRunSnapshotTests.plan(["n1"], skipped: skipped))))
        #expect(told.count == 500)
        // Meanwhile all of them are ready.
        var second = try Self.takeOver(first, telling: told, TaskRunSnapshotTests.plan(["n1"] + skipped))
        let answer = Self.ends(second.send(.restored))
        #expect(answer.map(\.node) == skipped)
        #expect(
            answer.allSatisfy { $0.kind == .nodeSkipped && $0.reason == "NotReady" && $0.message == told[0].message }
        )
        #expect(second.finish("n1").terminals.first?.counts == TaskCounts(nodesTotal: 501, succeeded: 1, skipped: 500))
    }

    @Test func `with the task's outcome decided its last ends are told before it`() throws {
        var first = RunDriver(batchSize: 2)
        first.begin(["n1", "n2"])
        first.finish("n1")
        let last = first.finish("n2")
        let terminal = try #require(last.terminals.first)
        #expect(first.run.snapshot().names == nil, "nothing to go on with")
        var second = try Self.takeOver(first, telling: Self.ends(last), TaskRunSnapshotTests.plan([]))
        let answer = second.send(.restored)
        #expect(Self.ends(answer).map(\.node) == ["n2"] && Self.ends(answer).first?.kind == .nodeSucceeded)
        #expect(answer.terminals.map(\.kind) == [terminal.kind] && answer.terminals.first?.counts == terminal.counts)
        #expect(second.run.snapshot().names == nil && second.run.snapshot().untold.isEmpty)
    }

    @Test func `many failures with words of their own keep their kind when the room is used up`() throws {
        let names = (0..<400).map { "node-\(1000 + $0)" }
        var first = RunDriver(batchSize: 1000, tolerance: .count(1000), maxRetries: 0)
        first.begin(names)
        var told: [TaskEventDraft] = []
        for name in names.dropLast() {
            let failure = TaskRun.ImageFailure(cause: .network, message: name + String(repeating: "x", count: 500))
            let observation = TaskRun.JobObservation(node: name, attempt: 1, ending: failure)
            told += Self.ends(first.send(.jobObserved(observation)))
        }
        #expect(told.count == 399)
        let written = first.run.snapshot(telling: told)
        #expect(written.json.serialized().count < 80 << 10)
        var second = try Self.takeOver(first, telling: told, TaskRunSnapshotTests.plan([]))
        let answer = Self.ends(second.send(.restored)).filter { $0.kind == .nodeFailed }
        #expect(Set(answer.map(\.node)) == Set(told.map(\.node)))
        #expect(answer.filter { $0.cause == .network }.count >= 20)
        #expect(answer.allSatisfy { $0.cause != nil && $0.message?.isEmpty == false })
    }

    @Test func `more set-aside nodes than there is room for leave a record from which the task is checked anew`() {
        var random = SeededGenerator(seed: 4)
        let skipped = (0..<40_000).map { _ in "n" + String(UInt64.random(in: .min ... .max, using: &random), radix: 36)
        }
        var first = RunDriver()
        first.send(.started)
        let told = Self.ends(first.send(.nodesResolved(TaskRunSnapshotTests.plan(["n1"], skipped: skipped))))
        let written = first.run.snapshot(telling: told)
        #expect(written.names == nil && written.untold.isEmpty)
        #expect(first.run.snapshot().names != nil)
    }

    @Test func `a record of an executor that knew nothing of this reads as told`() throws {
        var first = RunDriver(batchSize: 2)
        first.begin(["n1", "n2"])
        let told = Self.ends(first.finish("n1"))
        guard case .object(var object) = first.run.snapshot(telling: told).json else { return }
        object["untold"] = nil
        object["statuses"] = first.run.snapshot().json["statuses"]
        let read = try TaskRun.Snapshot(json: .object(object))
        #expect(read == first.run.snapshot())
    }

    @Test(arguments: [
        #"{"details":[{}]}"#, #"{"details":[{"attempt":1,"images":[{"image":"a","phase":"??"}]}]}"#,
        #"{"setAside":[{"names":1}]}"#, #"{"details":{}}"#,
    ])
    func `ends of another shape are refused`(text: String) throws {
        let json = try JSONValue(parsing: Array(text.utf8))
        #expect(throws: JSONMappingError.self) { try TaskRun.UntoldEnds(json: json) }
    }
}
