import Curl
import LongshoreDomain
import LongshoreMessages
import Synchronization
import WireFormats

/// Follows a task's events to its end, coming back where it was when the stream breaks, and says what is being waited for.
struct TaskWatcher {
    private let client: IntakeClient
    private let id: String
    /// How long a task that the service does not know is waited for. A request on Kafka has its id before intake has read it.
    private let appearance: Duration
    private let notify: @Sendable (String) -> Void
    /// How long the service may be out of reach before the watcher gives up.
    private static let patience = Duration.seconds(60)

    /// - Parameters:
    ///   - client: Talks to the service.
    ///   - id: The task.
    ///   - appearance: How long a task that the service does not know yet is waited for; zero for not at all.
    ///   - notify: Told a sentence about what is being waited for, two seconds after nothing has moved and then less often.
    init(
        client: IntakeClient,
        id: String,
        appearance: Duration = .zero,
        notify: @escaping @Sendable (String) -> Void = { _ in }
    ) {
        self.client = client
        self.id = id
        self.appearance = appearance
        self.notify = notify
    }

    /// What the follower of the stream tells the one that gives notice.
    private final class Waiting: Sendable {
        private let state = Mutex(WaitingNotice())
        private let start = ContinuousClock.now

        func meet(_ obstacle: WaitingNotice.Obstacle?) {
            let now = ContinuousClock.now - start
            state.withLock { $0.meet(obstacle, at: now) }
        }

        func due() -> (obstacle: WaitingNotice.Obstacle, seconds: Int)? {
            let now = ContinuousClock.now - start
            return state.withLock { $0.due(at: now) }
        }
    }

    /// Follows the task.
    ///
    /// - Parameter handle: Takes each event, in order, each once.
    /// - Throws: ``CommandFailure`` when the service stays out of reach or does not know the task.
    func follow(_ handle: (TaskEvent) -> Void) async throws {
        let waiting = Waiting()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { [self] in
                while !Task.isCancelled {
                    try await Task.sleep(for: .milliseconds(250))
                    guard let (obstacle, seconds) = waiting.due() else { continue }
                    notify(await sentence(about: obstacle, seconds: seconds))
                }
            }
            try await follow(handle, waiting)
            group.cancelAll()
            // No notice may come behind the end.
            while let _ = await group.nextResult() {}
        }
    }

    private func follow(_ handle: (TaskEvent) -> Void, _ waiting: Waiting) async throws {
        var parser = ServerSentEventParser()
        let start = ContinuousClock.now
        var lastContact = start
        var delay = Duration.milliseconds(500)
        while true {
            do {
                let body = try await client.events(of: id, after: parser.lastEventID)
                // What was left of a line when the stream broke comes again from its start.
                parser = ServerSentEventParser(resumingAt: parser.lastEventID)
                if parser.lastEventID.isEmpty { waiting.meet(.queued) }
                delay = .milliseconds(500)
                lastContact = .now
                for try await piece in body {
                    lastContact = .now
                    for event in try parser.feed(piece) {
                        if let end = try deliver(event, to: handle, waiting), try await isLast(end) { return }
                    }
                }
                // A stream that ends without the task's end was cut, or began after it.
                if try await hasEnded() { return }
            } catch let failure as CommandFailure where failure.code == .unreachable {
                waiting.meet(.unreachable(failure.message))
                guard ContinuousClock.now - lastContact < Self.patience else { throw failure }
            } catch let failure as CommandFailure where failure.code == .notFound && parser.lastEventID.isEmpty {
                waiting.meet(.absent)
                lastContact = .now
                guard ContinuousClock.now - start < appearance else { throw failure }
                delay = min(delay, .seconds(1))
            } catch is CurlError {
                // The stream broke: come back with the last id.
            }
            try await Task.sleep(for: delay)
            delay = min(delay * 2, .seconds(10))
        }
    }

    /// Hands an event over.
    ///
    /// - Returns: The event when the task ends with it.
    private func deliver(
        _ event: ServerSentEvent,
        to handle: (TaskEvent) -> Void,
        _ waiting: Waiting
    ) throws -> TaskEvent? {
        // An event of a kind that a newer service knows is no reason to stop following.
        guard let json = try? JSONValue(parsing: Array(event.data.utf8)),
            let cloudEvent = try? CloudEvent(structuredJSON: json), let taskEvent = try? TaskEvent(event: cloudEvent)
        else { return nil }
        waiting.meet(taskEvent.type == .taskQueued ? .queued : nil)
        handle(taskEvent)
        return taskEvent.type.isTerminal ? taskEvent : nil
    }

    /// Whether a task's end is its last one: it may have been begun again since.
    private func isLast(_ end: TaskEvent) async throws -> Bool {
        let task = try await client.send("GET", "/v1/tasks/\(IntakeClient.encode(id))").json
        return end.retry >= task["retries"]?.integer ?? 0
    }

    private func hasEnded() async throws -> Bool {
        let task = try await client.send("GET", "/v1/tasks/\(IntakeClient.encode(id))").json
        return task["status"]?.string.flatMap(TaskPhase.init)?.isTerminal ?? false
    }

    // MARK: - Saying what is waited for

    private func sentence(about obstacle: WaitingNotice.Obstacle, seconds: Int) async -> String {
        let time = ProgressDisplay.text(.seconds(seconds))
        switch obstacle {
        case .unreachable(let message):
            return "waiting for \(time), giving up after \(ProgressDisplay.text(Self.patience)): \(message)"
        case .absent:
            return "waiting for \(time), giving up after \(ProgressDisplay.text(appearance)): "
                + "the service does not know the task \(id) yet"
        case .queued:
            return "waiting for \(time): no executor has begun with the task yet\(await executors())"
        }
    }

    /// What is known of the executors that could take the task.
    private func executors() async -> String {
        guard let task = try? await client.send("GET", "/v1/tasks/\(IntakeClient.encode(id))").json,
            let cluster = task["cluster"]?.string,
            let clusters = try? await client.send("GET", "/v1/clusters").json["items"]?.array
        else { return "" }
        let known = clusters.first { $0["cluster"]?.string == cluster }
        let name = Console.printable(cluster)
        guard let known, let heartbeat = known["heartbeatAt"]?.string.flatMap({ Timestamp(rfc3339: $0) }) else {
            return "; the cluster “\(name)” has no executor that has ever announced itself"
        }
        let count = known["executors"]?.array?.count ?? 0
        return
            "; the cluster “\(name)” has \(Plural.count(count, "executor")), last heard of at \(heartbeat.rfc3339Seconds)"
    }
}
