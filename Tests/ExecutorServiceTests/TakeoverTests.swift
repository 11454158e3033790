import ClusterSimulator
import KubernetesAPI
import LongshoreDomain
import LongshoreMessages
import RDKafka
import TestSupport
import Testing
import WireFormats

@testable import ExecutorService

@Suite(.timeLimit(.minutes(5))) struct TakeoverTests {
    @Test func `of executors that race for PullTasks one gets each`() async throws {
        try await ExecutorWorld.with { world in
            var executors: [RunningExecutor] = []
            for name in ["one", "two", "three"] { executors.append(try await world.startExecutor(name)) }
            let names = (0..<12).map { "race-\($0)" }
            for name in names {
                try world.simulator.apply(
                    manifest: """
                        apiVersion: longshore.dev/v1
                        kind: PullTask
                        metadata: {name: \(name), namespace: longshore}
                        spec: {images: ["example.com/\(name):1"], checks: []}
                        """
                )
            }
            for name in names {
                let pullTask = try await world.waitForPhase(name, .succeeded)
                let events = world.events(try #require(pullTask.taskID))
                #expect(events.count { $0.type.isTerminal } <= 1)
            }
            #expect(world.simulator.callCounts()["create jobs.batch"] == 36, "no node was worked on twice")
            try await world.waitUntilClean()
            for executor in executors { await executor.stop() }
        }
    }

    @Test func `when an executor dies another goes on where it stopped`() async throws {
        try await ExecutorWorld.with(nodes: NodeTemplate.numbered(6)) { world in
            for node in 3...6 { await world.simulator.setPullSpeed("node-\(node)", latency: .seconds(600)) }
            let one = try await world.startExecutor("one")
            let task = try await world.submit(
                ["registry.example.com/a:1"],
                credentials: [("registry.example.com", "robot", "s3cret-canary")]
            ) { $0.batchSize = 4 }
            try await waitUntil("some nodes") {
                let pullTask = try await world.pullTask(task.taskID.text)
                return pullTask?.status.counts.succeeded == 2 && world.simulator.count("jobs.batch") == 4
            }
            let before = Set(world.events(task.taskID).map(\.sequence))
            await one.kill()
            for node in 3...6 { await world.simulator.setPullSpeed("node-\(node)", latency: .zero) }
            let two = try await world.startExecutor("two")
            for node in 3...6 { await world.simulator.evictPods(on: "node-\(node)") }
            let end = try await world.waitForEnd(task.taskID, timeout: .seconds(90))
            #expect(end.counts.nodesTotal == 6 && end.counts.succeeded >= 2)
            let pullTask = try #require(try await world.pullTask(task.taskID.text))
            #expect(pullTask.status.owner?.identity == "two" || pullTask.status.owner == nil)
            let after = world.events(task.taskID).map(\.sequence).filter { !before.contains($0) }
            #expect(after.min() ?? 0 > before.max() ?? 0)
            #expect(world.allEvents.count { $0.taskID == task.taskID && $0.type.isTerminal } == 1)
            #expect(world.simulator.callCounts(user: "executor-two")["create jobs.batch"] ?? 0 <= 4)
            try await world.waitUntilClean()
            await two.stop()
        }
    }

    @Test(arguments: [1, 2])
    func `the end of a node that is written down is the one that is told, whoever tells it`(nodes: Int) async throws {
        try await ExecutorWorld.with(nodes: NodeTemplate.numbered(nodes)) { world in
            await world.simulator.setPullSpeed("node-1", latency: .seconds(3))
            if nodes > 1 { await world.simulator.setPullSpeed("node-2", latency: .seconds(600)) }
            let one = try await world.startExecutor("one")
            let task = try await world.submit(["nginx:1.27"])
            try await waitUntil("the nodes to be started") {
                world.events(task.taskID).count { $0.type == .nodePulling } == nodes
            }
            // From here on nothing can be told, and the executor dies with what it knows.
            for partition in 0..<3 as Range<Int32> {
                try world.kafka.setPartitionLeader(.init(topic: Topics.events, partition: partition), broker: -1)
            }
            try await waitUntil("the end to be written") {
                try await world.pullTask(task.taskID.text)?.status.counts.succeeded == 1
            }
            await one.kill()
            #expect(!world.events(task.taskID).contains { $0.type == .nodeSucceeded })
            for node in 1...nodes { await world.simulator.removeNode("node-\(node)") }
            for partition in 0..<3 as Range<Int32> {
                try world.kafka.setPartitionLeader(.init(topic: Topics.events, partition: partition), broker: 1)
            }
            let two = try await world.startExecutor("two")
            let end = try await world.waitForEnd(task.taskID, timeout: .seconds(90))
            #expect(end.counts.succeeded == 1)
            let told = world.events(task.taskID).filter { $0.node == "node-1" && $0.type != .nodePulling }
            #expect(told.map(\.type) == [.nodeSucceeded])
            #expect(told.first?.attempt == 1 && told.first?.images.map(\.phase) == [.pulled])
            try await world.waitUntilClean()
            await two.stop()
        }
    }

    @Test func `a graceful stop gives tasks up at once, and what is in work goes on`() async throws {
        try await ExecutorWorld.with { world in
            for node in 1...3 { await world.simulator.setPullSpeed("node-\(node)", latency: .seconds(4)) }
            let one = try await world.startExecutor("one")
            let task = try await world.submit(["nginx:1.27"])
            try await waitUntil("the Jobs") { world.simulator.count("jobs.batch") == 3 }
            // Leases that never run out: only a release hands the task over.
            let two = try await world.startExecutor("two") { $0.leaseDuration = .seconds(300) }
            await one.stop()
            let taken = try await waitForValue("the second executor") { () -> PullTask? in
                let pullTask = try await world.pullTask(task.taskID.text)
                return pullTask?.status.owner?.identity == "two" || pullTask?.isFinished == true ? pullTask : nil
            }
            #expect(taken.status.sequence > 1_001)
            let end = try await world.waitForEnd(task.taskID)
            #expect(end.type == .taskSucceeded)
            #expect(world.simulator.callCounts()["create jobs.batch"] == 3, "Jobs were adopted")
            await two.stop()
        }
    }

    /// Whoever takes over finds no Job that is still on its way, and would start the node's next attempt beside it.
    @Test func `a graceful stop gives a task up only when the Jobs are there that it has asked for`() async throws {
        try await ExecutorWorld.with { world in
            for node in 1...3 { await world.simulator.setPullSpeed("node-\(node)", latency: .seconds(4)) }
            // One that never loses its Lease: it would begin anew, and ask again for the Jobs that are on their way.
            let one = try await world.startExecutor("one") {
                $0.leaseDuration = .seconds(300)
                $0.releaseTimeout = .seconds(60)
            }
            let fault = world.simulator.addFault(
                APIFault(.proceed, verb: "create", resource: "jobs", count: nil, delay: .seconds(4))
            )
            let task = try await world.submit(["nginx:1.27"])
            try await waitUntil("the nodes to be started") {
                try await world.pullTask(task.taskID.text)?.status.record != nil
            }
            #expect(world.simulator.count("jobs.batch") == 0)
            await one.stop()
            let pullTask = try #require(try await world.pullTask(task.taskID.text))
            #expect(pullTask.status.owner == nil)
            #expect(world.simulator.count("jobs.batch") == 3)
            world.simulator.removeFault(fault)
            let two = try await world.startExecutor("two") { $0.leaseDuration = .seconds(300) }
            let end = try await world.waitForEnd(task.taskID)
            #expect(end.type == .taskSucceeded)
            let creations = world.simulator.callCounts()["create jobs.batch"]
            #expect(creations == 3, "Jobs were adopted: \(world.events(task.taskID))")
            await two.stop()
        }
    }

    @Test func `an executor whose Lease cannot be renewed puts everything down and takes it up again`() async throws {
        try await ExecutorWorld.with { world in
            for node in 1...3 { await world.simulator.setPullSpeed("node-\(node)", latency: .seconds(600)) }
            let executor = try await world.startExecutor()
            let task = try await world.submit(["nginx:1.27"])
            try await waitUntil("the Jobs") { world.simulator.count("jobs.batch") == 3 }
            let fault = world.simulator.addFault(APIFault(.status(500), resource: "leases", count: nil))
            try await waitUntil("the Lease to run out") { world.log.text.contains("all tasks are put down") }
            let writes = world.simulator.callCounts()["update pulltasks.longshore.dev/status"] ?? 0
            try await world.client.patch(
                PullTask.self,
                name: task.taskID.text,
                namespace: "longshore",
                .merge(["spec": ["cancelRequested": true]])
            )
            try await Task.sleep(for: .seconds(1))
            #expect(world.simulator.callCounts()["update pulltasks.longshore.dev/status"] ?? 0 == writes)
            world.simulator.removeFault(fault)
            let end = try await world.waitForEnd(task.taskID)
            #expect(end.type == .taskCancelled)
            _ = try await world.waitForPhase(task.taskID.text, .cancelled)
            try await world.waitUntilClean()
            await executor.stop()
        }
    }

    @Test func `executors that come and go lose no task and end none twice`() async throws {
        try await ExecutorWorld.with(nodes: NodeTemplate.numbered(4)) { world in
            for node in 1...4 { await world.simulator.setPullSpeed("node-\(node)", latency: .milliseconds(400)) }
            var tasks: [TaskSubmitted] = []
            var alive = [try await world.startExecutor("first")]
            for round in 0..<4 {
                for number in 0..<3 {
                    tasks.append(
                        try await world.submit(
                            ["registry.example.com/r\(round)-\(number):1"],
                            credentials: [("registry.example.com", "robot", "s3cret-canary")]
                        ) { $0.batchSize = 2 }
                    )
                }
                alive.append(try await world.startExecutor("round-\(round)"))
                try await Task.sleep(for: .milliseconds(500))
                let leaving = alive.removeFirst()
                // One after the other dies, or leaves in order.
                if round.isMultiple(of: 2) { await leaving.kill() } else { await leaving.stop() }
            }
            for task in tasks {
                let end = try await world.waitForEnd(task.taskID, timeout: .seconds(120))
                #expect(end.type == .taskSucceeded && end.counts.succeeded == 4)
                _ = try await world.waitForPhase(task.taskID.text, .succeeded)
            }
            try await world.waitUntilClean()
            for task in tasks {
                let ends = world.allEvents.filter { $0.taskID == task.taskID && $0.type.isTerminal }
                #expect(Set(ends.map(\.id)).count == 1)
            }
            for executor in alive { await executor.stop() }
        }
    }
}
