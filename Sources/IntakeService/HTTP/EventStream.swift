import LibPQ
import LongshoreDomain
import NIOCore
import ServiceRuntime
import Synchronization

/// The body of a stream of events: pulled by the connection, so that a slow client holds up nothing but itself.
struct EventStream: AsyncSequence, Sendable {
    typealias Element = ByteBuffer

    let task: TaskRecord
    let after: Int
    /// The name of the token that it was asked for with.
    let owner: String
    /// Whether webhooks' URLs are shown whole.
    let showsWebhook: Bool
    let store: TaskStore
    let feed: EventFeed
    /// What the events are sent over.
    let connection: any Channel

    init(
        task: TaskRecord,
        after: Int,
        owner: String,
        showsWebhook: Bool,
        store: TaskStore,
        feed: EventFeed,
        connection: any Channel
    ) {
        self.task = task
        self.after = after
        self.owner = owner
        self.showsWebhook = showsWebhook
        self.store = store
        self.feed = feed
        self.connection = connection
    }

    func makeAsyncIterator() -> Iterator { Iterator(self) }

    /// Gives the follower's place, and that of a page in its hands, back when the connection has let go of the stream.
    private final class Lease: Sendable {
        let follower: EventFeed.Follower
        private let task: String
        private let feed: EventFeed

        init?(_ stream: EventStream) {
            guard let follower = stream.feed.follow(stream.task.id, by: stream.owner) else { return nil }
            self.follower = follower
            task = stream.task.id
            feed = stream.feed
        }

        deinit {
            dropPage()
            feed.leave(task, follower)
        }

        private let holdsPage = Atomic<Bool>(false)

        /// Whether a page is in memory.
        var hasPage: Bool { holdsPage.load(ordering: .acquiring) }

        /// Waits until one more page may be in memory.
        func takePage() async {
            await feed.pages.take()
            holdsPage.store(true, ordering: .releasing)
        }

        /// The page is no longer in memory.
        func dropPage() {
            if holdsPage.exchange(false, ordering: .acquiringAndReleasing) { feed.pages.give() }
        }
    }

    struct Iterator: AsyncIteratorProtocol {
        private enum State {
            case beginning
            /// For a wake-up.
            case waiting
            /// Whether the task has ended.
            case looking
            /// Events until there are no more.
            case reading(taskHasEnded: Bool)
            case ended
        }

        private let stream: EventStream
        private let lease: Lease?
        private var position: Int
        private var state = State.beginning
        private var size = EventPageSize()

        fileprivate init(_ stream: EventStream) {
            self.stream = stream
            lease = Lease(stream)
            position = stream.after
        }

        mutating func next() async throws -> ByteBuffer? {
            if let lease, lease.hasPage {
                // Only then is the page out of this process's memory.
                try await stream.connection.everythingIsTaken()
                lease.dropPage()
            }
            do {
                return try await step()
            } catch let error as PQError where error.isRetryable {
                // The client would come back and meet the same; the state is as it was, so the next step tries again.
                try await Task.sleep(for: .seconds(1))
                return stream.feed.isClosed ? nil : Self.signOfLife
            }
        }

        private mutating func step() async throws -> ByteBuffer? {
            while true {
                switch state {
                case .beginning:
                    state = lease == nil ? .ended : .waiting
                    return ByteBuffer(string: "retry: 2000\n\n")
                case .waiting:
                    guard await wakeUp(), let lease else { return nil }
                    guard lease.follower.takeNews() else { return Self.signOfLife }
                    state = .looking
                case .looking:
                    // Asked before the events are read: both are written in one transaction.
                    let phase = try await stream.store.task(stream.task.id)?.phase
                    state = .reading(taskHasEnded: phase?.isTerminal ?? true)
                case .reading(let taskHasEnded):
                    if let events = try await readOn() { return events }
                    state = taskHasEnded ? .ended : .waiting
                case .ended: return nil
                }
            }
        }

        /// A comment: it keeps proxies from closing a silent stream.
        private static let signOfLife = ByteBuffer(string: ": still here\n\n")

        /// Waits to be woken; false when the stream is to end.
        private func wakeUp() async -> Bool {
            // The stream of wake-ups keeps its place between iterations: it is no more than a merged signal.
            guard let wakeUps = lease?.follower.wakeUps else { return false }
            for await _ in wakeUps { return true }
            return false
        }

        /// The next events; nil when there are none at the moment.
        private mutating func readOn() async throws -> ByteBuffer? {
            guard let lease else { return nil }
            await lease.takePage()
            guard let page = try await nextPage() else {
                lease.dropPage()
                return nil
            }
            position = page.last
            // The task may have been begun again since: only its row tells.
            if page.endsTask { state = .looking }
            return page.bytes
        }

        private mutating func nextPage() async throws -> EventPage? {
            let (task, feed) = (stream.task, stream.feed)
            // What administrators are shown is shared with nobody else.
            let key = stream.showsWebhook ? "\(task.id) whole" : task.id
            if let page = feed.recent.page(of: key, after: position) { return page }
            let limit = size.limit
            let events = try await stream.store.events(
                of: task,
                after: position,
                limit: limit,
                bytes: EventPageSize.bytes
            )
            guard let page = EventPage(stream.showsWebhook ? events : events.map(\.redacted)) else { return nil }
            size.noted(page.count)
            // One that is full has others behind it.
            if page.count == limit || page.bytes.readableBytes > EventPageSize.bytes, !page.endsTask {
                feed.recent.keep(page, of: key, after: position)
            }
            return page
        }
    }
}
