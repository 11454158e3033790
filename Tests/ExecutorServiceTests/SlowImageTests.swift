import ClusterSimulator
import LongshoreDomain
import LongshoreMessages
import TestSupport
import Testing

@testable import ExecutorService

/// Several images on one node, of which one is never done.
@Suite(.timeLimit(.minutes(2))) struct SlowImageTests {
    @Test func `one slow image fails alone, and the next attempt asks for nothing else`() async throws {
        try await ExecutorWorld.with(nodes: [NodeTemplate(name: "node-1")]) { world in
            // Once: the next attempt's pull of it succeeds.
            await world.simulator.addImageFault(ImageFault(.hang, imagePrefix: "docker.io/library/redis", count: 1))
            let executor = try await world.startExecutor()
            let task = try await world.submit(["nginx:1.27", "redis:7", "alpine:3"]) { spec in
                spec.maxRetries = 1
                spec.retryDelaySeconds = 1
                spec.timeoutSeconds = 5
            }
            // While redis hangs, readers see nginx there and alpine waiting for its turn.
            let during = try await waitForValue("the images in work") {
                world.events(task.taskID).first { event in
                    event.type == .nodePulling && event.images.contains { $0.phase == .pulled }
                }
            }
            #expect(during.attempt == 1 && during.images.map(\.phase) == [.pulled, .pulling, .pending])
            #expect(during.images[0].bytes ?? 0 > 0 && during.images[0].milliseconds != nil)
            let end = try await world.waitForEnd(task.taskID)
            #expect(end.type == .taskSucceeded)
            let second = world.events(task.taskID).first { $0.type == .nodePulling && $0.attempt == 2 }
            let phases = Dictionary(uniqueKeysWithValues: (second?.images ?? []).map { ($0.image, $0.phase) })
            #expect(phases["docker.io/library/nginx:1.27"] == .pulled)
            #expect(phases["docker.io/library/redis:7"] == .pending && phases["docker.io/library/alpine:3"] == .pending)
            let node = try #require(world.events(task.taskID).first { $0.type == .nodeSucceeded })
            #expect(node.images.allSatisfy { $0.phase == .pulled && $0.bytes != nil })
            await executor.stop()
        }
    }
}
