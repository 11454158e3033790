import TestSupport
import Testing
import WireFormats

@testable import KubernetesAPI

@Suite(.timeLimit(.minutes(2))) struct InformerTests {
    /// Runs a test with a server, an informer that runs, and what it told its first subscriber.
    private func withInformer(
        _ prepare: (WatchableServer) -> Void = { _ in },
        _ body: (WatchableServer, Informer<Pod>, Record<String>) async throws -> Void
    ) async throws {
        let server = try WatchableServer()
        defer { server.server.stop() }
        prepare(server)
        let configuration = KubernetesConfiguration.scripted(server.server.url(""))
        let client = try KubernetesClient(configuration: configuration, logger: quietLogger)
        let policy = RequestRetryPolicy(baseDelay: .milliseconds(1), maximumDelay: .milliseconds(10))
        let informer = Informer(client: client, type: Pod.self, pageSize: 3, policy: policy)
        let told = Record<String>()
        let events = informer.events()
        let reader = Task {
            for await event in events { told.append(Self.describe(event)) }
            told.append("end")
        }
        let runner = Task { try await informer.run() }
        do {
            try await body(server, informer, told)
        } catch {
            runner.cancel()
            await client.close()
            throw error
        }
        runner.cancel()
        _ = await runner.result
        await reader.value
        #expect(told.all.last == "end")
        await client.close()
    }

    private static func describe(_ event: InformerEvent<Pod>) -> String {
        switch event {
        case .added(let pod): "+\(pod.metadata.name ?? "") \(pod.metadata.resourceVersion ?? "")"
        case .updated(_, let pod): "~\(pod.metadata.name ?? "") \(pod.metadata.resourceVersion ?? "")"
        case .deleted(let pod): "-\(pod.metadata.name ?? "") \(pod.metadata.resourceVersion ?? "")"
        case .synced: "synced"
        }
    }

    @Test func `it lists, then follows`() async throws {
        try await withInformer {
            $0.set(list: [pod("a", version: 4)], version: 5)
        } _: { server, informer, told in
            try await informer.waitUntilSynced()
            #expect(informer.hasSynced)
            #expect(informer.get(namespace: "ns", name: "a")?.metadata.resourceVersion == "4")
            #expect(informer.get(name: "a") == nil)
            server.send("ADDED", pod("b", version: 6), version: 6)
            try await waitUntil { told.all.contains("+b 6") }
            server.send("MODIFIED", pod("a", version: 7, phase: "Running"), version: 7)
            try await waitUntil { told.all.contains("~a 7") }
            server.send("DELETED", pod("b", version: 8), version: 8)
            try await waitUntil { told.all.contains("-b 8") }
            #expect(told.all == ["+a 4", "synced", "+b 6", "~a 7", "-b 8"])
            #expect(informer.list().map(\.metadata.resourceVersion) == ["7"])
            #expect(server.lists == 1)
            #expect(server.watchedFrom == ["5"])
        }
    }

    @Test func `a cut watch is resumed from the last version, without a list`() async throws {
        try await withInformer { server, informer, told in
            try await informer.waitUntilSynced()
            server.send("ADDED", pod("a", version: 6), version: 6)
            server.send("BOOKMARK", ["metadata": ["resourceVersion": "9"]], version: 9)
            try await waitUntil { told.all.contains("+a 6") }
            server.cut()
            try await waitUntil { server.watchedFrom.last == "9" }
            server.send("ADDED", pod("b", version: 10), version: 10)
            try await waitUntil { told.all.contains("+b 10") }
            #expect(server.lists == 1)
            #expect(told.all == ["synced", "+a 6", "+b 10"])
        }
    }

    @Test func `a version that is too old leads to a list, of which the difference is told`() async throws {
        try await withInformer {
            $0.set(list: [pod("a", version: 1), pod("b", version: 2)], version: 5)
        } _: {
            server,
            informer,
            told in
            try await informer.waitUntilSynced()
            try await waitUntil { !server.watchedFrom.isEmpty }
            server.set(list: [pod("b", version: 2), pod("c", version: 30)], version: 40)
            server.failNextWatch(.status(410, "Expired"))
            server.cut()
            try await waitUntil { told.all.contains("+c 30") && told.all.contains("-a 1") }
            try await waitUntil { server.watchedFrom.last == "40" }
            #expect(server.lists == 2)
            #expect(!told.all.contains { $0.hasPrefix("~b") })
            #expect(told.all.filter { $0 == "synced" }.count == 1)
        }
    }

    @Test func `a server that is away is waited for`() async throws {
        try await withInformer {
            $0.failLists(.status(503, "ServiceUnavailable", "starting"))
        } _: {
            server,
            informer,
            told in
            let early = await failure { try await informer.waitUntilSynced(timeout: .milliseconds(200)) }
            #expect(early?.reason == .timeout)
            try await waitUntil { informer.health.lastError != nil }
            #expect(informer.health.lastError?.message == "starting")
            #expect(!informer.hasSynced)
            server.set(list: [pod("a", version: 1)], version: 5)
            server.failLists(nil)
            try await informer.waitUntilSynced()
            #expect(informer.health.lastError == nil)
            try await waitUntil { told.all == ["+a 1", "synced"] }
        }
    }

    @Test func `a refusal is waited out as well`() async throws {
        try await withInformer {
            $0.failLists(.status(403, "Forbidden", "no rights yet"))
        } _: { server, informer, _ in
            try await waitUntil { server.lists >= 3 }
            server.failLists(nil)
            try await informer.waitUntilSynced()
        }
    }

    @Test func `a later subscriber is told of what exists`() async throws {
        try await withInformer {
            $0.set(list: [pod("a", version: 1)], version: 5)
        } _: { server, informer, _ in
            try await informer.waitUntilSynced()
            var iterator = informer.events().makeAsyncIterator()
            #expect(await iterator.next().map(Self.describe) == "+a 1")
            #expect(await iterator.next().map(Self.describe) == "synced")
            server.send("MODIFIED", pod("a", version: 6), version: 6)
            #expect(await iterator.next().map(Self.describe) == "~a 6")
        }
    }

    @Test func `a subscriber that does not read holds nobody up and misses no end state`() async throws {
        try await withInformer { server, informer, told in
            try await informer.waitUntilSynced()
            var slow = informer.events().makeAsyncIterator()
            for version in 10..<200 {
                server.send(version == 10 ? "ADDED" : "MODIFIED", pod("a", version: version), version: version)
            }
            try await waitUntil { informer.list().first?.metadata.resourceVersion == "199" }
            try await waitUntil { told.all.last?.hasSuffix("199") == true }
            #expect(await slow.next().map(Self.describe) == "synced")
            #expect(await slow.next().map(Self.describe) == "+a 199")
        }
    }

    @Test func `a reader that is cancelled comes to its end`() async throws {
        try await withInformer { _, informer, _ in
            try await informer.waitUntilSynced()
            let events = informer.events()
            let reader = Task {
                for await _ in events {}
                return true
            }
            reader.cancel()
            #expect(await reader.value)
        }
    }

    @Test func `closing the client ends the informer`() async throws {
        let server = try WatchableServer()
        defer { server.server.stop() }
        let client = try KubernetesClient(configuration: .scripted(server.server.url("")), logger: quietLogger)
        let informer = Informer(client: client, type: Pod.self)
        let runner = Task { try await informer.run() }
        try await informer.waitUntilSynced()
        await client.close()
        let error = await failure { try await runner.value }
        #expect(error?.reason == .closed)
        #expect(await informer.events().first { _ in true } != nil)
        let other = Informer(client: client, type: Pod.self)
        let waiting = Task { await failure { try await other.waitUntilSynced() } }
        _ = try? await other.run()
        #expect(await waiting.value?.reason == .closed)
    }
}
