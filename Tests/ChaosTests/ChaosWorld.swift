import DeploymentSupport
import Glibc
import Synchronization
import TestSupport
import WireFormats

/// The parts that actions are done to.
final class ChaosWorld: Sendable {
    /// How many processes of each service there are.
    static let sizes: [Fleet.Service: Int] = [.intake: 1, .executor: 3, .notifier: 2]
    /// How many nodes there are.
    static let nodes = 4
    static let lease = ["--lease-duration-seconds", "5"]

    let fleet: Fleet
    let receiver: ChaosReceiver
    let registries: SharedRegistries
    let simulator: Simulator
    private let busy = Mutex<Set<String>>([])

    private init(fleet: Fleet, receiver: ChaosReceiver, registries: SharedRegistries) throws {
        self.fleet = fleet
        self.receiver = receiver
        self.registries = registries
        simulator = try Simulator(fleet.host)
    }

    /// Starts everything.
    static func start() async throws -> ChaosWorld {
        let registries = try await SharedRegistries.instance.get()
        let fleet = try await Fleet.start(nodes: nodes, executors: 0, notifiers: 2)
        for index in 0..<(sizes[.executor] ?? 0) {
            try fleet.start(.executor, name: "executor-\(index + 1)", arguments: lease)
        }
        for member in fleet.members { try await fleet.waitUntilReady(member) }
        return try ChaosWorld(fleet: fleet, receiver: ChaosReceiver(), registries: registries)
    }

    /// Does a step and undoes it again.
    ///
    /// - Returns: Whether it was done; not where its target is still busy with another one.
    func carryOut(_ step: ChaosPlan.Step) async -> Bool {
        let target = step.action.target
        guard busy.withLock({ $0.insert(target).inserted }) else { return false }
        defer { busy.withLock { _ = $0.remove(target) } }
        // A knob cannot be turned while the host is paused; what matters is that it is turned back.
        try? await apply(step.action)
        try? await Task.sleep(for: .seconds(step.lasts))
        await persistently { try await self.undo(step.action) }
        return true
    }

    private func member(_ service: Fleet.Service, _ index: Int) -> Fleet.Member? {
        let name = service == .intake ? "intake" : "\(service.rawValue)-\(index + 1)"
        return fleet.members.first { $0.name == name }
    }

    private func apply(_ action: ChaosAction) async throws {
        switch action {
        case .kill(let service, let index): _ = await member(service, index)?.process.killNow()
        case .stop(let service, let index): _ = await member(service, index)?.process.stop(gracePeriod: .seconds(35))
        case .pause(let service, let index): member(service, index)?.process.signal(SIGSTOP)
        case .pauseHost: fleet.host.process.signal(SIGSTOP)
        case .stopPostgres(let crash): await fleet.postgres.stop(crash ? .immediate : .fast)
        case .freezePostgres: fleet.postgres.freeze()
        case .cutPostgres:
            try await fleet.postgres.sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname IS NOT NULL"
            )
        case .pauseRegistry(let index): registry(index)?.freeze()
        case .breakReceiver(let mood): receiver.become(mood)
        case .failAPI(let status, let verb, let resource, let afterwards):
            var fault: JSONObject = ["count": 20, "afterwards": .bool(afterwards)]
            if status == 0 { fault["drop"] = true } else { fault["status"] = .integer(status) }
            if status == 429 { fault["retryAfterSeconds"] = 1 }
            if let verb { fault["verb"] = .string(verb) }
            if let resource { fault["resource"] = .string(resource) }
            try await simulator.post("faults", .object(fault))
        case .slowAPI(let milliseconds):
            try await simulator.post("faults", ["delayMilliseconds": .integer(milliseconds)])
        case .slowAnswers(let calls):
            for call in calls {
                try await simulator.post(
                    "faults",
                    [
                        "verb": .string(call.verb), "resource": .string(call.resource), "delaysAnswer": true,
                        "delayMilliseconds": .integer(call.milliseconds.lowerBound),
                        "longestDelayMilliseconds": .integer(call.milliseconds.upperBound),
                    ]
                )
            }
        case .cutWatches(let compact):
            if compact { try await simulator.post("compact") }
            try await simulator.post("watches/cut")
        case .loseNode(let index): try await simulator.post("nodes/node-\(index + 1)/lose")
        case .evict(let index): try await simulator.post("nodes/node-\(index + 1)/evict")
        case .failPulls(let failure):
            try await simulator.post("imagefaults", ["failure": .string(failure), "count": 3])
        }
    }

    private func undo(_ action: ChaosAction) async throws {
        switch action {
        case .kill(let service, let index), .stop(let service, let index):
            if let member = member(service, index), !member.process.isRunning { try fleet.restart(member) }
        case .pause(let service, let index): member(service, index)?.process.signal(SIGCONT)
        case .pauseHost: fleet.host.process.signal(SIGCONT)
        case .stopPostgres: try await fleet.postgres.start()
        case .freezePostgres: fleet.postgres.thaw()
        case .pauseRegistry(let index): registry(index)?.thaw()
        case .breakReceiver: receiver.become(.well)
        case .failAPI, .slowAPI, .slowAnswers, .failPulls: try await simulator.endFaults()
        case .loseNode(let index): try await simulator.post("nodes/node-\(index + 1)/restore")
        case .cutPostgres, .cutWatches, .evict: break
        }
    }

    private func registry(_ index: Int) -> RegistryServer? {
        index == 0 ? registries.first.server : registries.second.server
    }

    /// Undoes all that may still be wrong, and waits until every service says that it is ready.
    func heal() async throws {
        receiver.become(.well)
        await persistently { try await self.simulator.endFaults() }
        for index in 1...Self.nodes {
            await persistently { try await self.simulator.post("nodes/node-\(index)/restore") }
        }
        for member in fleet.members where !member.process.isRunning { try fleet.restart(member) }
        for member in fleet.members { try await fleet.waitUntilReady(member, timeout: .seconds(90)) }
    }

    /// Whether the broker and the cluster are there. librdkafka's mock brokers abort in rare cases when a member that waits for
    /// its group loses its connection; a run is worth nothing then.
    var isAlive: Bool { fleet.host.process.isRunning }

    private func persistently(_ body: () async throws -> Void) async {
        while isAlive, (try? await body()) == nil { try? await Task.sleep(for: .milliseconds(300)) }
    }
}
