import Curl
import DeploymentSupport
import LongshoreDomain
import LongshoreMessages
import TestSupport
import Testing
import WireFormats

/// A database that goes away, is full, is locked or has no connection left: refused in bounded time, made up for by itself.
@Suite(
    "Postgres fails",
    .tags(.integration),
    .timeLimit(.minutes(10)),
    .serialized,
    .needsSimulator("counts the Jobs of an outage in the simulator's audit"),
    .needsEmbeddedBroker
)
struct PostgresOutageTests {
    /// A fleet with a database of its own, and a subscriber.
    private final class World: Sendable {
        let fleet: Fleet
        let receiver: WebhookReceiver
        let registries: SharedRegistries

        static func shared() async throws -> World { try await starting.value }
        private static let starting = Task { try await World() }

        private init() async throws {
            fleet = try await Fleet.start(nodes: 2)
            receiver = try WebhookReceiver()
            registries = try await SharedRegistries.instance.get()
        }

        var body: JSONValue {
            [
                "images": [.string(registries.open.public)], "pullPolicy": "Always",
                "webhookUrl": .string(receiver.url),
            ]
        }

        func submit(_ key: String) async throws -> String {
            try await waitForValue(timeout: .seconds(90), "\(key) to be accepted") {
                try? await self.fleet.api.submit(self.body, key: key)
            }
        }

        func expectDone(_ tasks: [String], sourceLocation: SourceLocation = #_sourceLocation) async throws {
            for task in tasks {
                let ended = try await waitForValue(timeout: .seconds(120), "\(task) to end") {
                    let answer = try? await self.fleet.api.send("GET", "/v1/tasks/\(task)")
                    return answer?.json["finishedAt"] == nil ? JSONValue?.none : answer?.json
                }
                #expect(ended["status"]?.string == "succeeded", "\(ended.text())", sourceLocation: sourceLocation)
                func told() -> Set<String> {
                    Set(receiver.received.filter { $0.body.contains("\"\(task)\"") }.map(\.id))
                }
                try await waitUntil(timeout: .seconds(90), "the webhook of \(task)") { told().count == 1 }
            }
        }
    }

    @Test("The server is restarted in the middle of work, in order and by a crash")
    func restarted() async throws {
        let world = try await World.shared()
        var tasks: [String] = []
        for (number, mode) in [PostgresServer.ShutdownMode.fast, .immediate].enumerated() {
            tasks.append(try await world.submit("restart-\(number)-before"))
            await world.fleet.postgres.stop(mode)
            let answer = try await world.fleet.api.send("POST", "/v1/tasks", body: world.body.serialized())
            #expect(answer.status == 503 && answer.response.header("Retry-After") != nil)
            try await world.fleet.postgres.start()
            tasks.append(try await world.submit("restart-\(number)-after"))
        }
        try await world.expectDone(tasks)
    }

    @Test("Every connection is terminated, again and again")
    func terminated() async throws {
        let world = try await World.shared()
        var tasks: [String] = []
        for round in 0..<5 {
            async let submitted = world.submit("terminated-\(round)")
            try await world.fleet.postgres.sql(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
            )
            tasks.append(try await submitted)
        }
        try await world.expectDone(tasks)
    }

    @Test("Somebody else has taken every connection of the server")
    func exhausted() async throws {
        let world = try await World.shared()
        // Room for nobody but a superuser's three reserved places: connections that are cut cannot come back.
        let postgres = world.fleet.postgres
        try await postgres.sql("CREATE ROLE crowd LOGIN")
        let limit = 210
        let crowd = try (0..<4).map { _ in
            try TestProcess(
                "python3",
                [
                    "-c",
                    """
                    import socket, struct, sys, time
                    held = []
                    for _ in range(\(limit) // 4 + 1):
                        s = socket.create_connection(("127.0.0.1", \(postgres.port)))
                        body = struct.pack("!i", 196608) + b"user\\0crowd\\0database\\0postgres\\0\\0"
                        s.sendall(struct.pack("!i", len(body) + 4) + body)
                        held.append(s)
                    print("held", flush=True)
                    time.sleep(600)
                    """,
                ]
            )
        }
        try await waitUntil(timeout: .seconds(60), "the crowd") {
            crowd.allSatisfy { $0.standardOutput.contains("held") }
        }
        try await postgres.sql(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename <> 'crowd' AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )
        let answer = try await world.fleet.api.send("GET", "/v1/tasks")
        #expect([200, 503].contains(answer.status))
        for process in crowd { _ = await process.killNow() }
        try await world.expectDone([try await world.submit("exhausted")])
    }

    @Test("Somebody idles in a transaction that has locked the tables; a migration locks them for a while")
    func locked() async throws {
        let world = try await World.shared()
        let before = try await world.submit("locked-before")
        let postgres = world.fleet.postgres
        let locker = try TestProcess(
            "python3",
            [
                "-c",
                """
                import socket, struct, time
                s = socket.create_connection(("127.0.0.1", \(postgres.port)))
                body = struct.pack("!i", 196608) + b"user\\0postgres\\0database\\0postgres\\0\\0"
                s.sendall(struct.pack("!i", len(body) + 4) + body)
                time.sleep(1)
                text = b"BEGIN; LOCK TABLE longshore.tasks IN ACCESS EXCLUSIVE MODE\\0"
                s.sendall(b"Q" + struct.pack("!i", len(text) + 4) + text)
                time.sleep(600)
                """,
            ]
        )
        try await waitUntil(timeout: .seconds(60), "the lock") {
            try await postgres.sql(
                "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction' AND query LIKE '%LOCK TABLE%'"
            )
            .contains("1")
        }
        // A statement that waits for it ends by its own time-out, and its connection is free again.
        let answer = try await world.fleet.api.send("GET", "/v1/tasks?limit=1")
        #expect(answer.status == 503)
        #expect(answer.response.header("Retry-After") != nil)
        let migration = try TestProcess(
            TestTarget.binary,
            ["migrate", "--postgres-url-file", world.fleet.host.folder.appending("postgres-url")]
        )
        _ = await locker.killNow()
        #expect(try await migration.waitForExit() == .exited(0))
        try await world.expectDone([before, try await world.submit("locked-after")])
        // A migration that rewrites the table while everything works.
        async let during = world.submit("migrating")
        try await postgres.sql(
            "BEGIN; ALTER TABLE longshore.tasks ADD COLUMN later text NOT NULL DEFAULT md5(random()::text); SELECT pg_sleep(2); COMMIT"
        )
        try await world.expectDone([try await during, try await world.submit("migrated")])
        try await postgres.sql("ALTER TABLE longshore.tasks DROP COLUMN later")
    }
}
