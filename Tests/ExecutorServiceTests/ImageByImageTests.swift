import ClusterSimulator
import KubernetesAPI
import LongshoreDomain
import LongshoreMessages
import TestSupport
import Testing
import WireFormats

@testable import ExecutorService

/// With image volumes all containers of a Pod wait for all images, and each image still has a state of its own.
@Suite(.timeLimit(.minutes(5))) struct ImageByImageTests {
    @Test func `one image that hangs fails alone, and the next attempt asks only for it`() async throws {
        try await ExecutorWorld.with(nodes: NodeTemplate.numbered(1)) { world in
            await world.simulator.addImageFault(ImageFault(.hang, imagePrefix: "docker.io/library/redis", count: 1))
            let executor = try await world.startExecutor { $0.leaseDuration = .seconds(300) }
            let task = try await world.submit(["nginx:1.27", "redis:7", "alpine:3"]) { spec in
                spec.strategy = .imageVolume
                spec.pullPolicy = .always
                spec.timeoutSeconds = 8
                spec.maxRetries = 1
                spec.retryDelaySeconds = 1
            }
            // While redis hangs, nginx is told to be there and alpine to wait for its turn.
            let during = try await waitForValue("the images in work") {
                world.events(task.taskID).first { $0.type == .nodePulling && $0.images.contains { $0.phase == .pulled } }
            }
            #expect(during.attempt == 1)
            #expect(during.images.map(\.phase) == [.pulled, .pulling, .pending])
            #expect(during.images[0].bytes ?? 0 > 0 && during.images[0].milliseconds != nil)
            // The digest is not known: a kubelet tells it only where ImageVolumeWithDigest is on.
            try await waitUntil("the second attempt") {
                world.events(task.taskID).contains { $0.type == .nodePulling && $0.attempt == 2 }
            }
            let pods = try await waitForValue("the second Pod") {
                let pods = world.simulator.objects("pods").filter {
                    $0["metadata"]?["labels"]?[PullTaskKeys.attempt]?.string == "2"
                }
                return pods.isEmpty ? nil : pods
            }
            let asked = pods.first?["spec"]?["volumes"]?.array?.compactMap { $0["image"]?["reference"]?.string }
            #expect(asked == ["docker.io/library/redis:7", "docker.io/library/alpine:3"])
            #expect(try await world.waitForEnd(task.taskID).type == .taskSucceeded)
            let node = try #require(world.events(task.taskID).first { $0.type == .nodeSucceeded })
            #expect(node.images.allSatisfy { $0.phase == .pulled && $0.bytes != nil })
            try await world.waitUntilClean()
            await executor.stop()
        }
    }

    @Test func `an executor that takes a task over knows which images are there already`() async throws {
        try await ExecutorWorld.with(nodes: NodeTemplate.numbered(1)) { world in
            await world.simulator.addImageFault(ImageFault(.hang, imagePrefix: "docker.io/library/redis"))
            let first = try await world.startExecutor()
            let task = try await world.submit(["nginx:1.27", "redis:7"]) { spec in
                spec.strategy = .imageVolume
                spec.pullPolicy = .always
                spec.timeoutSeconds = 20
            }
            try await waitUntil("nginx") {
                world.events(task.taskID).contains { $0.images.contains { $0.phase == .pulled } }
            }
            await first.kill()
            let second = try await world.startExecutor()
            let end = try await world.waitForEnd(task.taskID, timeout: .seconds(120))
            #expect(end.type == .taskFailed)
            let node = try #require(world.events(task.taskID).first { $0.type == .nodeFailed })
            #expect(node.images.map(\.phase) == [.pulled, .failed])
            try await world.waitUntilClean()
            await second.stop()
        }
    }
}
