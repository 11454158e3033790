import ClusterSimulator
import KubernetesAPI
import LongshoreDomain
import LongshoreMessages
import TestSupport
import Testing
import WireFormats

@testable import ExecutorService

/// Registries that send back the password that they were sent, in the words of a runtime.
@Suite(.timeLimit(.minutes(3))) struct EchoedCredentialTests {
    private static let password = "hunter2/canary+1"
    private static let forms = [
        password, "hunter2%2Fcanary%2B1", #"hunter2\/canary+1"#, Base64.encode(Array("robot:\(password)".utf8)),
        Base64.encodeURL(Array("robot:\(password)".utf8)), Base64.encode(Array(password.utf8)),
    ]
    private static let message =
        #"failed to pull and unpack image: 403 Forbidden: "you sent "# + forms.joined(separator: " and ") + #"""#

    private func expectNothing(_ world: ExecutorWorld, _ task: TaskSubmitted) async throws {
        let events = world.events(task.taskID)
        let failed = try #require(events.first { $0.type == .nodeFailed })
        #expect(failed.message?.contains("403 Forbidden") == true && failed.message?.contains("<redacted>") == true)
        let stored = world.simulator.object("pulltasks.longshore.dev", namespace: "longshore", name: task.taskID.text)
        let status = try #require(stored?["status"]).text()
        #expect(status.contains("403 Forbidden"))
        let told = events.map { "\($0)" }.joined(separator: "\n")
        for form in Self.forms {
            #expect(!status.contains(form) && !told.contains(form) && !world.log.text.contains(form), "\(form)")
        }
    }

    @Test func `what a runtime says is stored and told without the task's credential`() async throws {
        try await ExecutorWorld.with { world in
            await world.simulator.addImageFault(ImageFault(.message(Self.message)))
            let executor = try await world.startExecutor()
            let task = try await world.submit(
                ["registry.example.com/a:1"],
                credentials: [("registry.example.com", "robot", Self.password)]
            )
            #expect(try await world.waitForEnd(task.taskID).type == .taskFailed)
            try await expectNothing(world, task)
            await executor.stop()
        }
    }

    /// The first attempt's Pod is evicted while nobody looks; the second one's runtime echoes the password.
    @Test func `who takes a task over knows its credentials before it looks at its Pods`() async throws {
        try await ExecutorWorld.with(nodes: NodeTemplate.numbered(1)) { world in
            await world.simulator.setPullSpeed("node-1", latency: .seconds(600))
            let one = try await world.startExecutor("one")
            let task = try await world.submit(
                ["registry.example.com/a:1"],
                credentials: [("registry.example.com", "robot", Self.password)]
            ) {
                $0.maxRetries = 1
                $0.retryDelaySeconds = 1
            }
            try await waitUntil("the node to be started") {
                world.events(task.taskID).contains { $0.type == .nodePulling }
            }
            await one.kill()
            await world.simulator.addImageFault(ImageFault(.message(Self.message)))
            await world.simulator.setPullSpeed("node-1", latency: .zero)
            await world.simulator.evictPods(on: "node-1")
            let two = try await world.startExecutor("two")
            #expect(try await world.waitForEnd(task.taskID, timeout: .seconds(90)).type == .taskFailed)
            try await expectNothing(world, task)
            await two.stop()
        }
    }
}
