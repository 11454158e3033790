import Curl
import DeploymentSupport
import TestSupport
import Testing
import WireFormats

/// What somebody can send to POST /v1/tasks: always a 4xx with every fault, never a crash or a 500.
@Suite("Bad input over HTTP", .tags(.integration), .timeLimit(.minutes(2)))
struct BadInputTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let body: [UInt8]
        let status: Int
        /// Pointers that must be among the faults.
        let pointers: [String]

        init(_ name: String, _ body: [UInt8], _ status: Int, pointers: [String] = []) {
            self.testDescription = name
            self.body = body
            self.status = status
            self.pointers = pointers
        }

        init(_ name: String, _ text: String, _ status: Int, pointers: [String] = []) {
            self.init(name, Array(text.utf8), status, pointers: pointers)
        }
    }

    static let cases: [Case] = [
        Case("nothing", "", 400),
        Case("half an object", #"{"images": ["nginx:1.27""#, 400),
        Case("an array", "[]", 422),
        Case("a number too many", #"{"images": ["nginx:1.27"]} 1"#, 400),
        Case("bad UTF-8", Array(#"{"images": [""#.utf8) + [0xC3, 0x28] + Array(#""]}"#.utf8), 400),
        Case("NUL bytes", Array(#"{"images": ["ngi"#.utf8) + [0] + Array(#"nx"]}"#.utf8), 400),
        Case("an escaped NUL", #"{"images": ["ngi\u0000nx"]}"#, 400),
        Case("the same key twice", #"{"images": ["nginx:1.27"], "images": ["redis:7"]}"#, 400),
        Case("deep nesting", String(repeating: "[", count: 100_000), 400),
        Case(
            "deep nesting, closed",
            #"{"labels": "# + String(repeating: "[", count: 500) + String(repeating: "]", count: 500) + "}",
            400
        ),
        Case("no images", "{}", 422, pointers: ["/images"]),
        Case("empty images", #"{"images": []}"#, 422, pointers: ["/images"]),
        Case(
            "wrong types everywhere",
            #"{"images": "nginx", "batchSize": "10", "priority": 1.5, "labels": [], "nodeSelector": 3}"#,
            422,
            pointers: ["/images", "/batchSize", "/priority", "/labels", "/nodeSelector"]
        ),
        Case("an unknown field", #"{"images": ["nginx:1.27"], "imgaes": []}"#, 422, pointers: ["/imgaes"]),
        Case(
            "numbers out of range",
            #"{"images": ["nginx:1.27"], "batchSize": 1001, "priority": 11, "maxRetries": -1, "retryDelay": 0}"#,
            422,
            pointers: ["/batchSize", "/priority", "/maxRetries", "/retryDelay"]
        ),
        Case(
            "bad references",
            #"{"images": ["NGINX:1.27", "a b", "x@sha256:12", "host:port/x", ""]}"#,
            422,
            pointers: ["/images/0", "/images/1", "/images/2", "/images/4"]
        ),
        Case(
            "ten thousand images",
            #"{"images": ["# + (0..<10_000).map { "\"registry.example.com/a:\($0)\"" }.joined(separator: ",") + "]}",
            422,
            pointers: ["/images"]
        ),
        Case(
            "one credential for two registries",
            #"{"images": ["a.example.com/x:1", "b.example.com/x:1"], "username": "u", "password": "p"}"#,
            422
        ),
        Case(
            "a webhook with a password in it",
            #"{"images": ["nginx:1.27"], "webhookUrl": "https://u:pw@example.com/"}"#,
            422,
            pointers: ["/webhookUrl"]
        ),
        Case(
            "a huge number",
            #"{"images": ["nginx:1.27"], "batchSize": 1e999}"#,
            400
        ),
    ]

    @Test("It is refused with its faults", arguments: cases)
    func refused(_ bad: Case) async throws {
        let deployment = try await SharedDeployment.instance.get()
        let answer = try await deployment.api.send("POST", "/v1/tasks", body: bad.body)
        #expect((400..<500).contains(answer.status), "\(answer.status): \(answer.json.text())")
        #expect(answer.status == bad.status, "\(answer.json.text().prefix(600))")
        #expect(answer.response.header("content-type")?.hasPrefix("application/problem+json") == true)
        let pointers = Set((answer.json["errors"]?.array ?? []).compactMap { $0["pointer"]?.string })
        for pointer in bad.pointers {
            #expect(
                pointers.contains(pointer) || pointers.contains { $0.hasPrefix(pointer) },
                "\(pointer) is not among \(pointers.sorted())"
            )
        }
    }

    @Test("A body of two MiB is refused as too large")
    func tooLarge() async throws {
        let deployment = try await SharedDeployment.instance.get()
        let body = #"{"images": [""# + String(repeating: "x", count: 2 << 20) + #""]}"#
        let answer = try await deployment.api.send("POST", "/v1/tasks", body: Array(body.utf8))
        #expect(answer.status == 413)
    }

    @Test("Without a token, and with a wrong one, nothing is said", arguments: ["", "Bearer wrong", "Basic dTpw"])
    func unauthorized(_ header: String) async throws {
        let deployment = try await SharedDeployment.instance.get()
        let stranger = try APIClient(base: deployment.http, token: "wrong-\(header.count)")
        let answer = try await stranger.send("GET", "/v1/tasks")
        await stranger.close()
        #expect(answer.status == 401)
    }

    @Test(
        "Lists refuse what they do not know",
        arguments: ["?limit=0", "?limit=x", "?cursor=%00", "?status=nope", "?nosuch=1"]
    )
    func badQuery(_ query: String) async throws {
        let deployment = try await SharedDeployment.instance.get()
        let answer = try await deployment.api.send("GET", "/v1/tasks\(query)")
        #expect((400..<500).contains(answer.status), "\(answer.status)")
    }

    @Test(
        "Unknown tasks and paths are 404",
        arguments: ["/v1/tasks/nope", "/v1/tasks/01arz3ndektsv4rrffq69g5fav", "/v2", "/v1/tasks/../x"]
    )
    func unknown(_ path: String) async throws {
        let deployment = try await SharedDeployment.instance.get()
        let answer = try await deployment.api.send("GET", path)
        #expect([400, 404].contains(answer.status), "\(answer.status)")
    }
}
