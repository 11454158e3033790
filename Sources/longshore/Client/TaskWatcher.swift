import Curl
import LongshoreDomain
import LongshoreMessages
import WireFormats

/// Follows a task's events to its end, coming back where it was when the stream breaks.
struct TaskWatcher {
    private let client: IntakeClient
    private let id: String
    /// How long the service may be out of reach before the watcher gives up.
    private static let patience = Duration.seconds(60)

    init(client: IntakeClient, id: String) {
        self.client = client
        self.id = id
    }

    /// Follows the task.
    ///
    /// - Parameter handle: Takes each event, in order, each once.
    /// - Throws: ``CommandFailure`` when the service stays out of reach or does not know the task.
    func follow(_ handle: (TaskEvent) -> Void) async throws {
        var parser = ServerSentEventParser()
        var lastContact = ContinuousClock.now
        var delay = Duration.milliseconds(500)
        while true {
            do {
                let body = try await client.events(of: id, after: parser.lastEventID)
                // What was left of a line when the stream broke comes again from its start.
                parser = ServerSentEventParser(resumingAt: parser.lastEventID)
                delay = .milliseconds(500)
                lastContact = .now
                for try await piece in body {
                    lastContact = .now
                    for event in try parser.feed(piece) where try deliver(event, to: handle) { return }
                }
                // A stream that ends without the task's end was cut, or began after it.
                if try await hasEnded() { return }
            } catch let failure as CommandFailure where failure.code == .unreachable {
                guard ContinuousClock.now - lastContact < Self.patience else { throw failure }
            } catch is CurlError {
                // The stream broke: come back with the last id.
            }
            try await Task.sleep(for: delay)
            delay = min(delay * 2, .seconds(10))
        }
    }

    /// Hands an event over; says whether it was the last.
    private func deliver(_ event: ServerSentEvent, to handle: (TaskEvent) -> Void) throws -> Bool {
        // An event of a kind that a newer service knows is no reason to stop following.
        guard let json = try? JSONValue(parsing: Array(event.data.utf8)),
            let cloudEvent = try? CloudEvent(structuredJSON: json), let taskEvent = try? TaskEvent(event: cloudEvent)
        else { return false }
        handle(taskEvent)
        return taskEvent.type.isTerminal
    }

    private func hasEnded() async throws -> Bool {
        let task = try await client.send("GET", "/v1/tasks/\(IntakeClient.encode(id))").json
        return task["status"]?.string.flatMap(TaskPhase.init)?.isTerminal ?? false
    }
}
