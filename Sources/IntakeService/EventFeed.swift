import LibPQ
import Logging
import ServiceRuntime
import Synchronization

/// Wakes those who follow a task when something about it has been written.
///
/// Thread safety: every method may be called from anywhere.
final class EventFeed: Sendable {
    /// The channel on which the projector names the tasks that have new events, several in a notification, a space between
    /// them.
    static let channel = "longshore_task_events"
    /// The most tasks in a notification, which Postgres limits to 8,000 bytes.
    static let maximumNames = 200
    /// How often followers are woken without a reason, so that they can show a sign of life and look for themselves.
    static let tick = Duration.seconds(10)

    /// One who follows a task.
    final class Follower: Sendable {
        /// Wake-ups; those that come while one is pending are merged into it.
        let wakeUps: AsyncStream<Void>
        private let continuation: AsyncStream<Void>.Continuation
        private let news = Atomic<Bool>(true)
        /// The name of the token that it was asked for with.
        let owner: String

        init(owner: String) {
            self.owner = owner
            (wakeUps, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
            continuation.yield()
        }

        /// Whether there may be new events since the last time this was asked.
        func takeNews() -> Bool { news.exchange(false, ordering: .acquiringAndReleasing) }

        func wake(news hasNews: Bool) {
            if hasNews { news.store(true, ordering: .releasing) }
            continuation.yield()
        }

        func end() { continuation.finish() }
    }

    private struct State {
        var followers: [String: [ObjectIdentifier: Follower]] = [:]
        var count = 0
        /// How many each token has open; no entry for none.
        var counts: [String: Int] = [:]
        var isClosed = false
        /// Streams that have ended since memory was given back.
        var endedCount = 0
    }

    /// The most pages of events in the hands of streams at once, each of ``EventPageSize/bytes`` and one event: 48 MiB when
    /// events are as large as they may be. A client that takes nothing gives its page back when its connection is ended.
    static let maximumPages = 512

    /// Places for pages.
    let pages = AsyncSemaphore(count: EventFeed.maximumPages)
    /// Pages that several streams read.
    let recent = RecentEventPages()

    private let listener: PQListener
    private let limit: Int
    private let ownerLimit: Int
    private let logger: Logger
    private let state = Mutex(State())

    /// Makes a feed.
    ///
    /// - Parameters:
    ///   - configuration: The database.
    ///   - limit: The most followers.
    ///   - ownerLimit: The most followers of one token, so that none takes all places.
    ///   - logger: Told when listening ends.
    init(configuration: PQConfiguration, limit: Int, ownerLimit: Int, logger: Logger) {
        listener = PQListener(
            configuration: configuration,
            channels: [Self.channel],
            preparation: ReadModelRebuild.sharedLock
        )
        self.limit = limit
        self.ownerLimit = ownerLimit
        self.logger = logger
    }

    /// How many follow something.
    var count: Int { state.withLock(\.count) }

    /// Whether all streams are to end.
    var isClosed: Bool { state.withLock(\.isClosed) }

    /// Whether one more may follow, or why not.
    enum Room: Equatable {
        /// One more may.
        case free
        /// Too many follow, or the service is stopping.
        case full
        /// The token has as many open as it may.
        case ownerFull
    }

    /// Whether one more may follow.
    ///
    /// - Parameter owner: The token's name.
    /// - Returns: Whether it may, and why not.
    func room(for owner: String) -> Room { state.withLock { room(for: owner, $0) } }

    private func room(for owner: String, _ state: State) -> Room {
        if state.counts[owner, default: 0] >= ownerLimit { return .ownerFull }
        return state.count < limit && !state.isClosed ? .free : .full
    }

    /// Follows a task.
    ///
    /// - Parameters:
    ///   - task: Its id.
    ///   - owner: The name of the token that it was asked for with.
    /// - Returns: Nil when too many follow already, or the service is stopping.
    func follow(_ task: String, by owner: String) -> Follower? {
        let follower = Follower(owner: owner)
        return state.withLock { state in
            guard room(for: owner, state) == .free else { return nil }
            state.counts[owner, default: 0] += 1
            state.followers[task, default: [:]][ObjectIdentifier(follower)] = follower
            state.count += 1
            return follower
        }
    }

    /// Ends following.
    func leave(_ task: String, _ follower: Follower) {
        state.withLock { state in
            guard state.followers[task]?.removeValue(forKey: ObjectIdentifier(follower)) != nil else { return }
            state.count -= 1
            let others = state.counts[follower.owner, default: 1] - 1
            state.counts[follower.owner] = others > 0 ? others : nil
            state.endedCount += 1
            if state.followers[task]?.isEmpty == true { state.followers[task] = nil }
        }
    }

    /// Ends all streams, so that a stopping server need not wait for them; clients come back elsewhere.
    func close() {
        let followers = state.withLock { state in
            state.isClosed = true
            return state.followers.values.flatMap(\.values)
        }
        for follower in followers { follower.end() }
    }

    /// Listens until the task is cancelled.
    func run() async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { [self] in
                do { try await listener.run() } catch {
                    logger.error("Listening for events has ended", metadata: ["error": "\(error)"])
                }
            }
            group.addTask { [self] in
                for await notification in listener.notifications {
                    if notification.mayHaveMissed {
                        wakeAll(news: true)
                    } else {
                        wake(notification.payload.split(separator: " ").map(String.init))
                    }
                }
            }
            group.addTask { [self] in
                var ticks = 0
                while (try? await Task.sleep(for: Self.tick)) != nil {
                    ticks += 1
                    // Every third time they look without being told, in case a notification was dropped.
                    wakeAll(news: ticks % 3 == 0)
                    giveMemoryBack()
                }
            }
        }
        close()
    }

    /// Streams leave their buffers behind in the heap, where nothing else may need them.
    private func giveMemoryBack() {
        let haveEnded = state.withLock { state in
            defer { state.endedCount = 0 }
            return state.endedCount > 0
        }
        guard haveEnded else { return }
        recent.removeAll()
        HeapMemory.giveBack()
    }

    private func wake(_ tasks: [String]) {
        let followers = state.withLock { state in
            state.followers.isEmpty ? [] : tasks.flatMap { state.followers[$0].map { Array($0.values) } ?? [] }
        }
        for follower in followers { follower.wake(news: true) }
    }

    private func wakeAll(news: Bool) {
        let followers = state.withLock { $0.followers.values.flatMap(\.values) }
        for follower in followers { follower.wake(news: news) }
    }
}
