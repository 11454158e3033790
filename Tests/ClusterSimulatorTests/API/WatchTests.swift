import Testing
import WireFormats

@testable import ClusterSimulator

@Suite(.timeLimit(.minutes(1))) struct WatchTests {
    private let api: ObjectAPI
    private let definition: ResourceDefinition

    init() throws {
        let store = ObjectStore(historyLimit: 100, controllerSignal: Signal())
        api = ObjectAPI(store: store, registry: ResourceRegistry())
        try Bootstrap(objects: api).install(ClusterSimulator.Configuration())
        definition = try #require(api.registry.definition(.configMaps))
    }

    private func stream(
        labels: String = "",
        after revision: UInt64?,
        bookmarks: Bool = false,
        initialEnd: Bool = false,
        timeout: Duration = .seconds(30)
    ) throws -> WatchCursor {
        let stream = WatchStream(
            definition: definition,
            namespace: "default",
            labels: try #require(LabelSelector(parsing: labels)),
            fields: FieldSelector(),
            resourceVersion: revision,
            sendsBookmarks: bookmarks,
            marksInitialEnd: initialEnd,
            timeout: timeout,
            bookmarkInterval: .zero,
            representation: .object,
            store: api.store
        )
        return WatchCursor(stream, watcher: Watcher(resource: .configMaps))
    }

    private func create(_ name: String, _ labels: JSONValue = [:]) throws {
        _ = try api.create(definition, namespace: "default", ["metadata": ["name": .string(name), "labels": labels]])
    }

    private func relabel(_ name: String, _ labels: JSONValue) throws {
        _ = try api.mutate(definition, ObjectKey(namespace: "default", name: name), subresource: nil) {
            MergePatch.apply(["metadata": ["labels": labels]], to: $0)
        }
    }

    private func lines(_ bytes: [UInt8]?) throws -> [JSONValue] {
        try (bytes ?? []).split(separator: 10).map { try JSONValue(parsing: Array($0)) }
    }

    private func summary(_ bytes: [UInt8]?) throws -> [String] {
        try lines(bytes).map { "\($0["type"]?.string ?? "") \($0[path: "object", "metadata", "name"]?.string ?? "")" }
    }

    @Test func `Objects that begin or cease to match are added and deleted`() async throws {
        var cursor = try stream(labels: "a=1", after: api.store.revision)
        try create("m", ["a": "2"])
        try relabel("m", ["a": "1"])
        try relabel("m", ["a": "1", "b": "1"])
        try relabel("m", ["a": "3"])
        try create("n", ["a": "1"])
        _ = try api.delete(definition, ObjectKey(namespace: "default", name: "n"))
        #expect(try summary(await cursor.next()) == ["ADDED m", "MODIFIED m", "DELETED m", "ADDED n", "DELETED n"])
    }

    @Test func `A watch without a revision begins with what is there`() async throws {
        try create("b")
        try create("a")
        var cursor = try stream(after: nil, initialEnd: true)
        #expect(try summary(await cursor.next()) == ["ADDED a", "ADDED b", "BOOKMARK "])
        try create("c")
        #expect(try summary(await cursor.next()) == ["ADDED c"])
    }

    @Test func `A revision that is too old or too new ends in an error`() async throws {
        let before = api.store.revision
        try create("a")
        api.store.compact()
        var old = try stream(after: before)
        let error = try lines(await old.next())
        #expect(error.first?["type"] == "ERROR")
        #expect(error.first?[path: "object", "code"] == 410)
        #expect(error.first?[path: "object", "reason"] == "Expired")
        #expect(await old.next() == nil)
        var new = try stream(after: api.store.revision + 100)
        #expect(try lines(await new.next()).first?[path: "object", "code"] == 504)
    }

    @Test func `Bookmarks tell how far a quiet watch has come`() async throws {
        var cursor = try stream(after: api.store.revision, bookmarks: true)
        _ = try api.create(definition, namespace: "kube-system", ["metadata": ["name": "elsewhere"]])
        #expect(try lines(await cursor.next()).isEmpty)
        let bookmark = try lines(await cursor.next())
        #expect(bookmark.first?["type"] == "BOOKMARK")
        #expect(bookmark.first?[path: "object", "metadata", "resourceVersion"] == .string(String(api.store.revision)))
    }

    @Test func `A watch that is cut or whose time is over ends`() async throws {
        var cursor = try stream(after: api.store.revision)
        cursor.watcher.close()
        #expect(await cursor.next() == nil)
        var short = try stream(after: api.store.revision, timeout: .zero)
        #expect(await short.next() == nil)
    }
}
