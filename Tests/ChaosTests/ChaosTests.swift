import DeploymentSupport
import TestSupport
import Testing
import WireFormats

/// `compose/chaos`: mixed tasks while a seeded schedule kills, pauses, cuts and restarts parts, and then the accounts.
///
/// `LONGSHORE_CHAOS_MINUTES` (default 0.5), `LONGSHORE_CHAOS_SEED` (default 1); `LONGSHORE_CHAOS_REPORT` names a file to which what happens
/// is written while it happens.
@Suite("Chaos", .tags(.integration), .serialized)
struct ChaosTests {
    @Test(
        "Whatever dies meanwhile, nothing is lost, left, leaked or done twice",
        .needsSimulator("turns all of the simulator's knobs at random"),
        .needsEmbeddedBroker
    )
    func chaos() async throws {
        let minutes = TestTarget.environment("LONGSHORE_CHAOS_MINUTES").flatMap(Double.init) ?? 0.5
        let seed = TestTarget.environment("LONGSHORE_CHAOS_SEED").flatMap(UInt64.init) ?? 1
        let report = ChaosReport()
        report.say("seed \(seed), \(minutes) minutes")
        let canary = Canary()
        let world = try await ChaosWorld.start()
        let load = try await ChaosLoad(fleet: world.fleet, receiver: world.receiver, seed: seed, canary: canary)
        try await load.prepare()
        // Every kind once, so that all code has run and all pools are filled before the first measurement.
        await load.askForEach()
        try await waitForEnds(of: await load.asked, in: world, timeout: .seconds(120))
        let before = Footprint.all(of: world.fleet)

        let jobs = try await JobWatch(world.fleet.host)
        let passwords = [world.registries.first, world.registries.second].map { Canary($0.password) } + [canary]
        let tail = try await EventTail(world.fleet.host, searchingFor: passwords)
        let watching = Task { await jobs.run() }
        let reading = Task { await tail.run() }
        let plan = ChaosPlan(seed: seed, seconds: minutes * 60, sizes: ChaosWorld.sizes, nodes: ChaosWorld.nodes)
        let done = await carryOut(plan, on: world, load, report)
        report.say("\(done) of \(plan.steps.count) actions done; healing")
        guard world.isAlive else {
            report.say(
                "the embedded broker has ended, which makes this run worthless: \(world.fleet.host.log.suffix(2_000))"
            )
            Issue.record("the embedded broker has ended")
            return
        }
        try await world.heal()
        let asked = await load.asked
        report.say("healed; waiting for the ends of \(asked.count) tasks")
        var ledger = ChaosLedger()
        ledger.note("seed", "\(seed)")
        ledger.note("minutes", "\(minutes)")
        ledger.note("actions done", done)
        // What does not come in time is counted as a loss by the ledger.
        try? await waitForEnds(of: asked, in: world, timeout: .seconds(180))
        try? await waitForWebhooks(asked, world, timeout: .seconds(120))
        try? await waitUntil(timeout: .seconds(60), "nothing to be left") {
            var trial = ChaosLedger()
            try await trial.countObjects(of: world, tasks: [])
            return trial.faults.isEmpty
        }
        watching.cancel()
        await watching.value
        reading.cancel()
        await reading.value
        await tail.finish()
        ledger.note("events read", await tail.count)
        ledger.expectNone("events that were not read", await tail.gaps)
        try await ledger.countTasks(of: world, asked, await tail.accounts)
        ledger.note("Jobs seen", jobs.count)
        ledger.expectNone("nodes of a task with two Jobs at once", Array(jobs.overlaps))
        try await ledger.countObjects(of: world, tasks: asked.map(\.id))
        try await search(world, passwords, asked, await tail.search, &ledger)
        ledger.compare(before, Footprint.all(of: world.fleet))
        report.say(ledger.text)
        #expect(ledger.faults.isEmpty)
        await load.stop()
        if !ledger.faults.isEmpty { report.keepLogs(of: world.fleet) }
        await world.fleet.stop()
        world.receiver.stop()
    }

    /// Carries the plan out under load.
    ///
    /// - Returns: How many actions were done.
    private func carryOut(
        _ plan: ChaosPlan,
        on world: ChaosWorld,
        _ load: ChaosLoad,
        _ report: ChaosReport
    ) async -> Int {
        let asking = Task { await load.run(pause: .milliseconds(1_500)) }
        let begin = ContinuousClock.now
        let done = await withTaskGroup(of: Bool.self) { group in
            for step in plan.steps {
                try? await Task.sleep(until: begin + .seconds(step.at))
                guard world.isAlive else { break }
                group.addTask {
                    let isDone = await world.carryOut(step)
                    let accepted = await load.asked.count
                    report.say(
                        "\(Int(step.at)) s: \(step.action) for \(Int((step.lasts * 1_000).rounded())) ms"
                            + (isDone ? "" : " (left out: busy)") + "; \(accepted) tasks accepted"
                    )
                    return isDone
                }
            }
            return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
        }
        asking.cancel()
        await asking.value
        return done
    }

    private func waitForEnds(of asked: [ChaosLoad.Asked], in world: ChaosWorld, timeout: Duration) async throws {
        var waiting = asked.map(\.id)
        try await waitUntil(timeout: timeout, "the ends of \(asked.count) tasks") {
            while let task = waiting.last {
                let state = try await world.fleet.api.send("GET", "/v1/tasks/\(task)").json["status"]?.string
                guard ["succeeded", "failed", "cancelled", "rejected"].contains(state) else { return false }
                waiting.removeLast()
            }
            return true
        }
    }

    private func waitForWebhooks(_ asked: [ChaosLoad.Asked], _ world: ChaosWorld, timeout: Duration) async throws {
        try await waitUntil(timeout: timeout, "webhooks of \(asked.count) tasks") {
            Set(world.receiver.deliveries.map(\.task)).isSuperset(of: asked.map(\.id))
        }
    }

    private func search(
        _ world: ChaosWorld,
        _ passwords: [Canary],
        _ asked: [ChaosLoad.Asked],
        _ events: CanarySearch,
        _ ledger: inout ChaosLedger
    ) async throws {
        var search = CanarySearch(for: passwords)
        try await search.addTopics(of: world.fleet)
        try await search.addDatabase(of: world.fleet)
        try await search.addCluster(of: world.fleet, tasks: asked.map(\.id))
        try await search.addProcesses(of: world.fleet)
        for (index, text) in world.receiver.texts.enumerated() { search.add("webhook \(index)", text) }
        ledger.note("texts searched for passwords", search.searched + events.searched)
        ledger.expectNone("places where a password was found", search.found + events.found)
    }
}

/// Tells what happens while it happens.
struct ChaosReport: Sendable {
    private let path = TestTarget.environment("LONGSHORE_CHAOS_REPORT")

    /// Says a line or more.
    func say(_ text: String) {
        guard let path else { return print(text) }
        try? writeFile(path, "\(text)\n", appending: true)
    }

    /// Puts the services' logs where they outlive the run: beside the report.
    func keepLogs(of fleet: Fleet) {
        guard let path else { return }
        try? writeFile(path + ".host.log", fleet.host.log)
        for member in fleet.members { try? writeFile(path + ".\(member.name).log", member.process.standardError) }
        say("the services' logs since their last start are in \(path).*.log")
    }
}
