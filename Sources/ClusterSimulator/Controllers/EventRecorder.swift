import DequeModule
import WireFormats

/// Writes core Events as client-go's recorder does (`client-go/tools/record/events_cache.go`): repeated ones are counted in one object,
/// from the tenth different message of a kind on they share one object that shows the latest, and an object has a burst of 25.
final class EventRecorder {
    /// What an Event is about.
    struct Subject {
        var kind: String
        var apiVersion: String
        var object: StoredObject
        var fieldPath: String?

        init(_ kind: String, _ apiVersion: String, _ object: StoredObject, fieldPath: String? = nil) {
            self.kind = kind
            self.apiVersion = apiVersion
            self.object = object
            self.fieldPath = fieldPath
        }

        static func pod(_ object: StoredObject, fieldPath: String? = nil) -> Subject {
            Subject("Pod", "v1", object, fieldPath: fieldPath)
        }
    }

    private struct Identity: Hashable {
        var uid: String
        var reason: String
        var message: String
        var fieldPath: String
        var component: String
    }

    /// Events of one source about one object with the same reason: merged when they are many.
    private struct Kind: Hashable {
        var uid: String
        var reason: String
        var component: String
        var host: String
        var isWarning: Bool
    }

    /// The source and the object that share a bucket of tokens.
    private struct Talker: Hashable {
        var uid: String
        var component: String
        var host: String
    }

    private struct Messages {
        var seen: Set<String> = []
        var last: Timestamp
    }

    private struct Tokens {
        var left: Double
        var last: Timestamp
    }

    /// The tenth different message within ten minutes is merged with those after it.
    private static let similarLimit = 10
    private static let similarInterval = Duration.seconds(600)
    /// So many Events of one source about one object at once, and one more every five minutes.
    private static let burst = 25.0
    private static let refill = Duration.seconds(300)
    /// So many kinds and talkers are remembered, as in client-go's caches.
    private static let cacheLimit = 4_096

    /// Older Events are removed beyond this number, as the TTL of an hour does on a real cluster.
    private static let limit = 20_000

    private let objects: ObjectAPI
    private let isEnabled: Bool
    private var known: [Identity: ObjectKey] = [:]
    private var similar: [Kind: Messages] = [:]
    private var tokens: [Talker: Tokens] = [:]
    private var order: Deque<(Identity, ObjectKey)> = []

    init(objects: ObjectAPI, isEnabled: Bool) {
        self.objects = objects
        self.isEnabled = isEnabled
    }

    func record(
        _ subject: Subject,
        reason: String,
        _ message: String,
        component: String,
        host: String? = nil,
        isWarning: Bool = false
    ) {
        guard isEnabled else { return }
        let now = Timestamp.now()
        let uid = subject.object.uid
        let kind = Kind(uid: uid, reason: reason, component: component, host: host ?? "", isWarning: isWarning)
        let isMerged = isOneOfMany(kind, message, now)
        // client-go cuts there, too.
        let text = String(((isMerged ? "(combined from similar events): " : "") + message).prefix(1_024))
        let identity = Identity(
            uid: uid,
            reason: reason,
            message: isMerged ? "" : text,
            fieldPath: isMerged ? "" : subject.fieldPath ?? "",
            component: component
        )
        guard takeToken(Talker(uid: uid, component: component, host: host ?? ""), now) else { return }
        if let key = known[identity], repeated(key, text, now) { return }
        let namespace = subject.object.key.namespace.isEmpty ? "default" : subject.object.key.namespace
        let name =
            "\(subject.object.key.name.prefix(200)).\(Hex.encode((0..<8).map { _ in UInt8.random(in: 0...255) }))"
        let key = ObjectKey(namespace: namespace, name: name)
        var source: JSONValue = ["component": .string(component)]
        source.setIfPresent("host", host.map { .string($0) })
        let event: JSONValue = [
            "apiVersion": "v1", "kind": "Event",
            "metadata": [
                "name": .string(name), "namespace": .string(namespace), "uid": .string(RandomText.uuid()),
                "creationTimestamp": .string(now.rfc3339Seconds),
            ],
            "involvedObject": reference(subject), "reason": .string(reason), "message": .string(text),
            "source": source, "firstTimestamp": .string(now.rfc3339Seconds),
            "lastTimestamp": .string(now.rfc3339Seconds), "count": 1,
            "type": .string(isWarning ? "Warning" : "Normal"), "eventTime": nil,
            "reportingComponent": .string(component), "reportingInstance": .string(host ?? ""),
        ]
        guard (try? objects.store.insert(.events, key, event)) != nil else { return }
        remember(identity, key)
    }

    private func isOneOfMany(_ kind: Kind, _ message: String, _ now: Timestamp) -> Bool {
        if similar.count >= Self.cacheLimit, similar[kind] == nil { similar.removeAll() }
        var messages = similar[kind] ?? Messages(last: now)
        if now.duration(since: messages.last) > Self.similarInterval { messages.seen = [] }
        messages.last = now
        messages.seen.insert(message)
        let isMany = messages.seen.count >= Self.similarLimit
        if isMany { messages.seen.removeFirst() }
        similar[kind] = messages
        return isMany
    }

    private func takeToken(_ talker: Talker, _ now: Timestamp) -> Bool {
        if tokens.count >= Self.cacheLimit, tokens[talker] == nil { tokens.removeAll() }
        var bucket = tokens[talker] ?? Tokens(left: Self.burst, last: now)
        bucket.left = min(Self.burst, bucket.left + now.duration(since: bucket.last) / Self.refill)
        bucket.last = now
        let hasRoom = bucket.left >= 1
        if hasRoom { bucket.left -= 1 }
        tokens[talker] = bucket
        return hasRoom
    }

    private func repeated(_ key: ObjectKey, _ message: String, _ now: Timestamp) -> Bool {
        let updated = objects.update(.events, key) { event in
            event["message"] = .string(message)
            event["count"] = .integer(Int64((event["count"]?.integer ?? 1) + 1))
            event["lastTimestamp"] = .string(now.rfc3339Seconds)
        }
        return updated != nil
    }

    private func remember(_ identity: Identity, _ key: ObjectKey) {
        known[identity] = key
        order.append((identity, key))
        while order.count > Self.limit, let (oldest, oldKey) = order.popFirst() {
            if known[oldest] == oldKey { known[oldest] = nil }
            if let object = objects.store.get(.events, oldKey) {
                _ = try? objects.store.remove(.events, oldKey, expecting: object.resourceVersion)
            }
        }
    }

    private func reference(_ subject: Subject) -> JSONValue {
        var json: JSONValue = ["kind": .string(subject.kind)]
        if !subject.object.key.namespace.isEmpty { json["namespace"] = .string(subject.object.key.namespace) }
        json["name"] = .string(subject.object.key.name)
        // Events about a node carry its name as uid.
        json["uid"] = .string(subject.kind == "Node" ? subject.object.key.name : subject.object.uid)
        json["apiVersion"] = .string(subject.apiVersion)
        json["resourceVersion"] = .string(String(subject.object.resourceVersion))
        json.setIfPresent("fieldPath", subject.fieldPath.map { .string($0) })
        return json
    }
}
