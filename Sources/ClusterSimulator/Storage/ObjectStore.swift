import DequeModule
import Synchronization
import WireFormats

/// All objects of the simulated cluster, with one global, rising resource version, as etcd's revision.
///
/// Every write is one short critical section: it swaps a revision, appends to the log of its resource and to the queue of the
/// controllers, and wakes the sleepers after the lock is released.
final class ObjectStore: Sendable {
    enum Failure: Error, Equatable {
        case exists
        case missing
        /// The object is at another revision than the caller's.
        case conflict
        /// A bound is reached.
        case full(QuotaRules.Bound, used: Int)
        /// The disk did not take the change, which was not made.
        case notSaved(String)
    }

    private struct Table {
        private(set) var objects: [ObjectKey: StoredObject] = [:]
        /// The keys in order, for lists and their pages.
        private(set) var order: [ObjectKey] = []
        var log: EventLog
        var watchers: [ObjectIdentifier: Watcher] = [:]

        init(log: EventLog) {
            self.log = log
        }

        mutating func set(_ key: ObjectKey, _ object: StoredObject) {
            if objects.updateValue(object, forKey: key) == nil { order.insert(key, at: position(of: key)) }
        }

        mutating func remove(_ key: ObjectKey) {
            if objects.removeValue(forKey: key) != nil { order.remove(at: position(of: key)) }
        }

        /// Undoes a change of one object.
        mutating func restore(_ key: ObjectKey, to previous: StoredObject?) {
            if let previous { set(key, previous) } else { remove(key) }
        }

        /// Where a key is or would be.
        func position(of key: ObjectKey) -> Int {
            var low = 0
            var high = order.count
            while low < high {
                let middle = (low + high) / 2
                if order[middle] < key { low = middle + 1 } else { high = middle }
            }
            return low
        }

        func range(_ namespace: String?) -> Range<Int> {
            guard let namespace else { return 0..<order.count }
            let first = position(of: ObjectKey(namespace: namespace, name: ""))
            // No namespace's name continues with a NUL.
            return first..<position(of: ObjectKey(namespace: namespace + "\0", name: ""))
        }
    }

    private struct State {
        var revision: UInt64
        var tables: [GroupResource: Table] = [:]
        var unprocessed: Deque<StoreEvent> = []
        var journal: Journal?
        var isStopped = false
        /// The revision of the last `compact()`: continue tokens from before it are refused.
        var compacted: UInt64 = 0
    }

    private let state: Mutex<State>
    private let historyLimit: Int
    /// Wakes the controllers.
    let controllerSignal: Signal

    init(revision: UInt64 = 1, historyLimit: Int, controllerSignal: Signal) {
        state = Mutex(State(revision: revision))
        self.historyLimit = historyLimit
        self.controllerSignal = controllerSignal
    }

    var revision: UInt64 { state.withLock { $0.revision } }

    var compactedRevision: UInt64 { state.withLock { $0.compacted } }

    // MARK: Reading

    func get(_ resource: GroupResource, _ key: ObjectKey) -> StoredObject? {
        state.withLock { $0.tables[resource]?.objects[key] }
    }

    /// Some objects of a resource, in the order of namespace and name.
    struct Listing: Sendable {
        var objects: [StoredObject]
        /// The revision they were seen at.
        var revision: UInt64
        /// How many come after them.
        var remaining: Int
    }

    /// The objects of a resource, or a page of them: those after a key, up to a limit.
    func list(
        _ resource: GroupResource,
        namespace: String?,
        after last: ObjectKey? = nil,
        limit: Int = .max
    ) -> Listing {
        state.withLock { state in
            guard let table = state.tables[resource] else {
                return Listing(objects: [], revision: state.revision, remaining: 0)
            }
            var range = table.range(namespace)
            if let last {
                let position = table.position(of: last)
                let isThere = position < table.order.count && table.order[position] == last
                let start = isThere ? position + 1 : position
                range = min(max(start, range.lowerBound), range.upperBound)..<range.upperBound
            }
            let page = range.prefix(limit)
            return Listing(
                objects: page.compactMap { table.objects[table.order[$0]] },
                revision: state.revision,
                remaining: range.count - page.count
            )
        }
    }

    func count(_ resource: GroupResource) -> Int {
        state.withLock { $0.tables[resource]?.objects.count ?? 0 }
    }

