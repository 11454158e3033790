import DeploymentSupport
import Glibc
import TestSupport
import Testing
import WireFormats

/// A stop while something that the services need hangs: every process ends in its grace period, with an ordinary code.
@Suite(
    "Stopping while a dependency hangs",
    .tags(.integration),
    .timeLimit(.minutes(8)),
    .serialized,
    .needsSimulator("freezes the simulated API server"),
    .needsEmbeddedBroker
)
struct StopTests {
    /// What stops answering without closing a connection.
    enum Hung: String, CaseIterable, Sendable {
        case kafka
        case kubernetes
        case postgres
    }

    /// The default of `--shutdown-seconds`, and what the end of a process may take on a busy machine.
    private static let limit = Duration.seconds(27)

    @Test("With tasks in work, each service ends with 0 in its grace period", arguments: Hung.allCases)
    func services(_ hung: Hung) async throws {
        let broker = try await Deployment.broker()
        let fleet = try await Fleet.start(nodes: 3, executors: 2, hostArguments: ["--kafka", broker.kafka])
        try await Self.startTasks(on: fleet.api, host: fleet.host)
        let frozen = hung == .kafka ? broker : fleet.host
        if hung == .postgres { fleet.postgres.freeze() } else { frozen.process.signal(SIGSTOP) }
        // New work, so that each service waits for an answer when it is stopped.
        let body = try await Self.body()
        for number in 0..<3 { Task { _ = try? await fleet.api.submit(body, key: "hung-\(number)") } }
        try await expectOrdinaryEnd(of: fleet.members.map { ($0.name, $0.process) })
        if hung == .postgres { fleet.postgres.thaw() } else { frozen.process.signal(SIGCONT) }
        await fleet.stop()
        _ = await broker.stop()
    }

    @Test("`longshore dev` ends with 0 although its broker hangs, and leaves no PostgreSQL behind")
    func dev() async throws {
        let broker = try await Deployment.broker()
        let dev = try await Deployment.start(
            ["--nodes", "3", "--executors", "2", "--kafka", broker.kafka],
            ownPostgres: true
        )
        try await Self.startTasks(on: dev.api, host: dev)
        let database = try #require(dev.postmaster)
        broker.process.signal(SIGSTOP)
        try await expectOrdinaryEnd(of: [("dev", dev.process)])
        #expect(!isAtWork(database), "PostgreSQL is still there")
        broker.process.signal(SIGCONT)
        _ = await broker.stop()
    }

    @Test("A second signal ends the wait", arguments: [SIGTERM, SIGINT])
    func secondSignal(_ signal: Int32) async throws {
        let broker = try await Deployment.broker()
        let fleet = try await Fleet.start(nodes: 3, hostArguments: ["--kafka", broker.kafka])
        try await Self.startTasks(on: fleet.api, host: fleet.host)
        broker.process.signal(SIGSTOP)
        let begin = ContinuousClock.now
        for member in fleet.members { member.process.signal(SIGTERM) }
        try await waitUntil("the stop to begin") {
            fleet.members.allSatisfy { $0.process.standardError.contains("Stopping") || !$0.process.isRunning }
        }
        for member in fleet.members { member.process.signal(signal) }
        for member in fleet.members {
            #expect(try await member.process.waitForExit() == .exited(0), "\(member.name)")
        }
        // Without the second signal a stop may take the whole grace period of 25 s.
        #expect(begin.duration(to: .now) < .seconds(24))
        broker.process.signal(SIGCONT)
        await fleet.stop()
        _ = await broker.stop()
    }

    // MARK: - Steps

    private func expectOrdinaryEnd(of processes: [(name: String, process: TestProcess)]) async throws {
        let begin = ContinuousClock.now
        for (_, process) in processes { process.signal(SIGTERM) }
        for (name, process) in processes {
            let end = try await process.waitForExit(timeout: .seconds(60))
            #expect(end == .exited(0), "\(name): \(process.standardError.suffix(2_000))")
        }
        let time = begin.duration(to: .now)
        let said = processes.map { "\($0.name): \($0.process.standardError.suffix(4_000))" }
        #expect(time < Self.limit, "the stop took \(time); \(said.joined(separator: "\n"))")
    }

    /// Asks for tasks that take long, and waits until some are in work.
    private static func startTasks(on api: APIClient, host: Deployment) async throws {
        try await Simulator(host).slow(["node-1", "node-2", "node-3"], milliseconds: 4_000)
        let body = try await Self.body()
        for number in 0..<6 {
            _ = try await waitForValue(timeout: .seconds(60), "a task to be accepted") {
                try? await api.submit(body, key: "stop-\(number)")
            }
        }
        try await waitUntil(timeout: .seconds(60), "tasks in work") {
            try await Simulator(host).createdJobs() >= 3
        }
    }

    private static func body() async throws -> JSONValue {
        let registries = try await SharedRegistries.instance.get()
        return ["images": [.string(registries.open.public)], "pullPolicy": "Always"]
    }
}

/// Whether a process is there that has not ended; where nothing waits for orphans they stay as zombies.
private func isAtWork(_ process: pid_t) -> Bool {
    let state = readFile("/proc/\(process)/stat").split(separator: ")").last?.split(separator: " ").first
    return kill(process, 0) == 0 && state != "Z"
}

extension Deployment {
    /// A process whose embedded broker others use.
    fileprivate static func broker() async throws -> Deployment {
        try await start(["--nodes", "1", "--executors", "0", "--without", "intake", "--without", "notifier"])
    }

    /// The process of its own PostgreSQL.
    fileprivate var postmaster: pid_t? {
        let file = readFile(folder.appending("dev/postgres/data/postmaster.pid"))
        return file.split(separator: "\n").first.flatMap { pid_t($0) }
    }
}
