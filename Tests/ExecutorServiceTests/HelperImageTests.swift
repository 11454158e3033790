import ClusterSimulator
import KubernetesAPI
import LongshoreDomain
import LongshoreMessages
import Redaction
import TestSupport
import Testing
import WireFormats

@testable import ExecutorService

/// A helper image that nodes cannot have, and the Secret that they get it with.
@Suite(.timeLimit(.minutes(5))) struct HelperImageTests {
    private static let helper = "docker.io/library/busybox"

    private static func nodes(_ count: Int) -> [NodeTemplate] {
        NodeTemplate.numbered(count).map { node in
            var node = node
            node.preloadsHelper = false
            return node
        }
    }

    @Test(arguments: [PullStrategy.imageVolume, .kubelet])
    func `nodes that cannot have it pause the task before a fleet has failed`(strategy: PullStrategy) async throws {
        try await ExecutorWorld.with(nodes: Self.nodes(5)) { world in
            await world.simulator.addImageFault(ImageFault(.network, imagePrefix: Self.helper))
            let executor = try await world.startExecutor { $0.leaseDuration = .seconds(300) }
            let check = try #require(executor.service.checks.first { $0.name == "helper-image" }).check
            #expect(await check() == nil)
            let task = try await world.submit(["nginx:1.27", "redis:7"]) { spec in
                spec.strategy = strategy
                spec.batchSize = 2
                spec.pullPolicy = .always
            }
            let paused = try await world.waitForPhase(task.taskID.text, .paused)
            let condition = try #require(paused.status.conditions["HelperAvailable"])
            #expect(condition.status == .false && condition.reason == "HelperUnavailable")
            #expect(condition.message?.contains(Self.helper) == true)
            #expect(paused.status.counts.failed == 0 && paused.status.counts.succeeded == 0)
            try await waitUntil("the pause to be in the spec") {
                try await world.pullTask(task.taskID.text)?.control.paused == true
            }
            let told = try await waitForValue("the event") {
                world.events(task.taskID).first { $0.type == .taskPaused }
            }
            #expect(told.cause == .helper && told.reason == "HelperUnavailable")
            #expect(await check()?.contains("nodes in a row") == true)
            try await waitUntil("the cluster's announcement") {
                world.announcements.last?.helperImage?.problem?.contains("nodes in a row") == true
            }
            #expect(world.events(task.taskID).allSatisfy { $0.type != .nodeFailed })

            await world.simulator.removeImageFaults()
            try await world.command(.resume, task)
            #expect(try await world.waitForEnd(task.taskID).type == .taskSucceeded)
            #expect(await check() == nil)
            let ended = try await world.waitForPhase(task.taskID.text, .succeeded)
            #expect(ended.status.counts.succeeded == 5)
            #expect(ended.status.conditions["HelperAvailable"]?.status == .true)
            try await world.waitUntilClean()
            await executor.stop()
        }
    }

    @Test func `a single node without it fails with the cause Helper, and its images have not failed`() async throws {
        try await ExecutorWorld.with(nodes: Self.nodes(1)) { world in
            await world.simulator.addImageFault(ImageFault(.notFound, imagePrefix: Self.helper))
            let executor = try await world.startExecutor { $0.leaseDuration = .seconds(300) }
            let task = try await world.submit(["nginx:1.27", "redis:7"]) { $0.strategy = .imageVolume }
            let end = try await world.waitForEnd(task.taskID)
            #expect(end.type == .taskFailed && end.cause == .helper)
            let node = try #require(world.events(task.taskID).first { $0.type == .nodeFailed })
            #expect(node.cause == .helper && node.images.allSatisfy { $0.phase == .pulled })
            #expect(await world.simulator.hasImage("nginx:1.27", on: "node-1"))
            try await world.waitUntilClean()
            await executor.stop()
        }
    }

    @Test func `the operator's credential is offered for the helper image alone`() async throws {
        try await ExecutorWorld.with(nodes: Self.nodes(1)) { world in
            let auth = Base64.encode(Array("operator:s3cret-canary".utf8))
            let content = #"{"auths": {"docker.io": {"auth": "\#(auth)"}, "other.example.com": {"auth": "\#(auth)"}}}"#
            try await world.client.create(
                Secret(
                    metadata: ObjectMeta(name: "operator", namespace: "longshore"),
                    type: Secret.dockerConfigJSONType,
                    data: [Secret.dockerConfigJSONKey: SecretBytes(utf8: content)]
                )
            )
            await world.simulator.setPullSpeed("node-1", latency: .seconds(600))
            let executor = try await world.startExecutor { $0.helperImageSecret = "operator" }
            let task = try await world.submit(["docker.io/library/nginx:1.27"])
            let pod = try await waitForValue("the Pod") { world.simulator.objects("pods").first }
            let names = pod["spec"]?["imagePullSecrets"]?.array?.compactMap { $0["name"]?.string } ?? []
            #expect(names.count == 1 && names.allSatisfy { $0.hasPrefix(HelperSecret.namePrefix) })
            let secret = try await world.client.get(Secret.self, name: names.first ?? "", namespace: "longshore")
            var keyring = KubeletKeyring()
            try keyring.add(secret)
            #expect(keyring.credentials(for: Self.helper).map(\.username) == ["operator"])
            #expect(keyring.credentials(for: "docker.io/library/nginx").isEmpty)
            #expect(keyring.credentials(for: "other.example.com/a").isEmpty)
            try await world.command(.cancel, task)
            _ = try await world.waitForEnd(task.taskID)

            // Neither an image that the kubelet would take for the helper's, nor the Secret itself, is a task's.
            let near = try await world.submit(["docker.io/library/busybox-private:1"])
            let refused = try await world.waitForEnd(near.taskID)
            #expect(refused.type == .taskFailed && refused.cause == .policyDenied)
            let thief = try await world.submit(["docker.io/library/nginx:1.27"]) {
                $0.images[0] = RequestedImage(reference: $0.images[0].reference, secretName: "operator")
            }
            let rejected = try await world.waitForEnd(thief.taskID)
            #expect(rejected.type == .taskRejected && rejected.cause == .policyDenied)
            #expect(!world.log.text.contains("s3cret-canary"))
            await executor.stop()
        }
    }
}
