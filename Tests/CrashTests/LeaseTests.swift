import DeploymentSupport
import Glibc
import TestSupport
import Testing
import WireFormats

/// Leases that are renewed slowly, and clocks that jump.
@Suite("Leases", .tags(.integration), .timeLimit(.minutes(5)), .serialized)
struct LeaseTests {
    @Test(
        "An executor whose renewals are slow but alive keeps its tasks",
        .needsSimulator("delays Lease renewals in the simulated API server"),
        .needsEmbeddedBroker
    )
    func slowRenewals() async throws {
        let (fleet, load, task) = try await begin()
        // Each renewal takes half of what it may, so that the Lease changes at half of its usual pace.
        try await Simulator(fleet.host).post(
            "faults",
            [
                "verb": "update", "resource": "leases", "name": "longshore-executor-owner",
                "delayMilliseconds": .integer(Int64(Self.seconds * 250)),
            ]
        )
        try await expectKept(task, by: "owner", load, fleet)
        try await Simulator(fleet.host).endFaults()
        try await load.expectAllDone()
        await fleet.stop()
    }

    @Test(
        "A clock that jumps by an hour, either way, takes no task from its owner, and keeps none for an owner that is silent",
        .needsSimulator("delays Lease renewals in the simulated API server"),
        .needsEmbeddedBroker
    )
    func clockJumps() async throws {
        let (fleet, load, task) = try await begin()
        for hours in [-1, 1, -1, 1, -1, 1] {
            try await jump(hours, fleet)
            try await expectKept(task, by: "owner", load, fleet, changes: 1)
        }
        // The time in the Lease is an hour ahead, and its owner says nothing any more: that it does not change is what counts.
        let owner = try #require(fleet.members(.executor).first { $0.name == "owner" })
        owner.process.signal(SIGSTOP)
        try await jump(1, fleet)
        try await load.waitForOwner(of: task, "other", timeout: .seconds(Self.seconds * 6))
        owner.process.signal(SIGCONT)
        try await load.expectAllDone()
        await fleet.stop()
    }

    private static let seconds = 4

    /// A long task with its owner, and another executor that would take it.
    private func begin() async throws -> (Fleet, Load, String) {
        // One after the other, for longer than a busy machine needs for all that is looked at meanwhile.
        let nodes = 12
        let fleet = try await Fleet.start(nodes: nodes, executors: 0, notifiers: 0)
        let load = try await Load(fleet: fleet, nodes: nodes)
        try await Simulator(fleet.host).slow((1...nodes).map { "node-\($0)" }, milliseconds: 3_000)
        let arguments = ["--lease-duration-seconds", "\(Self.seconds)"]
        let owner = try fleet.start(.executor, name: "owner", arguments: arguments)
        try await fleet.waitUntilReady(owner)
        let task = try await load.submit(0, ["batchSize": 1])
        try await load.waitForOwner(of: task, "owner", running: true)
        let other = try fleet.start(.executor, name: "other", arguments: arguments)
        try await fleet.waitUntilReady(other)
        return (fleet, load, task)
    }

    /// Watches the owner's Lease change, and the task stay where it is, for longer than a Lease lasts.
    private func expectKept(
        _ task: String,
        by owner: String,
        _ load: Load,
        _ fleet: Fleet,
        changes: Int? = nil
    ) async throws {
        let end = ContinuousClock.now + .seconds(Self.seconds * 2)
        var versions: Set<String> = []
        while changes.map({ versions.count <= $0 }) ?? (ContinuousClock.now < end) {
            versions.insert(
                try await fleet.host.kubectl(
                    "get",
                    "lease",
                    "longshore-executor-\(owner)",
                    "-n",
                    "longshore",
                    "-o",
                    "jsonpath={.metadata.resourceVersion}"
                )
            )
            #expect(try await load.owner(of: task) == owner)
        }
        #expect(versions.count > 1, "the Lease is not renewed")
    }

    /// Writes another time into the owner's Lease, as a clock that has jumped would.
    private func jump(_ hours: Int, _ fleet: Fleet) async throws {
        let time = try await TestProcess.run("date", ["-u", "-d", "\(hours) hours", "+%Y-%m-%dT%H:%M:%S.000000Z"])
        let now = time.standardOutput.filter { $0 != "\n" }
        _ = try await fleet.host.kubectl(
            "patch",
            "lease",
            "longshore-executor-owner",
            "-n",
            "longshore",
            "--type",
            "merge",
            "-p",
            "{\"spec\":{\"renewTime\":\"\(now)\",\"acquireTime\":\"\(now)\"}}"
        )
    }
}
