import LongshoreDomain
import LongshoreMessages
import NotifierService
import TestSupport
import Testing
import WireFormats

@Suite("Finding a task's receiver", .timeLimit(.minutes(3)))
struct DeliveryIntakeTests {
    @Test("waits for the row of a task that the projector has not written yet")
    func waitsForRow() async throws {
        let receiver = try ScriptedHTTPServer()
        defer { receiver.stop() }
        try await NotifierHarness().run { harness in
            let task = TaskIDs.derived(project: "default", idempotencyKey: "late")
            try await harness.publish(harness.event(task, .taskSucceeded))
            // Another task's event shows that the first one has been read.
            let other = try await harness.insertTask("other", url: receiver.url())
            try await harness.publish(harness.event(other, .taskSucceeded))
            try await receiver.waitForRequests(1)
            try await harness.insertTask("late", url: receiver.url())
            try await receiver.waitForRequests(2)
        }
    }

    @Test("gives up on a task that never appears, and goes on with the others")
    func givesUp() async throws {
        let receiver = try ScriptedHTTPServer()
        defer { receiver.stop() }
        var configuration = NotifierHarness.configuration()
        configuration.lookupPatience = .milliseconds(300)
        try await NotifierHarness().run(configuration) { harness in
            let ghost = TaskIDs.derived(project: "default", idempotencyKey: "ghost")
            let task = try await harness.insertTask(url: receiver.url())
            var later = harness.event(task, .taskSucceeded).record
            var first = harness.event(ghost, .taskSucceeded).record
            // On one partition, one behind the other.
            first.key = Array("same".utf8)
            later.key = first.key
            try await harness.publish(first)
            try await harness.publish(later)
            try await harness.waitForStates(["delivered"])
        }
        #expect(receiver.requests.count == 1)
    }

    @Test("waits for no row of a request that was refused: it never had one")
    func refusedRequests() async throws {
        let receiver = try ScriptedHTTPServer()
        defer { receiver.stop() }
        var configuration = NotifierHarness.configuration()
        configuration.lookupPatience = .seconds(300)
        try await NotifierHarness().run(configuration) { harness in
            let refused = TaskIDs.derived(project: "default", idempotencyKey: "refused")
            let task = try await harness.insertTask(url: receiver.url())
            var first = harness.event(refused, .taskRejected).record
            var later = harness.event(task, .taskSucceeded).record
            // On one partition, one behind the other.
            first.key = Array("same".utf8)
            later.key = first.key
            try await harness.publish(first)
            try await harness.publish(later)
            try await harness.waitForStates(["delivered"])
        }
        #expect(receiver.requests.count == 1)
    }

    @Test("tells the receiver that a refused request or PullTask names, where it asks for refusals")
    func refusals() async throws {
        let receiver = try ScriptedHTTPServer()
        defer { receiver.stop() }
        try await NotifierHarness().run { harness in
            func refusal(_ task: TaskID, _ events: [String], source: TaskSource) -> TaskEvent {
                var event = harness.event(task, .taskRejected, sequence: task.isRefusal ? 1 : 2)
                event.source = source
                event.webhook = WebhookWish(url: receiver.url(), events: events)
                return event
            }
            func refused(_ offset: Int64) -> TaskID {
                TaskIDs.refusal(topic: Topics.requests, partition: 0, offset: offset, timestampMilliseconds: nil)
            }
            let pullTask = TaskIDs.derived(project: "default", idempotencyKey: "kubectl")
            try await harness.publish(
                refusal(refused(1), ["task.rejected"], source: .kafka),
                refusal(refused(2), ["task.failed"], source: .kafka),
                refusal(pullTask, ["task.rejected"], source: .kubernetes)
            )
            try await harness.waitForStates(["delivered", "delivered"])
        }
        #expect(receiver.requests.count == 2)
    }

    @Test("tells a task's receiver nothing that another project says of the task")
    func foreignEvents() async throws {
        let ownEnd = EventType.taskSucceeded.rawValue
        let receiver = try ScriptedHTTPServer()
        let stranger = try ScriptedHTTPServer()
        defer {
            receiver.stop()
            stranger.stop()
        }
        try await NotifierHarness().run { harness in
            let task = try await harness.insertTask(url: receiver.url())
            var foreign = harness.event(task, .taskRejected, project: "other")
            // It brings a receiver along, as the first event of a task from the cluster does.
            var spec = TaskSpec(
                images: [RequestedImage(reference: try ImageReference(parsing: "nginx"))],
                project: "other"
            )
            spec.webhookURL = stranger.url()
            foreign.spec = spec
            var refusal = harness.event(task, .taskRejected, sequence: 1)
            refusal.id += "-1"
            for record in [foreign.record, refusal.record, harness.event(task, .taskSucceeded).record] {
                try await harness.publish(record)
            }
            try await waitUntil("the delivery of the task's own end") {
                receiver.requests.contains { String(decoding: $0.body, as: UTF8.self).contains(ownEnd) }
            }
        }
        #expect(receiver.requests.count == 1)
        #expect(!stranger.requests.contains { String(decoding: $0.body, as: UTF8.self).contains(ownEnd) })
    }

    @Test("takes the receiver from the first event of a task that came from the cluster itself")
    func readsSpec() async throws {
        let receiver = try ScriptedHTTPServer()
        defer { receiver.stop() }
        try await NotifierHarness().run { harness in
            let task = TaskIDs.derived(project: "default", idempotencyKey: "kubectl")
            var checking = harness.event(task, .taskChecking)
            var spec = TaskSpec(images: [])
            spec.images = [RequestedImage(reference: try ImageReference(parsing: "nginx"))]
            spec.webhookURL = receiver.url()
            spec.webhookEvents = ["task.checking", "task.succeeded"]
            checking.spec = spec
            checking.source = .kubernetes
            try await harness.publish(checking, harness.event(task, .taskSucceeded))
            try await harness.waitForStates(["delivered", "delivered"])
        }
        #expect(receiver.requests.count == 2)
    }

    @Test("passes over records that are no events of tasks, and over tasks that want none")
    func skipsOthers() async throws {
        let receiver = try ScriptedHTTPServer()
        defer { receiver.stop() }
        try await NotifierHarness().run { harness in
            let task = try await harness.insertTask(url: receiver.url())
            let silent = try await harness.insertTask("silent", url: nil)
            let key = Array(task.text.utf8)
            try await harness.publish(MessageRecord(topic: Topics.events, key: key, value: Array("{".utf8)))
            try await harness.publish(
                CloudEvent(id: "x", source: "/x", type: "com.example.other", data: [:]).kafkaRecord(
                    topic: Topics.events,
                    key: task.text
                )
            )
            var broken = harness.event(task, .taskFailed).event
            broken.data?["counts"] = "hunter2"
            try await harness.publish(broken.kafkaRecord(topic: Topics.events))
            try await harness.publish(harness.event(silent, .taskSucceeded))
            var last = harness.event(task, .taskSucceeded).record
            last.key = key
            try await harness.publish(last)
            let rows = try await harness.waitForStates(["delivered"])
            #expect(rows.first?.id == EventIdentity.event(task, type: .taskSucceeded))
        }
    }
}
