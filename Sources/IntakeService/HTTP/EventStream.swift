import LongshoreDomain
import NIOCore

/// The body of a stream of events: pulled by the connection, so that a slow client holds up nothing but itself.
struct EventStream: AsyncSequence, Sendable {
    typealias Element = ByteBuffer

    let task: String
    let after: Int
    let store: TaskStore
    let feed: EventFeed

    init(task: String, after: Int, store: TaskStore, feed: EventFeed) {
        self.task = task
        self.after = after
        self.store = store
        self.feed = feed
    }

    func makeAsyncIterator() -> Iterator { Iterator(self) }

    /// Gives the follower's place back when the connection has let go of the stream.
    private final class Lease: Sendable {
        let follower: EventFeed.Follower
        private let task: String
        private let feed: EventFeed

        init?(_ stream: EventStream) {
            guard let follower = stream.feed.follow(stream.task) else { return nil }
            self.follower = follower
            task = stream.task
            feed = stream.feed
        }

        deinit { feed.leave(task, follower) }
    }

    struct Iterator: AsyncIteratorProtocol {
        private enum State {
            case beginning
            case reading(taskHasEnded: Bool)
            case waiting
            case ended
        }

        private let stream: EventStream
        private let lease: Lease?
        private var position: Int
        private var state = State.beginning

        fileprivate init(_ stream: EventStream) {
            self.stream = stream
            lease = Lease(stream)
            position = stream.after
        }

        mutating func next() async throws -> ByteBuffer? {
            while true {
                switch state {
                case .beginning:
                    state = lease == nil ? .ended : .waiting
                    return ByteBuffer(string: "retry: 2000\n\n")
                case .reading(let taskHasEnded):
                    if let events = try await readOn() { return events }
                    if case .reading = state { state = taskHasEnded ? .ended : .waiting }
                case .waiting:
                    guard await wakeUp(), let lease else { return nil }
                    guard lease.follower.takeNews() else { return ByteBuffer(string: ": still here\n\n") }
                    // Asked before the events are read: both are written in one transaction.
                    let phase = try await stream.store.task(stream.task)?.phase
                    state = .reading(taskHasEnded: phase?.isTerminal ?? true)
                case .ended: return nil
                }
            }
        }

        /// Waits to be woken; false when the stream is to end.
        private func wakeUp() async -> Bool {
            // The stream of wake-ups keeps its place between iterations: it is no more than a merged signal.
            guard let wakeUps = lease?.follower.wakeUps else { return false }
            for await _ in wakeUps { return true }
            return false
        }

        /// The next events; nil when there are none at the moment.
        private mutating func readOn() async throws -> ByteBuffer? {
            let events = try await stream.store.events(of: stream.task, after: position, limit: 200)
            guard let newest = events.last else { return nil }
            position = newest.sequence
            if events.contains(where: \.isEndOfTask) { state = .ended }
            return ByteBuffer(string: events.map(\.wireForm).joined())
        }
    }
}

extension TaskStore.Event {
    /// Whether nothing follows.
    fileprivate var isEndOfTask: Bool {
        let name = type.split(separator: ".").dropLast().last.map(String.init) ?? ""
        return type.contains(".task.") && (TaskPhase(rawValue: name)?.isTerminal ?? false)
    }

    /// The event as the stream has it; the JSON is on one line.
    fileprivate var wireForm: String {
        let parts = type.split(separator: ".").dropLast().suffix(2)
        return "id: \(sequence)\nevent: \(parts.joined(separator: "."))\ndata: \(text)\n\n"
    }
}
