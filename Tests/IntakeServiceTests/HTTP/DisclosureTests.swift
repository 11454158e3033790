import IntakeService
import LibPQ
import LongshoreDomain
import LongshoreMessages
import ServiceRuntime
import TestSupport
import Testing
import WireFormats

/// What answers give away to those who may not know.
@Suite(.timeLimit(.minutes(3)))
struct DisclosureTests {
    /// What Postgres does for a request, by its own account: how many statements that look for one thing, and how many rows they
    /// find.
    private func work(_ intake: Intake, _ body: () async throws -> Void) async throws -> [Int] {
        try await intake.pool.query("SELECT pg_stat_statements_reset()")
        try await body()
        let rows = try await intake.pool.query(
            """
            SELECT coalesce(sum(calls), 0)::bigint AS calls, coalesce(sum(rows), 0)::bigint AS found FROM pg_stat_statements
            WHERE query LIKE '%longshore.%' AND (query ~ 'WHERE (t\\.|d\\.)?(id|task_id) = \\$1')
            """
        )
        return [try #require(rows.first).int("calls"), try #require(rows.first).int("found")]
    }

    @Test
    func `What is another project's is not read at all, as if it did not exist`() async throws {
        let server = try await PostgresServer(settings: ["shared_preload_libraries": "pg_stat_statements"])
        let intake = try await Intake(server: server)
        try await intake.pool.query("CREATE EXTENSION pg_stat_statements")
        let answer = try await intake.submit(["images": ["nginx"], "project": "other"], token: Intake.other)
        let foreign = try #require(answer.json["id"]?.string)
        let absent = TaskIDs.derived(project: "other", idempotencyKey: "nothing").text
        try await intake.waitForStatus("queued", of: foreign)
        try await intake.pool.query(
            """
            INSERT INTO longshore.deliveries (id, event_id, task_id, project, url, secret_name, body, state, attempt)
            VALUES ($1, $1, $1, 'other', 'https://x.example', 's', '{}', 'retrying', 1)
            """,
            [.text(foreign)]
        )
        for (method, path) in [
            ("GET", "/v1/tasks/ID"), ("GET", "/v1/tasks/ID/nodes"), ("GET", "/v1/tasks/ID/events"),
            ("GET", "/v1/tasks/ID/deliveries"), ("DELETE", "/v1/tasks/ID"), ("POST", "/v1/deliveries/ID/redeliver"),
        ] {
            func ask(_ id: String) async throws -> [Int] {
                try await work(intake) {
                    let answer = try await intake.ask(method, path.replacing("ID", with: id))
                    #expect(answer.status == 404, "\(method) \(path)")
                }
            }
            let (one, other) = (try await ask(foreign), try await ask(absent))
            #expect(one == other && one == [1, 0], "\(method) \(path): \(one) and \(other)")
        }
        try await intake.stop()
        await server.stop()
    }

    private static let url = "https://ci.example.com/hook?token=hunter2&job=7&hunter3"
    private static let shownURL = "https://ci.example.com/hook?token=***&job=***&***"

    @Test
    func `Only administrators are shown what the query of a webhook's URL holds`() async throws {
        let intake = try await Intake.shared()
        let submitted = try await intake.submit(["images": ["nginx"], "webhookUrl": .string(Self.url)])
        let id = try #require(submitted.json["id"]?.string)
        try await intake.pool.query(
            """
            INSERT INTO longshore.deliveries (id, event_id, task_id, project, url, secret_name, body, state, attempt)
            VALUES ($1 || '-d', $1, $1, 'default', $2, 's', '{}', 'retrying', 1)
            """,
            [.text(id), .text(Self.url)]
        )
        let viewer = try await intake.ask("GET", "/v1/tasks/\(id)", token: Intake.viewer)
        let deliveries = try await intake.ask("GET", "/v1/tasks/\(id)/deliveries", token: Intake.viewer)
        let again = try await intake.ask("POST", "/v1/deliveries/\(id)-d/redeliver")
        let cancelled = try await intake.ask("DELETE", "/v1/tasks/\(id)")
        for answer in [submitted, viewer, cancelled] {
            #expect(answer.json["spec"]?["webhookUrl"]?.string == Self.shownURL)
            #expect(answer.json["spec"]?["images"]?.array?.count == 1)
        }
        #expect(deliveries.json["items"]?[0]?["url"]?.string == Self.shownURL)
        #expect(again.json["url"]?.string == Self.shownURL)
        let admin = try await intake.ask("GET", "/v1/tasks/\(id)", token: Intake.admin)
        #expect(admin.json["spec"]?["webhookUrl"]?.string == Self.url)
        let all = try await intake.ask("GET", "/v1/tasks/\(id)/deliveries", token: Intake.admin)
        #expect(all.json["items"]?[0]?["url"]?.string == Self.url)
        #expect(!intake.logs.lines.contains { $0.contains("hunter") })
    }

    @Test
    func `The first event of a task from the cluster does not show it either`() async throws {
        let intake = try await Intake.shared()
        let id = TaskIDs.derived(project: "default", idempotencyKey: "k\(UInt64.random(in: .min ... .max))")
        var first = TaskEvent.sample(.taskChecking, of: id, sequence: 2)
        var spec = TaskSpec(images: [RequestedImage(reference: try ImageReference(parsing: "quay.io/a:1"))])
        spec.webhookURL = Self.url
        first.spec = spec
        first.source = .kubernetes
        first.acceptedAt = SystemWallClock().now()
        try await intake.publish(first)
        try await intake.publish(.sample(.taskSucceeded, of: id, sequence: 3))
        try await intake.waitForStatus("succeeded", of: id.text)
        let stream = try await intake.follow("/v1/tasks/\(id)/events") { _ in false }
        #expect(stream.contains("task.checking") && stream.contains("https://ci.example.com/hook"))
        #expect(!stream.contains("hunter"))
    }
}
