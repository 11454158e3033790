import DeploymentSupport
import Glibc
import TestSupport
import Testing
import WireFormats

/// `kill -9` and its kin: what was accepted ends exactly once, whatever dies meanwhile.
@Suite("Killed at any moment", .tags(.integration), .timeLimit(.minutes(6)), .serialized)
struct KillTests {
    @Test(
        "Each service is killed again and again under load: every task ends once, every webhook comes, nothing is left",
        .needsSimulator("counts every Job in the simulator's audit, and slows its nodes down"),
        .needsEmbeddedBroker
    )
    func killEach() async throws {
        let fleet = try await Fleet.start(nodes: 3, executors: 2)
        let receiver = try WebhookReceiver()
        let load = try await Load(fleet: fleet, nodes: 3, webhook: receiver.url)
        try await Simulator(fleet.host).slow(["node-1", "node-2", "node-3"], milliseconds: 200)
        for number in 0..<18 {
            try await load.submit(number)
            guard number % 2 == 1 else { continue }
            let members = fleet.members
            let victim = members[(number / 2) % members.count]
            #expect(await victim.process.killNow() == .signalled(9))
            try fleet.restart(victim)
        }
        try await load.expectAllDone()
        let tasks = await load.tasks
        let webhooks = try await receiver.waitForTasks(tasks)
        let accounts = try await Accounts(of: fleet.host)
        #expect(webhooks == accounts.terminalEvents.filter { tasks.contains($0.key) })
        receiver.stop()
        await fleet.stop()
    }

    @Test(
        "A killed executor's tasks are taken over by another once its Lease has run out, and no Job is made twice",
        .needsSimulator("counts every Job in the simulator's audit, and slows its nodes down"),
        .needsEmbeddedBroker
    )
    func takeOver() async throws {
        let fleet = try await Fleet.start(nodes: 4, executors: 0)
        let load = try await Load(fleet: fleet, nodes: 4)
        try await Simulator(fleet.host).slow((1...4).map { "node-\($0)" }, milliseconds: 1_000)
        let lease = ["--lease-duration-seconds", "3"]
        let first = try fleet.start(.executor, name: "first", arguments: lease)
        try await fleet.waitUntilReady(first)
        let task = try await load.submit(0, ["batchSize": 1])
        try await load.waitForOwner(of: task, "first", running: true)
        let second = try fleet.start(.executor, name: "second", arguments: lease)
        try await fleet.waitUntilReady(second)
        _ = await first.process.killNow()
        try await load.waitForOwner(of: task, "second")
        try await load.expectAllDone()
        await fleet.stop()
    }

    @Test(
        "A paused executor that wakes after its tasks were taken changes nothing",
        .needsSimulator("counts every Job in the simulator's audit, and slows its nodes down"),
        .needsEmbeddedBroker
    )
    func pausedExecutor() async throws {
        let fleet = try await Fleet.start(nodes: 4, executors: 0)
        let load = try await Load(fleet: fleet, nodes: 4)
        try await Simulator(fleet.host).slow((1...4).map { "node-\($0)" }, milliseconds: 1_000)
        let lease = ["--lease-duration-seconds", "3"]
        let sleeper = try fleet.start(.executor, name: "sleeper", arguments: lease)
        try await fleet.waitUntilReady(sleeper)
        let task = try await load.submit(0, ["batchSize": 1])
        try await load.waitForOwner(of: task, "sleeper", running: true)
        let other = try fleet.start(.executor, name: "other", arguments: lease)
        try await fleet.waitUntilReady(other)
        sleeper.process.signal(SIGSTOP)
        try await load.waitForOwner(of: task, "other")
        sleeper.process.signal(SIGCONT)
        // Awake again, it works on new tasks as if nothing had been.
        let more = try await load.submit(1, ["batchSize": 4])
        _ = try await fleet.api.waitForEnd(of: more)
        try await load.expectAllDone()
        #expect(sleeper.process.isRunning)
        await fleet.stop()
    }

    @Test(
        "A graceful stop hands tasks over at once; with no executor left the work waits and goes on when one comes",
        .needsSimulator("counts every Job in the simulator's audit, and slows its nodes down"),
        .needsEmbeddedBroker
    )
    func gracefulStop() async throws {
        let fleet = try await Fleet.start(nodes: 4, executors: 2)
        let load = try await Load(fleet: fleet, nodes: 4)
        try await Simulator(fleet.host).slow((1...4).map { "node-\($0)" }, milliseconds: 1_000)
        let task = try await load.submit(0, ["batchSize": 1])
        let owner = try await load.owner(of: task)
        let (leaving, staying) = owner == "executor-1" ? (0, 1) : (1, 0)
        let members = fleet.members(.executor)
        #expect(await members[leaving].process.stop(gracePeriod: .seconds(30)) == .exited(0))
        // Far less than the Lease of 15 s: the claim was given up, not left to run out.
        try await load.waitForOwner(of: task, members[staying].name, timeout: .seconds(8))
        #expect(await members[staying].process.stop(gracePeriod: .seconds(30)) == .exited(0))
        try await load.submit(1)
        try fleet.restart(members[staying])
        try await load.expectAllDone()
        await fleet.stop()
    }

    @Test(
        "Executors come and go under load: ids in are ids out",
        .needsSimulator("counts every Job in the simulator's audit, and slows its nodes down"),
        .needsEmbeddedBroker
    )
    func scaling() async throws {
        let most = TestTarget.environment("LONGSHORE_TEST_EXECUTORS").flatMap(Int.init) ?? 4
        let fleet = try await Fleet.start(nodes: 3, executors: 1)
        let load = try await Load(fleet: fleet, nodes: 3)
        for number in 0..<(most - 1) {
            try await load.submit(number)
            try fleet.start(.executor, name: "more-\(number)")
        }
        for (number, member) in fleet.members(.executor).dropFirst().enumerated() {
            try await fleet.waitUntilReady(member)
            try await load.submit(100 + number)
        }
        for (number, member) in fleet.members(.executor).dropFirst().enumerated() {
            try await load.submit(200 + number)
            #expect(await member.process.stop(gracePeriod: .seconds(30)) == .exited(0))
        }
        try await load.expectAllDone()
        await fleet.stop()
    }
}
