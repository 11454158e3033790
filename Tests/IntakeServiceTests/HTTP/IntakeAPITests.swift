import IntakeService
import LibPQ
import LongshoreDomain
import LongshoreMessages
import RDKafka
import Redaction
import ServiceRuntime
import TestSupport
import Testing
import WireFormats

@Suite(.timeLimit(.minutes(3)))
struct IntakeAPITests {
    @Test
    func `A task is written down, published and then acknowledged`() async throws {
        let intake = try await Intake.shared()
        let answer = try await intake.submit([
            "images": ["nginx:1.27", "ghcr.io/a/b@sha256:\(String(repeating: "a", count: 64))"]
        ])
        #expect(answer.status == 202)
        let id = try #require(answer.json["id"]?.string)
        #expect(answer.header("Location") == "/v1/tasks/\(id)")
        #expect(answer.header("X-Request-Id") != nil)
        #expect(answer.json["status"]?.string == "queued")
        #expect(answer.json["images"]?[0]?.string == "docker.io/library/nginx:1.27")
        #expect(answer.json["project"]?.string == "default")

        // The message is there when the answer is.
        let messages = try await intake.messages(of: id)
        let submitted = try TaskSubmitted(event: #require(messages.first))
        #expect(messages.count == 1)
        #expect(submitted.taskID.text == id)
        #expect(submitted.source == .http)
        #expect(submitted.spec.images.count == 2)

        // And the projector turns the row and announces it.
        try await intake.waitForStatus("queued", of: id)
        try await waitUntil("the announcement") {
            try await intake.records(Topics.events).contains { record in
                try CloudEvent(record).id == "\(id)-queued"
            }
        }
    }

    @Test
    func `A body written for the image prewarming service of old works as it stands`() async throws {
        let intake = try await Intake.shared()
        let body: JSONValue = [
            "images": ["harbor.example.com/ml/train:v3"], "batchSize": 5, "priority": 8,
            "nodeSelector": ["workload": "gpu"], "maxRetries": 3, "retryStrategy": "exponential", "retryDelay": 10,
            "webhookUrl": "https://ci.example.com/hook", "registry": "harbor.example.com", "username": "robot",
            "password": "s3cr3t-of-old",
        ]
        let answer = try await intake.submit(body)
        #expect(answer.status == 202, "\(answer.json)")
        let id = try #require(answer.json["id"]?.string)
        #expect(answer.json["priorityClass"]?.string == "high")
        #expect(!answer.json.text().contains("s3cr3t"))
        let submitted = try TaskSubmitted(event: #require(try await intake.messages(of: id).first))
        let credential = try #require(submitted.sealedCredentials.first)
        #expect(credential.scope.key == "harbor.example.com")
        let opened = try Unsealer(keys: [intake.keyPair]).open(
            credential.box,
            binding: SealBinding(taskID: submitted.taskID, scope: credential.scope)
        )
        #expect(
            PlainCredential(sealedForm: opened)
                == .basic(username: "robot", password: SecretBytes(utf8: "s3cr3t-of-old"))
        )
    }

    @Test
    func `What a request probably did not mean is told in the answer`() async throws {
        let intake = try await Intake.shared()
        let answer = try await intake.submit([
            "images": ["harbor.example.com/ml/train:v3"],
            "registryCredentials": [["registry": "harbor.example.com:443", "username": "robot", "password": "s3cr3t"]],
        ])
        #expect(answer.status == 202, "\(answer.json)")
        let warning = try #require(answer.json["warnings"]?[0])
        #expect(warning["pointer"] == "/registryCredentials/0" && warning["code"] == "unusedCredential")
        #expect(warning["detail"]?.string?.contains("another registry") == true)
        #expect(!answer.json.text().contains("s3cr3t"))
        let id = try #require(answer.json["id"]?.string)
        let submitted = try TaskSubmitted(event: #require(try await intake.messages(of: id).first))
        #expect(submitted.sealedCredentials.isEmpty)
        let quiet = try await intake.submit(["images": ["nginx"]])
        #expect(quiet.json["warnings"] == nil)
    }

    @Test
    func `A password is in neither the database nor a topic nor a log`() async throws {
        let intake = try await Intake.shared()
        let secret = "pa55-\(UInt64.random(in: .min ... .max))"
        let credentials: JSONValue = [
            ["registry": "quay.io", "username": "u", "password": .string(secret)],
            ["registry": "ghcr.io", "identityToken": .string("\(secret)-token")],
            [
                "dockerConfigJson": [
                    "auths": ["r.example.com": ["auth": .string(Base64.encode(Array("u:\(secret)".utf8)))]]
                ]
            ],
        ]
        let answer = try await intake.submit([
            "images": ["quay.io/a/b", "ghcr.io/a/b", "r.example.com/a"], "registryCredentials": credentials,
        ])
        #expect(answer.status == 202, "\(answer.json)")
        let id = try #require(answer.json["id"]?.string)
        try await intake.waitForStatus("queued", of: id)
        let forms = [secret, Base64.encode(Array("u:\(secret)".utf8)), Hex.encode(Array(secret.utf8))]
        var haystacks = intake.logs.lines
        for topic in Topics.tasks(cluster: "default") + [Topics.events, Topics.requestsDeadLetter] {
            for record in try await intake.records(topic) {
                haystacks.append(String(decoding: record.value ?? [], as: UTF8.self))
            }
        }
        let dump = try await TestProcess.run("pg_dump", ["--data-only", intake.databaseURL]).standardOutput
        #expect(dump.contains(id))
        haystacks.append(dump)
        haystacks.append(answer.json.text())
        for form in forms { #expect(!haystacks.contains { $0.contains(form) }) }
    }

    @Test
    func `The same key gives the same task, another body a conflict`() async throws {
        let intake = try await Intake.shared()
        let key = "key-\(UInt64.random(in: .min ... .max))"
        let body: JSONValue = ["images": ["nginx"], "priority": 5]
        let answers = try await withThrowingTaskGroup(of: Intake.Answer.self) { group in
            for _ in 0..<8 { group.addTask { try await intake.submit(body, key: key) } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(answers.map(\.status) == Array(repeating: 202, count: 8))
        let ids = Set(answers.compactMap { $0.json["id"]?.string })
        #expect(ids == [TaskIDs.derived(project: "default", idempotencyKey: key).text])
        let id = try #require(ids.first)
        try await intake.waitForStatus("queued", of: id)
        let again = try await intake.submit(body, key: key)
        #expect(again.status == 202)
        #expect(again.header("Idempotency-Replayed") == "true")
        let other = try await intake.submit(["images": ["nginx"], "priority": 6], key: key)
        #expect(other.status == 409)
        #expect(other.header("Content-Type") == "application/problem+json")
        // The key belongs to the project.
        #expect(try await intake.submit(body, token: Intake.other, key: key).json["id"]?.string != id)
    }

    @Test
    func `Another password under the same key is the same request`() async throws {
        let intake = try await Intake.shared()
        let key = "key-\(UInt64.random(in: .min ... .max))"
        func body(_ user: String, _ password: String) -> JSONValue {
            [
                "images": ["quay.io/a/b"], "registry": "quay.io", "username": .string(user),
                "password": .string(password),
            ]
        }
        let first = try await intake.submit(body("u", "one"), key: key)
        #expect(first.status == 202)
        #expect(try await intake.submit(body("u", "two"), key: key).status == 202)
        #expect(try await intake.submit(body("v", "two"), key: key).status == 409)
    }

    @Test
    func `A credential that the client has sealed goes through as it is`() async throws {
        let intake = try await Intake.shared()
        let key = "key-\(UInt64.random(in: .min ... .max))"
        let id = TaskIDs.derived(project: "default", idempotencyKey: key)
        let scope = try RegistryScope(parsing: "quay.io")
        let secret = PlainCredential.basic(username: "u", password: SecretBytes(utf8: "p"))
        let sealer = try Sealer(publicKey: intake.keyPair.publicKey, keyID: intake.keyPair.keyID)
        let box = try sealer.seal(secret.sealedForm, binding: SealBinding(taskID: id, scope: scope))
        let body: JSONValue = [
            "images": ["quay.io/a/b"], "registryCredentials": [["registry": "quay.io", "sealed": box.json]],
        ]
        let without = try await intake.submit(body)
        #expect(without.status == 422)
        #expect(without.pointers == ["/registryCredentials"])
        let answer = try await intake.submit(body, key: key)
        #expect(answer.status == 202)
        let submitted = try TaskSubmitted(event: #require(try await intake.messages(of: id.text).first))
        #expect(submitted.sealedCredentials.first?.box == box)
    }

    @Test
    func `Tokens decide who may do what where`() async throws {
        let intake = try await Intake.shared()
        let body: JSONValue = ["images": ["nginx"]]
        let nobody = try await intake.submit(body, token: nil)
        #expect(nobody.status == 401)
        #expect(nobody.header("WWW-Authenticate")?.hasPrefix("Bearer") == true)
        #expect(try await intake.submit(body, token: "wrong").status == 401)
        #expect(try await intake.submit(body, token: Intake.viewer).status == 403)
        #expect(try await intake.submit(["images": ["nginx"], "project": "other"]).status == 403)
        let elsewhere = try await intake.submit(["images": ["nginx"], "project": "other"], token: Intake.admin)
        #expect(elsewhere.status == 202)
        let id = try #require(elsewhere.json["id"]?.string)
        for path in [
            "/v1/tasks/\(id)", "/v1/tasks/\(id)/nodes", "/v1/tasks/\(id)/events", "/v1/tasks/\(id)/deliveries",
        ] {
            #expect(try await intake.ask("GET", path, token: Intake.viewer).status == 404)
        }
        #expect(try await intake.ask("DELETE", "/v1/tasks/\(id)").status == 404)
        #expect(try await intake.ask("GET", "/v1/tasks/\(id)", token: Intake.other).status == 200)
        #expect(try await intake.ask("GET", "/v1/tasks?project=other").status == 403)
        let listed = try await intake.ask("GET", "/v1/tasks?limit=500").json["items"]?.array ?? []
        #expect(!listed.contains { $0["project"]?.string != "default" })
        #expect(try await intake.ask("GET", "/v1/tasks", token: nil).status == 401)
        let description = try await intake.ask("GET", "/openapi.json", token: nil)
        #expect(description.status == 200)
        #expect(description.json["info"]?["x-longshore-version"]?.string == ProductVersion.text)
    }

    @Test
    func `Every fault of a token has a sentence of its own`() async throws {
        let intake = try await Intake.shared()
        var sentences: Set<String> = []
        let headers = [nil, "Basic dTpjYW5hcnk=", "t0ken-canary", "Bearer", "Bearer  ", "Bearer t0ken-canary"]
        for header in headers {
            let answer = try await intake.ask(
                "GET",
                "/v1/tasks",
                token: nil,
                headers: header.map { [(name: "Authorization", value: $0)] } ?? []
            )
            #expect(answer.status == 401)
            let detail = try #require(answer.json["detail"]?.string)
            #expect(!detail.contains("canary") && !detail.contains("dTpj"))
            sentences.insert(detail)
        }
        // “Bearer” with nothing and with white space behind it are one fault.
        #expect(sentences.count == 5)
        #expect(sentences.contains { $0.contains("the scheme basic") })
        let lowercase = [(name: "Authorization", value: "bearer   \(Intake.submitter)")]
        #expect(try await intake.ask("GET", "/v1/tasks", token: nil, headers: lowercase).status == 200)
    }

    @Test
    func `Lists are narrowed down and paged`() async throws {
        let intake = try await Intake.shared()
        let tag = "t\(UInt32.random(in: 0 ... .max))"
        var ids: [String] = []
        for number in 0..<5 {
            let image = number < 2 ? "quay.io/x/\(tag)" : "nginx"
            let answer = try await intake.submit([
                "images": [.string(image)], "labels": ["batch": .string(tag), "n": .string("\(number)")],
            ])
            ids.append(try #require(answer.json["id"]?.string))
        }
        var seen: [String] = []
        var path = "/v1/tasks?label=batch%3D\(tag)&limit=2"
        var pages = 0
        while true {
            let page = try await intake.ask("GET", path)
            seen += page.json["items"]?.array?.compactMap { $0["id"]?.string } ?? []
            pages += 1
            guard let cursor = page.json["nextCursor"]?.string else { break }
            path = "/v1/tasks?label=batch%3D\(tag)&limit=2&cursor=\(cursor)"
        }
        #expect(pages == 3)
        #expect(seen == ids.reversed())
        func count(_ query: String) async throws -> Int? {
            try await intake.ask("GET", "/v1/tasks?\(query)").json["items"]?.array?.count
        }
        #expect(try await count("label=batch%3D\(tag),n%3D3") == 1)
        #expect(try await count("image=quay.io/x/\(tag):latest") == 2)
        #expect(try await count("label=batch%3D\(tag)&status=succeeded,failed") == 0)
        #expect(try await count("label=batch%3D\(tag)&project=default") == 5)
        #expect(try await count("label=batch%3D\(tag)&cluster=default") == 5)
        #expect(try await count("label=batch%3D\(tag)&cluster=elsewhere") == 0)
        let third = try #require(try await intake.ask("GET", "/v1/tasks/\(ids[2])").json["acceptedAt"]?.string)
        #expect(try await count("label=batch%3D\(tag)&since=\(third)") == 3)
        #expect(try await count("label=batch%3D\(tag)&since=2200-01-01T00:00:00Z") == 0)
        // An id's beginning, and the whole of it, are the first and the last of what begins so.
        #expect(try await count("idPrefix=\(ids[2].prefix(12))") == 1)
        #expect(try await count("idPrefix=\(ids[2])") == 1)
        #expect(try await count("idPrefix=\(ids[2])&label=batch%3Dother") == 0)
        for wrong in [
            "idPrefix=%25", "idPrefix=I", "idPrefix=9", "idPrefix=\(ids[2])0", "since=yesterday", "status=x", "limit=0",
            "cursor=x", "image=%3A%3A", "label=x", "nonsense=1", "label=%ff",
        ] {
            #expect(try await intake.ask("GET", "/v1/tasks?\(wrong)").status == 400)
        }
    }

    @Test
    func `Cancelling sends a command to the task's own topic`() async throws {
        let intake = try await Intake.shared()
        let answer = try await intake.submit(["images": ["nginx"], "priority": 2])
        let id = try #require(answer.json["id"]?.string)
        #expect(try await intake.ask("DELETE", "/v1/tasks/\(id)", token: Intake.viewer).status == 403)
        let cancelled = try await intake.ask("DELETE", "/v1/tasks/\(id)")
        #expect(cancelled.status == 202)
        #expect(cancelled.json["cancelRequestedAt"]?.string != nil)
        let records = try await intake.records(Topics.tasks(cluster: "default", class: .low))
            .filter { $0.key == Array(id.utf8) }
        let command = try TaskCommand(event: CloudEvent(#require(records.last)))
        #expect(records.count == 2)
        #expect(command.kind == .cancel)
        #expect(command.taskID.text == id)

        let task = try #require(TaskID(id))
        try await intake.waitForStatus("queued", of: id)
        try await intake.publish(.sample(.taskCancelled, of: task, sequence: 5))
        try await intake.waitForStatus("cancelled", of: id)
        let late = try await intake.ask("DELETE", "/v1/tasks/\(id)")
        #expect(late.status == 409)
        for unknown in ["x", "../secrets", id.uppercased(), String(repeating: "0", count: 26)] {
            #expect(try await intake.ask("DELETE", "/v1/tasks/\(unknown)").status == 404)
        }
    }

    @Test
    func `Nodes are shown with their images and filtered by state`() async throws {
        let intake = try await Intake.shared()
        let id = try #require(try await intake.submit(["images": ["nginx"]]).json["id"]?.string)
        let task = try #require(TaskID(id))
        try await intake.waitForStatus("queued", of: id)
        var good = TaskEvent.sample(.nodeSucceeded, of: task, sequence: 3, node: "a")
        good.images = [EventImage(image: "docker.io/library/nginx:latest", phase: .pulled, digest: "sha256:1")]
        var bad = TaskEvent.sample(
            .nodeFailed,
            of: task,
            sequence: 4,
            node: "b",
            counts: TaskCounts(nodesTotal: 2, succeeded: 1, failed: 1)
        )
        bad.cause = .unauthorized
        bad.message = "401"
        try await intake.publish(good)
        try await intake.publish(bad)
        try await waitUntil("both nodes") {
            try await intake.ask("GET", "/v1/tasks/\(id)/nodes").json["items"]?.array?.count == 2
        }
        let failed = try await intake.ask("GET", "/v1/tasks/\(id)/nodes?state=failed").json["items"]
        #expect(failed?[0]?["node"]?.string == "b")
        #expect(failed?[0]?["cause"]?.string == "Unauthorized")
        #expect(failed?[1] == nil)
        let first = try await intake.ask("GET", "/v1/tasks/\(id)/nodes?limit=1").json
        #expect(first["items"]?[0]?["images"]?[0]?["digest"]?.string == "sha256:1")
        let cursor = try #require(first["nextCursor"]?.string)
        let second = try await intake.ask("GET", "/v1/tasks/\(id)/nodes?limit=1&cursor=\(cursor)").json
        #expect(second["items"]?[0]?["node"]?.string == "b")
        #expect(second["nextCursor"] == nil)
        let shown = try await intake.read(id)
        #expect(shown["counts"]?["nodesFailed"]?.integer == 1)
        #expect(shown["cause"] == nil)
    }

    @Test
    func `Deliveries are shown with their attempts`() async throws {
        let intake = try await Intake.shared()
        let id = try #require(try await intake.submit(["images": ["nginx"]]).json["id"]?.string)
        #expect(try await intake.ask("GET", "/v1/tasks/\(id)/deliveries").json == ["items": []])
        try await intake.pool.query(
            """
            INSERT INTO longshore.deliveries (id, event_id, task_id, project, url, secret_name, body, state, attempt, last_status)
            VALUES ($1, $1, $2, 'default', 'https://x.example', 's', '{}', 'retrying', 1, 503)
            """,
            [.text("\(id)-succeeded"), .text(id)]
        )
        try await intake.pool.query(
            "INSERT INTO longshore.delivery_attempts VALUES ($1, 1, now(), 12, 503, 'HTTP 503', 'oops')",
            [.text("\(id)-succeeded")]
        )
        let shown = try await intake.ask("GET", "/v1/tasks/\(id)/deliveries").json["items"]?[0]
        #expect(shown?["state"]?.string == "retrying")
        #expect(shown?["lastStatus"]?.integer == 503)
        #expect(shown?["attempts"]?[0]?["durationMs"]?.integer == 12)
        // A receiver's answer is its own: it could be what an inner service says.
        #expect(shown?.text().contains("oops") == false)
    }

    /// Puts a task's deliveries into the log, one in each state.
    private func insertDeliveries(_ states: [String], of task: String, _ intake: Intake) async throws -> [String] {
        try await intake.pool.query(
            """
            INSERT INTO longshore.deliveries
                (id, event_id, task_id, project, url, secret_name, body, state, attempt, lease_until, finished_at)
            SELECT $1 || '-' || s, $1 || '-' || s, $1, 'default', 'https://x.example', 's', '{}', s, 10,
                CASE WHEN s = 'delivering' THEN now() + interval '1 hour' END,
                CASE WHEN s IN ('delivered', 'exhausted', 'disabled') THEN now() END
            FROM unnest($2::text[]) s
            """,
            [.text(task), .textArray(states)]
        )
        return states.map { "\(task)-\($0)" }
    }

    private func states(of task: String, _ intake: Intake) async throws -> [String: String] {
        let rows = try await intake.pool.query(
            "SELECT id, state FROM longshore.deliveries WHERE task_id = $1 AND (state NOT IN ('retrying') OR next_attempt_at <= now())",
            [.text(task)]
        )
        return Dictionary(uniqueKeysWithValues: try rows.map { (try $0.text("id"), try $0.text("state")) })
    }

    @Test
    func `A delivery is made due again, but not while it is on its way, nor by a stranger`() async throws {
        let intake = try await Intake.shared()
        let task = try #require(try await intake.submit(["images": ["nginx"]]).json["id"]?.string)
        let ids = try await insertDeliveries(["exhausted", "disabled", "delivered", "delivering"], of: task, intake)
        for id in ids.prefix(3) {
            #expect(try await intake.ask("POST", "/v1/deliveries/\(id)/redeliver", token: Intake.other).status == 404)
            #expect(try await intake.ask("POST", "/v1/deliveries/\(id)/redeliver", token: Intake.viewer).status == 403)
            #expect(try await states(of: task, intake)[id] != "retrying")
            let answer = try await intake.ask("POST", "/v1/deliveries/\(id)/redeliver")
            #expect(answer.status == 202 && answer.json["state"]?.string == "retrying")
            #expect(answer.json["attempt"]?.integer == 10 && answer.json["finishedAt"] == nil)
            #expect(try await states(of: task, intake)[id] == "retrying")
        }
        #expect(try await intake.ask("POST", "/v1/deliveries/\(ids[3])/redeliver").status == 409)
        #expect(try await states(of: task, intake)[ids[3]] == "delivering")
        #expect(try await intake.ask("POST", "/v1/deliveries/nothing/redeliver").status == 404)
    }

    @Test
    func `Deliveries of a time are made due again, the given-up ones unless others are asked for`() async throws {
        let intake = try await Intake.shared()
        let task = try #require(try await intake.submit(["images": ["nginx"]]).json["id"]?.string)
        let ids = try await insertDeliveries(["exhausted", "disabled", "delivered", "pending"], of: task, intake)
        func post(_ body: JSONValue, token: String = Intake.submitter) async throws -> Intake.Answer {
            try await intake.ask("POST", "/v1/deliveries/redeliver", body: body.serialized(), token: token)
        }
        let mine: JSONValue = ["taskId": .string(task)]
        let dry = try await post(["taskId": .string(task), "dryRun": true])
        #expect(dry.status == 200 && dry.json == ["count": 0, "remaining": 2])
        #expect(try await states(of: task, intake)[ids[0]] == "exhausted")
        #expect(try await post(mine, token: Intake.other).json == ["count": 0, "remaining": 0])
        #expect(try await post(["taskId": .string(task), "project": "x"]).status == 403)
        let early = try await post(["taskId": .string(task), "until": "2020-01-01T00:00:00Z"])
        #expect(early.json["count"]?.integer == 0)
        let answer = try await post(mine)
        #expect(answer.status == 202 && answer.json == ["count": 2, "remaining": 0])
        #expect(
            try await states(of: task, intake) == [
                ids[0]: "retrying", ids[1]: "retrying", ids[2]: "delivered", ids[3]: "pending",
            ]
        )
        let all = try await post(["taskId": .string(task), "since": "2020-01-01T00:00:00Z", "states": ["delivered"]])
        #expect(all.json["count"]?.integer == 1)
    }

    @Test(arguments: [
        (#"[]"#, [""]), (#"{}"#, ["/since"]), (#"{"since": 1}"#, ["/since"]), (#"{"since": "yesterday"}"#, ["/since"]),
        (#"{"taskId": "x"}"#, ["/taskId"]), (#"{"since": "2026-01-01T00:00:00Z", "states": []}"#, ["/states"]),
        (#"{"since": "2026-01-01T00:00:00Z", "states": ["pending"]}"#, ["/states"]),
        (#"{"since": "2026-01-01T00:00:00Z", "until": "2026-01-01T00:00:00Z"}"#, ["/until"]),
        (
            #"{"since": "2026-01-01T00:00:00Z", "dryRun": 1, "nodes": 2, "project": 3}"#,
            ["/dryRun", "/nodes", "/project"]
        ),
    ])
    func `A range that cannot be meant is refused with every fault`(body: String, pointers: [String]) async throws {
        let intake = try await Intake.shared()
        let answer = try await intake.ask("POST", "/v1/deliveries/redeliver", body: Array(body.utf8))
        #expect(answer.status == 422)
        #expect(answer.pointers == pointers)
    }

    @Test
    func `Clusters are shown with the keys to seal to`() async throws {
        let intake = try await Intake.shared()
        let list = try await intake.ask("GET", "/v1/clusters", token: Intake.viewer).json["items"]?.array ?? []
        let cluster = try #require(list.first { $0["cluster"]?.string == "default" })
        #expect(cluster["keys"]?[0]?["keyId"]?.string == intake.keyPair.keyID)
        #expect(cluster["keys"]?[0]?["publicKey"]?.string == Base64.encode(intake.keyPair.publicKey))
        #expect(cluster["executors"]?[0]?.string == "executor-1")
    }

    @Test
    func `A cluster that nobody has announced is a fault, and one that was is not`() async throws {
        let intake = try await Intake.shared()
        try await waitUntil("the end of the announcements") {
            try await intake.submit(["images": ["nginx"], "cluster": "moon"]).status == 422
        }
        let answer = try await intake.submit(["images": ["nginx"], "cluster": "moon"])
        #expect(answer.pointers == ["/cluster"])
        try await intake.announceKey(cluster: "edge")
        #expect(try await intake.submit(["images": ["nginx"], "cluster": "edge"]).status == 202)
    }

    @Test
    func `Requests that arrive together share their batches`() async throws {
        let intake = try await Intake.shared()
        let answers = try await withThrowingTaskGroup(of: Intake.Answer.self) { group in
            for _ in 0..<200 { group.addTask { try await intake.submit(["images": ["nginx"]]) } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(answers.allSatisfy { $0.status == 202 })
        #expect(Set(answers.compactMap { $0.json["id"]?.string }).count == 200)
    }

    @Test
    func `Paths and methods that do not exist say so`() async throws {
        let intake = try await Intake.shared()
        #expect(try await intake.ask("GET", "/v1/nothing").status == 404)
        let wrong = try await intake.ask("PUT", "/v1/tasks", body: [])
        #expect(wrong.status == 405)
        #expect(wrong.header("Allow") == "GET, POST")
        #expect(wrong.json["status"]?.integer == 405)
    }
}
