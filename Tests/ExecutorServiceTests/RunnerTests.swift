import ClusterSimulator
import KubernetesAPI
import LongshoreDomain
import LongshoreMessages
import RDKafka
import TestSupport
import Testing
import WireFormats

@testable import ExecutorService

@Suite(.timeLimit(.minutes(5))) struct RunnerTests {
    @Test func `cancelling in the middle removes Jobs and Secrets and is told once`() async throws {
        try await ExecutorWorld.with { world in
            await world.simulator.setPullSpeed("node-2", latency: .seconds(600))
            await world.simulator.setPullSpeed("node-3", latency: .seconds(600))
            let executor = try await world.startExecutor()
            let task = try await world.submit(
                ["registry.example.com/a:1"],
                credentials: [("registry.example.com", "robot", "s3cret-canary")]
            )
            try await waitUntil("the first node") {
                world.events(task.taskID).contains { $0.type == .nodeSucceeded }
            }
            try await world.command(.cancel, task)
            let end = try await world.waitForEnd(task.taskID)
            #expect(end.type == .taskCancelled && end.reason == "Requested")
            #expect(end.counts == TaskCounts(nodesTotal: 3, succeeded: 1, skipped: 2))
            _ = try await world.waitForPhase(task.taskID.text, .cancelled)
            try await world.waitUntilClean()
            try await world.command(.cancel, task)
            let other = try await world.submit(["nginx:1.27"]) { $0.nodeSelection.names = ["node-1"] }
            _ = try await world.waitForEnd(other.taskID)
            #expect(world.allEvents.count { $0.taskID == task.taskID && $0.type.isTerminal } == 1)
            await executor.stop()
        }
    }

    @Test func `deleting the PullTask cancels its task`() async throws {
        try await ExecutorWorld.with { world in
            for node in 1...3 { await world.simulator.setPullSpeed("node-\(node)", latency: .seconds(600)) }
            let executor = try await world.startExecutor()
            let task = try await world.submit(["nginx:1.27"])
            try await waitUntil("the Jobs") { world.simulator.count("jobs.batch") == 3 }
            try await world.client.delete(PullTask.self, name: task.taskID.text, namespace: "longshore")
            let end = try await world.waitForEnd(task.taskID)
            #expect(end.type == .taskCancelled && end.reason == "Deleted")
            try await world.waitUntilClean()
            await executor.stop()
        }
    }

    @Test func `pausing holds nodes back, and a larger window takes effect at once`() async throws {
        try await ExecutorWorld.with { world in
            await world.simulator.setPullSpeed("node-1", latency: .seconds(4))
            let executor = try await world.startExecutor()
            let task = try await world.submit(["nginx:1.27"]) { $0.batchSize = 1 }
            try await waitUntil("the first Job") { world.simulator.count("jobs.batch") == 1 }
            try await world.command(.pause, task)
            _ = try await world.waitForPhase(task.taskID.text, .paused)
            try await waitUntil("the node in work") {
                world.events(task.taskID).contains { $0.type == .nodeSucceeded }
            }
            #expect(world.events(task.taskID).count { $0.type == .nodePulling } == 1)
            try await world.command(.patch, task, patch: TaskPatch(batchSize: 5))
            try await world.command(.resume, task)
            let end = try await world.waitForEnd(task.taskID)
            #expect(end.type == .taskSucceeded)
            let kinds = world.events(task.taskID).map(\.type)
            #expect(kinds.contains(.taskPaused) && kinds.count { $0 == .taskPulling } == 2)
            let pullTask = try await world.waitForPhase(task.taskID.text, .succeeded)
            #expect(pullTask.spec["batchSize"]?.integer == 5)
            await executor.stop()
        }
    }

    @Test func `a PullTask that kubectl made is worked on and introduces itself`() async throws {
        try await ExecutorWorld.with { world in
            let executor = try await world.startExecutor()
            try world.simulator.apply(
                manifest: """
                    apiVersion: longshore.dev/v1
                    kind: PullTask
                    metadata: {name: warm, namespace: longshore}
                    spec: {images: ["nginx:1.27"], nodes: {names: ["node-1", "no-such"]}, checks: []}
                    """
            )
            let pullTask = try await world.waitForPhase("warm", .succeeded)
            let id = try #require(pullTask.taskID)
            let end = try await world.waitForEnd(id)
            let events = world.events(id)
            #expect(end.counts == TaskCounts(nodesTotal: 2, succeeded: 1, skipped: 1))
            #expect(events.first?.type == .taskChecking && events.first?.source == .kubernetes)
            #expect(events.first?.spec?.images.map(\.reference.familiar) == ["nginx:1.27"])
            try await world.waitUntilClean()
            await executor.stop()
        }
    }

    @Test func `a PullTask that makes no sense is rejected with everything that is wrong`() async throws {
        try await ExecutorWorld.with { world in
            let executor = try await world.startExecutor()
            try world.simulator.apply(
                manifest: """
                    apiVersion: longshore.dev/v1
                    kind: PullTask
                    metadata: {name: broken, namespace: longshore}
                    spec: {images: ["NGINX:", "a b"], checks: [], webhookUrl: "https://ci.example.com/hook"}
                    """
            )
            let pullTask = try await world.waitForPhase("broken", .rejected)
            #expect(pullTask.status.conditions["Accepted"]?.reason == "InvalidSpec")
            let end = try await world.waitForEnd(try #require(pullTask.taskID))
            #expect(end.type == .taskRejected && end.faults.count == 2 && end.faultCount == nil)
            #expect(end.source == .kubernetes && end.project == "default")
            #expect(end.webhook == WebhookWish(url: "https://ci.example.com/hook", events: WebhookEventNames.defaults))
            #expect(world.simulator.count("jobs.batch") == 0)
            await executor.stop()
        }
    }

    @Test func `the end is acknowledged by Kafka before the PullTask says so`() async throws {
        try await ExecutorWorld.with { world in
            await world.simulator.setPullSpeed("node-1", latency: .milliseconds(1_500))
            let executor = try await world.startExecutor()
            let task = try await world.submit(["nginx:1.27"]) { $0.nodeSelection.names = ["node-1"] }
            try await waitUntil("the node to be in work") {
                world.events(task.taskID).contains { $0.type == .nodePulling }
            }
            try world.kafka.setBrokerDown(1)
            try await waitUntil("the image") { await world.simulator.hasImage("nginx:1.27", on: "node-1") }
            // Long enough for many status intervals.
            for _ in 0..<20 {
                try await Task.sleep(for: .milliseconds(100))
                #expect(try await world.pullTask(task.taskID.text)?.isFinished == false)
            }
            try world.kafka.setBrokerUp(1)
            let end = try await world.waitForEnd(task.taskID)
            #expect(end.type == .taskSucceeded)
            _ = try await world.waitForPhase(task.taskID.text, .succeeded)
            await executor.stop()
        }
    }

    @Test func `nodes fail with their cause and are retried, then the task says how many`() async throws {
        try await ExecutorWorld.with { world in
            await world.simulator.setDiskFull("node-2", true)
            let executor = try await world.startExecutor()
            let task = try await world.submit(["nginx:1.27"]) { spec in
                spec.nodeSelection.names = ["node-1", "node-2", "node-3"]
                spec.maxRetries = 1
                spec.retryDelaySeconds = 1
                spec.nodeSelection.tolerations = [LongshoreDomain.Toleration(key: nil)]
                spec.timeoutSeconds = 60
            }
            let end = try await world.waitForEnd(task.taskID)
            let skipped = world.events(task.taskID).first { $0.type == .nodeSkipped }
            if skipped == nil {
                #expect(end.type == .taskFailed && end.cause == .disk && end.counts.failed == 1)
                let failed = world.events(task.taskID).first { $0.type == .nodeFailed }
                #expect(failed?.node == "node-2" && failed?.attempt == 2)
                let pullTask = try await world.waitForPhase(task.taskID.text, .failed)
                #expect(pullTask.status.failures.map(\.node) == ["node-2"])
            } else {
                #expect(skipped?.reason == "DiskPressure", "the node may report its pressure first")
            }
            try await world.waitUntilClean()
            await executor.stop()
        }
    }

    @Test func `a node that vanishes is skipped and does not hold the task up`() async throws {
        try await ExecutorWorld.with { world in
            await world.simulator.setPullSpeed("node-2", latency: .seconds(600))
            let executor = try await world.startExecutor()
            let task = try await world.submit(["nginx:1.27"])
            try await waitUntil("the others") {
                world.events(task.taskID).count { $0.type == .nodeSucceeded } == 2
            }
            await world.simulator.removeNode("node-2")
            let end = try await world.waitForEnd(task.taskID)
            #expect(end.type == .taskSucceeded && end.counts == TaskCounts(nodesTotal: 3, succeeded: 2, skipped: 1))
            await executor.stop()
        }
    }

    @Test func `images that are there need no Job`() async throws {
        let nodes = ["a", "b"].map { NodeTemplate(name: $0, preloadedImages: ["docker.io/library/nginx:1.27"]) }
        try await ExecutorWorld.with(nodes: nodes) { world in
            let executor = try await world.startExecutor()
            let task = try await world.submit(["nginx:1.27"])
            let end = try await world.waitForEnd(task.taskID)
            #expect(end.type == .taskSucceeded)
            #expect(world.simulator.callCounts()["create jobs.batch"] == nil)
            let phases = world.events(task.taskID).filter { $0.type == .nodeSucceeded }.flatMap(\.images).map(\.phase)
            #expect(phases == [.present, .present])
            await executor.stop()
        }
    }

    @Test func `old nodes pull without image volumes`() async throws {
        let nodes = [
            NodeTemplate(name: "old", kubeletVersion: "v1.29.0", runtimeVersion: "containerd://1.7.0"),
            NodeTemplate(name: "new"),
        ]
        try await ExecutorWorld.with(nodes: nodes) { world in
            let executor = try await world.startExecutor()
            let task = try await world.submit(["nginx:1.27", "alpine:3"])
            let end = try await world.waitForEnd(task.taskID)
            #expect(end.counts == TaskCounts(nodesTotal: 2, succeeded: 2))
            #expect(await world.simulator.hasImage("alpine:3", on: "old"))
            await executor.stop()
        }
    }

    @Test func `a PullTask goes after its time, and an API server that fails now and then changes nothing`()
        async throws
    {
        try await ExecutorWorld.with { world in
            for resource in ["jobs", "pulltasks/status", "pulltasks"] {
                world.simulator.addFault(APIFault(.status(503), resource: resource, count: 3))
                world.simulator.addFault(APIFault(.drop, resource: resource, count: 2, happensAfterwards: true))
            }
            let executor = try await world.startExecutor()
            let task = try await world.submit(["nginx:1.27"]) { $0.ttlSecondsAfterFinished = 1 }
            let end = try await world.waitForEnd(task.taskID)
            #expect(end.type == .taskSucceeded)
            try await waitUntil("the PullTask to go") { try await world.pullTask(task.taskID.text) == nil }
            try await world.waitUntilClean()
            await executor.stop()
        }
    }

    @Test func `no end of a node is told before it is written down`() async throws {
        try await ExecutorWorld.with { world in
            // Long enough for the fault to be there before the first node is done.
            for node in 1...3 { await world.simulator.setPullSpeed("node-\(node)", latency: .seconds(6)) }
            let executor = try await world.startExecutor { $0.leaseDuration = .seconds(300) }
            let task = try await world.submit(["nginx:1.27"])
            try await waitUntil("the nodes to be started") {
                world.events(task.taskID).count { $0.type == .nodePulling } == 3
            }
            let fault = world.simulator.addFault(APIFault(.status(503), resource: "pulltasks/status", count: nil))
            try await waitUntil("the write that fails") { world.log.text.contains("The status could not be written") }
            for node in 1...3 {
                try await waitUntil("the image") { await world.simulator.hasImage("nginx:1.27", on: "node-\(node)") }
            }
            try await Task.sleep(for: .milliseconds(700))
            #expect(!world.events(task.taskID).contains { $0.type == .nodeSucceeded })
            world.simulator.removeFault(fault)
            let end = try await world.waitForEnd(task.taskID)
            #expect(end.counts == TaskCounts(nodesTotal: 3, succeeded: 3))
            #expect(world.events(task.taskID).count { $0.type == .nodeSucceeded } == 3)
            await executor.stop()
        }
    }

    @Test func `the next attempt waits until the Job of the former one is gone`() async throws {
        try await ExecutorWorld.with(nodes: NodeTemplate.numbered(1)) { world in
            let (executor, task) = try await startSlowPull(world)
            let fault = world.simulator.addFault(APIFault(.status(503), verb: "delete", resource: "jobs", count: nil))
            await world.simulator.evictPods(on: "node-1")
            await world.simulator.setPullSpeed("node-1", latency: .zero)
            try await waitUntil("the second attempt") {
                world.events(task.taskID).contains { $0.type == .nodePulling && $0.attempt == 2 }
            }
            try await Task.sleep(for: .seconds(2))
            let names = world.simulator.objects("jobs.batch").compactMap { $0["metadata"]?["name"]?.string }
            #expect(names == [SecretNames.job(task.taskID, node: "node-1", attempt: 1)])
            world.simulator.removeFault(fault)
            let end = try await world.waitForEnd(task.taskID)
            #expect(end.type == .taskSucceeded)
            #expect(world.events(task.taskID).first { $0.type == .nodeSucceeded }?.attempt == 2)
            try await world.waitUntilClean()
            await executor.stop()
        }
    }

    /// The first calls' answers are lost, and the second ones are held up until one of the Jobs has done its work.
    @Test func `a Job is not deleted while a call that would make it anew is on its way`() async throws {
        try await ExecutorWorld.with(nodes: NodeTemplate.numbered(2)) { world in
            await world.simulator.setPullSpeed("node-1", latency: .seconds(2))
            await world.simulator.setPullSpeed("node-2", latency: .seconds(6))
            for (outcome, delay) in [(APIFault.Outcome.drop, Duration.zero), (.proceed, .seconds(3))] {
                world.simulator.addFault(
                    APIFault(outcome, verb: "create", resource: "jobs", count: 2, delay: delay, happensAfterwards: true)
                )
            }
            let executor = try await world.startExecutor { $0.leaseDuration = .seconds(300) }
            let task = try await world.submit(["nginx:1.27"])
            let end = try await world.waitForEnd(task.taskID)
            #expect(end.type == .taskSucceeded)
            try await world.waitUntilClean()
            let made = world.simulator.objects("events").filter { $0["reason"]?.string == "SuccessfulCreate" }
            #expect(Set(made.compactMap { $0["involvedObject"]?["uid"]?.string }).count == 2, "one Job for each node")
            await executor.stop()
        }
    }

    @Test func `a Job that a former owner makes late is removed, and the attempt in work goes on`() async throws {
        try await ExecutorWorld.with(nodes: NodeTemplate.numbered(1)) { world in
            let (executor, task) = try await startSlowPull(world)
            let first = SecretNames.job(task.taskID, node: "node-1", attempt: 1)
            let late = try await world.client.get(Job.self, name: first, namespace: "longshore")
            await world.simulator.evictPods(on: "node-1")
            await world.simulator.setPullSpeed("node-1", latency: .seconds(6))
            let second = SecretNames.job(task.taskID, node: "node-1", attempt: 2)
            try await waitUntil("the second attempt alone") {
                world.simulator.objects("jobs.batch").map { $0["metadata"]?["name"]?.string } == [second]
            }
            var again = late
            again.metadata.uid = nil
            again.metadata.resourceVersion = nil
            try await world.client.create(again)
            try await waitUntil("the late Job to go") {
                world.simulator.objects("jobs.batch").map { $0["metadata"]?["name"]?.string } == [second]
            }
            #expect(world.log.text.contains("A Job that nobody waits for is removed"))
            let end = try await world.waitForEnd(task.taskID)
            #expect(end.type == .taskSucceeded)
            #expect(world.events(task.taskID).first { $0.type == .nodeSucceeded }?.attempt == 2)
            try await world.waitUntilClean()
            await executor.stop()
        }
    }

    @Test func `two hundred nodes cost at most three writes each`() async throws {
        try await ExecutorWorld.with(nodes: NodeTemplate.numbered(200)) { world in
            let executor = try await world.startExecutor { $0.statusInterval = .seconds(1) }
            let task = try await world.submit(["nginx:1.27"]) { $0.batchSize = 50 }
            let end = try await world.waitForEnd(task.taskID, timeout: .seconds(120))
            #expect(end.counts == TaskCounts(nodesTotal: 200, succeeded: 200))
            try await world.waitUntilClean()
            let counts = world.simulator.callCounts(user: "executor-one")
            let writes = counts.filter { key, _ in
                ["create", "update", "patch", "delete"].contains { key.hasPrefix($0) } && !key.contains("leases")
            }
            #expect(writes.values.reduce(0, +) <= 600, "\(writes)")
            #expect(counts["create jobs.batch"] == 200)
            await executor.stop()
        }
    }

    /// An executor with a task of one image on node-1, which pulls for ten minutes; its Pod is there.
    private func startSlowPull(_ world: ExecutorWorld) async throws -> (RunningExecutor, TaskSubmitted) {
        await world.simulator.setPullSpeed("node-1", latency: .seconds(600))
        // An executor that is starved of processor time would lose its Lease, and clean up in other ways than are looked at here.
        let executor = try await world.startExecutor { $0.leaseDuration = .seconds(300) }
        let task = try await world.submit(["nginx:1.27"]) { spec in
            spec.maxRetries = 2
            spec.retryDelaySeconds = 1
        }
        try await waitUntil("the Job") { world.simulator.count("pods") == 1 }
        return (executor, task)
    }
}
