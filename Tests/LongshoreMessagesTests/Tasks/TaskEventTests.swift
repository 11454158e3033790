import LongshoreDomain
import LongshoreMessages
import Testing
import WireFormats

@Suite("Events of tasks")
struct TaskEventTests {
    private static func draft(images: Int, messageBytes: Int = 0) -> TaskEventDraft {
        TaskEventDraft(
            kind: .nodeFailed,
            phase: .pulling,
            counts: TaskCounts(nodesTotal: 2),
            node: "n1",
            attempt: 1,
            images: (0..<images).map { index in
                TaskRun.ImageOutcome(
                    image: "registry.example.com/team/image-\(index):v1",
                    phase: .failed,
                    failure: TaskRun.ImageFailure(
                        cause: .network,
                        message: String(repeating: "x", count: messageBytes)
                    )
                )
            },
            cause: .network
        )
    }

    @Test("are made from what a task's run emits")
    func madeFromDraft() throws {
        var sequence: Int64 = 5
        let events = TaskEvent.make(
            Self.draft(images: 2),
            taskID: Fixtures.taskID,
            spec: try Fixtures.spec,
            sequence: &sequence,
            time: Fixtures.time,
            traceParent: "tp"
        )
        #expect(sequence == 6)
        #expect(events.count == 1)
        let event = try #require(events.first)
        #expect(event.sequence == 6)
        #expect(event.type == .nodeFailed)
        #expect(event.images.count == 2)
        #expect(event.part == nil)
        #expect(event.event.subject == "\(Fixtures.taskID)/n1")
        #expect(event.record.key == Array(Fixtures.taskID.text.utf8))
        #expect(event.record.topic == "longshore.events")
        #expect(try TaskEvent(event: event.event) == event)
    }

    @Test("of a refusal are one, with as many faults as fit and the number of all", arguments: [0, 1, 200])
    func boundedFaults(count: Int) throws {
        var refusal = TaskEvent(
            id: "e",
            type: .taskRejected,
            taskID: Fixtures.taskID,
            project: "default",
            cluster: "default",
            sequence: 2,
            time: Fixtures.time,
            phase: .rejected
        )
        // JSON writes each of these characters with six.
        let pointer = "/labels/" + String(repeating: "\u{1}", count: 1_000)
        refusal.faults = (0..<count).map { EventFault(pointer: "\(pointer)\($0)", code: "invalidLabel", detail: "no") }
        let whole = refusal.withFaults()
        #expect(whole.data.serialized().count <= TaskEvent.maximumDataBytes)
        #expect(whole.faultCount == (count == 200 ? 200 : nil))
        #expect(whole.faults.count == (count == 200 ? whole.faults.count : count))
        #expect(count != 200 || whole.faults.count > 5, "\(whole.faults.count) of 200 are listed")
        #expect(try TaskEvent(event: whole.event) == whole)
        let least = whole.withFaults(fitting: 0)
        #expect(least.faults.isEmpty && least.faultCount == (count == 0 ? nil : count))
    }

    @Test("take a trace from a request only where it has the form of one")
    func traceParents() throws {
        let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        for (text, kept) in [
            (good, true), (good + "0", false), (String(repeating: "a", count: 100_000), false), ("", false),
        ] {
            var event = TaskRequested(eventID: "e", source: "/ci", request: [:], traceParent: text).event
            event.extensions[EventExtension.traceParent] = text
            #expect(try TaskRequested(event: event).traceParent == (kept ? text : nil))
        }
    }

    @Test("that are too long go as several, each with its own id and place")
    func split() throws {
        var sequence: Int64 = 10
        let events = TaskEvent.make(
            Self.draft(images: 100, messageBytes: 1_024),
            taskID: Fixtures.taskID,
            spec: try Fixtures.spec,
            sequence: &sequence,
            time: Fixtures.time
        )
        #expect(events.count > 1)
        #expect(events.flatMap(\.images).count == 100)
        #expect(Set(events.map(\.id)).count == events.count)
        #expect(events.map(\.sequence) == (0..<events.count).map { 11 + Int64($0) })
        #expect(sequence == 10 + Int64(events.count))
        #expect(events.compactMap(\.part?.number) == Array(1...events.count))
        #expect(events.first?.id == EventIdentity.event(Fixtures.taskID, type: .nodeFailed, node: "n1", attempt: 1))
        for event in events {
            #expect(event.data.serialized().count <= TaskEvent.maximumDataBytes)
            #expect(try TaskEvent(event: event.event) == event)
        }
    }

    @Test("read a cause they do not know as Unknown")
    func unknownCause() throws {
        var event = try Fixtures.event(.nodeFailed).event
        event.data?["cause"] = "Invented"
        #expect(try TaskEvent(event: event).cause == .unknown)
    }

    @Test("are not read from messages that ask for something")
    func refusesOtherTypes() throws {
        let error = #expect(throws: CloudEventError.self) { try TaskEvent(event: Fixtures.submitted.event) }
        #expect(error?.code == .wrongType)
        #expect(throws: CloudEventError.self) { try TaskSubmitted(event: Fixtures.command.event) }
        #expect(throws: CloudEventError.self) { try TaskCommand(event: Fixtures.requested.event) }
        #expect(throws: CloudEventError.self) { try TaskRequested(event: Fixtures.command.event) }
    }

