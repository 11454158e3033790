/// A change in what an ``Informer`` knows.
package enum InformerEvent<R: KubernetesResource>: Sendable {
    /// The object is new to the subscriber.
    case added(R)
    /// The object has changed; changes that came quicker than they were read are one.
    case updated(old: R, new: R)
    /// The object is gone; as it was last.
    case deleted(R)
    /// Everything that existed when the informer started has been told of. Once, before changes that come later.
    case synced

    /// The object as it is now, or was last; `nil` for ``synced``.
    package var object: R? {
        switch self {
        case .added(let object), .updated(_, let object), .deleted(let object): object
        case .synced: nil
        }
    }
}

/// The changes that a subscriber has not read yet: at most two for each object, however slowly it reads.
///
/// Changes of one object keep their order; two objects' changes come in the order of each one's first unread change.
struct PendingChanges<R: KubernetesResource> {
    /// What a subscriber has to be told of one object.
    private struct Change {
        /// The object was there, by what the subscriber knows, and went.
        var deleted: R?
        /// The object is there now.
        var current: Current?
    }

    private enum Current {
        case added(R)
        case updated(old: R, new: R)

        var object: R {
            switch self {
            case .added(let object), .updated(_, let object): object
            }
        }
    }

    private var changes: [ObjectKey: Change] = [:]
    /// Keys in the order in which they are due; `nil` stands for ``InformerEvent/synced``.
    private var order: [ObjectKey?] = []
    private var head = 0

    /// Whether there is nothing to tell.
    var isEmpty: Bool { head == order.count }

    /// How many changes wait, at most two for each object.
    var count: Int { order.count - head }

    /// Notes a change.
    mutating func append(_ event: InformerEvent<R>) {
        switch event {
        case .synced: order.append(nil)
        case .added(let object): note(object, .added(object))
        case .updated(let old, let new):
            switch changes[new.key]?.current {
            case .added: note(new, .added(new))
            case .updated(let first, _): note(new, .updated(old: first, new: new))
            case nil: note(new, .updated(old: old, new: new))
            }
        case .deleted(let object):
            let key = object.key
            if changes[key] == nil { order.append(key) }
            var change = changes[key] ?? Change()
            // An object that came and went unseen is told as gone: what it was may still matter.
            change.deleted = object
            change.current = nil
            changes[key] = change
        }
    }

    private mutating func note(_ object: R, _ current: Current) {
        let key = object.key
        if changes[key] == nil { order.append(key) }
        changes[key, default: Change()].current = current
    }

    /// Takes the next change; `nil` where there is none.
    mutating func popFirst() -> InformerEvent<R>? {
        guard head < order.count else { return nil }
        guard let key = order[head] else {
            advance()
            return .synced
        }
        guard var change = changes[key] else {
            advance()
            return popFirst()
        }
        if let deleted = change.deleted, change.current != nil {
            change.deleted = nil
            changes[key] = change
            return .deleted(deleted)
        }
        changes[key] = nil
        advance()
        if let deleted = change.deleted { return .deleted(deleted) }
        switch change.current {
        case .added(let object): return .added(object)
        case .updated(let old, let new): return .updated(old: old, new: new)
        case nil: return popFirst()
        }
    }

    private mutating func advance() {
        head += 1
        // Taking from the front of an array is cheap only when it is done for many at once.
        if head > 1_024, head * 2 > order.count {
            order.removeFirst(head)
            head = 0
        }
    }
}
