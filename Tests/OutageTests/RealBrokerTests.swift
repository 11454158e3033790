import DeploymentSupport
import TestSupport
import Testing
import WireFormats

/// A broker that is a process of its own and keeps its topics in memory: Tansu, on the newest librdkafka.
///
/// `LONGSHORE_TEST_TANSU` is its program, `LONGSHORE_TEST_LIBRDKAFKA` a librdkafka of 2.2 or later; `compose/test` sets both.
@Suite(
    "A real broker process",
    .tags(.integration),
    .timeLimit(.minutes(8)),
    .needsSimulator("ends brokers under a cluster of its own, whose Jobs it counts"),
    .needsTansu
)
struct RealBrokerTests {
    @Test("It is killed and comes back empty: what it has lost ends and is told, and new work is done")
    func killed() async throws {
        let broker = try await Tansu()
        try await broker.start()
        let registries = try await SharedRegistries.instance.get()
        let receiver = try WebhookReceiver()
        let fleet = try await Fleet.start(
            nodes: 2,
            hostArguments: ["--kafka", broker.address],
            environment: ["LD_PRELOAD": TestTarget.environment("LONGSHORE_TEST_LIBRDKAFKA") ?? ""]
        )
        let body: JSONValue = [
            "images": [.string(registries.first.private)], "registryCredentials": [registries.first.credential],
            "pullPolicy": "Always", "webhookUrl": .string(receiver.url),
        ]
        // Until the executor's key has come by the broker, credentials cannot be sealed.
        let done = try await waitForValue(timeout: .seconds(60), "the first task to be accepted") {
            try? await fleet.api.submit(body)
        }
        #expect(try await fleet.api.waitForEnd(of: done)["status"]?.string == "succeeded")

        let executor = try #require(fleet.members(.executor).first)
        #expect(await executor.process.stop(gracePeriod: .seconds(35)) == .exited(0))
        var lost: [String] = []
        for _ in 0..<2 { lost.append(try await fleet.api.submit(body)) }
        for task in lost {
            try await waitUntil(timeout: .seconds(60), "\(task) to be queued") {
                try await fleet.api.send("GET", "/v1/tasks/\(task)").json["status"]?.string == "queued"
            }
        }
        await broker.kill()
        try await broker.start()
        try fleet.restart(executor)
        let fresh = try await waitForValue(timeout: .seconds(180), "a task to be accepted again") {
            try? await fleet.api.submit(body, key: "after-the-loss")
        }
        #expect(try await fleet.api.waitForEnd(of: fresh, timeout: .seconds(180))["status"]?.string == "succeeded")
        for task in lost {
            let end = try await fleet.api.waitForEnd(of: task, timeout: .seconds(180))
            #expect(end["status"]?.string == "failed")
            #expect(end["reason"]?.string == "MessageLost")
        }
        try await waitUntil(timeout: .seconds(90), "all webhooks") {
            ([done, fresh] + lost).allSatisfy { task in
                Set(receiver.received.filter { $0.body.contains("\"\(task)\"") }.map(\.id)).count == 1
            }
        }
        receiver.stop()
        await fleet.stop()
        await broker.kill()
    }
}

/// The broker's process; its port stays the same.
private actor Tansu {
    nonisolated let address: String
    private let folder: TemporaryDirectory
    private let program: String
    private var process: TestProcess?

    init() async throws {
        address = "127.0.0.1:\(try freePort())"
        folder = try TemporaryDirectory(prefix: "tansu")
        program = folder.appending("tansu")
        // Where it was installed only the tests' own account may be able to read.
        let installed = TestTarget.environment("LONGSHORE_TEST_TANSU") ?? "tansu"
        try await TestProcess.run("install", ["-m", "755", installed, program])
    }

    func start() async throws {
        let url = "tcp://\(address)"
        let started = try TestProcess(
            program,
            ["broker", "--listener-url", url, "--advertised-listener-url", url, "--storage-engine", "memory://tansu/"],
            // Any account without rights; this one is there where PostgreSQL is.
            user: "postgres"
        )
        process = started
        let port = Int(address.split(separator: ":")[1]) ?? 0
        try await waitUntil("Tansu") {
            guard started.isRunning else { throw TestSupportError("Tansu: \(started.standardError.suffix(1_000))") }
            return canConnect(port: port)
        }
    }

    func kill() async { _ = await process?.killNow() }
}

extension Trait where Self == ConditionTrait {
    /// For tests on Tansu.
    fileprivate static var needsTansu: ConditionTrait {
        .enabled(
            if: TestTarget.environment("LONGSHORE_TEST_TANSU") != nil
                && TestTarget.environment("LONGSHORE_TEST_LIBRDKAFKA") != nil,
            "needs Tansu and a newer librdkafka; compose/test installs them"
        )
    }
}
