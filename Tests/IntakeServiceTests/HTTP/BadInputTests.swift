import Curl
import IntakeService
import TestSupport
import Testing
import WireFormats

/// Whatever is sent, the answer is a problem of RFC 9457 with a 4xx status; the service neither fails nor falls over.
@Suite(.timeLimit(.minutes(3)))
struct BadInputTests {
    struct Bad: Sendable, CustomTestStringConvertible {
        let name: String
        let body: [UInt8]
        let status: Int
        var testDescription: String { name }

        init(_ name: String, _ body: [UInt8], _ status: Int) {
            (self.name, self.body, self.status) = (name, body, status)
        }

        init(_ name: String, _ text: String, _ status: Int = 422) { self.init(name, Array(text.utf8), status) }
    }

    static let bodies: [Bad] = [
        Bad("empty", "", 400), Bad("space", "   ", 400), Bad("cut off", #"{"images": ["nginx""#, 400),
        Bad("two values", #"{"images": ["nginx"]} {}"#, 400), Bad("comment", #"{"images": ["nginx"]} // hi"#, 400),
        Bad("single quotes", "{'images': ['nginx']}", 400), Bad("trailing comma", #"{"images": ["nginx"],}"#, 400),
        Bad("NaN", #"{"images": ["nginx"], "priority": NaN}"#, 400),
        Bad("the same key twice", #"{"images": ["nginx"], "images": ["redis"]}"#, 400),
        Bad("a NUL byte", Array(#"{"images": ["ng"#.utf8) + [0] + Array(#"inx"]}"#.utf8), 400),
        Bad("an escaped NUL", #"{"images": ["nginx"], "labels": {"a": "\u0000"}}"#, 400),
        Bad("bad UTF-8", Array(#"{"images": ["ng"#.utf8) + [0xFF, 0xC0] + Array(#"inx"]}"#.utf8), 400),
        Bad("an overlong encoding", Array(#"{"images": [""#.utf8) + [0xC0, 0xAF] + Array(#""]}"#.utf8), 400),
        Bad("a lone surrogate", #"{"images": ["\ud800"]}"#, 400),
        Bad("a byte order mark", [0xEF, 0xBB, 0xBF] + Array(#"{"images": ["nginx"]}"#.utf8), 400),
        Bad("deep arrays", String(repeating: "[", count: 100_000), 400),
        Bad(
            "deep objects",
            String(repeating: #"{"a":"#, count: 50_000) + "1" + String(repeating: "}", count: 50_000),
            400
        ),
        Bad(
            "deep in a field",
            #"{"images": ["nginx"], "labels": "# + String(repeating: "[", count: 200)
                + String(repeating: "]", count: 200) + "}",
            400
        ),
        Bad("an array", "[]"), Bad("a number", "5"), Bad("null", "null"), Bad("a string", #""nginx""#),
        Bad("nothing in it", "{}"), Bad("no images", #"{"images": []}"#),
        Bad("images as text", #"{"images": "nginx"}"#),
        Bad("images as an object", #"{"images": {"a": 1}}"#), Bad("an image as a number", #"{"images": [1]}"#),
        Bad("a bad reference", #"{"images": ["NGINX::"]}"#), Bad("an empty reference", #"{"images": [""]}"#),
        Bad("a path as a reference", #"{"images": ["../../etc/passwd"]}"#),
        Bad("a URL as a reference", #"{"images": ["https://quay.io/a/b"]}"#),
        Bad("white space in a reference", #"{"images": ["nginx latest"]}"#),
        Bad("an unknown field", #"{"images": ["nginx"], "imagess": []}"#),
        Bad("a number too large", #"{"images": ["nginx"], "priority": 1e400}"#, 400),
        Bad("a priority out of range", #"{"images": ["nginx"], "priority": 11}"#),
        Bad("a fraction", #"{"images": ["nginx"], "batchSize": 1.5}"#),
        Bad("a huge integer", #"{"images": ["nginx"], "batchSize": 123456789012345678901234567890}"#),
        Bad(
            "a wrong type everywhere",
            #"{"images": ["nginx"], "labels": [], "nodes": 1, "overrides": {}, "checks": "x"}"#
        ),
        Bad("a webhook to a file", #"{"images": ["nginx"], "webhookUrl": "file:///etc/passwd"}"#),
        Bad("a webhook with a password", #"{"images": ["nginx"], "webhookUrl": "https://u:p@h/"}"#),
        Bad(
            "a credential without a registry for two",
            #"{"images": ["quay.io/a", "ghcr.io/b"], "username": "u", "password": "p"}"#
        ),
        Bad(
            "a broken docker config",
            #"{"images": ["nginx"], "registryCredentials": [{"dockerConfigJson": {"auths": {"x": {"auth": "!"}}}}]}"#
        ),
        Bad(
            "a sealed credential of nonsense",
            #"{"images": ["nginx"], "registryCredentials": [{"registry": "quay.io", "sealed": {"keyId": "k", "enc": "%", "ciphertext": ""}}]}"#
        ),
        Bad(
            "a saved credential",
            #"{"images": ["quay.io/a"], "registryCredentials": [{"registry": "quay.io", "credential": "x"}]}"#
        ),
        Bad("labels that Kubernetes refuses", #"{"images": ["nginx"], "labels": {"-": "x y"}}"#),
        Bad("a project that is no name", #"{"images": ["nginx"], "project": "../x"}"#),
        Bad("a cluster that is no name", #"{"images": ["nginx"], "cluster": "a.b"}"#),
    ]

    @Test(arguments: bodies)
    func `A bad body is answered with what is wrong with it`(bad: Bad) async throws {
        let intake = try await Intake.shared()
        let answer = try await intake.ask("POST", "/v1/tasks", body: bad.body)
        #expect(answer.status == bad.status, "\(answer.json)")
        #expect(answer.header("Content-Type") == "application/problem+json")
        #expect(answer.json["status"]?.integer == bad.status)
        if bad.status == 422 {
            #expect(!answer.pointers.isEmpty)
            #expect(answer.codes.count == answer.pointers.count)
        }
    }

    @Test
    func `Every fault is told at once`() async throws {
        let intake = try await Intake.shared()
        let answer = try await intake.submit([
            "images": ["nginx", "::", 5], "priority": 99, "batchSize": 0, "retryStrategy": "sideways",
            "timeoutSecond": 5,
            "registryCredentials": [["registry": "quay.io"]],
        ])
        #expect(answer.status == 422)
        for pointer in [
            "/images/1", "/images/2", "/priority", "/batchSize", "/retryStrategy", "/timeoutSecond",
            "/registryCredentials/0",
        ] {
            #expect(answer.pointers.contains { $0.hasPrefix(pointer) }, "\(pointer) in \(answer.pointers)")
        }
    }

    @Test
    func `A forged cursor is a fault of the request, in every list`() async throws {
        let intake = try await Intake.shared()
        let id = try #require(try await intake.submit(["images": ["nginx"]]).json["id"]?.string)
        func cursor(_ parts: String...) -> String {
            Base64.encodeURL(Array(JSONValue.array(parts.map(JSONValue.string)).serialized()))
        }
        let forged = [
            cursor("\(Int64.max)", id), cursor("\(Int64.min)", id), cursor("-62200000000000000", id),
            cursor("1700000000000000", "x"), cursor("A B"), cursor("n", "n"), cursor("\u{FFFF}"), "AAAA",
            "!",
        ]
        for text in forged {
            for path in ["/v1/tasks", "/v1/tasks/\(id)/nodes"] {
                let answer = try await intake.ask("GET", "\(path)?cursor=\(text)")
                #expect(answer.status == 400, "\(path) \(text): \(answer.json)")
                #expect(answer.pointers == ["/query/cursor"])
            }
        }
        for last in ["-1", "x", "1e3", "99999999999999999999"] {
            #expect(try await intake.ask("GET", "/v1/tasks/\(id)/events?lastEventId=\(last)").status == 400)
        }
    }

    @Test
    func `Ten thousand images are refused with a short answer`() async throws {
        let intake = try await Intake.shared()
        let many = JSONValue.array((0..<10_000).map { .string("quay.io/a/b:\($0)") })
        let answer = try await intake.submit(["images": many])
        #expect(answer.status == 422)
        #expect(answer.codes.contains("tooMany"))
        let wrong = JSONValue.array((0..<10_000).map { .string("::\($0)") })
        let faults = try await intake.submit(["images": wrong])
        #expect(faults.status == 422)
        #expect(faults.response.body.count < 100_000)
    }

    @Test
    func `A body beyond the limit is not read`() async throws {
        let intake = try await Intake.shared()
        let padding = String(repeating: "x", count: 2 << 20)
        let large = Array(#"{"images": ["nginx"], "labels": {"a": "\#(padding)"}}"#.utf8)
        let answer = try await intake.ask("POST", "/v1/tasks", body: large)
        #expect(answer.status == 413)
        // Without a length the limit is met while reading.
        let directory = try TemporaryDirectory()
        let file = try directory.write("body", String(decoding: large, as: UTF8.self))
        let chunked = try await TestProcess.run(
            "curl",
            [
                "-s", "-o", directory.appending("answer"), "-w", "%{http_code}", "-H", "Transfer-Encoding: chunked",
                "-H",
                "Content-Type: application/json",
                "-H",
                "Authorization: Bearer \(Intake.submitter)", "--data-binary", "@\(file)", intake.url("/v1/tasks"),
            ],
            check: false
        )
        #expect(chunked.standardOutput.hasPrefix("413"))
        // One that fits is read: the limit is the body's, not the connection's.
        #expect(try await intake.submit(["images": ["nginx"]]).status == 202)
    }

    @Test
    func `A body that is no JSON by its own account is refused`() async throws {
        let intake = try await Intake.shared()
        for headers in [
            [(name: "Content-Type", value: "text/plain")],
            [(name: "Content-Type", value: "application/x-www-form-urlencoded")],
            [(name: "Content-Encoding", value: "gzip"), (name: "Content-Type", value: "application/json")],
        ] {
            let answer = try await intake.ask(
                "POST",
                "/v1/tasks",
                body: Array(#"{"images": ["nginx"]}"#.utf8),
                headers: headers
            )
            #expect(answer.status == 415)
        }
        let suffixed = try await intake.ask(
            "POST",
            "/v1/tasks",
            body: Array(#"{"images": ["nginx"]}"#.utf8),
            headers: [(name: "Content-Type", value: "application/vnd.x+json; charset=utf-8")]
        )
        #expect(suffixed.status == 202)
    }

    @Test(arguments: [String(repeating: "k", count: 256), "a b", "ключ"])
    func `An idempotency key must be short and visible`(key: String) async throws {
        let intake = try await Intake.shared()
        #expect(try await intake.submit(["images": ["nginx"]], key: key).status == 400)
    }

    @Test
    func `No value of a bad request comes back, and none is logged`() async throws {
        let intake = try await Intake.shared()
        let marker = "sup3rs3cr3t"
        for body: JSONValue in [
            ["images": ["nginx"], "pasword": .string(marker)], ["images": [.string("\(marker)::")]],
            ["images": ["nginx"], "registryCredentials": [["registry": "quay.io", "username": .string(marker)]]],
            ["images": ["nginx"], "priority": .string(marker)],
            ["images": ["nginx"], "webhookUrl": .string("ftp://\(marker)@x")],
            ["images": ["quay.io/a"], "registryCredentials": .string(marker)],
        ] {
            let answer = try await intake.submit(body)
            #expect(answer.status == 422)
            #expect(!String(decoding: answer.response.body, as: UTF8.self).contains(marker))
        }
        #expect(!intake.logs.lines.contains { $0.contains(marker) })
    }

    @Test
    func `Noise on the socket does not stop the service`() async throws {
        let intake = try await Intake.shared()
        for noise in [
            "\u{16}\u{3}\u{1}", "GET / HTTP/9.9\r\n\r\n", "POST /v1/tasks HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
            "\r\n\r\n\r\n",
        ] {
            let script =
                "printf '%s' \"$NOISE\" | timeout 2 bash -c 'exec 3<>/dev/tcp/127.0.0.1/\(intake.port); cat >&3; timeout 1 cat <&3'"
            try await TestProcess.run("bash", ["-c", script], environment: ["NOISE": noise], check: false)
        }
        #expect(try await intake.submit(["images": ["nginx"]]).status == 202)
    }
}
