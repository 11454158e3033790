import DequeModule
import WireFormats

/// Writes core Events, counting repeated ones in one object as client-go's recorder does.
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

    /// Older Events are removed beyond this number, as the TTL of an hour does on a real cluster.
    private static let limit = 20_000

    private let objects: ObjectAPI
    private let isEnabled: Bool
    private var known: [Identity: ObjectKey] = [:]
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
        // client-go cuts there, too.
        let message = String(message.prefix(1_024))
        let now = Timestamp.now()
        let identity = Identity(
            uid: subject.object.uid,
            reason: reason,
            message: message,
            fieldPath: subject.fieldPath ?? "",
            component: component
        )
        if let key = known[identity], repeated(key, now) { return }
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
            "involvedObject": reference(subject), "reason": .string(reason), "message": .string(message),
            "source": source, "firstTimestamp": .string(now.rfc3339Seconds),
            "lastTimestamp": .string(now.rfc3339Seconds), "count": 1,
            "type": .string(isWarning ? "Warning" : "Normal"), "eventTime": nil,
            "reportingComponent": .string(component), "reportingInstance": .string(host ?? ""),
        ]
        guard (try? objects.store.insert(.events, key, event)) != nil else { return }
        remember(identity, key)
    }

    private func repeated(_ key: ObjectKey, _ now: Timestamp) -> Bool {
        let updated = objects.update(.events, key) { event in
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
