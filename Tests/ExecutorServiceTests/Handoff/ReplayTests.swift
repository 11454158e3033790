import ClusterSimulator
import KubernetesAPI
import LongshoreDomain
import LongshoreMessages
import ServiceRuntime
import TestSupport
import Testing
import WireFormats

@testable import ExecutorService

/// Messages that are read again when their PullTask is gone.
@Suite(.timeLimit(.minutes(3))) struct ReplayTests {
    /// Waits until a message of a task was dropped.
    private static func waitForDrop(_ task: TaskID, _ world: ExecutorWorld) async throws {
        try await waitUntil("the message of \(task) to be dropped") {
            world.log.text.split(separator: "\n").contains {
                $0.contains("Dropped a message of a task that has ended") && $0.contains(task.text)
            }
        }
    }

    private static func clearAway(_ task: TaskID, _ world: ExecutorWorld) async throws {
        try await world.client.delete(PullTask.self, name: task.text, namespace: "longshore")
        try await waitUntil("the PullTask to be gone") { try await world.pullTask(task.text) == nil }
    }

    @Test(arguments: [false, true])
    func `a task that has ended is not done again, whatever its end, and nothing is told of it`(
        isExpired: Bool
    ) async throws {
        try await ExecutorWorld.with { world in
            let executor = try await world.startExecutor { $0.replayAge = .zero }
            // A failure and a success: a second run might well end otherwise.
            let other = TaskID.v7(at: SystemWallClock().now(), random: [UInt8](repeating: 9, count: 10))
            let failing = try await world.submit(
                ["registry.example.com/a:1"],
                credentials: [("registry.example.com", "robot", "s3cret-canary")],
                tamper: { $0.taskID = other }
            )
            let good = try await world.submit(["nginx:1.27"])
            _ = try await world.waitForPhase(failing.taskID.text, .failed)
            _ = try await world.waitForPhase(good.taskID.text, .succeeded)
            let jobs = world.simulator.callCounts()["create jobs.batch"]
            let pullTasks = world.simulator.callCounts()["create pulltasks.longshore.dev"]
            for var task in [failing, good] {
                try await Self.clearAway(task.taskID, world)
                if isExpired { task.acceptedAt = task.acceptedAt - .seconds(90_000) }
                // Sealed well this time, as far as anyone knows.
                task.sealedCredentials = []
                try await world.producer.send(task.record)
                try await Self.waitForDrop(task.taskID, world)
                #expect(try await world.pullTask(task.taskID.text) == nil)
                #expect(
                    Set(world.allEvents.filter { $0.taskID == task.taskID && $0.type.isTerminal }.map(\.id)).count == 1
                )
            }
            #expect(world.simulator.callCounts()["create jobs.batch"] == jobs)
            #expect(world.simulator.callCounts()["create pulltasks.longshore.dev"] == pullTasks)
            await executor.stop()
        }
    }

    @Test func `a task that was refused by intake, asked for again and accepted, is done`() async throws {
        try await ExecutorWorld.with { world in
            let id = TaskIDs.derived(project: "default", idempotencyKey: "corrected")
            let refusal = TaskEvent(
                id: EventIdentity.phase(id, .rejected),
                type: .taskRejected,
                taskID: id,
                project: "default",
                cluster: "default",
                sequence: 1,
                time: SystemWallClock().now(),
                phase: .rejected
            )
            try await world.producer.send(refusal.record)
            let executor = try await world.startExecutor { $0.replayAge = .zero }
            let task = try await world.submit(["nginx:1.27"], id: id)
            _ = try await world.waitForPhase(task.taskID.text, .succeeded)
            await executor.stop()
        }
    }

    @Test func `old messages of many tasks that were never begun are all done`() async throws {
        try await ExecutorWorld.with { world in
            let accepted = SystemWallClock().now() - .seconds(7_200)
            var tasks: [TaskSubmitted] = []
            for _ in 0..<6 { tasks.append(try await world.submit(["nginx:1.27"], acceptedAt: accepted)) }
            let executor = try await world.startExecutor()
            for task in tasks {
                #expect(try await world.waitForEnd(task.taskID, timeout: .seconds(120)).type == .taskSucceeded)
            }
            await executor.stop()
        }
    }
}
