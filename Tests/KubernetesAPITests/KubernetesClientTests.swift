import Redaction
import TestSupport
import Testing
import WireFormats

@testable import KubernetesAPI

@Suite(.timeLimit(.minutes(2))) struct KubernetesClientTests {
    private let job = Job(
        metadata: ObjectMeta(name: "j", namespace: "ns", resourceVersion: "5"),
        spec: JobSpec(template: PodTemplate(spec: PodSpec()))
    )

    @Test func `an object is read with the token and nothing else that is secret`() async throws {
        try await withClient([.object(pod("a", version: 1))]) { server, client in
            let found = try await client.get(Pod.self, name: "a", namespace: "ns")
            #expect(found.metadata.resourceVersion == "1")
            let request = try #require(server.requests.first)
            #expect(request.method == "GET")
            #expect(request.target == "/api/v1/namespaces/ns/pods/a")
            #expect(request.header("Authorization") == "Bearer t0ken")
            #expect(request.header("Accept") == "application/json")
            #expect(request.header("User-Agent") == "kubernetes-api-swift")
        }
    }

    @Test func `the configuration's namespace is meant where none is given`() async throws {
        var configuration = KubernetesConfiguration.scripted("")
        configuration.defaultNamespace = "home"
        let answers: [Behaviour] = [.object(pod("a", version: 1)), .object(job.json), .object(job.json)]
        try await withClient(answers, configuration: configuration) { server, client in
            _ = try await client.get(Pod.self, name: "a")
            var other = job
            other.metadata.namespace = nil
            try await client.create(other)
            try await client.delete(Job.self, name: "j")
            #expect(
                server.requests.map(\.target) == [
                    "/api/v1/namespaces/home/pods/a", "/apis/batch/v1/namespaces/home/jobs",
                    "/apis/batch/v1/namespaces/home/jobs/j",
                ]
            )
        }
    }

    @Test func `what is not there is told apart`() async throws {
        try await withClient(then: .status(404, "NotFound")) { server, client in
            let error = await failure { _ = try await client.get(Pod.self, name: "a") }
            #expect(error?.reason == .notFound)
            let found = try await client.getIfPresent(Pod.self, name: "a")
            #expect(found == nil)
            let wasThere = try await client.deleteIfPresent(Pod.self, name: "a")
            #expect(!wasThere)
            #expect(server.requests.count == 3)
        }
    }

    @Test func `a list is read page by page`() async throws {
        let pages: [Behaviour] = [
            .object(podList([pod("a", version: 1), pod("b", version: 2)], version: 9, continue: "next/1")),
            .object(podList([pod("c", version: 3)], version: 9)),
        ]
        try await withClient(pages) { server, client in
            let options = ListOptions(namespace: "ns", labelSelector: "x=y")
            let list = try await client.listAll(Pod.self, options, pageSize: 2)
            #expect(list.items.map(\.metadata.name) == ["a", "b", "c"])
            #expect(list.resourceVersion == "9")
            #expect(
                server.requests.map(\.target) == [
                    "/api/v1/namespaces/ns/pods?labelSelector=x%3Dy&limit=2",
                    "/api/v1/namespaces/ns/pods?labelSelector=x%3Dy&limit=2&continue=next%2F1",
                ]
            )
        }
    }

    @Test func `what is not to be read of objects is not in lists and watches, and all the rest is`() async throws {
        var object = pod("a", version: 1)
        object["metadata"]?["managedFields"] = [["manager": "kubelet", "fieldsV1": ["f:status": ["f:phase": [:]]]]]
        object["metadata"]?["labels"] = ["spec": "template", "managedFields": "kept"]
        object["spec"] = ["nodeName": "n", "containers": [["name": "c"]], "volumes": [["name": "v"]]]
        var options = ListOptions()
        options.omitted = JSONPaths([["metadata", "managedFields"], ["spec", "containers"]])
        let watched = watchLine("ADDED", object)
        try await withClient([.object(podList([object], version: 9)), .chunked([watched])]) { _, client in
            let listed = try #require(try await client.list(Pod.self, options).items.first)
            var events: [Pod] = []
            for try await event in client.watch(Pod.self, options) { events += event.object.map { [$0] } ?? [] }
            for pod in [listed] + events {
                #expect(pod.metadata.labels == ["spec": "template", "managedFields": "kept"])
                #expect(pod.spec.nodeName == "n" && pod.spec.volumes.count == 1 && pod.spec.containers.isEmpty)
            }
            #expect(events.count == 1)
        }
    }

    @Test func `a list whose version runs out on the way is begun again, in the end without pages`() async throws {
        let first = Behaviour.object(podList([pod("a", version: 1)], version: 9, continue: "t"))
        let expired = Behaviour.status(410, "Expired")
        let whole = Behaviour.object(podList([pod("a", version: 1), pod("b", version: 2)], version: 12))
        try await withClient([first, expired, first, expired, whole]) { server, client in
            let list = try await client.listAll(Pod.self, pageSize: 1)
            #expect(list.items.count == 2)
            #expect(list.resourceVersion == "12")
            #expect(server.requests.last?.target == "/api/v1/pods")
        }
    }

    @Test func `an object that cannot be read does not hide the others`() async throws {
        let bad: JSONValue = ["metadata": ["name": "bad", "namespace": "ns"], "data": ["k": "!"]]
        let good: JSONValue = ["metadata": ["name": "good"], "data": ["k": "AAAA"]]
        try await withClient([.object(["metadata": ["resourceVersion": "1"], "items": [bad, good]])]) { _, client in
            let list = try await client.list(Secret.self)
            #expect(list.items.map(\.metadata.name) == ["good"])
            #expect(list.unreadable == [ObjectKey(namespace: "ns", name: "bad")])
        }
    }

    @Test func `an answer without items is an error, null items are none`() async throws {
        try await withClient([.object(["metadata": [:]]), .object(["metadata": [:], "items": nil])]) { _, client in
            let error = await failure { _ = try await client.list(Pod.self) }
            #expect(error?.reason == .invalidResponse)
            let list = try await client.list(Pod.self)
            #expect(list.items.isEmpty)
        }
    }

    @Test func `writes go to their places with their media types`() async throws {
        try await withClient(then: .object(job.json)) { server, client in
            try await client.create(job, fieldManager: "me")
            try await client.replace(job)
            try await client.replaceStatus(job)
            try await client.patch(Job.self, name: "j", namespace: "ns", .merge(["a": 1]))
            try await client.patch(Job.self, name: "j", namespace: "ns", .json([]), subresource: "status")
            try await client.patch(Job.self, name: "j", namespace: "ns", .strategic([:]))
            try await client.apply(job, fieldManager: "me/too", force: false)
            let base = "/apis/batch/v1/namespaces/ns/jobs"
            #expect(
                server.requests.map { "\($0.method) \($0.target)" } == [
                    "POST \(base)?fieldManager=me", "PUT \(base)/j", "PUT \(base)/j/status", "PATCH \(base)/j",
                    "PATCH \(base)/j/status", "PATCH \(base)/j", "PATCH \(base)/j?fieldManager=me%2Ftoo&force=false",
                ]
            )
            #expect(
                server.requests.map { $0.header("Content-Type") } == [
                    "application/json", "application/json", "application/json", "application/merge-patch+json",
                    "application/json-patch+json", "application/strategic-merge-patch+json",
                    "application/apply-patch+yaml",
                ]
            )
            #expect(try JSONValue(parsing: server.requests[0].body) == job.json)
        }
    }

    @Test func `deletes say how and what`() async throws {
        try await withClient(then: .status(200, "")) { server, client in
            try await client.delete(
                Job.self,
                name: "j",
                namespace: "ns",
                DeleteOptions(propagation: .foreground, uid: "u", resourceVersion: "7", gracePeriodSeconds: 0)
            )
            try await client.deleteCollection(Pod.self, ListOptions(namespace: "ns", labelSelector: "a=b"))
            let body = try JSONValue(parsing: server.requests[0].body)
            #expect(body["propagationPolicy"] == "Foreground")
            #expect(body["preconditions"] == ["uid": "u", "resourceVersion": "7"])
            #expect(body["gracePeriodSeconds"] == 0)
            #expect(server.requests[1].target == "/api/v1/namespaces/ns/pods?labelSelector=a%3Db")
            #expect(server.requests[1].method == "DELETE")
        }
    }

    @Test func `without a name nothing can be replaced`() async throws {
        try await withClient { server, client in
            var nameless = job
            nameless.metadata.name = nil
            #expect(await failure { try await client.replace(nameless) }?.reason == .badRequest)
            #expect(await failure { try await client.apply(nameless, fieldManager: "m") }?.reason == .badRequest)
            #expect(server.requests.isEmpty)
        }
    }

    // MARK: - Retries

    @Test(arguments: [
        Behaviour.status(500, "InternalError"), .status(503, "ServiceUnavailable"), .respond(status: 502, body: "bad"),
        .status(429, "TooManyRequests", headers: [("Retry-After", "0")]), .reset, .closeWithoutAnswer,
    ])
    func `a passing failure is tried again`(fault: Behaviour) async throws {
        try await withClient([fault, fault, .object(pod("a", version: 1))]) { server, client in
            _ = try await client.get(Pod.self, name: "a")
            #expect(server.requests.count == 3)
        }
    }

    @Test func `tries come to an end`() async throws {
        try await withClient(then: .status(503, "ServiceUnavailable", "full")) { server, client in
            let error = await failure { _ = try await client.get(Pod.self, name: "a") }
            #expect(error?.reason == .serviceUnavailable)
            #expect(error?.message == "full")
            #expect(server.requests.count == 3)
        }
    }

    @Test func `a create is repeated with a name and not without`() async throws {
        let fault = Behaviour.status(500, "InternalError")
        try await withClient([fault, .status(409, "AlreadyExists")]) { server, client in
            let error = await failure { try await client.create(job) }
            #expect(error?.reason == .alreadyExists)
            #expect(server.requests.count == 2)
        }
        var generated = job
        generated.metadata.name = nil
        generated.metadata.generateName = "j-"
        try await withClient([fault, .object(job.json)]) { server, client in
            let error = await failure { try await client.create(generated) }
            #expect(error?.reason == .internalError)
            #expect(server.requests.count == 1)
        }
        let busy = Behaviour.status(429, "TooManyRequests")
        try await withClient([busy, .object(job.json)]) { server, client in
            try await client.create(generated)
            #expect(server.requests.count == 2)
        }
    }

    @Test func `a replace is repeated with a version and not without, a conflict never`() async throws {
        let fault = Behaviour.status(500, "InternalError")
        try await withClient([fault, .object(job.json)]) { server, client in
            try await client.replace(job)
            #expect(server.requests.count == 2)
        }
        var blind = job
        blind.metadata.resourceVersion = nil
        try await withClient([fault, .object(job.json)]) { server, client in
            #expect(await failure { try await client.replace(blind) }?.reason == .internalError)
            #expect(server.requests.count == 1)
        }
        try await withClient(then: .status(409, "Conflict")) { server, client in
            #expect(await failure { try await client.replace(job) }?.reason == .conflict)
            #expect(server.requests.count == 1)
        }
    }

    @Test func `a refused token is got again once`() async throws {
        let directory = try TemporaryDirectory()
        let path = try directory.write("token", "old")
        let server = try ScriptedHTTPServer { request, connection in
            let isNew = request.header("Authorization") == "Bearer new"
            if !isNew { _ = try? writeFile(path, "new") }
            connection.respond(status: isNew ? 200 : 401, headers: [], body: Array(pod("a", version: 1).text().utf8))
        }
        defer { server.stop() }
        var configuration = KubernetesConfiguration.scripted(server.url(""))
        configuration.authentication = .tokenFile(path: path)
        let client = try KubernetesClient(configuration: configuration, logger: quietLogger)
        _ = try await client.get(Pod.self, name: "a")
        #expect(server.requests.count == 2)
        await client.close()
        try await withClient(then: .status(401, "Unauthorized")) { server, client in
            #expect(await failure { _ = try await client.get(Pod.self, name: "a") }?.reason == .unauthorized)
            #expect(server.requests.count == 1)
        }
    }

    @Test func `a request without an answer ends by its time limit`() async throws {
        var configuration = KubernetesConfiguration.scripted("")
        configuration.requestTimeout = .milliseconds(100)
        configuration.retry.maximumAttempts = 1
        try await withClient(then: .hang, configuration: configuration) { _, client in
            #expect(await failure { _ = try await client.get(Pod.self, name: "a") }?.reason == .transport)
        }
    }

    @Test func `cancelling ends a request and a pause`() async throws {
        try await withClient(then: .hang) { server, client in
            let task = Task { await failure { _ = try await client.get(Pod.self, name: "a") } }
            try await server.waitForRequests(1)
            task.cancel()
            #expect(await task.value?.reason == .cancelled)
        }
        try await withClient(
            then: .status(503, "ServiceUnavailable", headers: [("Retry-After", "50")])
        ) { server, client in
            let task = Task { await failure { _ = try await client.get(Pod.self, name: "a") } }
            try await server.waitForRequests(1)
            task.cancel()
            #expect(await task.value?.reason == .cancelled)
        }
    }

    @Test func `a closed client refuses`() async throws {
        try await withClient { _, client in
            await client.close()
            #expect(await failure { _ = try await client.get(Pod.self, name: "a") }?.reason == .closed)
        }
    }

    // MARK: - Around

    @Test func `every attempt is observed`() async throws {
        let calls = Record<APICall>()
        try await withClient(
            [.reset, .object(job.json), .status(500, "InternalError"), .status(404, "NotFound")],
            calls: calls
        ) { _, client in
            try await client.replaceStatus(job)
            _ = try await client.getIfPresent(Node.self, name: "n")
        }
        #expect(calls.all.map(\.verb) == ["update", "update", "get", "get"])
        #expect(calls.all.map(\.resource) == ["jobs/status", "jobs/status", "nodes", "nodes"])
        #expect(calls.all.map(\.group) == ["batch", "batch", "", ""])
        #expect(calls.all.map(\.namespace) == ["ns", "ns", nil, nil])
        #expect(calls.all.map(\.code) == [0, 200, 500, 404])
    }

    @Test func `the version is read`() async throws {
        let answer: JSONValue = ["major": "1", "minor": "32+", "gitVersion": "v1.32.4-eks-1"]
        try await withClient([.object(answer), .object([:])]) { _, client in
            let version = try await client.serverVersion()
            #expect(version >= KubernetesVersion(major: 1, minor: 32))
            #expect(version < KubernetesVersion(major: 1, minor: 33))
            #expect("\(version)" == "v1.32.4-eks-1")
            #expect(await failure { _ = try await client.serverVersion() }?.reason == .invalidResponse)
        }
    }

    @Test func `rights are asked for`() async throws {
        try await withClient([.object(["status": ["allowed": true]]), .object(["status": [:]])]) { server, client in
            let first = try await client.canI("create", "jobs", group: "batch", namespace: "ns")
            let second = try await client.canI("get", "secrets", subresource: "x")
            #expect(first && !second)
            let body = try JSONValue(parsing: server.requests[0].body)
            #expect(
                body["spec"]?["resourceAttributes"]
                    == ["verb": "create", "resource": "jobs", "group": "batch", "namespace": "ns"]
            )
        }
    }

    @Test func `any path can be asked`() async throws {
        try await withClient([.object(["a": 1]), .respond(status: 200)]) { server, client in
            let first = try await client.request(path: "/apis/x", query: [("q", "a b")])
            let second = try await client.request(method: "POST", path: "/apis/x", body: ["b": 2])
            #expect(first == ["a": 1])
            #expect(second == .null)
            #expect(server.requests[0].target == "/apis/x?q=a%20b")
            #expect(server.requests[1].text == #"{"b":2}"#)
        }
    }

    @Test func `an answer that is not JSON is an error`() async throws {
        try await withClient([.respond(body: "<html>")]) { _, client in
            #expect(await failure { _ = try await client.get(Pod.self, name: "a") }?.reason == .invalidResponse)
        }
    }
}
