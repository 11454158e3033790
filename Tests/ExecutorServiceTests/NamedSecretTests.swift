import ClusterSimulator
import KubernetesAPI
import LongshoreDomain
import LongshoreMessages
import Redaction
import TestSupport
import Testing
import WireFormats

@testable import ExecutorService

/// Secrets that a task names and somebody else has made, and images for which a task has no credential.
@Suite(.timeLimit(.minutes(5))) struct NamedSecretTests {
    private struct Case: Sendable {
        var name: String
        var type = Secret.dockerConfigJSONType
        /// `HOST` stands for the registry, `PORT` for its port.
        var content: String
        /// A part of the message of a task that fails before any Job; nil when the image is pulled.
        var refusal: String?
    }

    private static let good = #"{"auth": "YWxpY2U6cmlnaHQtY2FuYXJ5"}"#
    private static let wrong = #"{"username": "alice", "password": "wrong-canary"}"#

    private static let cases: [Case] = [
        Case(name: "glob", content: #"{"auths": {"*.0.0.*:PORT": \#(good)}}"#),
        Case(name: "prefix", content: #"{"auths": {"HOST/team/pre": \#(good)}}"#),
        Case(name: "scheme", content: #"{"auths": {"https://HOST/v1/": \#(good)}}"#),
        Case(name: "empty", content: #"{"auths": {"HOST/team": {}, "HOST": \#(good), "x.io": null}}"#),
        Case(name: "word", content: #"{"auths": {"harbor": \#(good), "a b": \#(good), "HOST": \#(good)}}"#),
        Case(
            name: "stale",
            content: #"{"auths": {"HOST": {"username": "bob", "password": "old", "auth": "YWxpY2U6cmlnaHQtY2FuYXJ5"}}}"#
        ),
        Case(name: "broken", content: #"{"auths": {"HOST": {"auth": "YWxpY2U6cm\nlnaHQtY2Fu\r\nYXJ5\n"}}}"#),
        Case(name: "case", content: #"{"Auths": {"HOST": {"Username": "alice", "Password": "right-canary"}}}"#),
        Case(
            name: "token",
            content: #"{"auths": {"HOST": {"auth": "YWxpY2U6cmlnaHQtY2FuYXJ5", "identitytoken": "t"}}}"#
        ),
        Case(name: "old", type: Secret.dockercfgType, content: #"{"HOST": \#(good)}"#),
        Case(name: "several", content: #"{"auths": {"HOST/team/several": \#(wrong), "HOST/team": \#(good)}}"#),
        Case(
            name: "allwrong",
            content: #"{"auths": {"HOST/team": \#(wrong), "HOST": \#(wrong)}}"#,
            refusal: "authentication required"
        ),
        Case(
            name: "base64",
            content: #"{"auths": {"HOST": \#(good), "x.io": {"auth": "canary!"}}}"#,
            refusal: "illegal base64 data at input byte 6"
        ),
        Case(
            name: "colon",
            content: #"{"auths": {"HOST": \#(good), "x.io": {"auth": "Y2FuYXJ5"}}}"#,
            refusal: "unable to parse auth field"
        ),
        Case(name: "opaque", type: "Opaque", content: "{}", refusal: "is not of the type"),
    ]

    @Test func `a named Secret is read as the kubelet reads it, in the check and on the nodes`() async throws {
        let registry = try await RegistryServer(accounts: ["alice": "right-canary"])
        for item in Self.cases {
            try await RegistryTests.push(registry, "team/\(item.name)", ("alice", "right-canary"))
        }
        let (host, port) = (registry.host, registry.port)
        try await ExecutorWorld.with(nodes: NodeTemplate.numbered(1), pulls: .registry) { world in
            let executor = try await world.startExecutor()
            var tasks: [TaskID] = []
            for item in Self.cases {
                let content = item.content.replacing("HOST", with: host).replacing("PORT", with: "\(port)")
                let key = item.type == Secret.dockercfgType ? Secret.dockercfgKey : Secret.dockerConfigJSONKey
                try await world.client.create(
                    Secret(
                        metadata: ObjectMeta(name: item.name, namespace: "longshore"),
                        type: item.type,
                        data: [key: SecretBytes(utf8: content)]
                    )
                )
                tasks.append(try await Self.submit("\(host)/team/\(item.name):1", secret: item.name, to: world))
            }
            for (item, task) in zip(Self.cases, tasks) {
                let end = try await world.waitForEnd(task)
                #expect(end.type == (item.refusal == nil ? .taskSucceeded : .taskFailed), "\(item.name)")
                guard let refusal = item.refusal else { continue }
                let told = world.events(task).compactMap(\.message).joined(separator: "\n")
                #expect(end.cause == .unauthorized, "\(item.name)")
                // A credential that was refused a moment ago is not tried again, and that is said instead.
                let words = item.name == "allwrong" ? [refusal, "refused this credential"] : [refusal]
                let isTold = words.contains { told.lowercased().contains($0.lowercased()) }
                #expect(isTold, "\(item.name): \(told)")
                #expect(!world.events(task).contains { $0.type == .nodePulling }, "\(item.name)")
            }
            #expect(!world.log.text.contains("canary"))
            #expect(!world.allEvents.contains { $0.message?.contains("canary") == true })
            await executor.stop()
        }
        await registry.stop()
    }

    @Test func `a credential of another Secret of the same Pod counts, as the kubelet tries all of them`() async throws
    {
        let registry = try await RegistryServer(accounts: ["alice": "right-canary"])
        for name in ["a", "b"] { try await RegistryTests.push(registry, "team/\(name)", ("alice", "right-canary")) }
        let host = registry.host
        try await ExecutorWorld.with(nodes: NodeTemplate.numbered(1), pulls: .registry) { world in
            let executor = try await world.startExecutor()
            for (name, entry) in [("first", Self.wrong), ("second", Self.good)] {
                try await world.client.create(
                    Secret(
                        metadata: ObjectMeta(name: name, namespace: "longshore"),
                        type: Secret.dockerConfigJSONType,
                        data: [Secret.dockerConfigJSONKey: SecretBytes(utf8: #"{"auths": {"\#(host)": \#(entry)}}"#)]
                    )
                )
            }
            let task = try await world.submit(["\(host)/team/a:1", "\(host)/team/b:1"]) { spec in
                spec.checks = [.registry]
                spec.images = zip(spec.images, ["first", "second"]).map {
                    RequestedImage(reference: $0.reference, secretName: $1)
                }
            }
            #expect(try await world.waitForEnd(task.taskID).type == .taskSucceeded)
            await executor.stop()
        }
        await registry.stop()
    }

    @Test func `an anonymous refusal is for the nodes to find out, who may have credentials of their own`() async throws
    {
        let registry = try await RegistryServer(accounts: ["alice": "right-canary"])
        for name in ["a", "b"] { try await RegistryTests.push(registry, "team/\(name)", ("alice", "right-canary")) }
        let host = registry.host
        var nodes = NodeTemplate.numbered(2)
        let own = NodeTemplate.RegistryCredential(
            location: "\(host)/team/a",
            username: "alice",
            password: SecretBytes(utf8: "right-canary")
        )
        for index in nodes.indices { nodes[index].registryCredentials = [own] }
        try await ExecutorWorld.with(nodes: nodes, pulls: .registry) { world in
            let executor = try await world.startExecutor()
            let able = try await world.submit(["\(host)/team/a:1"]) { $0.checks = [.registry] }
            #expect(try await world.waitForEnd(able.taskID).type == .taskSucceeded)
            let note = "not checked: no credential given (\(host)/team/a:1)"
            #expect(world.events(able.taskID).contains { $0.type == .taskPulling && $0.message == note })
            let pullTask = try await world.client.getIfPresent(
                PullTask.self,
                name: able.taskID.text,
                namespace: "longshore"
            )
            #expect(pullTask?.status.conditions[PullTaskKeys.checked]?.message == note)

            let unable = try await world.submit(["\(host)/team/b:1"]) { $0.checks = [.registry] }
            let end = try await world.waitForEnd(unable.taskID)
            #expect(end.type == .taskFailed && end.cause == .unauthorized)
            #expect(world.events(unable.taskID).contains { $0.type == .nodePulling })

            // A wrong credential that was given is final, whatever nodes have.
            let wrong = try await world.submit(["\(host)/team/a:1"], credentials: [(host, "alice", "wrong-canary")]) {
                $0.checks = [.registry]
                $0.pullPolicy = .always
            }
            #expect(try await world.waitForEnd(wrong.taskID).cause == .unauthorized)
            #expect(!world.events(wrong.taskID).contains { $0.type == .nodePulling })
            await executor.stop()
        }
        await registry.stop()
    }

    private static func submit(_ image: String, secret: String, to world: ExecutorWorld) async throws -> TaskID {
        try await world.submit([image]) { spec in
            spec.checks = [.registry]
            let scope = RegistryScope(registryOf: spec.images[0].reference)
            spec.credentials = [CredentialReference(scope: scope, secretName: secret, isManaged: false)]
        }.taskID
    }
}
