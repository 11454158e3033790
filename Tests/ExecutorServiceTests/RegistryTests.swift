import ClusterSimulator
import KubernetesAPI
import LongshoreDomain
import LongshoreMessages
import OCIRegistry
import Redaction
import TestSupport
import Testing
import WireFormats

@testable import ExecutorService

/// With real registries behind the simulated kubelets.
@Suite(.timeLimit(.minutes(5))) struct RegistryTests {
    static func push(_ registry: RegistryServer, _ repository: String, _ account: (String, String)?) async throws {
        let client = try RegistryClient()
        let image = BuiltImage(layers: [[TarFile(path: "hello", bytes: Array(repository.utf8))]])
        let credential = account.map {
            OCIRegistry.RegistryCredential.basic(username: $0.0, password: SecretBytes(utf8: $0.1))
        }
        try await client.push(
            image,
            host: registry.host,
            repository: repository,
            tag: "1",
            credential: credential ?? .anonymous
        )
        await client.close()
    }

    @Test func `two registries with two credentials and a public one`() async throws {
        let first = try await RegistryServer(accounts: ["alice": "first-canary"])
        let second = try await RegistryServer(accounts: ["bob": "second-canary"])
        let open = try await RegistryServer()
        try await Self.push(first, "team/a", ("alice", "first-canary"))
        try await Self.push(second, "team/b", ("bob", "second-canary"))
        try await Self.push(open, "public/c", nil)
        let images = ["\(first.host)/team/a:1", "\(second.host)/team/b:1", "\(open.host)/public/c:1"]
        let hosts = (first.host, second.host)
        try await ExecutorWorld.with(pulls: .registry) { world in
            let executor = try await world.startExecutor()
            let task = try await world.submit(
                images,
                credentials: [(hosts.0, "alice", "first-canary"), (hosts.1, "bob", "second-canary")]
            ) { $0.checks = [.registry, .disk] }
            let end = try await world.waitForEnd(task.taskID)
            #expect(end.type == .taskSucceeded && end.counts.succeeded == 3)
            for image in images { #expect(await world.simulator.hasImage(image, on: "node-2")) }
            try await world.waitUntilClean()
            #expect(!world.log.text.contains("canary"))
            await executor.stop()
        }
        for registry in [first, second, open] { await registry.stop() }
    }

    @Test(arguments: [Set<TaskCheck>([.registry]), []])
    func `a wrong password fails its image and no other`(checks: Set<TaskCheck>) async throws {
        let guarded = try await RegistryServer(accounts: ["alice": "right-canary"])
        let open = try await RegistryServer()
        try await Self.push(guarded, "team/a", ("alice", "right-canary"))
        try await Self.push(open, "public/c", nil)
        let host = guarded.host
        let (bad, good) = ("\(guarded.host)/team/a:1", "\(open.host)/public/c:1")
        try await ExecutorWorld.with(pulls: .registry) { world in
            let executor = try await world.startExecutor()
            let task = try await world.submit([bad, good], credentials: [(host, "alice", "wrong-canary")]) {
                $0.checks = checks
            }
            let end = try await world.waitForEnd(task.taskID)
            #expect(end.type == .taskFailed && end.cause == .unauthorized && end.counts.failed == 3)
            for node in 1...3 { #expect(await world.simulator.hasImage(good, on: "node-\(node)")) }
            for event in world.events(task.taskID) where event.type == .nodeFailed {
                #expect(event.images.map(\.phase) == [.failed, .pulled])
                #expect(event.images.first?.cause == .unauthorized)
                #expect(event.message?.contains("wrong-canary") == false)
            }
            try await world.waitUntilClean()
            #expect(!world.log.text.contains("canary"))
            await executor.stop()
        }
        for registry in [guarded, open] { await registry.stop() }
    }

    @Test func `a missing tag is found out without a Job, and Secrets of others are not used`() async throws {
        let open = try await RegistryServer()
        let missing = "\(open.host)/public/none:1"
        try await ExecutorWorld.with(pulls: .registry) { world in
            let executor = try await world.startExecutor()
            let task = try await world.submit([missing]) { $0.checks = [.registry] }
            let end = try await world.waitForEnd(task.taskID)
            #expect(end.type == .taskFailed && end.cause == .notFound)
            #expect(world.simulator.callCounts()["create jobs.batch"] == nil)
            try world.simulator.apply(
                manifest: """
                    apiVersion: v1
                    kind: Secret
                    metadata:
                      name: pull-of-another
                      namespace: longshore
                      labels: {app.kubernetes.io/managed-by: longshore, longshore.dev/task: another}
                    type: kubernetes.io/dockerconfigjson
                    stringData: {.dockerconfigjson: '{"auths":{"\(open.host)":{"auth":"YTpi"}}}'}
                    """
            )
            let thief = try await world.submit([missing]) { spec in
                let scope = RegistryScope(registryOf: spec.images[0].reference)
                spec.credentials = [
                    CredentialReference(scope: scope, secretName: "pull-of-another", isManaged: false)
                ]
            }
            let refused = try await world.waitForEnd(thief.taskID)
            #expect(refused.cause == .policyDenied)
            await executor.stop()
        }
        await open.stop()
    }

    @Test func `the check of disks alone sets small nodes aside, and leaves what registries refuse to the nodes`()
        async throws
    {
        let open = try await RegistryServer()
        try await Self.push(open, "public/c", nil)
        let (there, missing) = ("\(open.host)/public/c:1", "\(open.host)/public/none:1")
        var nodes = NodeTemplate.numbered(2)
        nodes[1].ephemeralStorageBytes = 100
        try await ExecutorWorld.with(nodes: nodes, pulls: .registry) { world in
            let executor = try await world.startExecutor()
            let task = try await world.submit([there]) { $0.checks = [.disk] }
            let end = try await world.waitForEnd(task.taskID)
            #expect(end.type == .taskSucceeded && end.counts.skipped == 1 && end.counts.succeeded == 1)
            let aside = world.events(task.taskID).first { $0.type == .nodeSkipped }
            #expect(aside?.node == "node-2" && aside?.reason == "DiskPressure")
            let unchecked = try await world.submit([missing]) { $0.checks = [.disk] }
            let failed = try await world.waitForEnd(unchecked.taskID)
            // A node has found out, in a Job, where the registry's check would have failed the task before.
            #expect(failed.type == .taskFailed && failed.cause == .notFound)
            #expect(world.events(unchecked.taskID).contains { $0.type == .nodePulling })
            await executor.stop()
        }
        await open.stop()
    }
}
