import ArgumentParser
import LongshoreDomain
import LongshoreMessages
import TestSupport
import Testing
import WireFormats

@testable import longshore

/// What options of the client's commands send, without a process of its own for each.
@Suite("Options of commands", .timeLimit(.minutes(2))) struct OptionEffectTests {
    /// A server that answers everything alike, the folder with the token, and what leads there.
    private struct Place {
        let server: ScriptedHTTPServer
        let folder: TemporaryDirectory
        let connection: [String]

        init(_ body: String) throws {
            server = try ScriptedHTTPServer(then: .respond(body: body))
            folder = try TemporaryDirectory()
            connection = ["--server", server.url(""), "--token-file", try folder.write("token", "t0ken")]
        }

        func close() {
            server.stop()
            folder.remove()
        }
    }

    @Test("narrow down a list")
    func list() async throws {
        let place = try Place(#"{"items":[]}"#)
        defer { place.close() }
        var arguments =
            place.connection + ["--status", "failed", "--project", "p", "--cluster", "edge", "--label", "a=b"]
        arguments += ["--image", "nginx", "--since", "2026-01-01T00:00:00Z", "--limit", "7"]
        try await ListCommand.asyncParse(arguments).run()
        #expect(
            place.server.requests.map(\.target) == [
                "/v1/tasks?status=failed&project=p&cluster=edge&label=a%3Db&image=nginx"
                    + "&since=2026-01-01T00%3A00%3A00Z&limit=7"
            ]
        )
    }

    @Test("narrow down the nodes of a task")
    func get() async throws {
        let place = try Place(#"{"id":"x","items":[],"counts":{"nodesTotal":500}}"#)
        defer { place.close() }
        try await GetCommand.asyncParse(place.connection + ["x", "--state", "failed", "--limit", "3"]).run()
        try await GetCommand.asyncParse(place.connection + ["x", "--all"]).run()
        #expect(
            place.server.requests.map(\.target).filter { $0.contains("/nodes") } == [
                "/v1/tasks/x/nodes?state=failed&limit=3", "/v1/tasks/x/nodes?limit=500",
            ]
        )
    }

    @Test("say which webhooks are sent again")
    func redeliver() async throws {
        let place = try Place(#"{"count":0,"remaining":0}"#)
        defer { place.close() }
        var arguments = place.connection + ["--since", "2026-01-31T02:00:00Z", "--until", "2026-01-31T03:00:00Z"]
        arguments += ["--task", "t", "--project", "p", "--state", "delivered", "--dry-run"]
        try await RedeliverCommand.asyncParse(arguments).run()
        let body = try JSONValue(parsing: try #require(place.server.requests.first).body)
        #expect(
            body == [
                "since": "2026-01-31T02:00:00Z", "until": "2026-01-31T03:00:00Z", "taskId": "t", "project": "p",
                "states": ["delivered"], "dryRun": true,
            ]
        )
    }

    @Test("change tasks, or say what is wished of each")
    func steering() async throws {
        let place = try Place("{}")
        defer { place.close() }
        var arguments = place.connection + ["x", "y", "--batch-size", "2", "--timeout", "3", "--deadline", "4"]
        arguments += ["--priority", "5", "--failure-tolerance", "0.5", "--max-retries", "6", "--ttl", "7"]
        try await EditCommand.asyncParse(arguments).run()
        #expect(place.server.requests.map(\.target) == ["/v1/tasks/x", "/v1/tasks/y"])
        #expect(
            try JSONValue(parsing: try #require(place.server.requests.first).body) == [
                "batchSize": 2, "timeoutSeconds": 3, "deadlineSeconds": 4, "priority": 5, "failureTolerance": 0.5,
                "maxRetries": 6, "ttlSecondsAfterFinished": 7,
            ]
        )
        try await RetryCommand.asyncParse(place.connection + ["x"]).run()
        try await PauseCommand.asyncParse(place.connection + ["x"]).run()
        try await ResumeCommand.asyncParse(place.connection + ["x"]).run()
        #expect(
            place.server.requests.suffix(3).map(\.target) == ["retry", "pause", "resume"].map { "/v1/tasks/x/\($0)" }
        )
    }

    @Test("name the event of a request that is sealed for, the cluster and a token")
    func seal() async throws {
        let pair = SealingKeyPair.generate()
        let key = #"{"keyId":"\#(pair.keyID)","publicKey":"\#(Base64.encode(pair.publicKey))"}"#
        let place = try Place(#"{"items":[{"cluster":"edge","keys":[\#(key)]}]}"#)
        defer { place.close() }
        let token = try place.folder.write("identity-token", "t0p-canary")
        var arguments = ["--registry", "h.io", "--identity-token-file", token, "--cluster", "edge"]
        arguments += ["--event-source", "/ci", "--event-id", "e1"]
        try await SealCommand.asyncParse(place.connection + arguments).run()
        #expect(place.server.requests.map(\.target) == ["/v1/clusters"])
        // Of a cluster without a key nothing can be sealed.
        arguments[5] = "other"
        await #expect(throws: CommandFailure.self) {
            try await SealCommand.asyncParse(place.connection + arguments).run()
        }
        // An account's password may come from a file, too.
        let password = try place.folder.write("password", "p")
        let account = ["--registry", "h.io", "--username", "u", "--password-file", password, "--idempotency-key", "k"]
        try await SealCommand.asyncParse(place.connection + account + ["--cluster", "edge"]).run()
        await #expect(throws: CommandFailure.self) {
            let missing = account.map { $0 == password ? "/does/not/exist" : $0 }
            try await SealCommand.asyncParse(place.connection + missing + ["--cluster", "edge"]).run()
        }
    }
}
