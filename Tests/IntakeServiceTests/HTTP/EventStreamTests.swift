import IntakeService
import LibPQ
import LongshoreDomain
import LongshoreMessages
import TestSupport
import Testing
import WireFormats

@Suite(.timeLimit(.minutes(3)))
struct EventStreamTests {
    private func makeTask(_ intake: Intake) async throws -> TaskID {
        let id = try #require(try await intake.submit(["images": ["nginx"]]).json["id"]?.string)
        return try #require(TaskID(id))
    }

    @Test
    func `A follower sees events as they happen and the stream ends with the task`() async throws {
        let intake = try await Intake.shared()
        let task = try await makeTask(intake)
        var published = 0
        let text = try await intake.follow("/v1/tasks/\(task)/events") { text in
            // Each step waits for the one before: they are seen live, not in one go.
            if published == 0, text.contains("event: task.queued") {
                published = 1
                try await intake.publish(.sample(.taskChecking, of: task, sequence: 2))
            }
            if published == 1, text.contains("event: task.checking") {
                published = 2
                try await intake.publish(.sample(.nodePulling, of: task, sequence: 3, node: "a"))
            }
            if published == 2, text.contains("event: node.pulling") {
                published = 3
                try await intake.publish(.sample(.taskSucceeded, of: task, sequence: 4))
            }
            return false
        }
        #expect(text.hasPrefix("retry: 2000\n\n"))
        let ids = text.split(separator: "\n").filter { $0.hasPrefix("id: ") }.map(String.init)
        #expect(ids == ["id: 1", "id: 2", "id: 3", "id: 4"])
        for line in text.split(separator: "\n") where line.hasPrefix("data: ") {
            let event = try JSONValue(parsing: String(line.dropFirst(6)))
            #expect(event["specversion"]?.string == "1.0")
            #expect(event["data"]?["taskId"]?.string == task.text)
        }
    }

    @Test
    func `A stream goes on behind the last event that its client has seen`() async throws {
        let intake = try await Intake.shared()
        let task = try await makeTask(intake)
        try await intake.waitForStatus("queued", of: task.text)
        try await intake.publish(.sample(.taskChecking, of: task, sequence: 2))
        try await intake.publish(.sample(.taskPulling, of: task, sequence: 3))
        try await intake.publish(.sample(.taskFailed, of: task, sequence: 4))
        try await intake.waitForStatus("failed", of: task.text)
        let resumed = try await intake.follow(
            "/v1/tasks/\(task)/events",
            headers: [(name: "Last-Event-ID", value: "2")]
        ) { _ in false }
        let ids = resumed.split(separator: "\n").filter { $0.hasPrefix("id: ") }.map(String.init)
        #expect(ids == ["id: 3", "id: 4"])
        let byQuery = try await intake.follow("/v1/tasks/\(task)/events?lastEventId=3") { _ in false }
        #expect(byQuery.contains("event: task.failed"))
        #expect(!byQuery.contains("event: task.pulling"))
        // Nothing is left to be told: the stream ends at once.
        let none = try await intake.follow("/v1/tasks/\(task)/events?lastEventId=4") { _ in false }
        #expect(none == "retry: 2000\n\n")
        #expect(try await intake.ask("GET", "/v1/tasks/\(task)/events?lastEventId=x").status == 400)
    }

    @Test
    func `A token cannot take all streams: what it opens above its own share is told to wait, and others are let in`()
        async throws
    {
        let intake = try await Intake(announcesKey: false) { $0.maximumEventStreamsPerToken = 1 }
        let task = try await makeTask(intake)
        let path = "/v1/tasks/\(task)/events"
        _ = try await intake.follow(path) { text in
            guard text.contains("event: task.queued") else { return false }
            let second = try await intake.ask("GET", path, token: Intake.viewer)
            #expect(second.status == 429)
            #expect(second.header("Retry-After") == "10")
            // Another token of the same project still has a place, and its stream ends with the task.
            async let other = intake.ask("GET", path, token: Intake.submitter)
            try await intake.publish(.sample(.taskSucceeded, of: task, sequence: 2))
            #expect(try await other.status == 200)
            return true
        }
        try await intake.stop()
    }

    @Test
    func `Only so many streams are open at once, and a place is free again when a client goes`() async throws {
        let intake = try await Intake(announcesKey: false) { $0.maximumEventStreams = 1 }
        let task = try await makeTask(intake)
        _ = try await intake.follow("/v1/tasks/\(task)/events") { text in
            guard text.contains("event: task.queued") else { return false }
            let second = try await intake.ask("GET", "/v1/tasks/\(task)/events")
            #expect(second.status == 503)
            #expect(second.header("Retry-After") != nil)
            return true
        }
        // The server sees that the client has gone when it next writes to it.
        try await intake.publish(.sample(.taskChecking, of: task, sequence: 2))
        try await intake.publish(.sample(.taskPulling, of: task, sequence: 3))
        var sequence: Int64 = 4
        try await waitUntil(interval: .milliseconds(50), "a free place") {
            try await intake.publish(.sample(.taskProgress, of: task, sequence: sequence, phase: .pulling))
            sequence += 1
            let text = try? await intake.follow("/v1/tasks/\(task)/events") { $0.contains("event: task.queued") }
            return text?.contains("event: task.queued") == true
        }
        try await intake.stop()
    }

    @Test
    func `A stop ends streams, and requests that were taken are answered`() async throws {
        let intake = try await Intake(announcesKey: false)
        let task = try await makeTask(intake)
        var stopping: Task<Void, any Error>?
        _ = try await intake.follow("/v1/tasks/\(task)/events") { text in
            if stopping == nil, text.contains("event: task.queued") {
                stopping = Task { try await intake.stop() }
            }
            return false
        }
        try await stopping?.value
        #expect(stopping != nil)
    }

    @Test
    func `Followers hear of events also after their database connection was cut`() async throws {
        let intake = try await Intake(announcesKey: false)
        let task = try await makeTask(intake)
        var step = 0
        _ = try await intake.follow("/v1/tasks/\(task)/events") { text in
            if step == 0, text.contains("event: task.queued") {
                step = 1
                try await intake.pool.query(
                    """
                    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                    WHERE datname = current_database() AND pid <> pg_backend_pid()
                    """
                )
                try await intake.publish(.sample(.taskSucceeded, of: task, sequence: 2))
            }
            return false
        }
        #expect(step == 1)
        try await intake.stop()
    }

    @Test
    func `A stream outlives a restart of Postgres`() async throws {
        let server = try await PostgresServer()
        let intake = try await Intake(server: server, announcesKey: false)
        let task = try await makeTask(intake)
        var step = 0
        let text = try await intake.follow("/v1/tasks/\(task)/events") { text in
            if step == 0, text.contains("event: task.queued") {
                step = 1
                await server.stop(.immediate)
                try await intake.publish(.sample(.taskSucceeded, of: task, sequence: 2))
                try await server.start()
            }
            return false
        }
        #expect(text.contains("event: task.succeeded"))
        try await intake.stop()
        await server.stop()
    }
}