    @Test("need a sequence and a time", arguments: [nil, "", "x", "-1", "99999999999999999999"] as [String?])
    func needSequence(text: String?) throws {
        var event = try Fixtures.event(.taskQueued).event
        event.extensions["sequence"] = text
        #expect(throws: CloudEventError.self) { try TaskEvent(event: event) }
        event.extensions["sequence"] = "1"
        event.time = nil
        #expect(throws: CloudEventError.self) { try TaskEvent(event: event) }
    }
}

@Suite("Messages that ask for something")
struct TaskMessageTests {
    @Test("expire with the task's deadline")
    func expiry() throws {
        let submitted = try Fixtures.submitted
        #expect(submitted.expiresAt == Fixtures.time + .seconds(86_400))
        #expect(submitted.event.extensions["expirytime"] == submitted.expiresAt.rfc3339)
        #expect(submitted.topic == "longshore.tasks.default.normal")
        #expect(submitted.record.key == Array(Fixtures.taskID.text.utf8))
    }

    @Test("stay on the topic of the submission's class, whatever a patch says")
    func commandTopic() {
        #expect(Fixtures.command.record.topic == "longshore.tasks.edge.normal")
    }

    @Test(
        "that change settings beyond their limits are refused",
        arguments: ["batchSize", "priority", "timeoutSeconds", "deadlineSeconds"]
    )
    func patchLimits(key: String) throws {
        var event = Fixtures.command.event
        event.data?["patch"]?[key] = 0
        let error = #expect(throws: CloudEventError.self) { try TaskCommand(event: event) }
        #expect(error?.place == "data/patch/\(key)")
    }

    @Test("are known again by their key, or else by source and id")
    func idempotencyKey() throws {
        var event = Fixtures.requested.event
        #expect(try TaskRequested(event: event).idempotencyKey == "build-42")
        event.extensions["idempotencykey"] = nil
        #expect(try TaskRequested(event: event).idempotencyKey == "/ci/pipelines/12\nrun-7")
        #expect(try TaskRequested(event: event).event == event)
        event.extensions["idempotencykey"] = String(repeating: "k", count: 2_000)
        #expect(throws: CloudEventError.self) { try TaskRequested(event: event) }
    }

    @Test("of refusals have ids that no task can have, the same for the same record")
    func refusalIDs() {
        func id(
            _ topic: String = Topics.requests,
            _ partition: Int32 = 1,
            _ offset: Int64 = 2,
            _ time: Int64? = 3
        ) -> TaskID {
            TaskIDs.refusal(topic: topic, partition: partition, offset: offset, timestampMilliseconds: time)
        }
        let others = [id("other"), id(Topics.requests, 0), id(Topics.requests, 1, 3), id(Topics.requests, 1, 2, 4)]
        #expect(id() == id() && !others.contains(id()))
        for refusal in others + [id()] {
            #expect(refusal.isRefusal)
            #expect(TaskID(refusal.text) == refusal)
        }
        let random = (0..<10).map { _ in UInt8.random(in: 0...255) }
        for number in 0..<200 {
            #expect(!TaskIDs.derived(project: "default", idempotencyKey: "k\(number)").isRefusal)
        }
        #expect(!TaskID.v7(at: Timestamp(microsecondsSinceEpoch: 0), random: random).isRefusal)
    }

    @Test("derive the task's id from project and key, and from nothing else")
    func derivedIDs() {
        let id = TaskIDs.derived(project: "default", idempotencyKey: "build-42")
        #expect(id == TaskIDs.derived(project: "default", idempotencyKey: "build-42"))
        #expect(id != TaskIDs.derived(project: "default", idempotencyKey: "build-43"))
        #expect(id != TaskIDs.derived(project: "other", idempotencyKey: "build-42"))
        #expect(
            TaskIDs.derived(project: "a", idempotencyKey: "b\nc")
                != TaskIDs.derived(project: "a\nb", idempotencyKey: "c")
        )
        #expect(id.uuid[6] >> 4 == 8)
        #expect(id.uuid[8] >> 6 == 2)
        // Pinned: a client that seals a credential itself computes the same id.
        #expect(id.text == "5sadyjm4tahfftvzp7t2hphrc5")
    }

    @Test("name Kubernetes objects within the limits")
    func names() throws {
        let scope = try RegistryScope(parsing: "harbor.example.com/ml")
        let secret = SecretNames.pullSecret(Fixtures.taskID, scope: scope)
        #expect(secret == "pull-\(Fixtures.taskID)-\(SecretNames.sha256("harbor.example.com/ml").prefix(8))")
        let job = SecretNames.job(Fixtures.taskID, node: String(repeating: "n", count: 253), attempt: 31)
        #expect(job.utf8.count <= 63)
        #expect(KubernetesNames.isSubdomain(job))
        #expect(SecretNames.webhookSecret(project: "default") == "webhook-default")
        for project in ["default", "a", "Not A Label", "", "x/y"] {
            #expect(KubernetesNames.isSubdomain(SecretNames.webhookSecret(project: project)))
        }
        #expect(SecretNames.sha256("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    }

    @Test("announce the newest key to seal with")
    func newestKey() throws {
        var announcement = Fixtures.announcement
        let newer = AnnouncedKey(
            keyID: "new",
            publicKey: [UInt8](repeating: 1, count: 32),
            createdAt: Fixtures.time + .seconds(1)
        )
        announcement.keys.append(newer)
        #expect(announcement.newestKey == newer)
        #expect(announcement.record.key == Array("edge".utf8))
        var event = announcement.event
        event.data?["keys"] = [["keyId": "x", "publicKey": "AAAA", "createdAt": "2026-01-01T00:00:00Z"]]
        #expect(throws: CloudEventError.self) { try ClusterAnnouncement(event: event) }
    }
}
