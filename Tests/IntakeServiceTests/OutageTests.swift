import LibPQ
import LongshoreDomain
import LongshoreMessages
import RDKafka
import Redaction
import TestSupport
import Testing
import WireFormats

@testable import IntakeService

/// What the service does without what it needs: it says so, in bounded time, and goes on by itself afterwards.
@Suite(.timeLimit(.minutes(4)))
struct OutageTests {
    @Test
    func `Without Postgres requests are refused until it is back`() async throws {
        let server = try await PostgresServer()
        let intake = try await Intake(server: server, announcesKey: false)
        #expect(try await intake.submit(["images": ["nginx"]]).status == 202)
        await server.stop(.immediate)
        for (method, path) in [
            ("POST", "/v1/tasks"), ("GET", "/v1/tasks"), ("GET", "/v1/tasks/\(String(repeating: "0", count: 26))"),
        ] {
            let body = method == "POST" ? Array(#"{"images": ["nginx"]}"#.utf8) : nil
            let answer = try await intake.ask(method, path, body: body)
            #expect(answer.status == 503)
            #expect(answer.header("Retry-After") != nil)
            #expect(answer.header("Content-Type") == "application/problem+json")
        }
        // What is wrong with a request is told all the same.
        #expect(try await intake.submit(["images": []]).status == 422)
        try await server.start()
        let answer = try await intake.submit(["images": ["nginx"]])
        #expect(answer.status == 202)
        try await intake.waitForStatus("queued", of: try #require(answer.json["id"]?.string))
        try await intake.stop()
        await server.stop()
    }

    @Test
    func `A Postgres that does not answer costs a timeout and not a hang`() async throws {
        let server = try await PostgresServer()
        let intake = try await Intake(server: server, announcesKey: false)
        #expect(try await intake.submit(["images": ["nginx"]]).status == 202)
        server.freeze()
        let answer = try await intake.submit(["images": ["nginx"]])
        #expect(answer.status == 503)
        server.thaw()
        try await waitUntil("recovery") { try await intake.submit(["images": ["nginx"]]).status == 202 }
        try await intake.stop()
        await server.stop()
    }

    @Test
    func `Without Kafka a task is not accepted, and the same key is when it is back`() async throws {
        let intake = try await Intake(announcesKey: false)
        #expect(try await intake.submit(["images": ["nginx"]]).status == 202)
        try intake.cluster.setBrokerDown(1)
        let key = "key-\(UInt64.random(in: .min ... .max))"
        let answer = try await intake.submit(["images": ["nginx"]], key: key)
        #expect(answer.status == 503)
        #expect(answer.header("Retry-After") != nil)
        let id = TaskIDs.derived(project: "default", idempotencyKey: key).text
        #expect(try await intake.read(id)["status"]?.string == "accepting")
        try intake.cluster.setBrokerUp(1)
        try await waitUntil(interval: .milliseconds(100), "recovery") {
            try await intake.submit(["images": ["nginx"]], key: key).status == 202
        }
        // The projector joins its group again when the brokers have given up its old membership.
        try await intake.waitForStatus("queued", of: id, timeout: .seconds(90))
        try await intake.stop()
    }

    @Test
    func `A task whose message Kafka finds too large is refused for good, and nobody else with it`() async throws {
        let intake = try await Intake(announcesKey: false)
        let first = try await intake.submit(["images": ["nginx"]])
        #expect(first.status == 202)
        // That it is queued has been told as well: what the broker refuses next is the message of the next task.
        try await intake.waitForStatus("queued", of: try #require(first.json["id"]?.string))
        let messageTooLarge: Int32 = 10
        intake.cluster.pushRequestErrors(api: 0, [messageTooLarge])
        let answer = try await intake.submit(["images": ["nginx"]], key: "large")
        #expect(answer.status == 413)
        #expect(answer.json["type"]?.string?.contains("too-large") == true)
        #expect(answer.header("Retry-After") == nil)
        // What was refused in a batch with others is judged alone.
        intake.cluster.pushRequestErrors(api: 0, [messageTooLarge])
        let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
            for number in 0..<8 {
                group.addTask { try await intake.submit(["images": ["nginx"]], key: "batch-\(number)").status }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(statuses.count { $0 == 202 } >= 7)
        // A client that comes again with a smaller one, or to a topic that takes more, is not refused for having asked before.
        #expect(try await intake.submit(["images": ["nginx"]], key: "large").status == 202)
        try await intake.stop()
    }

    @Test
    func `The service starts before its schema is there`() async throws {
        let intake = try await Intake(migrates: false, announcesKey: false)
        let answer = try await intake.submit(["images": ["nginx"]])
        #expect(answer.status == 503)
        try await Migrator(pool: intake.pool, logger: quietLogger).run()
        let taken = try await intake.submit(["images": ["nginx"]])
        #expect(taken.status == 202)
        try await intake.waitForStatus("queued", of: try #require(taken.json["id"]?.string))
        try await intake.stop()
    }

    @Test
    func `A service that migrates at start does so`() async throws {
        let intake = try await Intake(migrates: false, announcesKey: false) { $0.migratesAtStart = true }
        try await waitUntil("the schema") { try await intake.submit(["images": ["nginx"]]).status == 202 }
        try await intake.stop()
    }

    @Test
    func `The projector loses nothing over a restart of Postgres`() async throws {
        let server = try await PostgresServer()
        let intake = try await Intake(server: server, announcesKey: false)
        let id = try #require(try await intake.submit(["images": ["nginx"]]).json["id"]?.string)
        let task = try #require(TaskID(id))
        try await intake.waitForStatus("queued", of: id)
        await server.stop(.immediate)
        try await intake.publish(.sample(.taskChecking, of: task, sequence: 2))
        try await intake.publish(.sample(.taskPulling, of: task, sequence: 3))
        try await server.start()
        try await intake.waitForStatus("pulling", of: id)
        try await intake.publish(.sample(.taskSucceeded, of: task, sequence: 4))
        try await intake.waitForStatus("succeeded", of: id)
        let events = try await intake.pool.query(
            "SELECT sequence FROM longshore.task_events WHERE task_id = $1 ORDER BY sequence",
            [.text(id)]
        )
        #expect(try events.map { try $0.int(0) } == [1, 2, 3, 4])
        try await intake.stop()
        await server.stop()
    }
}
