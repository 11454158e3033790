import ClusterSimulator
import Curl
import TestSupport
import Testing
import WireFormats

@Suite(.timeLimit(.minutes(2))) struct APITests {
    private static let client = try? CurlClient(configuration: CurlClient.Configuration())

    /// One call with the administrator's token.
    private func call(
        _ harness: SimulatorHarness,
        _ method: String,
        _ path: String,
        _ body: JSONValue? = nil,
        type: String = "application/json",
        token: String? = nil,
        client: CurlClient? = nil
    ) async throws -> (status: Int, json: JSONValue) {
        let client = try client ?? #require(Self.client)
        var request = CurlRequest(url: harness.simulator.url + path)
        request.method = method
        request.headers = [("Authorization", "Bearer \(token ?? harness.simulator.token)"), ("Content-Type", type)]
        request.body = body?.serialized()
        request.totalTimeout = .seconds(20)
        let response = try await client.execute(request)
        return (response.status, (try? JSONValue(parsing: response.body)) ?? .null)
    }

    private let maps = "/api/v1/namespaces/default/configmaps"

    @Test func `Nobody without a token gets in`() async throws {
        try await SimulatorHarness.run { harness in
            let refused = try await call(harness, "GET", maps, token: "wrong")
            #expect(refused.status == 401)
            #expect(refused.json["reason"] == "Unauthorized")
            #expect(try await call(harness, "GET", "/clusters/wrong/api/v1/nodes", token: "wrong").status == 401)
            #expect(try await call(harness, "GET", "/readyz", token: "wrong").status == 200)
            #expect(
                try await call(harness, "GET", "/clusters/\(harness.simulator.token)/api/v1/nodes", token: "").status
                    == 200
            )
            #expect(harness.simulator.auditRecords().filter { $0.code == 401 }.count == 2)
        }
    }

    @Test func `A quota bounds how many there are in its namespace, however many ask at once`() async throws {
        try await SimulatorHarness.run { harness in
            let quotas = "/api/v1/namespaces/default/resourcequotas"
            let quota: JSONValue = [
                "metadata": ["name": "few"], "spec": ["hard": ["count/configmaps": "3", "cpu": "2"]],
            ]
            #expect(try await call(harness, "POST", quotas, quota).status == 201)
            let bad: JSONValue = ["metadata": ["name": "bad"], "spec": ["hard": ["count/configmaps": "many"]]]
            #expect(try await call(harness, "POST", quotas, bad).status == 422)
            let answers = try await withThrowingTaskGroup(of: (status: Int, json: JSONValue).self) { group in
                for index in 0..<12 {
                    group.addTask { try await call(harness, "POST", maps, ["metadata": ["name": "q\(index)"]]) }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(answers.count { $0.status == 201 } == 3)
            let refused = try #require(answers.first { $0.status == 403 })
            #expect(refused.json["reason"] == "Forbidden")
            let why =
                "exceeded quota: few, requested: count/configmaps=1, used: count/configmaps=3, limited: count/configmaps=3"
            #expect(refused.json["message"]?.string?.hasSuffix(why) == true, "\(refused.json.text())")
            let elsewhere = "/api/v1/namespaces/kube-system/configmaps"
            #expect(try await call(harness, "POST", elsewhere, ["metadata": ["name": "q"]]).status == 201)
            #expect(try await call(harness, "DELETE", "\(quotas)/few").status == 200)
            #expect(try await call(harness, "POST", maps, ["metadata": ["name": "more"]]).status == 201)
        }
    }

    @Test func `Lists come in pages at one revision`() async throws {
        try await SimulatorHarness.run { harness in
            for index in 0..<5 {
                let map: JSONValue = ["metadata": ["name": "m\(index)", "labels": ["odd": "\(index % 2)"]]]
                #expect(try await call(harness, "POST", maps, map).status == 201)
            }
            let first = try await call(harness, "GET", "\(maps)?limit=2").json
            #expect(first["items"]?.array?.compactMap { $0[path: "metadata", "name"]?.string } == ["m0", "m1"])
            #expect(first[path: "metadata", "remainingItemCount"] == 3)
            let token = try #require(first[path: "metadata", "continue"]?.string)
            let second = try await call(harness, "GET", "\(maps)?limit=2&continue=\(token)").json
            #expect(second["items"]?.array?.compactMap { $0[path: "metadata", "name"]?.string } == ["m2", "m3"])
            #expect(second[path: "metadata", "resourceVersion"] == first[path: "metadata", "resourceVersion"])
            let odd = try await call(harness, "GET", "\(maps)?labelSelector=odd%3D1").json
            #expect(odd["items"]?.array?.count == 2)
            _ = try await call(harness, "POST", maps, ["metadata": ["name": "later"]])
            harness.simulator.compactHistory()
            #expect(try await call(harness, "GET", "\(maps)?continue=\(token)").status == 410)
            #expect(try await call(harness, "GET", "\(maps)?continue=x").status == 400)
        }
    }

    @Test func `Deletion respects preconditions and finalizers`() async throws {
        try await SimulatorHarness.run { harness in
            let map: JSONValue = ["metadata": ["name": "m", "finalizers": ["x.io/f"]]]
            _ = try await call(harness, "POST", maps, map)
            let wrong = try await call(harness, "DELETE", "\(maps)/m", ["preconditions": ["uid": "x"]])
            #expect(wrong.status == 409)
            let marked = try await call(harness, "DELETE", "\(maps)/m")
            #expect(marked.json[path: "metadata", "deletionTimestamp"] != nil)
            let added = try await call(
                harness,
                "PATCH",
                "\(maps)/m",
                ["metadata": ["finalizers": ["x.io/f", "y.io/g"]]],
                type: "application/merge-patch+json"
            )
            #expect(added.status == 422)
            _ = try await call(
                harness,
                "PATCH",
                "\(maps)/m",
                ["metadata": ["finalizers": []]],
                type: "application/merge-patch+json"
            )
            #expect(try await call(harness, "GET", "\(maps)/m").status == 404)
        }
    }

    @Test func `Bad requests are refused and never break the server`() async throws {
        try await SimulatorHarness.run { harness in
            let client = try #require(Self.client)
            for text in ["{", "[]", "\"x\"", "{\"metadata\":3}", "{\"metadata\":{\"name\":7}}", "\u{0}", ""] {
                var request = CurlRequest(url: harness.simulator.url + maps)
                request.method = "POST"
                request.headers = [
                    ("Authorization", "Bearer \(harness.simulator.token)"), ("Content-Type", "application/json"),
                ]
                request.body = Array(text.utf8)
                let response = try await client.execute(request)
                #expect((400..<500).contains(response.status), "\(text)")
            }
            for path in [
                "/apis", "/apis/", "/api/v2/pods", "/apis/x/y/z", "/api/v1/namespaces/default/pods/a/b/c", "/%zz",
                "/api/v1/nodes/x/nothere", "\(maps)?labelSelector=%3D", "\(maps)?fieldSelector=a%3Db",
                "\(maps)?watch=1&resourceVersion=x",
            ] {
                let status = try await call(harness, "GET", path).status
                #expect(status == 200 || (400..<500).contains(status), "\(path)")
            }
            var protobuf = CurlRequest(url: harness.simulator.url + maps)
            protobuf.method = "POST"
            protobuf.headers = [
                ("Authorization", "Bearer \(harness.simulator.token)"),
                ("Content-Type", "application/vnd.kubernetes.protobuf"),
            ]
            for bytes in [[], [0x6B, 0x38, 0x73, 0], [0x6B, 0x38, 0x73, 0, 0xFF, 0xFF, 0xFF], [1, 2, 3]] as [[UInt8]] {
                protobuf.body = bytes
                #expect((400..<500).contains(try await client.execute(protobuf).status))
            }
        }
    }

    @Test func `Faults hit the calls they are meant for, as often as they are meant to`() async throws {
        try await SimulatorHarness.run { harness in
            let simulator = harness.simulator
            simulator.addFault(
                APIFault(.status(429, retryAfterSeconds: 1), verb: "list", resource: "configmaps", count: 2)
            )
            var statuses: [Int] = []
            for path in [maps, "/api/v1/nodes", maps, maps] {
                statuses.append(try await call(harness, "GET", path).status)
            }
            #expect(statuses == [429, 200, 429, 200])
            simulator.addFault(APIFault(.drop, verb: "create", happensAfterwards: true))
            // libcurl sends a request again by itself when a connection that it had used before dies.
            let fresh = try CurlClient(configuration: CurlClient.Configuration())
            await #expect(throws: CurlError.self) {
                try await call(harness, "POST", maps, ["metadata": ["name": "lost"]], client: fresh)
            }
            #expect(harness.object("configmaps", "lost") != nil)
            let counts = simulator.callCounts()
            #expect(counts["list configmaps"] == 3)
            #expect(counts["create configmaps"] == 1)
            #expect(simulator.auditRecords().last?.code == 0)
        }
    }

    @Test func `Events have two forms`() async throws {
        try await SimulatorHarness.run { harness in
            let event: JSONValue = [
                "metadata": ["name": "e"], "regarding": ["kind": "Pod", "name": "p", "namespace": "default"],
                "note": "hello", "reason": "Why", "type": "Normal", "action": "Go", "reportingController": "me",
                "reportingInstance": "me-1", "eventTime": "2026-01-01T00:00:00.000000Z",
            ]
            let events = "/apis/events.k8s.io/v1/namespaces/default/events"
            let made = try await call(harness, "POST", events, event)
            #expect(made.status == 201)
            #expect(made.json["note"] == "hello")
            let core = harness.object("events", "e")
            #expect(core?["message"] == "hello")
            #expect(core?[path: "involvedObject", "name"] == "p")
            #expect(core?["apiVersion"] == "v1")
            let series = try await call(
                harness,
                "PATCH",
                "\(events)/e",
                ["note": "again"],
                type: "application/merge-patch+json"
            )
            #expect(series.json[path: "regarding", "name"] == "p")
            #expect(harness.object("events", "e")?["message"] == "again")
            let list = try await call(harness, "GET", events).json
            #expect(list["items"]?[0]?["note"] == "again")
        }
    }

    @Test func `A program beside it uses the knobs over HTTP`() async throws {
        try await SimulatorHarness.run { harness in
            #expect(try await call(harness, "POST", "/simulator/nodes/node-1/lose").status == 200)
            #expect(try await call(harness, "POST", "/simulator/nodes/nope/lose").status == 404)
            try await waitUntil("the loss") {
                harness.simulator.object("nodes", name: "node-1")?[path: "spec", "taints"] != nil
            }
            #expect(try await call(harness, "POST", "/simulator/nodes/node-1/restore").status == 200)
            let images = try await call(harness, "GET", "/simulator/nodes/node-1/images").json
            #expect(images["items"]?[0]?["names"] == ["docker.io/library/busybox:1.37.0-musl"])
            #expect(try await call(harness, "POST", "/simulator/faults", ["status": 500, "count": 1]).status == 201)
            #expect(try await call(harness, "GET", maps).status == 500)
            #expect(try await call(harness, "GET", "/simulator/audit").json["items"]?.array?.isEmpty == false)
            #expect(try await call(harness, "GET", "/simulator/nodes", token: "wrong").status == 401)
        }
    }
}
