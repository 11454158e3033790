import Synchronization
import WireFormats

/// The namespace and name of an object; the namespace is empty for cluster-scoped resources.
struct ObjectKey: Hashable, Comparable, Sendable {
    var namespace: String
    var name: String

    static func < (left: ObjectKey, right: ObjectKey) -> Bool {
        left.namespace == right.namespace ? left.name < right.name : left.namespace < right.namespace
    }
}

/// A resource without its version: objects of all versions share one table.
struct GroupResource: Hashable, Sendable, CustomStringConvertible {
    var group: String
    var resource: String

    /// `jobs.batch`, or `pods` for the core group, as Kubernetes prints it in errors.
    var description: String { group.isEmpty ? resource : "\(resource).\(group)" }
}

/// One immutable revision of an object.
///
/// The encoded form is made once, however many lists and watches send it.
final class StoredObject: Sendable {
    let key: ObjectKey
    let json: JSONValue
    let resourceVersion: UInt64
    private let cache = Mutex<[UInt8]?>(nil)

    init(key: ObjectKey, json: JSONValue, resourceVersion: UInt64) {
        self.key = key
        self.json = json
        self.resourceVersion = resourceVersion
    }

    var metadata: JSONValue { json["metadata"] ?? .null }
    var uid: String { metadata["uid"]?.string ?? "" }
    var isDeleting: Bool { metadata["deletionTimestamp"]?.string != nil }

    /// The compact JSON text.
    var encoded: [UInt8] {
        if let bytes = cache.withLock({ $0 }) { return bytes }
        let bytes = json.serialized()
        cache.withLock { $0 = bytes }
        return bytes
    }
}

/// One change of the store, seen by watches and by the controllers.
final class StoreEvent: Sendable {
    enum Kind: String, Sendable {
        case added = "ADDED"
        case modified = "MODIFIED"
        case deleted = "DELETED"
    }

    let kind: Kind
    let resource: GroupResource
    /// The new revision; for a deletion the last state, carrying the revision of the deletion.
    let object: StoredObject
    let previous: StoredObject?

    init(kind: Kind, resource: GroupResource, object: StoredObject, previous: StoredObject?) {
        self.kind = kind
        self.resource = resource
        self.object = object
        self.previous = previous
    }

    var revision: UInt64 { object.resourceVersion }
}
