import LongshoreDomain
import NIOCore
import Synchronization

/// Events of a task that follow each other, as a stream sends them.
struct EventPage: Sendable {
    /// In the form of server-sent events. Streams that hold the same page share its bytes.
    let bytes: ByteBuffer
    /// The sequence of the last event.
    let last: Int
    /// How many events there are.
    let count: Int
    /// Whether the task ends with one of them. It may be begun again afterwards.
    let endsTask: Bool

    /// Makes a page.
    ///
    /// - Parameter events: In order; nil when there are none.
    init?(_ events: [TaskStore.Event]) {
        guard let last = events.last else { return nil }
        var bytes = ByteBuffer()
        for event in events { bytes.writeString(event.wireForm) }
        self.bytes = bytes
        self.last = last.sequence
        count = events.count
        endsTask = events.contains(where: \.isEndOfTask)
    }
}

/// How many events a stream asks for at a time: few at first, so that large ones do not fill the memory, and more as long as
/// they turn out to be small.
struct EventPageSize: Equatable {
    /// How much JSON a page may hold before its last event.
    static let bytes = 32 << 10
    /// The most events of a page.
    static let maximum = 256

    private(set) var limit = 8

    /// Notes how many came.
    mutating func noted(_ count: Int) {
        limit = count >= limit ? min(Self.maximum, limit * 2) : max(2, count + 1)
    }
}

/// The pages that were read last, for the streams that follow the same task a little later.
///
/// Only pages that others follow are kept: what has happened does not change, but more may happen after the last of it.
///
/// Thread safety: every method may be called from anywhere.
final class RecentEventPages: Sendable {
    private struct Place: Hashable {
        let task: String
        let after: Int
    }

    private struct State {
        var pages: [Place: EventPage] = [:]
        /// The oldest first.
        var order: [Place] = []
        var bytes = 0
    }

    private let limit: Int
    private let state = Mutex(State())

    /// Makes an empty store.
    ///
    /// - Parameter limit: The most bytes that are kept.
    init(limit: Int = 4 << 20) { self.limit = limit }

    /// How many bytes are kept.
    var bytes: Int { state.withLock(\.bytes) }

    func page(of task: String, after: Int) -> EventPage? {
        state.withLock { $0.pages[Place(task: task, after: after)] }
    }

    func keep(_ page: EventPage, of task: String, after: Int) {
        let place = Place(task: task, after: after)
        let size = page.bytes.readableBytes
        guard size <= limit else { return }
        state.withLock { state in
            guard state.pages[place] == nil else { return }
            state.pages[place] = page
            state.order.append(place)
            state.bytes += size
            var dropped = 0
            while state.bytes > limit {
                if let old = state.pages.removeValue(forKey: state.order[dropped]) {
                    state.bytes -= old.bytes.readableBytes
                }
                dropped += 1
            }
            state.order.removeFirst(dropped)
        }
    }

    /// Forgets all of them.
    func removeAll() { state.withLock { $0 = State() } }
}

extension TaskStore.Event {
    /// Whether nothing follows, unless the task is begun again.
    var isEndOfTask: Bool {
        let name = type.split(separator: ".").dropLast().last.map(String.init) ?? ""
        return type.contains(".task.") && (TaskPhase(rawValue: name)?.isTerminal ?? false)
    }

    /// The event as the stream has it; the JSON is on one line.
    var wireForm: String {
        let parts = type.split(separator: ".").dropLast().suffix(2)
        return "id: \(sequence)\nevent: \(parts.joined(separator: "."))\ndata: \(text)\n\n"
    }
}
