import KubernetesAPI
import LongshoreDomain
import Testing
import WireFormats

@testable import ExecutorService

@Suite struct PullTaskTests {
    static let now = Timestamp(secondsSinceEpoch: 1_800_000_000)

    static func made(byKubectl spec: JSONValue) -> PullTask {
        PullTask(
            metadata: ObjectMeta(
                name: "warm",
                namespace: "longshore",
                uid: "6f1c1a64-5d0b-4a3f-9a55-0d6b5e7d8a11",
                creationTimestamp: now
            ),
            spec: spec
        )
    }

    @Test func `a status keeps what a newer executor has written`() throws {
        let json: JSONValue = [
            "metadata": ["name": "t"], "spec": ["images": ["a"]], "status": ["phase": "pulling", "future": ["x": 1]],
        ]
        var pullTask = try PullTask(json: json)
        pullTask.status.phase = .paused
        pullTask.status.owner = .init(identity: "e", claimedAt: Self.now)
        let read = try PullTask(json: pullTask.json)
        #expect(read.json["status"]?["future"] == ["x": 1])
        #expect(read.status.phase == .paused && read.status.owner?.identity == "e")
        pullTask.status.owner = nil
        #expect(pullTask.json["status"]?["owner"] == nil)
    }

    @Test func `every field of a status reads back`() {
        var status = PullTaskStatus()
        status.counts = TaskCounts(nodesTotal: 5, succeeded: 1, failed: 2, skipped: 1, pulling: 1)
        status.progress = 80
        status.sequence = 4_001
        status.taskID = JobTemplateTests.task
        status.startedAt = Self.now
        status.finishedAt = Self.now
        status.failures = [.init(node: "n", image: "i", failure: .init(cause: .disk, message: "full"))]
        status.set(condition: "Accepted", .false, reason: "X", message: "m", at: Self.now)
        let read = PullTaskStatus(raw: status.raw)
        #expect(read == status && read.counts == status.counts && read.failures == status.failures)
        #expect(read.sequence == 4_001 && read.taskID == JobTemplateTests.task && read.startedAt == Self.now)
    }

    @Test func `a condition's time changes only with its status`() {
        var status = PullTaskStatus()
        status.set(condition: "Accepted", .true, reason: "A", at: Self.now)
        status.set(condition: "Accepted", .true, reason: "B", at: Self.now + .seconds(9))
        #expect(status.conditions["Accepted"]?.lastTransitionTime == Self.now)
        status.set(condition: "Accepted", .false, reason: "C", at: Self.now + .seconds(9))
        #expect(status.conditions["Accepted"]?.lastTransitionTime == Self.now + .seconds(9))
        #expect(status.conditions.count == 1)
    }

    @Test func `a PullTask that kubectl made has an id that depends on its uid alone`() {
        let pullTask = Self.made(byKubectl: ["images": ["nginx"]])
        #expect(pullTask.taskID == Self.made(byKubectl: ["images": ["other"]]).taskID)
        #expect(pullTask.taskID?.timestamp == Self.now)
        var named = pullTask
        named.metadata.name = JobTemplateTests.task.text
        #expect(named.taskID == pullTask.taskID, "somebody's choice of a name makes it no other task")
        named.metadata.annotations[PullTaskKeys.submission] = "kafka"
        #expect(named.taskID == JobTemplateTests.task)
    }

    @Test func `a PullTask made from a message may be claimed only after its hand-off`() {
        var pullTask = Self.made(byKubectl: ["images": ["nginx"]])
        #expect(pullTask.isReadyToRun)
        pullTask.metadata.annotations[PullTaskKeys.submission] = "kafka"
        #expect(!pullTask.isReadyToRun)
        pullTask.status.set(condition: PullTaskKeys.accepted, .true, reason: "Accepted", at: Self.now)
        #expect(pullTask.isReadyToRun && pullTask.refusal == nil)
        pullTask.status.phase = .failed
        #expect(!pullTask.isReadyToRun && pullTask.isFinished)
    }

    @Test func `a spec is checked as a request is, with every fault`() throws {
        let good = Self.made(byKubectl: ["images": ["nginx:1.27"], "paused": true, "cancelRequested": false])
        let spec = try good.resolvedSpec(cluster: "here")
        #expect(spec.cluster == "here" && spec.images.count == 1 && good.control.paused)
        let bad = Self.made(byKubectl: ["images": ["NGINX:"], "batchSize": 0, "registryCredentials": "x"])
        let error = #expect(throws: RequestFaults.self) { try bad.resolvedSpec(cluster: "here") }
        #expect((error?.faults.count ?? 0) >= 3)
        let plain = Self.made(
            byKubectl: [
                "images": ["nginx"],
                "registryCredentials": [["registry": "docker.io", "username": "u", "password": "hunter22"]],
            ]
        )
        let refused = #expect(throws: RequestFaults.self) { try plain.resolvedSpec(cluster: "here") }
        #expect(refused?.description.contains("hunter22") == false)
    }

    @Test func `a spec that was changed later is followed only as far as it may be`() throws {
        var pullTask = Self.made(byKubectl: ["images": ["nginx:1.27"], "nodes": ["names": ["n1"]], "batchSize": 2])
        let taken = try pullTask.work(cluster: "here").spec
        pullTask.status.resolved = ResolvedTask(taken)
        #expect(try pullTask.work(cluster: "here") == .init(spec: taken))
        pullTask.spec["batchSize"] = 5
        #expect(try pullTask.work(cluster: "here").spec.batchSize == 5)
        pullTask.spec["images"] = ["redis:7"]
        pullTask.spec["nodes"] = ["names": ["n2"]]
        let work = try pullTask.work(cluster: "here")
        #expect(work.spec.images == taken.images && work.spec.nodeSelection == taken.nodeSelection)
        #expect(work.spec.batchSize == 5)
        #expect(work.ignored?.reason == "SettledFieldsChanged")
        #expect(work.ignored?.message.hasPrefix("spec.images, spec.nodes differs") == true)
        pullTask.spec["batchSize"] = 0
        let senseless = try pullTask.work(cluster: "here")
        #expect(senseless.spec == taken && senseless.ignored?.reason == "InvalidSpec")
    }
}
