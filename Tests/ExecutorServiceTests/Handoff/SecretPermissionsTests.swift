import ClusterSimulator
import KubernetesAPI
import LongshoreDomain
import LongshoreMessages
import Redaction
import TestSupport
import Testing

@testable import ExecutorService

@Suite(.timeLimit(.minutes(3))) struct SecretPermissionsTests {
    private static let task = TaskIDs.derived(project: "p", idempotencyKey: "k")

    private static func denial(
        labels: [String: String] = [:],
        annotations: [String: String] = [:],
        type: String = Secret.dockerConfigJSONType,
        needsProject: Bool = false
    ) throws -> SecretPermissions.Denial? {
        let client = try KubernetesClient(
            configuration: KubernetesConfiguration(
                server: "http://127.0.0.1:1",
                defaultNamespace: "longshore",
                authentication: .none
            ),
            logger: LogRecorder().logger
        )
        let permissions = SecretPermissions(client: client, namespace: "longshore", needsProject: needsProject)
        let secret = Secret(
            metadata: ObjectMeta(name: "s", namespace: "longshore", labels: labels, annotations: annotations),
            type: type,
            data: [:]
        )
        return permissions.denial(of: secret, task: task, project: "p")
    }

    @Test func `a Secret is for the projects that it names, or for all when it names none`() throws {
        #expect(try Self.denial() == nil)
        #expect(try Self.denial(needsProject: true) == .noProject)
        #expect(try Self.denial(labels: ["longshore.dev/project": "p"], needsProject: true) == nil)
        #expect(try Self.denial(labels: ["longshore.dev/project": "q"]) == .otherProject)
        #expect(try Self.denial(labels: ["longshore.dev/project": "pp"]) == .otherProject)
        for list in ["p", "q,p", "q, p ,r", "*", "q,*"] {
            #expect(try Self.denial(annotations: ["longshore.dev/projects": list], needsProject: true) == nil)
        }
        for list in ["q", "q,pp", "P", "p*"] {
            #expect(try Self.denial(annotations: ["longshore.dev/projects": list]) == .otherProject)
        }
        #expect(
            try Self.denial(labels: ["longshore.dev/project": "q"], annotations: ["longshore.dev/projects": "p"]) == nil
        )
    }

    @Test func `what Longshore has made for others or for itself is for nobody`() throws {
        let own = ["app.kubernetes.io/managed-by": "longshore", "longshore.dev/project": "p"]
        #expect(try Self.denial(labels: own) == .reserved)
        #expect(try Self.denial(type: SealingKeys.secretType) == .reserved)
        #expect(try Self.denial(labels: own.merging(["longshore.dev/task": "another"]) { $1 }) == .otherTask)
        #expect(try Self.denial(labels: own.merging(["longshore.dev/task": Self.task.text]) { $1 }) == nil)
    }

    /// Each place in which a task can name a Secret.
    private static let places: [@Sendable (inout TaskSpec) throws -> Void] = [
        { $0.images[0] = RequestedImage(reference: $0.images[0].reference, secretName: "team-q") },
        { spec in
            let scope = RegistryScope(registryOf: spec.images[0].reference)
            spec.credentials = [CredentialReference(scope: scope, secretName: "team-q", isManaged: false)]
        },
        { spec in
            // Whoever can write messages may say that it is the task's own.
            let scope = RegistryScope(registryOf: spec.images[0].reference)
            spec.credentials = [CredentialReference(scope: scope, secretName: "team-q", isManaged: true)]
        },
        { spec in
            let selector = LabelSelector()
            spec.overrides = [NodeOverride(selector: selector, secretName: "team-q")]
        },
    ]

    @Test(arguments: places.indices)
    func `a task that names another project's Secret is refused before anything is made for it`(place: Int) async throws
    {
        try await ExecutorWorld.with { world in
            let executor = try await world.startExecutor()
            try world.simulator.apply(manifest: Self.secret)
            let change = Self.places[place]
            let task = try await world.submit(["registry.example.com/a:1"], change: { try? change(&$0) })
            let end = try await world.waitForEnd(task.taskID)
            #expect(end.type == .taskRejected && end.reason == "SecretNotAllowed" && end.cause == .policyDenied)
            #expect(end.faults.count == 1 && end.message?.contains("longshore.dev/projects") == true)
            #expect(end.sequence > 1)
            #expect(world.simulator.callCounts()["create pulltasks.longshore.dev"] == nil)
            #expect(world.simulator.callCounts()["create jobs.batch"] == nil)
            await executor.stop()
        }
    }

    @Test func `a PullTask that names one is rejected, and so is one of a project that it is for not`() async throws {
        try await ExecutorWorld.with { world in
            let executor = try await world.startExecutor()
            try world.simulator.apply(manifest: Self.secret)
            for (name, project) in [("thief", "default"), ("owner", "q")] {
                try world.simulator.apply(
                    manifest: """
                        apiVersion: longshore.dev/v1
                        kind: PullTask
                        metadata: {name: \(name), namespace: longshore}
                        spec:
                          project: \(project)
                          images: [{image: "registry.example.com/a:1", secretRef: {name: team-q}}]
                          checks: []
                        """
                )
            }
            let refused = try await world.waitForPhase("thief", .rejected)
            let accepted = refused.status.conditions["Accepted"]
            #expect(accepted?.status == .false && accepted?.reason == "SecretNotAllowed")
            #expect(accepted?.message?.contains("/images/0/secretRef") == true)
            let end = try await world.waitForEnd(try #require(refused.taskID))
            #expect(end.type == .taskRejected && end.faults.count == 1)
            _ = try await world.waitForPhase("owner", .succeeded)
            #expect(world.simulator.callCounts()["create jobs.batch"] == 3)
            await executor.stop()
        }
    }

    /// Taken over with a Secret that is allowed; while its first node pulls, the Secret is given to another project.
    @Test func `a Secret that is no longer the project's is named by no further Pod`() async throws {
        try await ExecutorWorld.with { world in
            try world.simulator.apply(manifest: Self.secret.replacing("project: q", with: "project: default"))
            for node in 1...3 { await world.simulator.setPullSpeed("node-\(node)", latency: .seconds(3)) }
            let executor = try await world.startExecutor()
            let task = try await world.submit(
                ["registry.example.com/a:1"],
                change: { spec in
                    spec.images[0] = RequestedImage(reference: spec.images[0].reference, secretName: "team-q")
                    spec.batchSize = 1
                    spec.failureTolerance = .ratio(0.9)
                }
            )
            try await waitUntil("the first Job") { world.simulator.callCounts()["create jobs.batch"] == 1 }
            try world.simulator.apply(manifest: Self.secret)
            _ = try await world.waitForEnd(task.taskID)
            let ends = world.events(task.taskID).filter { $0.type == .nodeFailed }
            #expect(ends.count == 2 && ends.allSatisfy { $0.cause == .policyDenied })
            #expect(ends.allSatisfy { $0.message?.contains("this Secret is for other projects") == true })
            #expect(world.simulator.callCounts()["create jobs.batch"] == 1)
            await executor.stop()
        }
    }

    @Test func `each use of a Secret is judged by what it says now, and many nodes ask once`() async throws {
        try await ExecutorWorld.with { world in
            let permissions = SecretPermissions(client: world.client, namespace: "longshore", needsProject: false)
            let uses = SecretUses(permissions: permissions)
            var spec = TaskSpec(images: [
                RequestedImage(reference: try ImageReference(parsing: "nginx"), secretName: "team-q")
            ])
            spec.project = "p"
            // One that nobody has allowed yet is not named: whoever creates it has not been asked.
            #expect(try await uses.judge(["team-q"], task: Self.task, spec: spec) == .allowed([]))
            try world.simulator.apply(manifest: Self.secret)
            try await waitUntil("the Secret to be seen") {
                try await uses.judge(["team-q"], task: Self.task, spec: spec)
                    == .denied(name: "team-q", .otherProject)
            }
            spec.project = "q"
            let before = world.simulator.callCounts()["get secrets"] ?? 0
            await withTaskGroup(of: Bool.self) { [spec] group in
                for _ in 0..<200 {
                    group.addTask {
                        (try? await uses.judge(["team-q"], task: Self.task, spec: spec)) == .allowed(["team-q"])
                    }
                }
                for await isAllowed in group { #expect(isAllowed) }
            }
            #expect((world.simulator.callCounts()["get secrets"] ?? 0) - before < 50)
        }
    }

    private static let secret = """
        apiVersion: v1
        kind: Secret
        metadata: {name: team-q, namespace: longshore, labels: {longshore.dev/project: q}}
        type: kubernetes.io/dockerconfigjson
        stringData: {.dockerconfigjson: '{"auths":{"registry.example.com":{"auth":"YTpi"}}}'}
        """
}
