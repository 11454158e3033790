import WireFormats

/// A watch of one resource from one revision, filtered and rendered for one client.
struct WatchStream: Sendable {
    var definition: ResourceDefinition
    var namespace: String?
    var labels: LabelSelector
    var fields: FieldSelector
    /// Nil starts with the objects that are there.
    var resourceVersion: UInt64?
    var sendsBookmarks: Bool
    /// Whether a bookmark marks the end of the initial objects (`sendInitialEvents`).
    var marksInitialEnd: Bool
    var timeout: Duration
    var bookmarkInterval: Duration
    var representation: Representation
    var store: ObjectStore

    func matches(_ object: StoredObject) -> Bool {
        if let namespace, object.key.namespace != namespace { return false }
        if !labels.isEmpty, !labels.matches(object.metadata["labels"]?.object) { return false }
        return fields.isEmpty || fields.matches(object.json)
    }

    /// The event as this watch sees it: an object that begins to match was added, one that ceases to was deleted.
    func line(_ event: StoreEvent) -> [UInt8] {
        let isMatch = event.kind != .deleted && matches(event.object)
        let wasMatch = event.previous.map(matches) ?? false
        switch (wasMatch, isMatch) {
        case (false, true): return line(kind: .added, event.object)
        case (true, true): return line(kind: .modified, event.object)
        case (true, false) where event.kind == .deleted: return line(kind: .deleted, event.object)
        case (true, false):
            guard let previous = event.previous else { return [] }
            let last = StoredObject(
                key: previous.key,
                json: previous.json.withResourceVersion(event.revision),
                resourceVersion: event.revision
            )
            return line(kind: .deleted, last)
        case (false, false): return []
        }
    }

    func line(kind: StoreEvent.Kind, _ object: StoredObject) -> [UInt8] {
        let body = representation.bytes(object, definition)
        return Array("{\"type\":\"\(kind.rawValue)\",\"object\":".utf8) + body + [UInt8(ascii: "}"), 10]
    }

    func line(error: APIStatusError) -> [UInt8] {
        Array("{\"type\":\"ERROR\",\"object\":".utf8) + error.json.serialized() + [UInt8(ascii: "}"), 10]
    }

    func bookmark(_ revision: UInt64, annotations: JSONValue?) -> [UInt8] {
        var metadata: JSONValue = ["resourceVersion": .string(String(revision)), "creationTimestamp": nil]
        metadata.setIfPresent("annotations", annotations)
        let object: JSONValue = [
            "kind": .string(definition.kind), "apiVersion": .string(definition.apiVersion), "metadata": metadata,
        ]
        let event: JSONValue = ["type": "BOOKMARK", "object": object]
        return event.serialized() + [10]
    }
}

/// A running watch: what to send next.
struct WatchCursor {
    private enum State {
        case notStarted
        case running(position: Int)
        case finished
    }

    let stream: WatchStream
    let watcher: Watcher
    private var state = State.notStarted
    private let clock = ContinuousClock()
    private let deadline: ContinuousClock.Instant
    private var nextBookmark: ContinuousClock.Instant

    init(_ stream: WatchStream, watcher: Watcher) {
        self.stream = stream
        self.watcher = watcher
        deadline = clock.now + stream.timeout
        nextBookmark = clock.now + stream.bookmarkInterval
    }

    /// The next lines; nil when the client went, the time is over, or the watch was cut.
    mutating func next() async -> [UInt8]? {
        while true {
            switch state {
            case .finished: return nil
            case .notStarted:
                let bytes = start()
                if !bytes.isEmpty { return bytes }
            case .running(let position):
                guard !watcher.isClosed, clock.now < deadline else {
                    state = .finished
                    continue
                }
                if let bytes = advance(from: position) { return bytes }
                if await watcher.wait() == .closed { state = .finished }
            }
        }
    }

    private mutating func start() -> [UInt8] {
        let (start, initial) = stream.store.startWatch(watcher, after: stream.resourceVersion)
        let requested = stream.resourceVersion ?? 0
        switch start {
        case .position(let first): state = .running(position: first)
        case .expired(let oldest):
            state = .finished
            return stream.line(error: .expired(requested: requested, oldest: oldest))
        case .tooLarge(let current):
            state = .finished
            return stream.line(error: .tooLargeResourceVersion(requested, current: current))
        }
        var bytes: [UInt8] = []
        var newest: UInt64 = 1
        for object in initial where stream.matches(object) {
            bytes += stream.line(kind: .added, object)
            newest = max(newest, object.resourceVersion)
        }
        if stream.marksInitialEnd {
            bytes += stream.bookmark(newest, annotations: ["k8s.io/initial-events-end": "true"])
        }
        return bytes
    }

    /// Lines from the log, or a bookmark that is due; nil when there is nothing to send.
    private mutating func advance(from position: Int) -> [UInt8]? {
        let resource = stream.definition.resource
        guard let (events, revision) = stream.store.readEvents(resource, from: position) else {
            state = .finished
            let oldest = stream.store.revision
            return stream.line(error: .expired(requested: stream.resourceVersion ?? 0, oldest: oldest))
        }
        if !events.isEmpty {
            state = .running(position: position + events.count)
            return events.flatMap(stream.line)
        }
        guard stream.sendsBookmarks, clock.now >= nextBookmark else { return nil }
        nextBookmark = clock.now + stream.bookmarkInterval
        return stream.bookmark(revision, annotations: nil)
    }
}

/// Objects as bytes.
enum ObjectRendering {
    /// The object in the version that was asked for; versions differ in nothing else.
    static func bytes(_ object: StoredObject, _ definition: ResourceDefinition) -> [UInt8] {
        if let view = definition.view { return view.toServed(object.json).serialized() }
        if definition.custom == nil || object.json["apiVersion"]?.string == definition.apiVersion {
            return object.encoded
        }
        var json = object.json
        json["apiVersion"] = .string(definition.apiVersion)
        return json.serialized()
    }
}
