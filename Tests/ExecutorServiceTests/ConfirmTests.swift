import ClusterSimulator
import KubernetesAPI
import LongshoreDomain
import LongshoreMessages
import RDKafka
import ServiceRuntime
import TestSupport
import Testing
import WireFormats

@testable import ExecutorService

/// Intake asks about tasks whose messages are gone from Kafka; only what is in the cluster can answer.
@Suite(.timeLimit(.minutes(3))) struct ConfirmTests {
    private func answers(_ world: ExecutorWorld) async throws -> [TaskMissing] {
        try await records(world).compactMap { try? TaskMissing(event: CloudEvent($0)) }
    }

    private func reports(_ world: ExecutorWorld) async throws -> [TaskNodes] {
        try await records(world).compactMap { try? TaskNodes(event: CloudEvent($0)) }
    }

    private func records(_ world: ExecutorWorld) async throws -> [ConsumerRecord] {
        var options = KafkaConsumer.Options()
        options.reportsEndOfPartition = true
        let consumer = try KafkaConsumer(
            configuration: ExecutorWorld.kafkaConfiguration(world.kafka),
            group: nil,
            options: options,
            logger: world.log.logger
        )
        let partitions = (Int32(0)..<3).map { TopicPartition(topic: Topics.events, partition: $0) }
        try await consumer.assign(Dictionary(uniqueKeysWithValues: partitions.map { ($0, .beginning) }))
        var found: [ConsumerRecord] = []
        var ended: Set<TopicPartition> = []
        try await waitUntil("the end of the events") {
            for event in try await consumer.poll(maximum: 500, timeout: .milliseconds(100)) {
                switch event {
                case .record(let record): found.append(record)
                case .endOfPartition(let partition, _): ended.insert(partition)
                case .assigned, .revoked, .failure: break
                }
            }
            return ended.count == partitions.count
        }
        await consumer.close(timeout: .seconds(2))
        return found
    }

    @Test func `a task without a PullTask is said to be missing, to the question that was asked`() async throws {
        try await ExecutorWorld.with { world in
            let executor = try await world.startExecutor()
            let lost = TaskSubmitted(
                taskID: TaskID.v7(at: SystemWallClock().now(), random: (0..<10).map { _ in UInt8.random(in: 0...255) }),
                spec: TaskSpec(images: [RequestedImage(reference: try ImageReference(parsing: "nginx:1.27"))]),
                acceptedAt: SystemWallClock().now()
            )
            let askedAt = Timestamp(microsecondsSinceEpoch: 1_800_000_000_123_000)
            let question = TaskCommand(
                id: "\(lost.taskID)-confirm-1",
                taskID: lost.taskID,
                project: "default",
                cluster: "default",
                priorityClass: .normal,
                kind: .confirm,
                requestedAt: askedAt
            )
            try await world.producer.send(question.record)
            let answer = try await waitForValue("the answer") { try await answers(world).first }
            #expect(answer.taskID == lost.taskID && answer.askedAt == askedAt)
            // The message was only late: it comes behind the question, and is carried out.
            try await world.producer.send(lost.record)
            #expect(try await world.waitForEnd(lost.taskID).type == .taskSucceeded)
            await executor.stop()
        }
    }

    @Test func `how the nodes of an ended task did is reported to who asks, while its PullTask is there`() async throws
    {
        try await ExecutorWorld.with { world in
            let executor = try await world.startExecutor()
            let task = try await world.submit(["nginx:1.27"])
            let end = try await world.waitForEnd(task.taskID)
            _ = try await world.waitForPhase(task.taskID.text, .succeeded)
            try await world.command(.report, task)
            let answer = try await waitForValue("the report") { try await reports(world).first }
            #expect(answer.taskID == task.taskID && answer.project == "default" && answer.part.count == 1)
            #expect(answer.nodes.map(\.name) == ["node-1", "node-2", "node-3"])
            #expect(answer.nodes.allSatisfy { $0.phase == .succeeded } && end.counts.succeeded == 3)
            await executor.stop()
        }
    }

    @Test func `nodes that were set aside are reported with their reason`() async throws {
        var nodes = NodeTemplate.numbered(3)
        nodes[1].labels["eks.amazonaws.com/compute-type"] = "fargate"
        try await ExecutorWorld.with(nodes: nodes) { world in
            let executor = try await world.startExecutor()
            let task = try await world.submit(["nginx:1.27"])
            _ = try await world.waitForEnd(task.taskID)
            _ = try await world.waitForPhase(task.taskID.text, .succeeded)
            try await world.command(.report, task)
            let answer = try await waitForValue("the report") { try await reports(world).first }
            #expect(Set(answer.nodes.map(\.name)) == ["node-1", "node-2", "node-3"])
            let aside = try #require(answer.nodes.first { $0.name == "node-2" })
            #expect(aside.phase == .skipped && aside.reason == "Virtual")
            #expect(aside.message == "a virtual node (EKS Fargate) has no image store to warm")
            await executor.stop()
        }
    }

    @Test func `a task that is worked on is not missing, and the end of one that has ended is told again`() async throws
    {
        try await ExecutorWorld.with { world in
            let executor = try await world.startExecutor()
            let task = try await world.submit(["nginx:1.27"])
            let end = try await world.waitForEnd(task.taskID)
            _ = try await world.waitForPhase(task.taskID.text, .succeeded)
            try await world.command(.confirm, task)
            try await waitUntil("the end to be told again") {
                world.allEvents.contains { $0.id == end.id && $0.sequence > end.sequence }
            }
            let ends = world.allEvents.filter { $0.taskID == task.taskID && $0.type.isTerminal }
            #expect(Set(ends.map(\.id)).count == 1 && Set(ends.map(\.counts)).count == 1)

            for node in 1...3 { await world.simulator.setPullSpeed("node-\(node)", latency: .seconds(2)) }
            let running = try await world.submit(["nginx:1.28"])
            _ = try await world.waitForPhase(running.taskID.text, .pulling)
            try await world.command(.confirm, running)
            _ = try await world.waitForEnd(running.taskID)
            #expect(try await answers(world).isEmpty)
            await executor.stop()
        }
    }
}
