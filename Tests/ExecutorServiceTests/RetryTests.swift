import ClusterSimulator
import KubernetesAPI
import LongshoreDomain
import LongshoreMessages
import TestSupport
import Testing
import WireFormats

@testable import ExecutorService

/// Tasks that have ended and are begun again.
@Suite(.timeLimit(.minutes(5))) struct RetryTests {
    @Test func `a finished task is tried again for its failed nodes, and told once more`() async throws {
        try await ExecutorWorld.with { world in
            await world.simulator.addImageFault(ImageFault(.notFound, node: "node-2"))
            let executor = try await world.startExecutor()
            let task = try await world.submit(["nginx:1.27"]) { $0.ttlSecondsAfterFinished = 3_600 }
            let name = task.taskID.text
            let first = try await world.waitForEnd(task.taskID)
            #expect(first.type == .taskFailed && first.counts == TaskCounts(nodesTotal: 3, succeeded: 2, failed: 1))
            _ = try await world.waitForPhase(name, .failed)
            try await world.waitUntilClean()
            await world.simulator.removeImageFaults()
            try await world.command(.retry, task)
            let pullTask = try await world.waitForPhase(name, .succeeded)
            try await waitUntil("the second end") { world.events(task.taskID).last?.type == .taskSucceeded }
            let events = world.events(task.taskID)
            let ends = events.filter(\.type.isTerminal)
            #expect(ends.map(\.type) == [.taskFailed, .taskSucceeded])
            #expect(ends.map(\.id) == ["\(name)-failed", "\(name)-succeeded-r1"] && ends.map(\.retry) == [0, 1])
            #expect(ends.last?.counts == TaskCounts(nodesTotal: 3, succeeded: 3))
            let later = events.filter { $0.sequence > first.sequence }
            #expect(later.first?.phase == .pulling && Set(later.compactMap(\.node)) == ["node-2"])
            #expect(later.contains { $0.type == .nodePulling && $0.attempt == 2 })
            #expect(pullTask.status.retries == 1 && pullTask.status.failures.isEmpty)
            #expect(pullTask.status.conditions[PullTaskKeys.failed] == nil)
            // The same command again, as when a topic is read again, is none; nor is a retry of what has all succeeded.
            try await world.command(.retry, task)
            let other = try await world.submit(["redis:7"])
            _ = try await world.waitForEnd(other.taskID)
            #expect(world.events(task.taskID).count == events.count)
            #expect(try await world.pullTask(name)?.spec["retryRequest"] == 1)
            await executor.stop()
        }
    }

    @Test func `a retry without the Secret that came with the task is refused and says what to do`() async throws {
        try await ExecutorWorld.with { world in
            await world.simulator.addImageFault(ImageFault(.notFound, node: "node-2"))
            let executor = try await world.startExecutor()
            let task = try await world.submit(
                ["registry.example.com/a:1"],
                credentials: [("registry.example.com", "robot", "s3cret-canary")]
            )
            let name = task.taskID.text
            _ = try await world.waitForPhase(name, .failed)
            try await world.waitUntilClean()
            try await world.client.patch(
                PullTask.self,
                name: name,
                namespace: "longshore",
                .merge(["spec": ["retryRequest": 1]])
            )
            let told = try await waitForValue(timeout: .seconds(60), "the condition") {
                try await world.pullTask(name)?.status.conditions[PullTaskKeys.retried]
            }
            #expect(told.status == .false && told.reason == PullTaskKeys.secretRemoved)
            #expect(told.message?.contains("registry.example.com") == true)
            let pullTask = try #require(try await world.pullTask(name))
            #expect(pullTask.status.phase == .failed && !pullTask.wantsRetry)
            #expect(world.events(task.taskID).count { $0.type.isTerminal } == 1)
            await executor.stop()
        }
    }

    // MARK: - Without a cluster

    private static func command(
        _ kind: TaskCommand.Kind,
        id: String = "c1",
        patch: TaskPatch = TaskPatch()
    ) -> TaskCommand {
        TaskCommand(
            id: id,
            taskID: JobTemplateTests.task,
            project: "default",
            cluster: "default",
            priorityClass: .normal,
            kind: kind,
            patch: patch,
            requestedAt: PullTaskTests.now
        )
    }

    @Test func `a command is written down once, whatever came in between`() {
        var pullTask = PullTaskTests.made(byKubectl: ["images": ["nginx"]])
        pullTask.metadata.resourceVersion = "7"
        let patch = Self.command(.patch, id: "a", patch: TaskPatch(batchSize: 3))
        let change = CommandHandler.change(patch, pullTask)
        #expect(change?["spec"] == ["batchSize": 3])
        #expect(change?["metadata"]?["resourceVersion"] == "7")
        pullTask.metadata.annotations = ["longshore.dev/commands": "a b"]
        #expect(CommandHandler.change(patch, pullTask) == nil)
        #expect(CommandHandler.change(Self.command(.resume, id: "c"), pullTask) == nil)
        let paused = CommandHandler.change(Self.command(.pause, id: "c"), pullTask)
        #expect(paused?["metadata"]?["annotations"]?["longshore.dev/commands"] == "a b c")
        pullTask.metadata.annotations["longshore.dev/commands"] = (1...64).map { "\($0)" }.joined(separator: " ")
        let next = CommandHandler.change(Self.command(.pause, id: "z"), pullTask)
        #expect(next?["metadata"]?["annotations"]?["longshore.dev/commands"]?.string?.hasPrefix("2 3 ") == true)
    }

    @Test func `a command that makes no sense for the task's state is not written down`() {
        func made(_ phase: TaskPhase?, failed: Int = 1, spec: JSONValue = ["images": ["nginx"]]) -> PullTask {
            var pullTask = PullTaskTests.made(byKubectl: spec)
            pullTask.status.phase = phase
            pullTask.status.counts = TaskCounts(nodesTotal: 3, succeeded: 3 - failed, failed: failed)
            return pullTask
        }
        for kind in [TaskCommand.Kind.cancel, .pause, .resume, .patch] {
            #expect(CommandHandler.makesSense(Self.command(kind), made(.pulling)))
            #expect(!CommandHandler.makesSense(Self.command(kind), made(.failed)))
        }
        let retry = Self.command(.retry)
        #expect(CommandHandler.makesSense(retry, made(.failed)) && CommandHandler.makesSense(retry, made(.succeeded)))
        #expect(!CommandHandler.makesSense(retry, made(.succeeded, failed: 0)))
        for phase in [TaskPhase.pulling, .queued, .cancelled, .rejected] {
            #expect(!CommandHandler.makesSense(retry, made(phase)))
        }
        let cancelled: JSONValue = ["images": ["nginx"], "cancelRequested": true]
        #expect(!CommandHandler.makesSense(retry, made(.failed, spec: cancelled)))
    }

    @Test func `urgent tasks are claimed before others, and a raised priority counts`() {
        func made(_ name: String, _ spec: JSONValue, _ seconds: Int64) -> PullTask {
            var pullTask = PullTaskTests.made(byKubectl: spec)
            pullTask.metadata.name = name
            pullTask.metadata.creationTimestamp = PullTaskTests.now + .seconds(seconds)
            return pullTask
        }
        var ended = made("ended", ["priority": 10], 0)
        ended.status.phase = .succeeded
        let tasks = [made("new", ["priority": 7], 9), made("old", [:], 1), made("urgent", ["priority": 9], 8), ended]
        #expect(TaskCoordinator.byPriority(tasks).map(\.metadata.name) == ["urgent", "new", "old"])
        let raised = made("old", ["priority": 10], 1)
        #expect(TaskCoordinator.byPriority([tasks[2], raised]).first?.metadata.name == "old")
    }
}
