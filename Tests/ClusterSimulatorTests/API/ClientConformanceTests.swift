import FoundationEssentials
import KubernetesAPI
import Logging
import Redaction
import TestSupport
import Testing
import WireFormats

/// The Kubernetes client against a whole API server: the simulator, or the cluster of `LONGSHORE_TEST_KUBECONFIG`. What holds
/// for both is what services may rely on.
@Suite(.timeLimit(.minutes(3))) struct ClientConformanceTests {
    /// A cluster with a namespace of the test's own.
    private struct Cluster {
        let client: KubernetesClient
        let namespace: String
    }

    private func withCluster(_ body: (Cluster) async throws -> Void) async throws {
        let given = ProcessInfo.processInfo.environment["LONGSHORE_TEST_KUBECONFIG"] ?? ""
        guard given.isEmpty else { return try await use(given, body) }
        try await SimulatorHarness.run { harness in try await use(harness.kubeconfigPath, body) }
    }

    private func use(_ kubeconfig: String, _ body: (Cluster) async throws -> Void) async throws {
        let configuration = try await KubernetesConfiguration.load(kubeconfig: kubeconfig)
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let client = try KubernetesClient(configuration: configuration, logger: logger)
        let namespace = "conformance-\(UInt32.random(in: 0...UInt32.max))"
        try await client.create(Namespace(metadata: ObjectMeta(name: namespace)))
        do {
            try await body(Cluster(client: client, namespace: namespace))
        } catch {
            try? await client.delete(Namespace.self, name: namespace)
            await client.close()
            throw error
        }
        try await client.delete(Namespace.self, name: namespace)
        await client.close()
    }

    private func lease(_ name: String, in cluster: Cluster, holder: String = "a", app: String = "x") -> Lease {
        Lease(
            metadata: ObjectMeta(name: name, namespace: cluster.namespace, labels: ["app": app]),
            holderIdentity: holder,
            leaseDurationSeconds: 15,
            renewTime: Timestamp(rfc3339: "2026-11-20T10:00:00.123456Z")
        )
    }

    private func reason(_ call: () async throws -> Void) async -> KubernetesError.Reason? {
        do {
            try await call()
            return nil
        } catch {
            return (error as? KubernetesError)?.reason
        }
    }

    @Test func `an object is created, read, replaced and deleted`() async throws {
        try await withCluster { cluster in
            let client = cluster.client
            let created = try await client.create(lease("l", in: cluster))
            #expect(created.metadata.uid != nil && created.metadata.resourceVersion != nil)
            #expect(created.renewTime == lease("l", in: cluster).renewTime)
            #expect(await reason { try await client.create(lease("l", in: cluster)) } == .alreadyExists)
            var changed = try await client.get(Lease.self, name: "l", namespace: cluster.namespace)
            changed.holderIdentity = "b"
            let replaced = try await client.replace(changed)
            #expect(replaced.holderIdentity == "b")
            #expect(replaced.metadata.resourceVersion != created.metadata.resourceVersion)
            // The version is that of before: somebody else has written since.
            #expect(await reason { try await client.replace(changed) } == .conflict)
            let other = DeleteOptions(uid: "00000000-0000-0000-0000-000000000000")
            let wrong = await reason {
                try await client.delete(Lease.self, name: "l", namespace: cluster.namespace, other)
            }
            #expect(wrong == .conflict)
            let own = DeleteOptions(uid: created.metadata.uid)
            try await client.delete(Lease.self, name: "l", namespace: cluster.namespace, own)
            let left = try await client.getIfPresent(Lease.self, name: "l", namespace: cluster.namespace)
            #expect(left == nil)
        }
    }

    @Test func `patches of every kind are applied`() async throws {
        try await withCluster { cluster in
            let client = cluster.client
            func patch(_ body: PatchBody) async throws -> Lease {
                try await client.patch(Lease.self, name: "l", namespace: cluster.namespace, body)
            }
            try await client.create(lease("l", in: cluster))
            let merged = try await patch(.merge(["metadata": ["labels": ["app": nil, "b": "c"]]]))
            #expect(merged.metadata.labels == ["b": "c"])
            let edited = try await patch(
                .json([["op": "replace", "path": "/spec/holderIdentity", "value": "j"]])
            )
            #expect(edited.holderIdentity == "j")
            let strategic = try await patch(.strategic(["spec": ["leaseTransitions": 4]]))
            #expect(strategic.leaseTransitions == 4)
            var wanted = lease("applied", in: cluster, holder: "s")
            let applied = try await client.apply(wanted, fieldManager: "one")
            #expect(applied.holderIdentity == "s")
            wanted.holderIdentity = "t"
            let again = try await client.apply(wanted, fieldManager: "one")
            #expect(again.holderIdentity == "t")
            #expect(again.metadata.uid == applied.metadata.uid)
        }
    }

    @Test func `pages and selectors find each object once`() async throws {
        try await withCluster { cluster in
            for index in 0..<7 {
                try await cluster.client.create(lease("l\(index)", in: cluster, app: index < 5 ? "x" : "y"))
            }
            let options = ListOptions(namespace: cluster.namespace, labelSelector: "app in (x)")
            let page = try await cluster.client.list(
                Lease.self,
                ListOptions(namespace: cluster.namespace, labelSelector: "app=x", limit: 2)
            )
            #expect(page.items.count == 2 && page.continueToken != nil)
            let all = try await cluster.client.listAll(Lease.self, options, pageSize: 2)
            #expect(all.items.compactMap(\.metadata.name).sorted() == ["l0", "l1", "l2", "l3", "l4"])
            let named = ListOptions(namespace: cluster.namespace, fieldSelector: "metadata.name=l6")
            let one = try await cluster.client.list(Lease.self, named)
            #expect(one.items.map(\.metadata.name) == ["l6"])
            try await cluster.client.deleteCollection(Lease.self, options)
            let left = try await cluster.client.listAll(Lease.self, ListOptions(namespace: cluster.namespace))
            #expect(left.items.compactMap(\.metadata.name).sorted() == ["l5", "l6"])
        }
    }

    @Test func `a watch goes on after the version of a list, and after one of its own events`() async throws {
        try await withCluster { cluster in
            let client = cluster.client
            try await client.create(lease("before", in: cluster))
            var options = ListOptions(namespace: cluster.namespace)
            options.resourceVersion = try await client.list(Lease.self, options).resourceVersion
            try await client.create(lease("after", in: cluster))
            try await client.delete(Lease.self, name: "before", namespace: cluster.namespace)
            var iterator = client.watch(Lease.self, options).makeAsyncIterator()
            let first = try await iterator.next()
            #expect(first?.object?.metadata.name == "after")
            options.resourceVersion = first?.resourceVersion
            var resumed = client.watch(Lease.self, options).makeAsyncIterator()
            let next = try await resumed.next()
            guard case .deleted(let gone)? = next else {
                Issue.record("not a deletion")
                return
            }
            #expect(gone.metadata.name == "before")
        }
    }

    @Test func `an informer agrees with the server in the end`() async throws {
        try await withCluster { cluster in
            let informer = Informer(
                client: cluster.client,
                type: Lease.self,
                options: ListOptions(namespace: cluster.namespace, timeoutSeconds: 1)
            )
            try await cluster.client.create(lease("first", in: cluster))
            let runner = Task { try await informer.run() }
            try await informer.waitUntilSynced()
            #expect(informer.count == 1)
            // Watches end every second, so that some of these come between two of them.
            for index in 0..<30 {
                try await cluster.client.create(lease("l\(index)", in: cluster))
                if index.isMultiple(of: 3) {
                    try await cluster.client.delete(Lease.self, name: "l\(index)", namespace: cluster.namespace)
                }
                try await Task.sleep(for: .milliseconds(100))
            }
            let options = ListOptions(namespace: cluster.namespace)
            let truth = try await cluster.client.listAll(Lease.self, options).items.compactMap(\.metadata.name)
            try await waitUntil("the informer to know all") {
                Set(informer.list().compactMap(\.metadata.name)) == Set(truth)
            }
            #expect(informer.health.lists == 1)
            #expect(informer.health.watches > 1)
            runner.cancel()
            _ = await runner.result
        }
    }

    @Test func `a Secret keeps its bytes, and a bad pull Secret is refused`() async throws {
        try await withCluster { cluster in
            let bytes = (0...255).map { UInt8($0) }
            let metadata = ObjectMeta(name: "s", namespace: cluster.namespace)
            try await cluster.client.create(Secret(metadata: metadata, data: ["k": SecretBytes(bytes)]))
            let read = try await cluster.client.get(Secret.self, name: "s", namespace: cluster.namespace)
            #expect(read.data["k"]?.exposeBytes() == bytes)
            let bad = Secret(
                metadata: ObjectMeta(name: "bad", namespace: cluster.namespace),
                type: Secret.dockerConfigJSONType,
                data: [Secret.dockerConfigJSONKey: SecretBytes(utf8: "not json")]
            )
            #expect(await reason { try await cluster.client.create(bad) } == .invalid)
        }
    }

    @Test func `an object goes with its owner`() async throws {
        try await withCluster { cluster in
            let client = cluster.client
            let owner = try await client.create(lease("owner", in: cluster))
            var owned = lease("owned", in: cluster)
            owned.metadata.ownerReferences = [try #require(OwnerReference(controller: owner))]
            try await client.create(owned)
            try await client.delete(Lease.self, name: "owner", namespace: cluster.namespace)
            try await waitUntil("the owned object to go") {
                try await client.getIfPresent(Lease.self, name: "owned", namespace: cluster.namespace) == nil
            }
        }
    }

    @Test func `the version and our rights are told`() async throws {
        try await withCluster { cluster in
            let version = try await cluster.client.serverVersion()
            #expect(version.major == 1 && version.minor > 20)
            let mayCreate = try await cluster.client.canI(
                "create",
                "jobs",
                group: "batch",
                namespace: cluster.namespace
            )
            #expect(mayCreate)
        }
    }
}
