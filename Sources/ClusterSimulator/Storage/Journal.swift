import FoundationEssentials
import Synchronization
import WireFormats

/// Keeps the cluster's objects on disk: a snapshot, and after it small files with the changes since.
///
/// Each file is written whole and renamed into place, so that a kill at any moment leaves only complete ones.
final class Journal: Sendable {
    private struct State {
        /// The number of the next file of changes.
        var next = 1
        /// How many files of changes there are since the snapshot.
        var count = 0
    }

    /// After this many files a snapshot takes their place.
    private static let filesPerSnapshot = 200

    private let directory: String
    private let store: ObjectStore
    private let state = Mutex(State())

    /// Opens the folder, creating it where it is missing.
    init(directory: String, store: ObjectStore) throws {
        self.directory = "\(directory)/cluster"
        self.store = store
        try FileManager.default.createDirectory(atPath: self.directory, withIntermediateDirectories: true)
    }

    private var snapshotPath: String { "\(directory)/snapshot.json" }
    private func changesPath(_ number: Int) -> String { "\(directory)/changes-\(number).json" }

    // MARK: Reading

    /// Puts what was saved back into the store and its definitions into the registry.
    func load(into registry: ResourceRegistry) throws {
        var objects: [GroupResource: [ObjectKey: JSONValue]] = [:]
        var revision: UInt64 = 0
        var number = 1
        if let snapshot = try read(snapshotPath) {
            revision = UInt64(clamping: snapshot["revision"]?.integer ?? 0)
            number = snapshot["next"]?.integer ?? 1
            for entry in snapshot["objects"]?.array ?? [] { Self.apply(entry, to: &objects) }
        }
        let first = number
        while let changes = try read(changesPath(number)) {
            revision = UInt64(clamping: changes["revision"]?.integer ?? 0)
            for entry in changes["changes"]?.array ?? [] { Self.apply(entry, to: &objects) }
            number += 1
        }
        for definition in objects[.customResourceDefinitions, default: [:]].values { registry.install(definition) }
        let list = objects.flatMap { resource, table in table.map { (resource, $0.key, $0.value) } }
        store.restore(list, revision: revision)
        store.startJournaling()
        state.withLock { $0 = State(next: number, count: number - first) }
    }

    private func read(_ path: String) throws -> JSONValue? {
        guard FileManager.default.fileExists(atPath: path) else { return .none }
        return try JSONValue(
            parsing: Array(Data(contentsOf: URL(filePath: path))),
            limits: .init(maximumDepth: 128, maximumBytes: 1 << 30)
        )
    }

    private static func apply(_ entry: JSONValue, to objects: inout [GroupResource: [ObjectKey: JSONValue]]) {
        guard let object = entry["object"], let name = object[path: "metadata", "name"]?.string else { return }
        let resource = GroupResource(
            group: entry["group"]?.string ?? "",
            resource: entry["resource"]?.string ?? ""
        )
        let key = ObjectKey(namespace: object[path: "metadata", "namespace"]?.string ?? "", name: name)
        let isGone = entry["isGone"]?.bool ?? false
        objects[resource, default: [:]][key] = isGone ? .none : .some(object)
    }

    private static func entry(_ resource: GroupResource, _ object: JSONValue, isGone: Bool) -> JSONValue {
        var entry: JSONValue = ["group": .string(resource.group), "resource": .string(resource.resource)]
        if isGone {
            entry["isGone"] = true
            let metadata = object["metadata"] ?? [:]
            entry["object"] = ["metadata": ["name": metadata["name"] ?? "", "namespace": metadata["namespace"] ?? ""]]
        } else {
            entry["object"] = object
        }
        return entry
    }

    // MARK: Writing

    /// Saves what has changed since the last call.
    func save() throws {
        let (events, revision) = store.takeUnsaved()
        guard !events.isEmpty else { return }
        let changes = events.map { Self.entry($0.resource, $0.object.json, isGone: $0.kind == .deleted) }
        let number = state.withLock { state in
            defer {
                state.next += 1
                state.count += 1
            }
            return state.next
        }
        try write(
            ["revision": .integer(Int64(clamping: revision)), "changes": .array(changes)],
            to: changesPath(number)
        )
        if state.withLock({ $0.count >= Self.filesPerSnapshot }) { try writeSnapshot() }
    }

    private func writeSnapshot() throws {
        let (objects, revision) = store.everything()
        let (next, count) = state.withLock { state in
            defer { state.count = 0 }
            return (state.next, state.count)
        }
        let entries = objects.map { Self.entry($0.0, $0.1.json, isGone: false) }
        try write(
            [
                "revision": .integer(Int64(clamping: revision)), "next": .integer(Int64(next)),
                "objects": .array(entries),
            ],
            to: snapshotPath
        )
        for number in (next - count)..<next { try? FileManager.default.removeItem(atPath: changesPath(number)) }
    }

    private func write(_ json: JSONValue, to path: String) throws {
        try Data(json.serialized()).write(to: URL(filePath: path), options: .atomic)
    }
}
