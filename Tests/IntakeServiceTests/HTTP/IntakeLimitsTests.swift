import IntakeService
import TestSupport
import Testing
import WireFormats

/// What a listener, the keys of the fleet and a token's rate allow; each needs an intake of its own.
@Suite(.timeLimit(.minutes(3)))
struct IntakeLimitsTests {
    @Test
    func `A listener that is open to a network takes no secrets in the clear`() async throws {
        let intake = try await Intake { $0.host = "0.0.0.0" }
        let body: JSONValue = [
            "images": ["quay.io/a/b"], "registry": "quay.io", "username": "u", "password": "hunter2hunter2",
        ]
        let answer = try await intake.submit(body)
        #expect(answer.status == 426)
        #expect(answer.header("Upgrade") == "TLS/1.3, HTTP/1.1")
        #expect(!answer.json.text().contains("hunter2"))
        #expect(try await intake.submit(["images": ["nginx"]]).status == 202)
        let referenced: JSONValue = [
            "images": ["quay.io/a/b"], "registryCredentials": [["registry": "quay.io", "secretRef": ["name": "s"]]],
        ]
        #expect(try await intake.submit(referenced).status == 202)
        try await intake.stop()
    }

    @Test
    func `Without a key of the cluster a secret cannot be sealed and is not taken`() async throws {
        let intake = try await Intake(announcesKey: false)
        let body: JSONValue = ["images": ["quay.io/a/b"], "registry": "quay.io", "username": "u", "password": "p"]
        let answer = try await intake.submit(body)
        #expect(answer.status == 503)
        #expect(answer.header("Retry-After") != nil)
        #expect(try await intake.submit(["images": ["nginx"]]).status == 202)
        try await intake.announceKey(cluster: "default")
        #expect(try await intake.submit(body).status == 202)
        try await intake.stop()
    }

    @Test
    func `A token that asks too often has to wait`() async throws {
        // Two at once and one more each second: of so many at once the last are too many on the slowest machine.
        let intake = try await Intake(announcesKey: false) { $0.requestsPerSecond = 1 }
        let answers = try await withThrowingTaskGroup(of: Intake.Answer.self) { group in
            for _ in 0..<64 { group.addTask { try await intake.ask("GET", "/v1/clusters") } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(answers.count { $0.status == 200 } >= 2)
        let refused = answers.filter { $0.status == 429 }
        #expect(!refused.isEmpty)
        #expect(answers.count == refused.count + answers.count { $0.status == 200 })
        #expect(refused.allSatisfy { $0.header("Retry-After") == "1" })
        try await intake.stop()
    }
}
