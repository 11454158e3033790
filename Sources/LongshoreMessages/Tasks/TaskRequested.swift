package import WireFormats

/// A request on `longshore.requests`: the body that HTTP takes, asked for by a CloudEvent.
package struct TaskRequested: Sendable, Hashable {
    /// The event's own id, chosen by the requester.
    package var eventID: String
    /// The event's source, chosen by the requester.
    package var source: String
    /// The request, not yet validated.
    package var request: JSONValue
    /// The key by which a repeated request is known: the extension `idempotencykey`, else source and id.
    package var idempotencyKey: String
    /// When it was asked, if the requester says so.
    package var time: Timestamp?
    /// The W3C trace context.
    package var traceParent: String?

    /// The most bytes of an idempotency key.
    package static let maximumKeyBytes = 1 << 10

    /// Makes a request.
    package init(
        eventID: String,
        source: String,
        request: JSONValue,
        idempotencyKey: String? = nil,
        time: Timestamp? = nil,
        traceParent: String? = nil
    ) {
        self.eventID = eventID
        self.source = source
        self.request = request
        self.idempotencyKey = idempotencyKey ?? Self.defaultKey(source: source, eventID: eventID)
        self.time = time
        self.traceParent = traceParent
    }

    /// The key of a request that names none.
    package static func defaultKey(source: String, eventID: String) -> String { "\(source)\n\(eventID)" }

    /// Reads the event; the request itself is left to be validated.
    /// - Throws: `CloudEventError`.
    package init(event: CloudEvent) throws(CloudEventError) {
        guard event.eventType == .taskRequested else {
            throw CloudEventError(.wrongType, place: "type", message: "expected \(EventType.taskRequested.rawValue)")
        }
        guard let data = event.data else {
            throw CloudEventError(.invalidData, place: "data", message: "a request has data")
        }
        let key = event.extensions[EventExtension.idempotencyKey]
        self.init(
            eventID: event.id,
            source: event.source,
            request: data,
            idempotencyKey: key.flatMap { $0.isEmpty ? nil : $0 },
            time: event.time,
            traceParent: event.extensions[EventExtension.traceParent].flatMap { TraceParent.isValid($0) ? $0 : nil }
        )
        guard idempotencyKey.utf8.count <= Self.maximumKeyBytes else {
            throw CloudEventError(
                .invalidAttribute,
                place: EventExtension.idempotencyKey,
                message: "longer than \(Self.maximumKeyBytes) bytes"
            )
        }
    }

    /// The event.
    package var event: CloudEvent {
        var extensions: [String: String] = [:]
        extensions[EventExtension.traceParent] = traceParent
        if idempotencyKey != Self.defaultKey(source: source, eventID: eventID) {
            extensions[EventExtension.idempotencyKey] = idempotencyKey
        }
        return CloudEvent(
            id: eventID,
            source: source,
            type: EventType.taskRequested.rawValue,
            time: time,
            extensions: extensions,
            data: request
        )
    }
}
