import Curl
import DeploymentSupport
import TestSupport
import Testing
import WireFormats

/// Each service alone: what it says while its dependencies are away, and that it recovers by itself.
@Suite("Outages", .tags(.integration), .timeLimit(.minutes(4)), .serialized)
struct OutageTests {
    private static let body: JSONValue = [
        "images": ["127.0.0.1:9/nothing:1"], "nodes": ["names": ["no-such-node"]], "checks": [],
    ]

    @Test(
        "With Postgres stopped intake answers 503 with Retry-After, and accepts again when it is back",
        .needsEmbeddedBroker
    )
    func postgresStops() async throws {
        let postgres = try await PostgresServer()
        let deployment = try await Deployment.start(["--nodes", "1"], postgres: postgres)
        _ = try await deployment.api.submit(Self.body)
        await postgres.stop()
        let refused = try await deployment.api.send("POST", "/v1/tasks", body: Self.body.serialized())
        #expect(refused.status == 503, "\(refused.json.text())")
        #expect(refused.response.header("retry-after").flatMap(Int.init) != nil)
        try await postgres.start()
        let task = try await waitForValue(timeout: .seconds(60), "intake to accept again") {
            try? await deployment.api.submit(Self.body)
        }
        _ = try await deployment.api.waitForEnd(of: task)
        #expect(await deployment.stop() == .exited(0))
    }

    @Test(
        "Ctrl-C stops everything cleanly, and the same folder goes on where it stopped",
        .needsSimulator("starts the simulated cluster again from its folder"),
        .needsEmbeddedBroker
    )
    func restart() async throws {
        let first = try await Deployment.start(["--nodes", "2"], ownPostgres: true)
        let task = try await first.api.submit(Self.body)
        let before = try await first.api.waitForEnd(of: task)
        #expect(await first.stop() == .exited(0), "\(first.log.suffix(2_000))")
        let second = try await Deployment.start(["--nodes", "2"], folder: first.folder, ownPostgres: true)
        let after = try await second.api.send("GET", "/v1/tasks/\(task)")
        #expect(after.json["status"] == before["status"])
        #expect(second.token == first.token)
        let next = try await second.api.submit(Self.body)
        _ = try await second.api.waitForEnd(of: next)
        #expect(await second.stop() == .exited(0))
    }
}
