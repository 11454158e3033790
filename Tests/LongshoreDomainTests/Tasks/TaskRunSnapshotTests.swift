import LongshoreDomain
import TestSupport
import Testing
import WireFormats

@Suite struct TaskRunSnapshotTests {
    static func plan(_ nodes: [String], skipped: [String] = []) -> TaskRun.Plan {
        TaskRun.Plan(
            imageSets: [.init(images: ["a", "b"])],
            targets: nodes.map { .init(node: $0) },
            skipped: skipped.map { .init(node: $0, reason: "NotReady", message: "the node is not ready") }
        )
    }

    static func restored(_ driver: RunDriver, _ plan: TaskRun.Plan) throws -> RunDriver {
        let snapshot = try TaskRun.Snapshot(json: JSONValue(parsing: driver.run.snapshot().json.serialized()))
        #expect(snapshot == driver.run.snapshot())
        var other = driver
        other.effects = []
        other.run = try #require(
            TaskRun(
                restoring: snapshot,
                plan: plan,
                failures: driver.run.failures,
                settings: driver.run.settings,
                isPaused: driver.run.isPaused,
                seed: 9
            )
        )
        return other
    }

    @Test func `another executor goes on where the first one stopped`() throws {
        let names = ["n1", "n2", "n3", "n4", "n5", "n6"]
        var first = RunDriver(batchSize: 3, tolerance: .count(3), maxRetries: 1)
        first.begin(names)
        first.finish("n1")
        first.fail("n2")
        var second = try Self.restored(first, Self.plan(names))
        #expect(second.send(.jobFound(node: "n1", attempt: 1)).deletions == ["n1-1"], "ended, its Job still there")
        #expect(second.send(.jobFound(node: "n2", attempt: 1)).deletions == ["n2-1"])
        #expect(second.send(.jobFound(node: "n3", attempt: 1)).isEmpty)
        #expect(second.send(.jobFound(node: "n6", attempt: 1)).isEmpty, "started after the snapshot")
        let answer = second.send(.restored)
        // n4 and n5 were in work without a Job; n6 fills the window for the rest.
        #expect(answer.starts.map(\.node) == ["n4", "n5"])
        for node in ["n3", "n4", "n5", "n6"] { second.finish(node) }
        second.wait(60)
        #expect(second.effects.starts.last?.attempt == 2)
        let end = second.finish("n2", attempt: 2)
        #expect(end.terminals.first?.counts == TaskCounts(nodesTotal: 6, succeeded: 6))
    }

    @Test func `nodes that are gone or not ready any more are skipped with their reason`() throws {
        var first = RunDriver(batchSize: 2)
        first.begin(["n1", "n2", "n3"])
        var second = try Self.restored(first, Self.plan(["n2"], skipped: ["n3"]))
        second.send(.jobFound(node: "n1", attempt: 1))
        let answer = second.send(.restored)
        #expect(answer.deletions == ["n1-1"])
        #expect(answer.drafts(.nodeSkipped).map(\.reason) == ["NodeGone", "NotReady"])
        #expect(second.finish("n2").terminals.first?.counts == TaskCounts(nodesTotal: 3, succeeded: 1, skipped: 2))
    }

    @Test func `a decided outcome is published again, whatever the cluster looks like now`() throws {
        var first = RunDriver()
        first.begin(["n1"])
        let terminal = first.fail("n1", cause: .notFound).terminals
        var second = try Self.restored(first, Self.plan([]))
        second.send(.jobFound(node: "n1", attempt: 1))
        second.send(.cancelRequested(reason: "Requested"))
        let again = second.send(.restored).terminals
        #expect(again.map(\.kind) == terminal.map(\.kind) && again.map(\.counts) == terminal.map(\.counts))
        #expect(second.send(.terminalAcknowledged).count == 1)
    }

    @Test func `a task in its check is checked again`() {
        var first = RunDriver()
        first.send(.started)
        let run = TaskRun(
            restoring: first.run.snapshot(),
            plan: Self.plan(["n1"]),
            settings: first.run.settings,
            isPaused: false,
            seed: 1
        )
        #expect(run == nil)
    }

    @Test(arguments: [
        "gke-prod-default-pool-3f2a91bc-%", "ip-10-%.eu-central-1.compute.internal", "aks-pool1-1234-vmss%",
    ])
    func `a hundred thousand nodes fit into a status`(pattern: String) throws {
        let parts = pattern.split(separator: "%", omittingEmptySubsequences: false)
        var random = SeededGenerator(seed: 5)
        let alphabet = Array("abcdefghijklmnopqrstuvwxyz0123456789")
        var names: Set<String> = []
        while names.count < 100_000 {
            let tail = String((0..<4).map { _ in alphabet.randomElement(using: &random)! })
            names.insert(
                parts[0] + (parts[0].hasPrefix("ip") ? "\(names.count / 250)-\(names.count % 250)" : tail) + parts[1]
            )
        }
        var driver = RunDriver(batchSize: 1000)
        driver.begin(names.sorted())
        for start in driver.effects.starts { driver.finish(start.node) }
        let bytes = driver.run.snapshot().json.serialized()
        #expect(bytes.count < 900 << 10)
        let read = try TaskRun.Snapshot(json: JSONValue(parsing: bytes))
        #expect(read.names?.names == names.sorted())
        #expect(read == driver.run.snapshot())
    }

    @Test func `names read back, whatever they share`() {
        var random = SeededGenerator(seed: 11)
        for _ in 0..<200 {
            let alphabet = Array("ab.-0")
            let names = Set(
                (0..<Int.random(in: 0...30, using: &random)).map { _ in
                    String(
                        (0..<Int.random(in: 1...40, using: &random)).map { _ in alphabet.randomElement(using: &random)!
                        }
                    )
                }
            )
            .sorted()
            #expect(NodeNameList(names)?.names == names)
        }
        let long = (0..<3).map { String(repeating: "x", count: 250) + "\($0)" }
        #expect(NodeNameList(long)?.names == long)
    }

    @Test func `names without an encoding are left out`() {
        #expect(NodeNameList(["Node"]) == nil)
        #expect(NodeNameList(["näme"]) == nil)
        #expect(NodeNameList((0..<100).map { "\($0)" }, limit: 50) == nil)
    }

    @Test(arguments: ["a", "Zz", "N", "Bx", "AaZ", "A_", "Aaé", "ZZaaaa", "AaBbCcDdXx"])
    func `a broken list is refused or read, never trapped on`(text: String) {
        let list = NodeNameList(suffix: "s", text: text)
        if let names = list.names { #expect(names.allSatisfy { $0.hasSuffix("s") }) }
    }

    @Test func `records of another shape are refused`() {
        let bad: [JSONValue] = [
            .null, [:], ["version": 2], ["version": 1], ["version": 1, "counts": [:]],
            [
                "version": 1,
                "counts": ["total": 1, "succeeded": 0, "failed": 0, "skipped": 0, "pulling": 0],
                "setAside": 0, "hardFailures": 0, "pauses": 0, "names": "Aa", "statuses": "*",
            ],
        ]
        for json in bad {
            #expect(throws: JSONMappingError.self) { try TaskRun.Snapshot(json: json) }
        }
    }
}
