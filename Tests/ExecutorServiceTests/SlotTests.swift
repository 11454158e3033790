import ClusterSimulator
import Foundation
import KubernetesAPI
import LongshoreDomain
import LongshoreMessages
import RDKafka
import Synchronization
import TestSupport
import Testing
import WireFormats

@testable import ExecutorService

/// The executor's slots are free once its tasks have ended, however slow, and however lossy, every call is.
@Suite(.timeLimit(.minutes(10))) struct SlotTests {
    @Test func `slots are free again when the API server answers late what it has long done`() async throws {
        try await ExecutorWorld.with(nodes: NodeTemplate.numbered(2)) { world in
            world.simulator.addFault(
                APIFault(
                    .proceed,
                    verb: "create",
                    resource: "jobs",
                    count: nil,
                    delay: .milliseconds(200),
                    longestDelay: .milliseconds(900),
                    delaysAnswer: true
                )
            )
            world.simulator.addFault(
                APIFault(
                    .proceed,
                    verb: "update",
                    resource: "pulltasks/status",
                    count: nil,
                    delay: .milliseconds(300),
                    delaysAnswer: true
                )
            )
            // Fewer slots than tasks: those to come are taken only when slots become free and partitions are resumed.
            let executor = try await world.startExecutor {
                $0.leaseDuration = .seconds(300)
                $0.maximumTasks = 10
            }
            var tasks: [TaskSubmitted] = []
            for _ in 0..<40 {
                tasks.append(try await submit(to: "node-1", in: world))
                try await Task.sleep(for: .milliseconds(30))
            }
            for task in tasks {
                let end = try await world.waitForEnd(task.taskID)
                #expect(end.type == .taskSucceeded)
            }
            try await waitUntil(timeout: .seconds(10), "the slots to be free") { executor.service.taskCount == 0 }
            try await world.waitUntilClean()
            await executor.stop()
        }
    }

    @Test func `a Job is deleted once, also while the executor sweeps`() async throws {
        try await ExecutorWorld.with(nodes: NodeTemplate.numbered(4)) { world in
            world.simulator.addFault(
                APIFault(
                    .proceed,
                    verb: "delete",
                    resource: "jobs",
                    count: nil,
                    delay: .milliseconds(1_500)
                )
            )
            let executor = try await world.startExecutor {
                $0.leaseDuration = .seconds(300)
                $0.sweepInterval = .milliseconds(100)
            }
            // A call beside the runner's own is seen only when it is answered: by the end of the second task it is.
            for _ in 0..<2 {
                let task = try await world.submit(["nginx:1.27"]) { $0.pullPolicy = .always }
                _ = try await world.waitForEnd(task.taskID)
                try await waitUntil("the slots to be free") { executor.service.taskCount == 0 }
                try await world.waitUntilClean()
            }
            let deletions = world.simulator.auditRecords().filter { $0.verb == "delete" && $0.resource == "jobs" }
            #expect(deletions.count == 8, "\(deletions.map(\.name).sorted())")
            #expect(Set(deletions.map(\.name)).count == 8)
            await executor.stop()
        }
    }

    @Test(arguments: 1...SlotTests.seeds)
    func `after any load and any delays no slot is taken and nothing is left`(seed: Int) async throws {
        try await ExecutorWorld.with { world in
            var random = SeededGenerator(seed: UInt64(seed))
            let weather = CallWeather(using: &random)
            let slots = Int.random(in: 3...8, using: &random)
            try weather.begin(in: world, for: "executor-one")
            let executor = try await world.startExecutor {
                $0.leaseDuration = .seconds(300)
                $0.maximumTasks = slots
                // What is tested is the runner, not who comes to help it.
                $0.slotTimeout = .seconds(3_600)
            }
            let overlaps = JobOverlaps(world.simulator)
            let watching = Task { await overlaps.watch() }
            defer { watching.cancel() }
            let tasks = try await load(world, &random)
            for task in tasks { _ = try await world.waitForEnd(task.taskID) }
            try await waitUntil("the slots to be free") { executor.service.taskCount == 0 }
            try await world.waitUntilClean()
            for task in tasks {
                let ends = Set(world.events(task.taskID).filter(\.type.isTerminal).map(\.id))
                #expect(ends.count == 1)
                let isOpen = try await world.pullTask(task.taskID.text).map { !$0.isFinished } ?? false
                #expect(!isOpen, "\(task.taskID) has not ended in the cluster")
            }
            #expect(overlaps.found.isEmpty)
            let calls = world.simulator.auditRecords().filter { $0.verb == "delete" && $0.resource == "jobs" }
            let deletions = weather.keepsDeletions ? calls : calls.filter { $0.code == 200 }
            let repeated = Dictionary(grouping: deletions, by: \.name).filter { $0.value.count > 1 }
            #expect(repeated.isEmpty)
            await executor.stop()
        }
    }

    /// How many seeds are tried: `LONGSHORE_TEST_SLOT_SEEDS`, 4 when it is not set.
    private static let seeds =
        ProcessInfo.processInfo.environment["LONGSHORE_TEST_SLOT_SEEDS"].flatMap(Int.init) ?? 4

    /// Fifteen tasks within two seconds; some are cancelled, some PullTasks deleted, some Pods evicted.
    private func load(_ world: ExecutorWorld, _ random: inout SeededGenerator) async throws -> [TaskSubmitted] {
        var tasks: [TaskSubmitted] = []
        for _ in 0..<15 {
            let nodes = (1...3).filter { _ in Bool.random(using: &random) }.map { "node-\($0)" }
            let hasCredential = Int.random(in: 0..<4, using: &random) == 0
            let task = try await world.submit(
                ["registry.example.com/a:1"],
                credentials: hasCredential ? [("registry.example.com", "robot", "s3cret-canary")] : []
            ) { spec in
                spec.nodeSelection.names = nodes.isEmpty ? ["node-1"] : nodes
                spec.pullPolicy = .always
                spec.maxRetries = 5
                spec.retryDelaySeconds = 1
                spec.batchSize = 2
            }
            tasks.append(task)
            switch Int.random(in: 0..<8, using: &random) {
            case 0: try await world.command(.cancel, task)
            case 1: try? await world.client.delete(PullTask.self, name: task.taskID.text, namespace: "longshore")
            case 2: await world.simulator.evictPods(on: nodes.first ?? "node-1")
            default: break
            }
            try await Task.sleep(for: .milliseconds(Int.random(in: 0...130, using: &random)))
        }
        return tasks
    }

    // MARK: - Healing

    @Test func `a slot whose task has ended is told, makes the executor unready, and is freed`() async throws {
        try await ExecutorWorld.with(nodes: NodeTemplate.numbered(1)) { world in
            let fault = world.simulator.addFault(APIFault(.status(503), verb: "delete", resource: "jobs", count: nil))
            let executor = try await world.startExecutor {
                $0.leaseDuration = .seconds(300)
                $0.maximumTasks = 1
                $0.slotTimeout = .seconds(1)
            }
            let check = try #require(executor.service.checks.first { $0.name == "slots" }).check
            // The second task is taken only when the slot of the first is free.
            let first = try await submit(to: "node-1", in: world)
            _ = try await world.waitForEnd(first.taskID)
            let sentence = try await waitForValue("the executor to be unready") { await check() }
            let expected = "1 of 1 slots hold tasks that ended in the cluster more than 1 s ago; they are being freed"
            #expect(sentence == expected)
            let second = try await submit(to: "node-1", in: world)
            _ = try await world.waitForEnd(second.taskID)
            try await waitUntil("the slots to be free") { executor.service.taskCount == 0 }
            try await waitUntil("the executor to be ready") { await check() == nil }
            let told = world.log.text.components(separatedBy: "Slots are taken by tasks that have ended").count - 1
            #expect(told == 2, "once for each task")
            // The sweeper removes what the runners could not.
            world.simulator.removeFault(fault)
            try await world.waitUntilClean()
            await executor.stop()
        }
    }

    @Test func `an executor that is full of work stays ready`() async throws {
        try await ExecutorWorld.with(nodes: NodeTemplate.numbered(1)) { world in
            await world.simulator.setPullSpeed("node-1", latency: .seconds(600))
            let executor = try await world.startExecutor {
                $0.maximumTasks = 1
                $0.slotTimeout = .milliseconds(200)
            }
            let check = try #require(executor.service.checks.first { $0.name == "slots" }).check
            let task = try await submit(to: "node-1", in: world)
            try await waitUntil("the Job") { world.simulator.count("pods") == 1 }
            // Long enough for many looks at the slots.
            for _ in 0..<20 {
                try await Task.sleep(for: .milliseconds(100))
                #expect(await check() == nil && executor.service.taskCount == 1)
            }
            try await world.client.delete(PullTask.self, name: task.taskID.text, namespace: "longshore")
            _ = try await world.waitForEnd(task.taskID)
            try await waitUntil("the slot to be free") { executor.service.taskCount == 0 }
            await executor.stop()
        }
    }

    // MARK: - Commands without a free slot

    @Test func `an executor without a free slot reads commands, for tasks that run and for tasks that wait`()
        async throws
    {
        try await ExecutorWorld.with(nodes: NodeTemplate.numbered(1)) { world in
            await world.simulator.setPullSpeed("node-1", latency: .seconds(600))
            let executor = try await world.startExecutor {
                $0.leaseDuration = .seconds(300)
                $0.maximumTasks = 1
            }
            let running = try await submit(to: "node-1", in: world)
            try await waitUntil("the Job") { world.simulator.count("pods") == 1 }
            // Many, so that each partition of the topic holds some that wait.
            var waiting: [TaskSubmitted] = []
            for _ in 0..<12 { waiting.append(try await submit(to: "node-1", in: world)) }
            try await world.command(.pause, running)
            try await waitUntil("the running task to be paused") {
                try await world.pullTask(running.taskID.text)?.control.paused == true
            }
            try await world.command(.cancel, waiting[5])
            let withdrawn = try await world.waitForEnd(waiting[5].taskID)
            #expect(withdrawn.type == .taskCancelled)
            try await waitUntil("the withdrawn task to leave the executor") { executor.service.taskCount == 1 }
            for task in waiting where task.taskID != waiting[5].taskID {
                #expect(try await world.pullTask(task.taskID.text) == nil, "it waits in Kafka, not in the cluster")
            }
            // A cancelled task frees its slot for the first that waits.
            try await world.command(.cancel, running)
            #expect(try await world.waitForEnd(running.taskID).type == .taskCancelled)
            for task in waiting where task.taskID != waiting[5].taskID { try await world.command(.cancel, task) }
            for task in waiting { #expect(try await world.waitForEnd(task.taskID).type == .taskCancelled) }
            try await waitUntil("the slots to be free") { executor.service.taskCount == 0 }
            let jobs = world.simulator.auditRecords().filter { $0.verb == "create" && $0.resource == "jobs" }
            let withdrawnJobs = (0...2).map { SecretNames.job(waiting[5].taskID, node: "node-1", attempt: $0) }
            #expect(!jobs.contains { withdrawnJobs.contains($0.name) })
            try await world.waitUntilClean()
            await executor.stop()
        }
    }

    /// Asks for a pull that needs a Job although the node has the image.
    private func submit(to node: String, in world: ExecutorWorld) async throws -> TaskSubmitted {
        try await world.submit(["nginx:1.27"]) { spec in
            spec.nodeSelection.names = [node]
            spec.pullPolicy = .always
        }
    }
}

/// Looks at the cluster's Jobs all the time: a node of a task may never have two at once.
private final class JobOverlaps: Sendable {
    private let simulator: ClusterSimulator
    private let seen = Mutex<Set<String>>([])

    init(_ simulator: ClusterSimulator) {
        self.simulator = simulator
    }

    var found: Set<String> { seen.withLock { $0 } }

    /// Looks until it is cancelled.
    func watch() async {
        while !Task.isCancelled {
            let active = simulator.objects("jobs.batch").filter { job in
                let hasEnded = job[path: "status", "conditions"]?.array?.contains { condition in
                    ["Complete", "Failed"].contains(condition["type"]?.string ?? "")
                }
                return hasEnded != true && job[path: "metadata", "deletionTimestamp"] == nil
            }
            let places = active.map { job in
                let labels = job[path: "metadata", "labels"]
                return [PullTaskKeys.task, PullTaskKeys.nodeHash].map { labels?[$0]?.string ?? "" }
            }
            let twice = Dictionary(grouping: places) { $0 }.filter { $0.value.count > 1 }.map { "\($0.key)" }
            if !twice.isEmpty { seen.withLock { $0.formUnion(twice) } }
            try? await Task.sleep(for: .milliseconds(5))
        }
    }
}
