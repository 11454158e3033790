import IntakeService
import LibPQ
import LongshoreDomain
import NIOCore
import TestSupport
import Testing
import WireFormats

@testable import ServiceRuntime

/// What streams of events cost that nobody reads. Memory is that of the whole process, tests that run beside it included, so
/// bounds are wide: without them the streams hold ten times as much.
@Suite(.timeLimit(.minutes(5)))
struct EventMemoryTests {
    @Test
    func `Streams whose clients read nothing hold little, are ended, and their memory is given back`() async throws {
        let intake = try await Intake(announcesKey: false) {
            $0.listener.stallTimeout = .seconds(5)
            $0.listener.sendBufferBytes = 16 << 10
        }
        let task = try #require(try await intake.submit(["images": ["nginx"]]).json["id"]?.string)
        try await intake.waitForStatus("queued", of: task)
        // As a task on a thousand nodes with a hundred images each has them: an event of 50 KiB for each node.
        try await intake.pool.query(
            """
            INSERT INTO longshore.task_events (event_id, task_id, sequence, type, time, event)
            SELECT $1 || n, $1, 10 + n, 'dev.longshore.node.succeeded.v1', now(),
                jsonb_build_object('id', n, 'data', jsonb_build_object('project', 'default', 'cluster', 'default',
                    'message', repeat('0123456789', 5000)))
            FROM generate_series(1, 1000) n
            """,
            [.text(task)]
        )
        let before = try ResidentMemory.bytes()
        let request = """
            GET /v1/tasks/\(task)/events HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(Intake.viewer)\r\n\r\n
            """
        var streams: [RawConnection] = []
        for _ in 0..<200 {
            let connection = try RawConnection(port: intake.port, receiveBuffer: 8 << 10)
            try await connection.send(request)
            streams.append(connection)
        }
        var most = before
        try await waitUntil(timeout: .seconds(120), interval: .milliseconds(50), "the streams to be ended") {
            most = max(most, try ResidentMemory.bytes())
            return streams.allSatisfy { $0.trySend([0x0D]) == nil }
        }
        #expect(most - before < 150 << 20, "\((most - before) >> 20) MiB")
        for stream in streams { stream.close() }
        try await waitUntil(timeout: .seconds(60), interval: .milliseconds(100), "memory to be given back") {
            try ResidentMemory.bytes() - before < 75 << 20
        }

        // A client that reads gets all of it, in order, from where it was.
        let text = try await intake.follow("/v1/tasks/\(task)/events", headers: [(name: "Last-Event-ID", value: "980")])
        {
            $0.contains("id: 1010\n") && $0.hasSuffix("\n\n")
        }
        let ids = text.split(separator: "\n").compactMap { $0.hasPrefix("id: ") ? Int($0.dropFirst(4)) : nil }
        #expect(ids == Array(981...1_010))
        try await intake.stop()
    }
}
