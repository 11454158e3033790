import ClusterSimulator
import TestSupport
import Testing
import WireFormats

@Suite(.timeLimit(.minutes(2))) struct ControllerTests {
    @Test func `A Job runs one Pod to its end and goes with it`() async throws {
        try await SimulatorHarness.run { harness in
            let simulator = harness.simulator
            try simulator.apply(manifest: imageVolumeJob("j", node: "node-1", images: ["nginx:1", "h.io/a/b:2"]))
            try await waitUntil("the Job") {
                let conditions = harness.object("jobs.batch", "j")?[path: "status", "conditions"]?.array ?? []
                return conditions.contains { $0["type"] == "Complete" && $0["status"] == "True" }
            }
            let pod = try #require(harness.pod(ofJob: "j"))
            #expect(SimulatorHarness.phase(pod) == "Succeeded")
            let imageID = pod[path: "status", "containerStatuses"]?[0]?["imageID"]?.string
            #expect(imageID?.hasPrefix("docker.io/library/busybox@sha256:") == true)
            #expect(await simulator.hasImage("nginx:1", on: "node-1"))
            #expect(await simulator.hasImage("h.io/a/b:2", on: "node-1"))
            let names = harness.object("jobs.batch", "j")?[path: "status", "succeeded"]
            #expect(names == 1)
            let events = harness.eventReasons(pod[path: "metadata", "name"]?.string ?? "")
            #expect(events.isSuperset(of: ["Scheduled", "Pulling", "Pulled", "Created", "Started"]))
            try await harness.kubectl("delete", "job", "j")
            try await waitUntil("the Pod to go") { harness.pod(ofJob: "j") == nil }
        }
    }

    @Test func `A Job past its deadline fails and loses its Pod`() async throws {
        try await SimulatorHarness.run { harness in
            await harness.simulator.addImageFault(ImageFault(.hang))
            try harness.simulator.apply(
                manifest: imageVolumeJob("j", node: "node-1", images: ["a"], extra: ["activeDeadlineSeconds": 1])
            )
            try await waitUntil("the deadline") {
                let conditions = harness.object("jobs.batch", "j")?[path: "status", "conditions"]?.array ?? []
                return conditions.contains { $0["type"] == "Failed" && $0["reason"] == "DeadlineExceeded" }
            }
            try await waitUntil("the Pod to go") { harness.pod(ofJob: "j") == nil }
        }
    }

    @Test func `A finished Job is removed after its TTL, with its Pod`() async throws {
        try await SimulatorHarness.run { harness in
            try harness.simulator.apply(
                manifest: imageVolumeJob("j", node: "node-1", images: ["a"], extra: ["ttlSecondsAfterFinished": 0])
            )
            try await harness.waitUntilGone("jobs.batch", "j")
            try await waitUntil("the Pod to go") { harness.simulator.count("pods") == 0 }
        }
    }

    @Test func `A failed Pod fails a Job without retries`() async throws {
        try await SimulatorHarness.run { harness in
            try harness.simulator.apply(
                manifest: """
                    apiVersion: batch/v1
                    kind: Job
                    metadata: {name: j}
                    spec:
                      backoffLimit: 0
                      template:
                        spec:
                          restartPolicy: Never
                          containers:
                          - {name: a, image: "busybox:1.37.0-musl", command: [sh, -c, exit 3]}
                    """
            )
            let pod = try await harness.waitForPod(ofJob: "j", "the end") { SimulatorHarness.phase($0) == "Failed" }
            let state = pod[path: "status", "containerStatuses"]?[0]?[path: "state", "terminated"]
            #expect(state?["exitCode"] == 3)
            try await waitUntil("the Job") {
                let conditions = harness.object("jobs.batch", "j")?[path: "status", "conditions"]?.array ?? []
                return conditions.contains { $0["type"] == "Failed" && $0["reason"] == "BackoffLimitExceeded" }
            }
        }
    }

    // MARK: Garbage

    private func map(_ name: String, namespace: String = "default", owner: JSONValue?) -> String {
        var metadata: JSONValue = ["name": .string(name), "namespace": .string(namespace)]
        if let owner { metadata["ownerReferences"] = [owner] }
        return (["apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata] as JSONValue).text()
    }

    private func reference(_ harness: SimulatorHarness, _ name: String, blocks: Bool = false) throws -> JSONValue {
        let uid = try #require(harness.object("configmaps", name)?[path: "metadata", "uid"])
        return [
            "apiVersion": "v1", "kind": "ConfigMap", "name": .string(name), "uid": uid,
            "blockOwnerDeletion": .bool(blocks),
        ]
    }

    @Test func `What an owner leaves behind is deleted, through several generations`() async throws {
        try await SimulatorHarness.run { harness in
            let simulator = harness.simulator
            try simulator.apply(manifest: map("owner", owner: nil))
            try simulator.apply(manifest: map("child", owner: reference(harness, "owner")))
            try simulator.apply(manifest: map("grandchild", owner: reference(harness, "child")))
            try await harness.kubectl("delete", "configmap", "owner")
            try await harness.waitUntilGone("configmaps", "child")
            try await harness.waitUntilGone("configmaps", "grandchild")
        }
    }

    @Test func `Foreground deletion waits for dependents, orphaning keeps them`() async throws {
        try await SimulatorHarness.run { harness in
            let simulator = harness.simulator
            try simulator.apply(manifest: map("owner", owner: nil))
            try simulator.apply(manifest: map("child", owner: reference(harness, "owner", blocks: true)))
            try await harness.kubectl(
                "patch",
                "configmap",
                "child",
                "-p",
                "{\"metadata\":{\"finalizers\":[\"x.io/f\"]}}"
            )
            try await harness.kubectl("delete", "configmap", "owner", "--cascade=foreground", "--wait=false")
            try await waitUntil("the child's mark") {
                harness.object("configmaps", "child")?[path: "metadata", "deletionTimestamp"] != nil
            }
            #expect(harness.object("configmaps", "owner") != nil)
            try await harness.kubectl(
                "patch",
                "configmap",
                "child",
                "--type=merge",
                "-p",
                "{\"metadata\":{\"finalizers\":null}}"
            )
            try await harness.waitUntilGone("configmaps", "child")
            try await harness.waitUntilGone("configmaps", "owner")

            try simulator.apply(manifest: map("owner", owner: nil))
            try simulator.apply(manifest: map("child", owner: reference(harness, "owner")))
            try await harness.kubectl("delete", "configmap", "owner", "--cascade=orphan")
            try await waitUntil("the reference to go") {
                harness.object("configmaps", "child")?[path: "metadata", "ownerReferences"]?.isNull != false
                    || harness.object("configmaps", "child")?[path: "metadata", "ownerReferences"] == []
            }
        }
    }

    @Test func `An owner that is not there, or is in another namespace, means deletion`() async throws {
        try await SimulatorHarness.run { harness in
            let simulator = harness.simulator
            try simulator.apply(manifest: map("owner", owner: nil))
            let owner = try reference(harness, "owner")
            try simulator.apply(manifest: map("foreign", namespace: "kube-system", owner: owner))
            try await harness.waitUntilGone("configmaps", "foreign", namespace: "kube-system")
            var other = owner
            other["uid"] = "00000000-0000-4000-8000-000000000000"
            try simulator.apply(manifest: map("stale", owner: other))
            try await harness.waitUntilGone("configmaps", "stale")
            #expect(harness.object("configmaps", "owner") != nil)
        }
    }

    @Test func `A deleted namespace takes everything in it along`() async throws {
        try await SimulatorHarness.run { harness in
            try harness.simulator.apply(manifest: "{apiVersion: v1, kind: Namespace, metadata: {name: n}}")
            try await waitUntil("the service account") {
                harness.object("serviceaccounts", "default", namespace: "n") != nil
            }
            try harness.simulator.apply(manifest: map("m", namespace: "n", owner: nil))
            try await harness.kubectl("delete", "namespace", "n")
            #expect(harness.simulator.objects("configmaps", namespace: "n").isEmpty)
        }
    }

    // MARK: Scheduling and nodes

    @Test func `A Pod that fits no node says why and goes on once one fits`() async throws {
        try await SimulatorHarness.run(.with { $0.nodes = NodeTemplate.numbered(2) }) { harness in
            try await harness.kubectl("cordon", "node-1")
            try harness.simulator.apply(manifest: imageVolumeJob("j", node: "node-1", images: ["a"]))
            let pod = try await harness.waitForPod(ofJob: "j", "the refusal") {
                ($0[path: "status", "conditions"]?.array ?? []).contains { $0["reason"] == "Unschedulable" }
            }
            let message = pod[path: "status", "conditions"]?[0]?["message"]?.string ?? ""
            #expect(
                message.hasPrefix(
                    "0/2 nodes are available: 1 node(s) didn't match Pod's node affinity/selector, 1 node(s) were unschedulable."
                )
            )
            let name = pod[path: "metadata", "name"]?.string ?? ""
            try await waitUntil("the Event") { harness.eventReasons(name).contains("FailedScheduling") }
            try await harness.kubectl("uncordon", "node-1")
            _ = try await harness.waitForPod(ofJob: "j", "success") { SimulatorHarness.phase($0) == "Succeeded" }
        }
    }

    @Test func `A lost node becomes unreachable and its Pods are evicted; it can come back`() async throws {
        try await SimulatorHarness.run(.with { $0.timings.tolerationScale = 0.002 }) { harness in
            let simulator = harness.simulator
            await simulator.addImageFault(ImageFault(.hang))
            try simulator.apply(manifest: imageVolumeJob("j", node: "node-1", images: ["a"]))
            let first = try await harness.waitForPod(ofJob: "j", "the pull") {
                $0[path: "status", "containerStatuses"] != nil
            }
            await simulator.loseNode("node-1")
            try await waitUntil("the node to be unreachable") {
                let node = simulator.object("nodes", name: "node-1")
                let ready = node?[path: "status", "conditions"]?.array?.first { $0["type"] == "Ready" }
                return ready?["status"] == "Unknown"
            }
            let name = first[path: "metadata", "name"]?.string ?? ""
            try await waitUntil("the eviction") {
                harness.object("pods", name)?[path: "metadata", "deletionTimestamp"] != nil
            }
            await simulator.restoreNode("node-1")
            try await harness.waitUntilGone("pods", name)
            let taints = simulator.object("nodes", name: "node-1")?[path: "spec", "taints"]
            #expect(taints == nil)
        }
    }

    @Test func `Pods of a node that is removed are removed`() async throws {
        try await SimulatorHarness.run(.with { $0.nodes = NodeTemplate.numbered(2) }) { harness in
            await harness.simulator.addImageFault(ImageFault(.hang))
            try harness.simulator.apply(manifest: imageVolumeJob("j", node: "node-2", images: ["a"]))
            let pod = try await harness.waitForPod(ofJob: "j", "the pull") {
                $0[path: "status", "containerStatuses"] != nil
            }
            await harness.simulator.removeNode("node-2")
            try await harness.waitUntilGone("pods", pod[path: "metadata", "name"]?.string ?? "")
            #expect(harness.simulator.count("nodes") == 1)
        }
    }
}
