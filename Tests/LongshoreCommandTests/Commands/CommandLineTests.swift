import Glibc
import LongshoreDomain
import LongshoreMessages
import Redaction
import ServiceRuntime
import Synchronization
import TestSupport
import Testing
import WireFormats

/// The command as a process of its own, against a scripted server.
@Suite("The command line", .timeLimit(.minutes(5))) struct CommandLineTests {
    private struct Result {
        let code: Int32
        let output: String
        let error: String
    }

    /// The binary that was built beside the tests.
    private static var binary: String {
        get throws {
            let path = try #require(CommandLine.arguments.first.flatMap { realpath($0) })
            return "\(path.split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" })/longshore"
        }
    }

    private static func realpath(_ path: String) -> String? {
        readLink("/proc/self/exe") ?? path
    }

    private static func readLink(_ path: String) -> String? {
        var buffer = [CChar](repeating: 0, count: 4_096)
        let count = unsafe readlink(path, &buffer, buffer.count - 1)
        guard count > 0 else { return nil }
        return String(decoding: buffer.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private static func run(
        _ arguments: [String],
        server: ScriptedHTTPServer? = nil,
        environment: [String: String] = [:]
    ) async throws -> Result {
        var variables = environment
        variables["HOME"] = "/does/not/exist"
        if let server {
            variables["LONGSHORE_SERVER"] = server.url("")
            variables["LONGSHORE_TOKEN"] = "t0ken"
        }
        let process = try TestProcess(try binary, arguments, environment: variables)
        guard case .exited(let code) = try await process.waitForExit(timeout: .seconds(120)) else {
            throw TestSupportError("the command was killed: \(process.standardError)")
        }
        return Result(code: code, output: process.standardOutput, error: process.standardError)
    }

    private static func stream(_ events: [TaskEvent]) -> String {
        events.map {
            "id: \($0.sequence)\nevent: \($0.type.shortName)\ndata: \($0.event.structuredJSON.text())\n\n"
        }.joined()
    }

    private static func task(_ status: String) -> JSONValue {
        [
            "id": .string(DisplayTests.taskID.text), "status": .string(status), "images": ["docker.io/library/a:1"],
            "counts": ["nodesTotal": 1, "nodesSucceeded": 1, "nodesFailed": 0, "nodesSkipped": 0, "nodesPulling": 0],
        ]
    }

    private static let nodes =
        #"{"items":[{"node":"n1","state":"succeeded","attempt":1,"images":[{"image":"docker.io/library/a:1","phase":"pulled"}]}]}"#

    @Test(
        "shows help with success, and wrong usage with 2",
        arguments: [
            (["--help"], 0), (["submit", "--help"], 0), (["help", "watch"], 0), (["nonsense"], 2),
            (["submit", "--nonsense"], 2),
            (["watch"], 2), (["submit", "--priority", "x", "a"], 2), (["list", "--limit", "0"], 2),
            (["seal", "--registry", "h.io"], 2), (["webhooks", "redeliver"], 2),
            (["webhooks", "redeliver", "--until", "x"], 2),
            (["webhooks", "redeliver", "a", "--since", "x"], 2), (["webhooks", "list", "--help"], 0),
        ] as [([String], Int32)]
    )
    func usage(arguments: [String], code: Int32) async throws {
        let result = try await Self.run(arguments)
        #expect(result.code == code)
        #expect((code == 0 ? result.output : result.error).contains("longshore"))
    }

    @Test(
        "names the nearest command where there is none of that name, with and without --help",
        arguments: [
            (["wach", "x"], "longshore watch"), (["wach", "--help"], "longshore watch"),
            (["help", "wach"], "longshore watch"),
            (["webhooks", "lst", "--help"], "longshore webhooks list"), (["--help", "nonsense"], "longshore --help"),
        ]
    )
    func unknownCommand(arguments: [String], hint: String) async throws {
        let result = try await Self.run(arguments)
        #expect(result.code == 2)
        #expect(result.output.isEmpty)
        #expect(result.error.contains("there is no command") && result.error.contains("“\(hint)”"))
    }

    @Test("lets shells set up and ask for completions", arguments: ["bash", "zsh", "fish"])
    func completions(shell: String) async throws {
        let script = try await Self.run(["--generate-completion-script", shell])
        #expect(script.code == 0 && script.error.isEmpty)
        #expect(script.output.contains("longshore") && script.output.contains("watch"))
        // The calls that the scripts make.
        let answer = try await Self.run([
            "---completion", "watch", "--", "positional@0", "0", "0", "longshore", "watch", "",
        ])
        #expect(!answer.error.contains("there is no command"))
    }

    @Test("tells a server's URL without a scheme from other faults")
    func serverWithoutScheme() async throws {
        let result = try await Self.run(["list", "--server", "localhost:8080"], environment: ["LONGSHORE_TOKEN": "t"])
        #expect(result.code == 2)
        #expect(result.error.contains("“localhost:8080” has no scheme: write http://localhost:8080"))
    }

    @Test("says what is missing, and exits with 2")
    func missing() async throws {
        let result = try await Self.run(["list"])
        #expect(result.code == 2)
        #expect(result.error.contains("--server"))
        let server = try ScriptedHTTPServer()
        #expect(try await Self.run(["submit"], server: server).code == 2)
        #expect(server.requests.isEmpty)
    }

    @Test("exits with 3 when nobody answers")
    func unreachable() async throws {
        let result = try await Self.run(
            ["list", "--server", "http://127.0.0.1:1"],
            environment: ["LONGSHORE_TOKEN": "t0ken-canary"]
        )
        #expect(result.code == 3)
        #expect(result.error.contains("127.0.0.1:1"))
        #expect(!result.error.contains("canary"))
    }

    @Test("submits with the token, an idempotency key and the request")
    func submit() async throws {
        let server = try ScriptedHTTPServer(then: .respond(status: 202, body: Self.task("accepting").text()))
        let result = try await Self.run(
            ["submit", "a:1", "--credential", "h.io=robot", "--idempotency-key", "k1", "--batch-size", "3"],
            server: server,
            environment: ["LONGSHORE_PASSWORD": "pass-canary"]
        )
        #expect(result.code == 0)
        #expect(result.output == "\(DisplayTests.taskID.text) accepting\n")
        let request = try #require(server.requests.first)
        #expect(request.method == "POST")
        #expect(request.target == "/v1/tasks")
        #expect(request.header("Authorization") == "Bearer t0ken")
        #expect(request.header("Idempotency-Key") == "k1")
        #expect(
            try JSONValue(parsing: request.body) == [
                "images": ["a:1"], "batchSize": 3,
                "registryCredentials": [["registry": "h.io", "username": "robot", "password": "pass-canary"]],
            ]
        )
        #expect(!(result.output + result.error).contains("canary"))
    }

    @Test("sends a request again, with the same key, when the service could not take it")
    func submitAgain() async throws {
        let server = try ScriptedHTTPServer(
            [.respond(status: 503, headers: [("Retry-After", "1")], body: "{}"), .closeWithoutAnswer],
            then: .respond(status: 202, body: Self.task("queued").text())
        )
        let result = try await Self.run(["submit", "a:1", "-o", "json"], server: server)
        #expect(result.code == 0)
        #expect(try JSONValue(parsing: Array(result.output.utf8))["status"] == "queued")
        #expect(Set(server.requests.map { $0.header("Idempotency-Key") }).count == 1)
        #expect(server.requests.count >= 3)
    }

    @Test("prints every fault of a request and exits with 2")
    func faults() async throws {
        let body =
            #"{"title":"Invalid","errors":[{"pointer":"/images/0","code":"invalidReference","detail":"bad"},{"pointer":"/batchSize","code":"outOfRange","detail":"big"}]}"#
        let server = try ScriptedHTTPServer(then: .respond(status: 422, body: body))
        let result = try await Self.run(["submit", "A"], server: server)
        #expect(result.code == 2)
        #expect(result.error == "Invalid\n  images[0]: bad (invalidReference)\n  batchSize: big (outOfRange)\n")
    }

    @Test(
        "watches a task over a broken stream, from where it was, and exits by its end",
        arguments: [
            (EventType.taskSucceeded, Int32(0)), (.taskFailed, 1), (.taskCancelled, 1), (.taskRejected, 1),
        ]
    )
    func watch(end: EventType, code: Int32) async throws {
        let status = try #require(end.taskPhase?.rawValue)
        let first = Self.stream([DisplayTests.event(.taskQueued, 1), DisplayTests.event(.taskChecking, 2)])
        let second = Self.stream([
            DisplayTests.node(.nodeSucceeded, "n1", [("docker.io/library/a:1", .pulled)]), DisplayTests.event(end, 9),
        ])
        let task = Self.task(status).text()
        let nodes = Self.nodes
        let server = try ScriptedHTTPServer { request, connection in
            switch request.target {
            case let target where target.hasSuffix("/events"):
                let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
                connection.send(head)
                if request.header("Last-Event-ID") == nil {
                    connection.sendChunk(Array((first + "id: 3\ndata: {\"cut").utf8))
                    connection.close()
                } else {
                    connection.sendChunk(Array("event: future\ndata: {\"new\": true}\n\n\(second)".utf8))
                    connection.sendChunk([])
                }
            case let target where target.contains("/nodes"): connection.respond(body: Array(nodes.utf8))
            default: connection.respond(body: Array(task.utf8))
            }
        }
        let result = try await Self.run(["watch", DisplayTests.taskID.text], server: server)
        #expect(result.code == code)
        let lines = result.output.split(separator: "\n").map(String.init)
        #expect(
            lines.prefix(4).map { $0.split(separator: " ")[1] } == [
                "task.queued", "task.checking", "node.succeeded", end.shortName[...],
            ]
        )
        #expect(result.output.contains("n1     succeeded   1         pulled"))
        #expect(
            server.requests.filter { $0.target.hasSuffix("/events") }.map { $0.header("Last-Event-ID") } == [nil, "2"]
        )
        #expect(result.error.isEmpty == (code == 0))
    }

    @Test("stops watching a task that ended before")
    func watchEnded() async throws {
        let task = Self.task("succeeded").text()
        let nodes = Self.nodes
        let server = try ScriptedHTTPServer { request, connection in
            if request.target.hasSuffix("/events") {
                connection.respond(headers: [("Content-Type", "text/event-stream")], body: [])
            } else {
                connection.respond(body: Array((request.target.contains("/nodes") ? nodes : task).utf8))
            }
        }
        let result = try await Self.run(["watch", "x", "-o", "json"], server: server)
        #expect(result.code == 0)
        #expect(result.output.isEmpty)
    }

    @Test("does not wait for a task that is unknown")
    func watchUnknown() async throws {
        let server = try ScriptedHTTPServer(then: .respond(status: 404, body: #"{"title":"Not found"}"#))
        let result = try await Self.run(["watch", "../x?", "--appear-seconds", "0"], server: server)
        #expect(result.code == 4)
        #expect(server.requests.map(\.target) == ["/v1/tasks/..%2Fx%3F/events"])
    }

    @Test("waits for a task that comes later, and says so")
    func watchEarly() async throws {
        let stream = Self.stream([DisplayTests.event(.taskSucceeded, 2)])
        let task = Self.task("succeeded").text()
        let nodes = Self.nodes
        let asked = Mutex(0)
        let server = try ScriptedHTTPServer { request, connection in
            guard request.target.hasSuffix("/events") else {
                connection.respond(body: Array((request.target.contains("/nodes") ? nodes : task).utf8))
                return
            }
            if asked.withLock({
                $0 += 1
                return $0
            }) < 6 {
                connection.respond(status: 404, body: Array(#"{"title":"Not found"}"#.utf8))
            } else {
                connection.respond(headers: [("Content-Type", "text/event-stream")], body: Array(stream.utf8))
            }
        }
        let result = try await Self.run(["watch", DisplayTests.taskID.text], server: server)
        #expect(result.code == 0)
        #expect(result.error.contains("does not know the task \(DisplayTests.taskID.text) yet"))
        #expect(result.output.contains("task.succeeded"))
    }

    @Test("says what a queued task waits for, and that it goes on after Ctrl-C")
    func watchInterrupted() async throws {
        let queued = Self.stream([DisplayTests.event(.taskQueued, 1)])
        let server = try ScriptedHTTPServer { request, connection in
            switch request.target {
            case let target where target.hasSuffix("/events"):
                connection.send(
                    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
                )
                connection.sendChunk(Array(queued.utf8))
            case "/v1/clusters":
                connection.respond(
                    body: Array(
                        #"{"items":[{"cluster":"edge","executors":["a"],"heartbeatAt":"2026-01-01T00:00:00Z"}]}"#.utf8
                    )
                )
            default: connection.respond(body: Array(#"{"id":"x","status":"queued","cluster":"edge"}"#.utf8))
            }
        }
        let process = try TestProcess(
            try Self.binary,
            ["watch", DisplayTests.taskID.text],
            environment: ["HOME": "/does/not/exist", "LONGSHORE_SERVER": server.url(""), "LONGSHORE_TOKEN": "t0ken"]
        )
        try await waitUntil("the notice") { process.standardError.contains("1 executor, last heard of at 2026-01-01") }
        process.signal(SIGINT)
        #expect(try await process.waitForExit(timeout: .seconds(60)) == .exited(130))
        #expect(
            process.standardError.contains("goes on. See it again with: longshore watch \(DisplayTests.taskID.text)")
        )
    }

    @Test(
        "has an exit code of its own for what is not there, what conflicts and what is not allowed",
        arguments: [(401, 6), (403, 6), (404, 4), (409, 5), (422, 2), (429, 3), (503, 3), (302, 3)] as [(Int, Int32)]
    )
    func exitCodes(status: Int, code: Int32) async throws {
        let server = try ScriptedHTTPServer(then: .respond(status: status, body: "{}"))
        #expect(try await Self.run(["get", "x"], server: server).code == code)
        #expect(try await Self.run(["cancel", "x", "y"], server: server).code == code)
    }

    @Test("finds a task by a beginning of its id, and says when that is more than one's or none's")
    func idBeginnings() async throws {
        let id = DisplayTests.taskID.text
        let server = try ScriptedHTTPServer { request, connection in
            let items =
                switch request.target {
                case let target where target.contains("idPrefix=n0ne"): "[]"
                case let target where target.contains("idPrefix=s0me"): #"[{"id":"s0me1"},{"id":"s0me2"}]"#
                case let target where target.contains("idPrefix="): #"[{"id":"\#(id)"}]"#
                default: "null"
                }
            connection.respond(
                status: request.method == "DELETE" ? 202 : 200,
                body: Array((items == "null" ? "{}" : #"{"items":\#(items)}"#).utf8)
            )
        }
        let beginning = String(id.prefix(6))
        let result = try await Self.run(["cancel", beginning], server: server)
        #expect(result.output == "\(id) is being cancelled\n")
        #expect(server.requests.map(\.target) == ["/v1/tasks?idPrefix=\(beginning)&limit=3", "/v1/tasks/\(id)"])
        let none = try await Self.run(["get", "n0ne"], server: server)
        #expect(none.code == 4 && none.error == "there is no task whose id begins with “n0ne”\n")
        let some = try await Self.run(["watch", "s0me"], server: server)
        #expect(some.code == 2 && some.error.contains("s0me1, s0me2"))
    }

    @Test("keeps a service by login, for its owner alone, and changes between services")
    func login() async throws {
        let folder = try TemporaryDirectory()
        let home = ["XDG_CONFIG_HOME": folder.path]
        let server = try ScriptedHTTPServer(then: .respond(body: #"{"items":[{"id":"a"}]}"#))
        let token = try folder.write("token", "t0ken-canary\n")
        for name in ["one", "two"] {
            let result = try await Self.run(
                ["login", "--server", server.url(""), "--token-file", token, "--context", name],
                environment: home
            )
            #expect(result.code == 0 && !result.output.contains("canary"), "\(result.error)")
        }
        #expect(server.requests.allSatisfy { $0.header("Authorization") == "Bearer t0ken-canary" })
        #expect(try await Self.run(["context", "list", "-o", "name"], environment: home).output == "one\ntwo\n")
        #expect(try await Self.run(["context", "use", "one"], environment: home).code == 0)
        let table = try await Self.run(["context", "list"], environment: home)
        #expect(table.output.contains("*         one") && !table.output.contains("canary"))
        #expect(try await Self.run(["list", "-o", "name"], environment: home).output == "a\n")
        #expect(try await Self.run(["context", "use", "three"], environment: home).code == 4)
        // One that is refused is not kept.
        let refusing = try ScriptedHTTPServer(then: .respond(status: 401, body: "{}"))
        let refused = try await Self.run(
            ["login", "--server", refusing.url(""), "--token-file", token, "--context", "four"],
            environment: home
        )
        #expect(refused.code == 6)
        #expect(try await Self.run(["context", "list", "-o", "name"], environment: home).output == "one\ntwo\n")
        // Shells are offered the names, and tasks of the service.
        let names = try await Self.run(
            ["---completion", "context", "use", "--", "positional@0", "0", "0", "longshore", "context", "use", ""],
            environment: home
        )
        #expect(names.output == "one\ntwo\n")
        let tasks = try await Self.run(
            ["---completion", "get", "--", "positional@0", "0", "0", "longshore", "get", ""],
            environment: home
        )
        #expect(tasks.output == "a\n")
    }

    @Test("shows of a list that it watches what is new or has changed")
    func listWatch() async throws {
        let asked = Mutex(0)
        let server = try ScriptedHTTPServer { _, connection in
            let count = asked.withLock {
                $0 += 1
                return $0
            }
            let second = count > 1 ? #",{"id":"b","status":"pulling"}"# : ""
            let body = #"{"items":[{"id":"a","status":"\#(count > 2 ? "failed" : "queued")"}\#(second)]}"#
            connection.respond(body: Array(body.utf8))
        }
        let process = try TestProcess(
            try Self.binary,
            ["list", "-w", "-o", "name"],
            environment: ["HOME": "/does/not/exist", "LONGSHORE_SERVER": server.url(""), "LONGSHORE_TOKEN": "t0ken"]
        )
        try await waitUntil("the changes") { process.standardOutput == "a\nb\na\n" }
        process.signal(SIGINT)
        _ = try await process.waitForExit()
        #expect(try await Self.run(["list", "-w", "-o", "json"], server: server).code == 2)
    }

    @Test("tells every fault of a configuration at once, those of a JSON file too")
    func configuration() async throws {
        let folder = try TemporaryDirectory()
        let file = try folder.write("config.json", "{\n  \"maximumTask\": 3,\n  \"leaseDurationSeconds\": 1\n}\n")
        let result = try await Self.run(["executor", "--config", file, "--log-level", "loud", "--api-concurrency", "x"])
        #expect(result.code == 2)
        for word in [
            "“maximumTask”", "--kafka-bootstrap-servers is required", "“loud”", "--api-concurrency",
            "--lease-duration-seconds",
        ] {
            #expect(result.error.contains(word), "\(result.error)")
        }
        #expect(result.error.split(separator: "\n").count == 5)
    }

    @Test("tells its version")
    func version() async throws {
        #expect(try await Self.run(["--version"]).output == "\(ProductVersion.text)\n")
    }

    @Test("prints ids alone, tables without their header, and narrows by cluster, label and time")
    func listForms() async throws {
        let page = #"{"items":[{"id":"a","cluster":"edge","source":"http"},{"id":"b"}]}"#
        let server = try ScriptedHTTPServer(then: .respond(body: page))
        #expect(try await Self.run(["list", "-o", "name"], server: server).output == "a\nb\n")
        #expect(try await Self.run(["list", "--no-headers"], server: server).output.split(separator: "\n").count == 2)
        #expect(try await Self.run(["list", "-o", "wide"], server: server).output.contains("CLUSTER"))
        #expect(try await Self.run(["list", "-o", "yaml"], server: server).output.hasPrefix("items:\n- id: a\n"))
        _ = try await Self.run(
            ["list", "--cluster", "edge", "-l", "a=b", "--since", "2026-01-01T00:00:00Z"],
            server: server
        )
        #expect(
            server.requests.last?.target == "/v1/tasks?cluster=edge&label=a%3Db&since=2026-01-01T00%3A00%3A00Z&limit=50"
        )
    }

    @Test("reads of a large task only what it shows, and all of it for JSON")
    func getLarge() async throws {
        let task =
            #"{"id":"x","status":"pulling","counts":{"nodesTotal":500,"nodesSucceeded":490,"nodesFailed":2,"nodesPulling":8}}"#
        let server = try ScriptedHTTPServer { request, connection in
            connection.respond(body: Array((request.target.contains("/nodes") ? Self.nodes : task).utf8))
        }
        let shown = try await Self.run(["get", "x"], server: server)
        #expect(shown.output.contains("not shown"))
        #expect(
            server.requests.map(\.target) == [
                "/v1/tasks/x", "/v1/tasks/x/nodes?state=failed&state=skipped&limit=50",
                "/v1/tasks/x/nodes?state=pulling&limit=49",
            ]
        )
        _ = try await Self.run(["get", "x", "-o", "json"], server: server)
        #expect(server.requests.last?.target == "/v1/tasks/x/nodes?limit=500")
    }

    @Test("lists over pages and gets with nodes")
    func listAndGet() async throws {
        let page = #"{"items":[{"id":"a","images":["h.io/x:1"]}],"nextCursor":"c 1"}"#
        let server = try ScriptedHTTPServer(
            [.respond(body: page), .respond(body: #"{"items":[{"id":"b"}]}"#)],
            then: .respond(body: "{}")
        )
        let list = try await Self.run(["list", "--status", "failed", "--label", "a=b"], server: server)
        #expect(list.code == 0)
        #expect(list.output.split(separator: "\n").count == 3)
        #expect(
            server.requests.map(\.target) == [
                "/v1/tasks?status=failed&label=a%3Db&limit=50",
                "/v1/tasks?status=failed&label=a%3Db&limit=49&cursor=c%201",
            ]
        )
        let other = try ScriptedHTTPServer(
            [.respond(body: Self.task("pulling").text())],
            then: .respond(body: Self.nodes)
        )
        let get = try await Self.run(["get", "x", "-o", "json"], server: other)
        #expect(try JSONValue(parsing: Array(get.output.utf8))["nodes"]?[0]?["node"] == "n1")
    }

    @Test("cancels several tasks and tells of each that could not be")
    func cancel() async throws {
        let server = try ScriptedHTTPServer(
            [
                .respond(status: 202, body: "{}"),
                .respond(status: 409, body: #"{"title":"Conflict","detail":"it has ended"}"#),
            ],
            then: .respond(status: 202, body: "{}")
        )
        let result = try await Self.run(["cancel", "a", "b", "c"], server: server)
        #expect(result.code == 5)
        #expect(result.output == "a is being cancelled\nc is being cancelled\n")
        #expect(result.error == "b: Conflict: it has ended\n")
        #expect(server.requests.map(\.method) == ["DELETE", "DELETE", "DELETE"])
    }

    @Test("shows what was sent about a task, and sends it again by id or by range")
    func webhooks() async throws {
        let list =
            #"{"items":[{"id":"t-failed","eventId":"t-failed","url":"https://x.example/h","state":"exhausted","attempt":10,"lastStatus":503,"attempts":[]}]}"#
        let server = try ScriptedHTTPServer(
            [
                .respond(status: 200, body: list), .respond(status: 202, body: "{}"),
                .respond(status: 409, body: #"{"title":"Conflict","detail":"on its way"}"#),
                .respond(status: 202, body: #"{"count":5000,"remaining":7}"#),
            ],
            then: .respond(status: 200, body: #"{"count":0,"remaining":3}"#)
        )
        let shown = try await Self.run(["webhooks", "list", "t"], server: server)
        #expect(shown.code == 0 && shown.output.contains("exhausted") && shown.output.contains("503"))
        let named = try await Self.run(["webhooks", "redeliver", "t-failed", "b"], server: server)
        #expect(
            named.code == 5 && named.output == "t-failed is sent again\n" && named.error == "b: Conflict: on its way\n"
        )
        let range = try await Self.run(
            ["webhooks", "redeliver", "--since", "2026-01-31T02:00:00Z", "--state", "delivered"],
            server: server
        )
        #expect(
            range.code == 0 && range.output == "5000 webhooks are sent again\n"
                && range.error == "7 are left: run it again\n"
        )
        let dry = try await Self.run(["webhooks", "redeliver", "--task", "t", "--dry-run"], server: server)
        #expect(dry.output == "3 webhooks would be sent again\n")
        #expect(server.requests[1].target == "/v1/deliveries/t-failed/redeliver")
        let body = try JSONValue(parsing: server.requests[3].body)
        #expect(body == ["since": "2026-01-31T02:00:00Z", "states": ["delivered"]])
        #expect(try JSONValue(parsing: server.requests[4].body) == ["taskId": "t", "dryRun": true])
    }

    @Test("seals for one task and registry without asking anybody")
    func seal() async throws {
        let pair = SealingKeyPair.generate()
        let result = try await Self.run(
            [
                "seal", "--registry", "https://H.io/v2/", "--username", "robot", "--idempotency-key", "k", "--project",
                "p",
                "--public-key", "\(pair.keyID):\(Base64.encode(pair.publicKey))",
            ],
            environment: ["LONGSHORE_PASSWORD": "pass-canary"]
        )
        #expect(result.code == 0)
        #expect(!result.output.contains("canary"))
        let printed = try JSONValue(parsing: Array(result.output.utf8))
        let entry = try #require(printed["credential"])
        let request = try TaskRequest.parse(["images": ["h.io/a"], "registryCredentials": [entry]], channel: .kafka)
        guard case .sealed(let box)? = request.credentials.first?.source else {
            Issue.record("not sealed")
            return
        }
        let taskID = TaskIDs.derived(project: "p", idempotencyKey: "k")
        #expect(printed["taskId"]?.string == taskID.text)
        let plain = try Unsealer(keys: [pair]).open(box, binding: SealBinding(taskID: taskID, scopeKey: "h.io"))
        guard case .basic("robot", let password)? = PlainCredential(sealedForm: plain) else {
            Issue.record("not an account")
            return
        }
        #expect(password.exposeUTF8() == "pass-canary")
    }

    @Test("shows the warnings of an answer on standard error, and those of a request that it seals itself")
    func warnings() async throws {
        var task = Self.task("queued")
        task["warnings"] = [
            ["pointer": "/registryCredentials/0", "code": "unusedCredential", "detail": "it covers no image\u{1B}[2J"]
        ]
        let server = try ScriptedHTTPServer(then: .respond(status: 202, body: task.text()))
        let result = try await Self.run(["submit", "h.io/a:1"], server: server)
        #expect(result.code == 0)
        #expect(result.error == "warning: registryCredentials[0]: it covers no image [2J\n")

        // Nothing is left to seal, so that no key is asked for.
        let sealing = try ScriptedHTTPServer(
            then: .respond(status: 202, body: Self.task("queued").text())
        )
        let sealed = try await Self.run(
            ["submit", "h.io/a:1", "--seal", "--credential", "h.io:443=robot"],
            server: sealing,
            environment: ["LONGSHORE_PASSWORD": "pass-canary"]
        )
        #expect(sealed.code == 0)
        #expect(sealed.error.hasPrefix("warning: registryCredentials[0]: it covers no image"), "\(sealed.error)")
        #expect(!sealing.requests.contains { $0.text.contains("canary") })
    }

    @Test("seals a submitted credential to the cluster's newest key when asked to")
    func submitSealed() async throws {
        let pair = SealingKeyPair.generate()
        let clusters: JSONValue = [
            "items": [
                ["cluster": "other", "keys": []],
                [
                    "cluster": "default",
                    "keys": [["keyId": .string(pair.keyID), "publicKey": .string(Base64.encode(pair.publicKey))]],
                ],
            ]
        ]
        let server = try ScriptedHTTPServer(
            [.respond(body: clusters.text())],
            then: .respond(status: 202, body: Self.task("queued").text())
        )
        let result = try await Self.run(
            ["submit", "h.io/a:1", "--seal", "--credential", "h.io=robot"],
            server: server,
            environment: ["LONGSHORE_PASSWORD": "pass-canary"]
        )
        #expect(result.code == 0)
        let request = try #require(server.requests.last)
        #expect(!request.text.contains("canary"))
        let body = try TaskRequest.parse(JSONValue(parsing: request.body), channel: .kafka)
        guard case .sealed(let box)? = body.credentials.first?.source else {
            Issue.record("not sealed")
            return
        }
        let key = try #require(request.header("Idempotency-Key"))
        let binding = SealBinding(taskID: TaskIDs.derived(project: "default", idempotencyKey: key), scopeKey: "h.io")
        _ = try Unsealer(keys: [pair]).open(box, binding: binding)
    }
}
