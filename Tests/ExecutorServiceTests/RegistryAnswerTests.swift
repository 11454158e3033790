import ClusterSimulator
import KubernetesAPI
import LongshoreDomain
import LongshoreMessages
import TestSupport
import Testing
import WireFormats

@testable import ExecutorService

/// What registries may answer when they are asked before nodes pull.
@Suite(.timeLimit(.minutes(3))) struct RegistryAnswerTests {
    private struct Case: Sendable {
        var name: String
        var answer: Behaviour
        /// Why the task fails without a Job; nil when nodes are to find out.
        var cause: FailureCause?
    }

    private static let hubLimit = Behaviour.respond(
        status: 429,
        headers: [("Retry-After", "3600"), ("RateLimit-Limit", "100;w=21600"), ("RateLimit-Remaining", "0;w=21600")],
        body: #"{"errors":[{"code":"TOOMANYREQUESTS","message":"You have reached your pull rate limit."}]}"#
    )

    private static let harborPolicy = Behaviour.respond(
        status: 412,
        body: #"{"errors":[{"code":"PROJECTPOLICYVIOLATION","message":"The image is not signed in Notary."}]}"#
    )

    /// A registry and its own token server that answer every token with another challenge.
    private static let loop = Behaviour { request, connection in
        if request.target.hasPrefix("/token") {
            _ = connection.respond(body: Array(#"{"token":"x"}"#.utf8))
            return
        }
        let realm = "http://\(request.header("Host") ?? "")/token"
        connection.respond(status: 401, headers: [("WWW-Authenticate", "Bearer realm=\"\(realm)\",service=\"x\"")])
    }

    private static let cases: [Case] = [
        // No credential was given: nodes may have one of their own.
        Case(name: "unauthorized", answer: .respond(status: 401), cause: nil),
        Case(name: "forbidden", answer: .respond(status: 403), cause: nil),
        Case(name: "not found", answer: .respond(status: 404), cause: .notFound),
        Case(name: "project policy", answer: harborPolicy, cause: .policyDenied),
        Case(name: "precondition", answer: .respond(status: 412), cause: .policyDenied),
        Case(name: "unpaid", answer: .respond(status: 402), cause: .policyDenied),
        Case(name: "court", answer: .respond(status: 451), cause: .policyDenied),
        Case(name: "challenges without end", answer: loop, cause: nil),
        Case(name: "rate limit", answer: hubLimit, cause: nil),
        Case(name: "error", answer: .respond(status: 500), cause: nil),
        Case(name: "overload", answer: .respond(status: 503, headers: [("Retry-After", "120")]), cause: nil),
        Case(name: "silence", answer: .hang, cause: nil),
        Case(name: "drip", answer: .drip(intervalMilliseconds: 50), cause: nil),
        Case(name: "reset", answer: .reset, cause: nil),
        Case(name: "endless", answer: .endless(), cause: nil),
        Case(name: "no registry", answer: .respond(body: "<html>Welcome</html>"), cause: nil),
        Case(name: "cut", answer: .raw("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"), cause: nil),
        Case(name: "circle", answer: .redirect(status: 307, to: "/v2/again"), cause: nil),
        Case(
            name: "another digest",
            answer: .respond(
                headers: [("Docker-Content-Digest", "sha256:" + String(repeating: "0", count: 64))],
                body: "{}"
            ),
            cause: nil
        ),
    ]

    @Test func `what every node would hear fails the image at once, anything else is for the nodes to find out`()
        async throws
    {
        let servers = try Self.cases.map { try ScriptedHTTPServer(then: $0.answer) }
        defer { for server in servers { server.stop() } }
        try await ExecutorWorld.with { world in
            let executor = try await world.startExecutor {
                $0.registryCheckTimeout = .seconds(2)
                // Who takes a task up again after a lost Lease may ask its registries again.
                $0.leaseDuration = .seconds(300)
            }
            var tasks: [TaskID] = []
            for server in servers {
                let task = try await world.submit(["127.0.0.1:\(server.port)/team/a:1"]) { $0.checks = [.registry] }
                tasks.append(task.taskID)
            }
            for (item, task) in zip(Self.cases, tasks) {
                let end = try await world.waitForEnd(task)
                #expect(end.type == (item.cause == nil ? .taskSucceeded : .taskFailed), "\(item.name)")
                #expect(end.cause == item.cause, "\(item.name)")
            }
            await executor.stop()
        }
        // None is asked again and again: a challenge, a token and another try are the most, a circle's end apart.
        for (item, server) in zip(Self.cases, servers) {
            #expect((1...6).contains(server.requests.count), "\(item.name): \(server.requests.count)")
        }
    }
}
