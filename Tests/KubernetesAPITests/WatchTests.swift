import TestSupport
import Testing
import WireFormats

@testable import KubernetesAPI

@Suite(.timeLimit(.minutes(2))) struct WatchTests {
    /// What a stream told: `added a 1`, and at the end its error.
    private func read(_ client: KubernetesClient, _ options: ListOptions = ListOptions()) async -> [String] {
        var seen: [String] = []
        do {
            for try await event in client.watch(Pod.self, options) { seen.append(describe(event)) }
        } catch {
            seen.append((error as? KubernetesError)?.reason.rawValue ?? "\(error)")
        }
        return seen
    }

    private func describe(_ event: WatchEvent<Pod>) -> String {
        let name = event.object?.metadata.name ?? ""
        let version = event.resourceVersion ?? ""
        return switch event {
        case .added: "added \(name) \(version)"
        case .modified: "modified \(name) \(version)"
        case .deleted: "deleted \(name) \(version)"
        case .bookmark: "bookmark \(version)"
        case .unreadable(let key, _): "unreadable \(key) \(version)"
        }
    }

    @Test func `events are read whatever chunks they come in`() async throws {
        let text =
            watchLine("ADDED", pod("a", version: 1)) + watchLine("MODIFIED", pod("a", version: 2))
            + watchLine("BOOKMARK", ["metadata": ["resourceVersion": "5"]])
            + watchLine("DELETED", pod("a", version: 6))
        let expected = ["added a 1", "modified a 2", "bookmark 5", "deleted a 6"]
        let bytes = Array(text.utf8)
        for size in [1, 7, 64, bytes.count] {
            let chunks = stride(from: 0, to: bytes.count, by: size).map {
                String(decoding: bytes[$0..<min($0 + size, bytes.count)], as: UTF8.self)
            }
            try await withClient([.chunked(chunks)]) { _, client in
                #expect(await read(client) == expected)
            }
        }
    }

    @Test func `the query asks for bookmarks, an end and the version`() async throws {
        try await withClient([.chunked([])]) { server, client in
            let options = ListOptions(
                namespace: "ns",
                labelSelector: "a=b",
                resourceVersion: "17",
                timeoutSeconds: 300
            )
            #expect(await read(client, options) == [])
            #expect(
                server.requests.first?.target
                    == "/api/v1/namespaces/ns/pods?labelSelector=a%3Db&watch=true&allowWatchBookmarks=true"
                    + "&timeoutSeconds=300&resourceVersion=17"
            )
        }
    }

    @Test func `a version that is too old is told, in the answer or on the way`() async throws {
        try await withClient([.status(410, "Expired")]) { _, client in
            #expect(await read(client) == ["Expired"])
        }
        let error: JSONValue = ["kind": "Status", "code": 410, "reason": "Gone"]
        let chunks = [watchLine("ADDED", pod("a", version: 1)), watchLine("ERROR", error)]
        try await withClient([.chunked(chunks)]) { _, client in
            #expect(await read(client) == ["added a 1", "Expired"])
        }
    }

    @Test func `a last event without a line's end counts when it is whole`() async throws {
        let line = watchLine("ADDED", pod("a", version: 1))
        try await withClient([.chunked([String(line.dropLast())])]) { _, client in
            #expect(await read(client) == ["added a 1"])
        }
        try await withClient([.chunked([line, String(line.dropLast(9))])]) { _, client in
            #expect(await read(client) == ["added a 1", "Transport"])
        }
    }

    @Test func `a cut connection is an error after what came before it`() async throws {
        let line = watchLine("ADDED", pod("a", version: 1))
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        let chunk = String(line.utf8.count, radix: 16) + "\r\n\(line)\r\n"
        try await withClient([.raw(head + chunk)]) { _, client in
            #expect(await read(client) == ["added a 1", "Transport"])
        }
        try await withClient([.rawThenReset(head + chunk)]) { _, client in
            #expect(await read(client).last == "Transport")
        }
    }

    @Test func `what cannot be read is told by name and the watch goes on`() async throws {
        let bad: JSONValue = [
            "metadata": ["name": "bad", "namespace": "ns", "resourceVersion": "3"], "data": ["k": "!"],
        ]
        let good: JSONValue = ["metadata": ["name": "good", "resourceVersion": "4"]]
        try await withClient([.chunked([watchLine("ADDED", bad), watchLine("ADDED", good)])]) { _, client in
            var seen: [String] = []
            for try await event in client.watch(Secret.self) {
                if case .unreadable(let key, let version) = event { seen.append("\(key) \(version ?? "")") }
                if let name = event.object?.metadata.name { seen.append(name) }
            }
            #expect(seen == ["ns/bad 3", "good"])
        }
    }

    @Test func `garbage ends the watch with an error`() async throws {
        try await withClient([.chunked(["<html>\n"])]) { _, client in
            #expect(await read(client) == ["InvalidResponse"])
        }
    }

    @Test func `failures before the first event are tried again as for any request`() async throws {
        let line = watchLine("ADDED", pod("a", version: 1))
        try await withClient([.status(503, "ServiceUnavailable"), .reset, .chunked([line])]) { server, client in
            #expect(await read(client) == ["added a 1"])
            #expect(server.requests.count == 3)
        }
    }

    @Test func `a silent watch ends by its time limit`() async throws {
        let hanging = Behaviour { _, connection in
            connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            connection.sendChunk(Array(watchLine("ADDED", pod("a", version: 1)).utf8))
            connection.waitForEnd()
        }
        try await withClient([hanging]) { _, client in
            let options = ListOptions(idleTimeout: .milliseconds(500))
            #expect(await read(client, options) == ["added a 1", "Transport"])
        }
    }

    @Test func `cancelling and letting go close the connection`() async throws {
        let hanging = Behaviour { _, connection in
            connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            connection.sendChunk(Array(watchLine("ADDED", pod("a", version: 1)).utf8))
            connection.waitForEnd()
            connection.close()
        }
        try await withClient(then: hanging) { server, client in
            let reader = Task { await read(client) }
            try await server.waitForRequests(1)
            reader.cancel()
            let seen = await reader.value
            #expect(!seen.contains("Transport"))
            try await server.waitForDisconnect()
            do {
                var iterator = client.watch(Pod.self).makeAsyncIterator()
                _ = try await iterator.next()
            }
            try await server.waitForDisconnect()
        }
    }

    @Test func `a stream that has ended stays ended`() async throws {
        try await withClient([.chunked([watchLine("ADDED", pod("a", version: 1))])]) { server, client in
            var iterator = client.watch(Pod.self).makeAsyncIterator()
            let events = [try await iterator.next(), try await iterator.next(), try await iterator.next()]
            #expect(events.map { $0 == nil } == [false, true, true])
            #expect(server.requests.count == 1)
        }
    }
}