    /// Every resource that has objects in the namespace, with their keys.
    func keys(inNamespace namespace: String) -> [(GroupResource, ObjectKey)] {
        state.withLock { state in
            state.tables.flatMap { resource, table in
                table.order[table.range(namespace)].map { (resource, $0) }
            }
        }
    }

    // MARK: Writing

    // What a client is told of (`isAcknowledged`) is made only when it is on disk. A controller's change is made in any case, for
    // controllers would not make it again, and is on disk as soon as there is room.

    // The bounds are judged together with the insertion, so that of many at once no more get in.
    func insert(
        _ resource: GroupResource,
        _ key: ObjectKey,
        _ json: JSONValue,
        bounds: [QuotaRules.Bound] = [],
        isAcknowledged: Bool = false
    ) throws(Failure) -> StoredObject {
        try write(resource, isAcknowledged) { table, revision throws(Failure) in
            guard table.objects[key] == nil else { throw .exists }
            for bound in bounds {
                let used = table.order[table.range(key.namespace)].count { other in
                    table.objects[other].map { QuotaRules.counts($0, for: bound.key) } ?? false
                }
                if used >= bound.hard { throw .full(bound, used: used) }
            }
            let object = StoredObject(key: key, json: json.withResourceVersion(revision), resourceVersion: revision)
            table.set(key, object)
            return StoreEvent(kind: .added, resource: resource, object: object, previous: nil)
        }
    }

    func replace(
        _ resource: GroupResource,
        _ key: ObjectKey,
        expecting expected: UInt64,
        with json: JSONValue,
        isAcknowledged: Bool = false
    ) throws(Failure) -> StoredObject {
        try write(resource, isAcknowledged) { table, revision throws(Failure) in
            guard let previous = table.objects[key] else { throw .missing }
            guard previous.resourceVersion == expected else { throw .conflict }
            let object = StoredObject(key: key, json: json.withResourceVersion(revision), resourceVersion: revision)
            table.set(key, object)
            return StoreEvent(kind: .modified, resource: resource, object: object, previous: previous)
        }
    }

    /// Removes the object; `final` replaces the last state that watchers are shown.
    func remove(
        _ resource: GroupResource,
        _ key: ObjectKey,
        expecting expected: UInt64,
        final: JSONValue? = nil,
        isAcknowledged: Bool = false
    ) throws(Failure) -> StoredObject {
        try write(resource, isAcknowledged) { table, revision throws(Failure) in
            guard let previous = table.objects[key] else { throw .missing }
            guard previous.resourceVersion == expected else { throw .conflict }
            table.remove(key)
            let json = (final ?? previous.json).withResourceVersion(revision)
            let object = StoredObject(key: key, json: json, resourceVersion: revision)
            return StoreEvent(kind: .deleted, resource: resource, object: object, previous: previous)
        }
    }

    private func write(
        _ resource: GroupResource,
        _ isAcknowledged: Bool,
        _ change: (inout sending Table, UInt64) throws(Failure) -> StoreEvent
    ) throws(Failure) -> StoredObject {
        let outcome = state.withLock { state -> Result<(StoreEvent, [Watcher]), Failure> in
            var table = state.tables.removeValue(forKey: resource) ?? makeTable(at: state.revision)
            defer { state.tables[resource] = table }
            let event: StoreEvent
            do throws(Failure) {
                event = try change(&table, state.revision + 1)
            } catch {
                return .failure(error)
            }
            do {
                // Under the lock, because the order of the log is the order of the changes. It is a write to the page cache.
                try state.journal?.append(event, isRequired: isAcknowledged)
            } catch {
                if isAcknowledged {
                    table.restore(event.object.key, to: event.previous)
                    return .failure(.notSaved("\(error)"))
                }
            }
            state.revision += 1
            table.log.append(event)
            state.unprocessed.append(event)
            return .success((event, Array(table.watchers.values)))
        }
        let (event, watchers) = try outcome.get()
        for watcher in watchers { watcher.wake() }
        controllerSignal.notify()
        return event.object
    }

    private func makeTable(at revision: UInt64) -> Table {
        Table(log: EventLog(compactedRevision: revision, capacity: historyLimit))
    }

    // MARK: Controllers and journal

    /// Takes the changes the controllers have not seen yet.
    func takeUnprocessed() -> Deque<StoreEvent> {
        state.withLock { state in
            let events = state.unprocessed
            state.unprocessed = []
            return events
        }
    }

