/// One event of a server-sent event stream.
struct ServerSentEvent: Sendable, Hashable {
    /// The last id that the stream has named, empty before the first.
    var id: String
    /// The event's type; `message` when none was named.
    var type: String
    /// The data, its lines joined by line feeds.
    var data: String
}

/// Reads a stream of server-sent events (WHATWG HTML, section 9.2.6) from pieces of any size.
struct ServerSentEventParser: Sendable {
    /// The stream sent an event or a line of more than ``ServerSentEventParser/maximumEventBytes``.
    struct TooLarge: Error, Sendable, Hashable {}

    /// The most bytes of one event.
    static let maximumEventBytes = 4 << 20

    /// The id to come back with: that of the last event that came whole.
    private(set) var lastEventID = ""
    private var id = ""
    private var line: [UInt8] = []
    private var endsWithCarriageReturn = false
    private var isAtStart = true
    private var type = ""
    private var data: [UInt8] = []
    private var hasData = false

    /// Starts a stream.
    ///
    /// - Parameter id: The id that the stream was asked to go on after.
    init(resumingAt id: String = "") {
        self.id = id
        lastEventID = id
    }

    /// Takes a piece of the stream.
    ///
    /// - Parameter bytes: The next bytes.
    /// - Returns: The events that are complete by them.
    /// - Throws: ``TooLarge`` for an event or a line without end.
    mutating func feed(_ bytes: some Sequence<UInt8>) throws(TooLarge) -> [ServerSentEvent] {
        var events: [ServerSentEvent] = []
        for byte in bytes {
            // A line ends with CR, LF, or both.
            if byte == UInt8(ascii: "\n"), endsWithCarriageReturn {
                endsWithCarriageReturn = false
                continue
            }
            endsWithCarriageReturn = byte == UInt8(ascii: "\r")
            if byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") {
                if let event = endLine() { events.append(event) }
            } else {
                guard line.count + data.count < Self.maximumEventBytes else { throw TooLarge() }
                line.append(byte)
            }
        }
        return events
    }

    private mutating func endLine() -> ServerSentEvent? {
        defer { line.removeAll(keepingCapacity: true) }
        if isAtStart {
            isAtStart = false
            if line.starts(with: [0xEF, 0xBB, 0xBF]) { line.removeFirst(3) }
        }
        guard !line.isEmpty else { return dispatch() }
        let colon = line.firstIndex(of: UInt8(ascii: ":")) ?? line.endIndex
        var value = line[colon...].dropFirst()
        if value.first == UInt8(ascii: " ") { value = value.dropFirst() }
        switch String(decoding: line[..<colon], as: UTF8.self) {
        case "event": type = String(decoding: value, as: UTF8.self)
        case "data":
            if hasData { data.append(UInt8(ascii: "\n")) }
            data += value
            hasData = true
        case "id": if !value.contains(0) { id = String(decoding: value, as: UTF8.self) }
        default: break  // Comments, retry and fields of later standards.
        }
        return nil
    }

    private mutating func dispatch() -> ServerSentEvent? {
        defer {
            type = ""
            data.removeAll(keepingCapacity: true)
            hasData = false
        }
        lastEventID = id
        guard hasData else { return nil }
        return ServerSentEvent(
            id: lastEventID,
            type: type.isEmpty ? "message" : type,
            data: String(decoding: data, as: UTF8.self)
        )
    }
}
