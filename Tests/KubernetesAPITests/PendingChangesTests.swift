import Testing

@testable import KubernetesAPI

@Suite struct PendingChangesTests {
    private func object(_ name: String, _ version: Int, uid: String = "u") -> Namespace {
        Namespace(metadata: ObjectMeta(name: name, uid: uid, resourceVersion: String(version)))
    }

    private func told(_ events: [InformerEvent<Namespace>]) -> [String] {
        var pending = PendingChanges<Namespace>()
        for event in events { pending.append(event) }
        var told: [String] = []
        while let event = pending.popFirst() { told.append(describe(event)) }
        #expect(pending.isEmpty)
        return told
    }

    private func describe(_ event: InformerEvent<Namespace>) -> String {
        switch event {
        case .added(let object): "+\(object.metadata.name ?? "")\(object.metadata.resourceVersion ?? "")"
        case .updated(let old, let new):
            "\(new.metadata.name ?? "")\(old.metadata.resourceVersion ?? "")>\(new.metadata.resourceVersion ?? "")"
        case .deleted(let object): "-\(object.metadata.name ?? "")\(object.metadata.resourceVersion ?? "")"
        case .synced: "synced"
        }
    }

    @Test func `unread changes of one object are one`() {
        #expect(told([.added(object("a", 1)), .updated(old: object("a", 1), new: object("a", 2))]) == ["+a2"])
        let updates: [InformerEvent<Namespace>] = [
            .updated(old: object("a", 1), new: object("a", 2)), .updated(old: object("a", 2), new: object("a", 3)),
        ]
        #expect(told(updates) == ["a1>3"])
        #expect(told(updates + [.deleted(object("a", 4))]) == ["-a4"])
        #expect(told([.added(object("a", 1)), .deleted(object("a", 2))]) == ["-a2"])
    }

    @Test func `an end and a new beginning stay two`() {
        let events: [InformerEvent<Namespace>] = [
            .updated(old: object("a", 1), new: object("a", 2)), .deleted(object("a", 3)),
            .added(object("a", 4, uid: "v")), .updated(old: object("a", 4, uid: "v"), new: object("a", 5, uid: "v")),
        ]
        #expect(told(events) == ["-a3", "+a5"])
        #expect(told(events + [.deleted(object("a", 6))]) == ["-a6"])
    }

    @Test func `objects come in the order of their first change`() {
        #expect(
            told([
                .added(object("a", 1)), .added(object("b", 2)), .synced,
                .updated(old: object("a", 1), new: object("a", 3)), .added(object("c", 4)),
            ]) == ["+a3", "+b2", "synced", "+c4"]
        )
    }

    @Test func `a change after reading is told anew`() {
        var pending = PendingChanges<Namespace>()
        pending.append(.added(object("a", 1)))
        #expect(pending.popFirst().map(describe) == "+a1")
        #expect(pending.popFirst() == nil)
        pending.append(.updated(old: object("a", 1), new: object("a", 2)))
        #expect(pending.popFirst().map(describe) == "a1>2")
    }

    @Test func `however much happens, each object waits at most twice`() {
        var pending = PendingChanges<Namespace>()
        for round in 0..<5_000 {
            let name = "n\(round % 10)"
            pending.append(.added(object(name, round)))
            pending.append(.updated(old: object(name, round), new: object(name, round + 1)))
            pending.append(.deleted(object(name, round + 2)))
            if round.isMultiple(of: 3) { _ = pending.popFirst() }
        }
        #expect(pending.count <= 20)
        var left = 0
        while pending.popFirst() != nil { left += 1 }
        #expect(left <= 20)
    }
}
