import Testing

@testable import KubernetesAPI

@Suite struct InformerStoreTests {
    private func object(_ name: String, _ version: Int, uid: String = "u") -> Namespace {
        Namespace(metadata: ObjectMeta(name: name, uid: uid, resourceVersion: String(version)))
    }

    private func describe(_ events: [InformerEvent<Namespace>]) -> [String] {
        events.map { event in
            let name = event.object?.metadata.name ?? ""
            let version = event.object?.metadata.resourceVersion ?? ""
            return switch event {
            case .added: "+\(name)\(version)"
            case .updated: "~\(name)\(version)"
            case .deleted: "-\(name)\(version)"
            case .synced: "synced"
            }
        }
    }

    @Test func `a new list is told as its difference`() {
        var store = InformerStore<Namespace>()
        #expect(describe(store.replaceAll(with: [object("a", 1), object("b", 2)])) == ["+a1", "+b2"])
        let events = describe(store.replaceAll(with: [object("b", 2), object("c", 5)]))
        #expect(events == ["+c5", "-a1"])
        #expect(describe(store.replaceAll(with: [object("b", 3), object("c", 5)])) == ["~b3"])
        #expect(store.objects.count == 2)
    }

    @Test func `another object of the same name is an end and a beginning`() {
        var store = InformerStore<Namespace>()
        _ = store.apply(.added(object("a", 1)))
        #expect(describe(store.apply(.modified(object("a", 2, uid: "v")))) == ["-a1", "+a2"])
    }

    @Test func `what is told twice is told once`() {
        var store = InformerStore<Namespace>()
        #expect(describe(store.apply(.added(object("a", 1)))) == ["+a1"])
        #expect(describe(store.apply(.added(object("a", 1)))) == [])
        #expect(describe(store.apply(.deleted(object("a", 2)))) == ["-a2"])
        #expect(describe(store.apply(.deleted(object("a", 2)))) == [])
        #expect(describe(store.apply(.bookmark(resourceVersion: "9"))) == [])
    }

    @Test func `an object that can no longer be read is gone`() {
        var store = InformerStore<Namespace>()
        _ = store.apply(.added(object("a", 1)))
        let key = ObjectKey(namespace: nil, name: "a")
        #expect(describe(store.apply(.unreadable(key, resourceVersion: "2"))) == ["-a1"])
        #expect(describe(store.apply(.unreadable(key, resourceVersion: "3"))) == [])
    }
}
