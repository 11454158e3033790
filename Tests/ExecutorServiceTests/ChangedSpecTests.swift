import ClusterSimulator
import KubernetesAPI
import KubernetesManifests
import LongshoreDomain
import LongshoreMessages
import TestSupport
import Testing
import WireFormats

@testable import ExecutorService

/// A PullTask's spec that somebody changes while the task is there.
@Suite(.timeLimit(.minutes(5))) struct ChangedSpecTests {
    private static let full: JSONValue = [
        "images": ["nginx:1.27", ["image": "redis:7", "secretRef": ["name": "a"]]],
        "nodes": ["names": ["node-1"], "matchLabels": ["a": "b"]], "project": "team", "labels": ["a": "b"],
        "registryCredentials": [["registry": "quay.io", "secretRef": ["name": "q"]]], "priority": 5, "batchSize": 2,
        "webhookUrl": "https://example.com/hook", "retryRequest": 2, "cancelRequested": true,
    ]

    /// What each change is answered with: nothing, or the field that it is refused for.
    private static let changes: [(JSONValue, String?)] = [
        (["images": ["nginx:1.28"]], "images"),
        (["images": [["image": "redis:7", "secretRef": ["name": "b"]]]], "images"),
        (["nodes": ["names": ["node-2"]]], "nodes"), (["nodes": nil], "nodes"), (["nodes": ["names": nil]], "nodes"),
        (["nodeSelector": ["a": "b"]], "nodeSelector"), (["registryCredentials": []], "registryCredentials"),
        (["registryCredentials": [["registry": "quay.io", "secretRef": ["name": "z"]]]], "registryCredentials"),
        (["registryCredentials": nil], "registryCredentials"), (["overrides": []], "overrides"),
        (["pullPolicy": "Always"], "pullPolicy"), (["strategy": "kubelet"], "strategy"), (["checks": []], "checks"),
        (["webhookUrl": "https://example.com/other"], "webhookUrl"),
        (["webhookEvents": ["task.failed"]], "webhookEvents"),
        (["project": "other"], "project"), (["project": nil], "project"), (["cluster": "default"], "cluster"),
        (["labels": ["a": "c"]], "labels"), (["cancelRequested": false], "cancelRequested"),
        (["cancelRequested": nil], "cancelRequested"), (["retryRequest": 1], "retryRequest"),
        (["retryRequest": nil], "retryRequest"), (["nodes": ["names": ["node-2"]], "batchSize": 7], "nodes"),
        (["priority": 9], nil), (["priority": nil], nil), (["batchSize": 7], nil), (["failureTolerance": 0.5], nil),
        (["timeoutSeconds": 60], nil), (["deadlineSeconds": 60], nil), (["maxRetries": 3], nil),
        (["retryStrategy": "exponential"], nil), (["retryDelay": 3], nil), (["retryMaxDelaySeconds": 30], nil),
        (["ttlSecondsAfterFinished": 5], nil), (["paused": true], nil), (["retryRequest": 3], nil),
    ]

    @Test func `the API server refuses a change of what is settled, and says to make a new task`() async throws {
        try await ExecutorWorld.with(nodes: []) { world in
            let pullTask = PullTask(metadata: ObjectMeta(name: "t", namespace: "longshore"), spec: Self.full)
            try await world.client.create(pullTask)
            for (change, field) in Self.changes {
                do throws(KubernetesError) {
                    try await world.client.patch(
                        PullTask.self,
                        name: "t",
                        namespace: "longshore",
                        .merge(["spec": change])
                    )
                    #expect(field == nil, "\(change) was taken")
                } catch {
                    #expect(error.reason == .invalid, "\(change): \(error)")
                    #expect(
                        error.message.contains("is invalid: spec.\(field ?? "nothing"): Forbidden: "),
                        "\(error.message)"
                    )
                    if field != "cancelRequested", field != "retryRequest" {
                        #expect(error.message.contains("make a new task"))
                    }
                }
            }
        }
    }

    @Test func `a change that gets through is told and not done`() async throws {
        try await ExecutorWorld.with { world in
            var older = try YAMLDocument.parse(KubernetesManifests.customResourceDefinition)
            try Self.removeRules(&older)
            try world.simulator.apply(manifest: older.text())
            await world.simulator.setPullSpeed("node-1", latency: .seconds(3))
            let executor = try await world.startExecutor()
            let task = try await world.submit(["nginx:1.27"]) { $0.batchSize = 1 }
            let name = task.taskID.text
            try await waitUntil("the first Job") { world.simulator.count("jobs.batch") == 1 }
            try await world.command(.pause, task)
            _ = try await world.waitForPhase(name, .paused)
            let change: JSONValue = ["images": ["redis:7"], "nodes": ["names": ["node-1"]], "batchSize": 9]
            try await world.client.patch(PullTask.self, name: name, namespace: "longshore", .merge(["spec": change]))
            let told = try await waitForValue(timeout: .seconds(60), "the condition") {
                try await world.pullTask(name)?.status.conditions[PullTaskKeys.specFollowed]
            }
            #expect(told.status == .false && told.reason == "SettledFieldsChanged")
            #expect(told.message?.contains("spec.images, spec.nodes") == true)
            // Another executor goes on with what was taken, too.
            await executor.stop()
            let other = try await world.startExecutor("two")
            try await world.command(.resume, task)
            let end = try await world.waitForEnd(task.taskID)
            #expect(end.type == .taskSucceeded && end.counts == TaskCounts(nodesTotal: 3, succeeded: 3))
            for node in 1...3 {
                #expect(await world.simulator.hasImage("nginx:1.27", on: "node-\(node)"))
                #expect(await !world.simulator.hasImage("redis:7", on: "node-\(node)"))
            }
            let settings = world.events(task.taskID).compactMap(\.settings)
            #expect(settings.last?.batchSize == 9, "what may be changed is done and told")
            await other.stop()
        }
    }

    /// Makes the definition one of a release that had no rules.
    private static func removeRules(_ definition: inout JSONValue) throws {
        var version = try #require(definition["spec"]?["versions"]?[0])
        var root = try #require(version["schema"]?["openAPIV3Schema"])
        var spec = try #require(root["properties"]?["spec"])
        spec["x-kubernetes-validations"] = nil
        var properties = root["properties"] ?? [:]
        properties["spec"] = spec
        root["properties"] = properties
        version["schema"] = ["openAPIV3Schema": root]
        var outer = definition["spec"] ?? [:]
        outer["versions"] = [version]
        definition["spec"] = outer
    }
}