    var hasUnprocessed: Bool { state.withLock { !$0.unprocessed.isEmpty } }

    /// From now on changes are written down before they are made.
    func startJournaling(_ journal: Journal) {
        state.withLock { $0.journal = journal }
    }

    /// Takes every object, for a snapshot, with the revision of the whole.
    ///
    /// - Parameter mark: Called with them while nothing changes.
    /// - Returns: The objects, the revision, and what `mark` returned.
    /// - Throws: What `mark` throws.
    func checkpoint<Mark: Sendable>(
        _ mark: ([(GroupResource, StoredObject)]) throws -> Mark
    ) throws -> (objects: [(GroupResource, StoredObject)], revision: UInt64, mark: Mark) {
        try state.withLock { state in
            let objects = state.tables.flatMap { resource, table in table.objects.values.map { (resource, $0) } }
            return (objects, state.revision, try mark(objects))
        }
    }

    /// Puts saved objects back, without watch events; the controllers see each as added.
    func restore(_ objects: [(GroupResource, ObjectKey, JSONValue)], revision: UInt64) {
        state.withLock { state in
            state.revision = max(state.revision, revision)
            for (resource, key, json) in objects {
                let text = json["metadata"]?["resourceVersion"]?.string ?? ""
                let object = StoredObject(key: key, json: json, resourceVersion: UInt64(text) ?? revision)
                var table = state.tables.removeValue(forKey: resource) ?? makeTable(at: state.revision)
                table.set(key, object)
                state.tables[resource] = table
                state.unprocessed.append(StoreEvent(kind: .added, resource: resource, object: object, previous: nil))
            }
        }
        controllerSignal.notify()
    }

    // MARK: Watching

    /// Where a watch that continues after `revision` starts.
    enum WatchStart: Sendable {
        case position(Int)
        case expired(oldest: UInt64)
        case tooLarge(current: UInt64)
    }

    /// Registers a watch; a nil revision starts at the present and returns the objects to send first.
    func startWatch(_ watcher: Watcher, after revision: UInt64?) -> (start: WatchStart, initial: [StoredObject]) {
        state.withLock { state in
            guard !state.isStopped else {
                watcher.close()
                return (.position(0), [])
            }
            var table = state.tables.removeValue(forKey: watcher.resource) ?? makeTable(at: state.revision)
            defer { state.tables[watcher.resource] = table }
            guard let revision else {
                table.watchers[ObjectIdentifier(watcher)] = watcher
                return (.position(table.log.end), table.order.compactMap { table.objects[$0] })
            }
            guard revision <= state.revision else { return (.tooLarge(current: state.revision), []) }
            guard let position = table.log.position(after: revision) else {
                return (.expired(oldest: table.log.compactedRevision), [])
            }
            table.watchers[ObjectIdentifier(watcher)] = watcher
            return (.position(position), [])
        }
    }

    /// The next events for a watch, and the revision up to which it is complete after them; nil when it fell behind.
    func readEvents(_ resource: GroupResource, from position: Int) -> (events: [StoreEvent], revision: UInt64)? {
        state.withLock { state in
            guard let table = state.tables[resource], let events = table.log.read(from: position, limit: 512) else {
                return nil
            }
            return (Array(events), state.revision)
        }
    }

    func endWatch(_ watcher: Watcher) {
        state.withLock { _ = $0.tables[watcher.resource]?.watchers.removeValue(forKey: ObjectIdentifier(watcher)) }
    }

    /// The watches of a resource, or of all.
    func watchers(of resource: GroupResource? = nil) -> [Watcher] {
        state.withLock { state in
            state.tables.flatMap { key, table in
                resource == nil || key == resource ? Array(table.watchers.values) : []
            }
        }
    }

    /// Forgets the history, so that watches from older revisions get `410`.
    func compact() {
        state.withLock { state in
            state.compacted = state.revision
            for resource in state.tables.keys {
                state.tables[resource]?.log.compact(through: state.revision)
            }
        }
    }

    /// Ends all watches and lets none start.
    func stop() {
        let watchers = state.withLock { state -> [Watcher] in
            state.isStopped = true
            return state.tables.values.flatMap { $0.watchers.values }
        }
        for watcher in watchers { watcher.close() }
    }
}
