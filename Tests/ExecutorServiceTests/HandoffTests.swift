import ClusterSimulator
import KubernetesAPI
import LongshoreDomain
import LongshoreMessages
import Redaction
import ServiceRuntime
import TestSupport
import Testing
import WireFormats

@testable import ExecutorService

@Suite(.timeLimit(.minutes(5))) struct HandoffTests {
    @Test func `a task from Kafka is pulled, told of in order, and leaves nothing behind`() async throws {
        try await ExecutorWorld.with { world in
            let executor = try await world.startExecutor()
            let task = try await world.submit(
                ["nginx:1.27", "registry.example.com/ml/train:v3"],
                credentials: [("registry.example.com", "robot", "s3cret-canary")]
            )
            let end = try await world.waitForEnd(task.taskID)
            #expect(end.type == .taskSucceeded)
            #expect(end.counts == TaskCounts(nodesTotal: 3, succeeded: 3))
            let pullTask = try await world.waitForPhase(task.taskID.text, .succeeded)
            #expect(pullTask.status.conditions.isTrue("Complete") && pullTask.status.conditions.isTrue("Accepted"))
            #expect(pullTask.status.finishedAt != nil && pullTask.status.counts.succeeded == 3)
            try await world.waitUntilClean()
            for node in 1...3 {
                #expect(await world.simulator.hasImage("registry.example.com/ml/train:v3", on: "node-\(node)"))
            }
            let events = world.events(task.taskID)
            #expect(events.first?.type == .taskChecking && events.last?.type == .taskSucceeded)
            #expect(events.map(\.sequence) == events.map(\.sequence).sorted())
            #expect((events.first?.sequence ?? 0) >= 2, "1 is the projector's")
            #expect(Set(events.map(\.id)).count == events.count)
            #expect(events.filter { $0.type == .nodeSucceeded }.allSatisfy { $0.images.count == 2 })
            #expect(!world.log.text.contains("s3cret-canary"))
            await executor.stop()
        }
    }

    @Test func `the same message twice is one task`() async throws {
        try await ExecutorWorld.with { world in
            let executor = try await world.startExecutor()
            let task = try await world.submit(["nginx:1.27"])
            try await world.producer.send(task.record)
            _ = try await world.waitForEnd(task.taskID)
            _ = try await world.waitForPhase(task.taskID.text, .succeeded)
            try await world.producer.send(task.record)
            let other = try await world.submit(["nginx:1.28"], id: nil)
            _ = try await world.waitForEnd(other.taskID)
            // Kafka may hold the one event twice, when its acknowledgement was late.
            let ends = world.allEvents.filter { $0.taskID == task.taskID && $0.type.isTerminal }
            #expect(Set(ends.map(\.id)).count == 1 && Set(ends.map(\.sequence)).count == 1)
            #expect(world.simulator.callCounts()["create jobs.batch"] == 6)
            #expect(world.simulator.count("pulltasks.longshore.dev") == 2)
            await executor.stop()
        }
    }

    @Test func `a command that is read again changes nothing that came after it`() async throws {
        try await ExecutorWorld.with(nodes: NodeTemplate.numbered(1)) { world in
            await world.simulator.setPullSpeed("node-1", latency: .seconds(600))
            let executor = try await world.startExecutor()
            let task = try await world.submit(["nginx:1.27"]) { $0.pullPolicy = .always }
            func waitFor(_ what: String, _ isSo: @Sendable @escaping (PullTask) -> Bool) async throws {
                try await waitUntil(what) { try await world.pullTask(task.taskID.text).map(isSo) ?? false }
            }
            try await world.command(.pause, task, id: "pause-1")
            try await waitFor("the pause") { $0.control.paused }
            try await world.command(.resume, task, id: "resume-1")
            try await waitFor("the resumption") { !$0.control.paused }
            // As after a restart; the last one shows that those before it were read.
            try await world.command(.pause, task, id: "pause-1")
            try await world.command(.patch, task, id: "patch-1", patch: TaskPatch(batchSize: 7))
            try await waitFor("the last command") { $0.spec["batchSize"]?.integer == 7 }
            #expect(try await world.pullTask(task.taskID.text)?.control.paused == false)
            try await world.command(.cancel, task)
            #expect(try await world.waitForEnd(task.taskID).type == .taskCancelled)
            await executor.stop()
        }
    }

    @Test func `a message past its expiry is not started`() async throws {
        try await ExecutorWorld.with { world in
            let executor = try await world.startExecutor()
            let old = SystemWallClock().now() - .seconds(90_000)
            let task = try await world.submit(["nginx:1.27"], acceptedAt: old)
            let end = try await world.waitForEnd(task.taskID)
            #expect(end.type == .taskRejected && end.reason == "expired")
            #expect(world.simulator.count("pulltasks.longshore.dev") == 0)
            await executor.stop()
        }
    }

    @Test func `a credential sealed for another task is refused, and the task fails for it`() async throws {
        try await ExecutorWorld.with { world in
            let executor = try await world.startExecutor()
            let other = TaskID.v7(at: SystemWallClock().now(), random: [UInt8](repeating: 9, count: 10))
            let task = try await world.submit(
                ["registry.example.com/a:1"],
                credentials: [("registry.example.com", "robot", "s3cret-canary")],
                tamper: { $0.taskID = other }
            )
            let end = try await world.waitForEnd(task.taskID)
            #expect(end.type == .taskFailed && end.cause == .unauthorized && end.reason == "CredentialUnreadable")
            let pullTask = try await world.waitForPhase(task.taskID.text, .failed)
            #expect(pullTask.status.conditions["Accepted"]?.status == .false)
            #expect(world.simulator.callCounts()["create jobs.batch"] == nil)
            try await world.waitUntilClean()
            await executor.stop()
        }
    }

    @Test func `a Secret of somebody else under our name is left alone`() async throws {
        try await ExecutorWorld.with { world in
            let executor = try await world.startExecutor()
            let id = TaskID.v7(at: SystemWallClock().now(), random: [UInt8](repeating: 5, count: 10))
            let name = SecretNames.pullSecret(id, scope: try RegistryScope(parsing: "registry.example.com"))
            try world.simulator.apply(
                manifest: """
                    apiVersion: v1
                    kind: Secret
                    metadata: {name: \(name), namespace: longshore}
                    stringData: {mine: "yes"}
                    """
            )
            let task = try await world.submit(
                ["registry.example.com/a:1"],
                credentials: [("registry.example.com", "robot", "s3cret-canary")],
                id: id
            )
            let end = try await world.waitForEnd(task.taskID)
            #expect(end.type == .taskFailed && end.reason == "SecretRefused")
            _ = try await world.waitForPhase(task.taskID.text, .failed)
            let left = try await world.client.get(Secret.self, name: name, namespace: "longshore")
            #expect(left.data["mine"] == SecretBytes(utf8: "yes"))
            await executor.stop()
        }
    }

    @Test func `what is no task message goes to the dead letters, and the rest goes on`() async throws {
        try await ExecutorWorld.with { world in
            let executor = try await world.startExecutor()
            let topic = Topics.tasks(cluster: "default", class: .normal)
            try await world.producer.send(MessageRecord(topic: topic, key: [1], value: Array("garbage".utf8)))
            let task = try await world.submit(["nginx:1.27"])
            _ = try await world.waitForEnd(task.taskID)
            try await waitUntil("the dead letter") { world.deadLetters == 1 }
            await executor.stop()
        }
    }

    @Test func `a PullTask that the API server refuses is told of and holds nothing up`() async throws {
        try await ExecutorWorld.with { world in
            let executor = try await world.startExecutor()
            let refused = try await world.submit(["nginx:1.27"]) { $0.priority = 99 }
            let task = try await world.submit(["nginx:1.28"])
            let end = try await world.waitForEnd(refused.taskID)
            #expect(end.type == .taskRejected && end.reason == "PullTaskRefused")
            #expect(try await world.waitForEnd(task.taskID).type == .taskSucceeded)
            await executor.stop()
        }
    }

    @Test func `executors adopt one sealing key, and the cluster is announced with it`() async throws {
        try await ExecutorWorld.with { world in
            let one = try await world.startExecutor("one")
            let two = try await world.startExecutor("two")
            try await waitUntil("both to be announced") {
                world.announcements.contains { $0.executors == ["one", "two"] }
            }
            let keys = Set(world.announcements.flatMap(\.keys).map(\.keyID))
            #expect(keys.count == 1)
            #expect(world.simulator.objects("secrets", namespace: "longshore").count == 1)
            await one.stop()
            await two.stop()
            #expect(world.simulator.objects("leases.coordination.k8s.io", namespace: "longshore").isEmpty)
        }
    }
}
