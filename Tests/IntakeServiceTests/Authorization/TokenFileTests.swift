import Crypto
import TestSupport
import Testing
import WireFormats

@testable import IntakeService

struct TokenFileTests {
    private func entry(_ token: String, project: String = "default", role: String = "submitter") -> String {
        let hash = Hex.encode(SHA256.hash(data: Array(token.utf8)))
        return #"{"name": "n-\#(token)", "sha256": "\#(hash)", "project": "\#(project)", "role": "\#(role)"}"#
    }

    @Test
    func `A token is known by its hash alone`() throws {
        let directory = try TemporaryDirectory()
        let file = try directory.write(
            "t",
            #"{"tokens": [\#(entry("one")), \#(entry("two", project: "*", role: "admin"))]}"#
        )
        let tokens = try TokenFile(path: file, logger: quietLogger)
        #expect(tokens.principal(bearing: "one") == Principal(name: "n-one", project: "default", role: .submitter))
        #expect(tokens.principal(bearing: "two")?.role == .admin)
        for wrong in ["", "on", "One", "one ", "three", Hex.encode(SHA256.hash(data: Array("one".utf8)))] {
            #expect(tokens.principal(bearing: wrong) == nil)
        }
        #expect(tokens.projects == ["default", "*"])
    }

    @Test
    func `A file that changes is read again, and one that breaks changes nothing`() async throws {
        let directory = try TemporaryDirectory()
        let file = try directory.write("t", #"{"tokens": [\#(entry("one"))]}"#)
        let tokens = try TokenFile(path: file, logger: quietLogger)
        let following = Task { await tokens.follow(every: .milliseconds(5)) }
        try directory.write("t", #"{"tokens": [\#(entry("two"))]}"#)
        try await waitUntil { tokens.principal(bearing: "two") != nil }
        #expect(tokens.principal(bearing: "one") == nil)
        try directory.write("t", "{")
        tokens.reload()
        #expect(tokens.principal(bearing: "two") != nil)
        following.cancel()
        await following.value
    }

    @Test(arguments: [
        "", "[]", #"{"tokens": {}}"#, #"{"tokens": [{"name": "a"}]}"#,
        #"{"tokens": [{"name": "a", "sha256": "00", "project": "p", "role": "admin"}]}"#,
        #"{"tokens": [{"name": "a", "sha256": "0000000000000000000000000000000000000000000000000000000000000000", "project": "p", "role": "king"}]}"#,
        #"{"tokens": [{"name": "a", "sha256": "0000000000000000000000000000000000000000000000000000000000000000", "project": "", "role": "admin"}]}"#,
    ])
    func `A malformed file is refused at start`(contents: String) throws {
        let directory = try TemporaryDirectory()
        let file = try directory.write("t", contents)
        #expect(throws: TokenFileError.self) { try TokenFile(path: file, logger: quietLogger) }
        #expect(throws: TokenFileError.self) { try TokenFile(path: file + "-missing", logger: quietLogger) }
    }

    @Test
    func `Roles include those before them`() {
        #expect(Role.viewer < .submitter)
        #expect(Role.submitter < .admin)
        #expect(Principal(name: "", project: "*", role: .viewer).covers(project: "anything"))
        #expect(!Principal(name: "", project: "a", role: .viewer).covers(project: "b"))
    }
}

struct RateLimiterTests {
    @Test
    func `A bucket lets twice the rate pass at once and fills up again`() {
        let limiter = RateLimiter(rate: 10)
        let start = ContinuousClock.now
        for _ in 0..<20 { #expect(limiter.take("a", at: start) == nil) }
        let wait = limiter.take("a", at: start)
        #expect(wait == .milliseconds(100))
        #expect(limiter.take("b", at: start) == nil)
        #expect(limiter.take("a", at: start + .milliseconds(100)) == nil)
        #expect(limiter.take("a", at: start + .milliseconds(100)) != nil)
        // A clock that goes back gives nothing.
        #expect(limiter.take("a", at: start) != nil)
        for _ in 0..<20 { #expect(limiter.take("a", at: start + .seconds(1_000)) == nil) }
        #expect(limiter.take("a", at: start + .seconds(1_000)) != nil)
    }

    @Test
    func `A rate of nothing limits nothing`() {
        let limiter = RateLimiter(rate: 0)
        for _ in 0..<1_000 { #expect(limiter.take("a") == nil) }
    }
}
