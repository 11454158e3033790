import LongshoreDomain
import LongshoreMessages
import Testing
import WireFormats

@Suite("The identity of events")
struct EventIdentityTests {
    static let task = Fixtures.taskID

    @Test("is the same for the same happening and different for another")
    func ids() {
        #expect(EventIdentity.submitted(Self.task) == "\(Self.task)-submitted")
        #expect(EventIdentity.phase(Self.task, .queued) == "\(Self.task)-queued")
        #expect(EventIdentity.event(Self.task, type: .taskSucceeded) == "\(Self.task)-succeeded")
        #expect(EventIdentity.event(Self.task, type: .taskSucceeded, occurrence: 3) == "\(Self.task)-succeeded")
        #expect(EventIdentity.event(Self.task, type: .taskPulling) == "\(Self.task)-pulling")
        #expect(EventIdentity.event(Self.task, type: .taskPulling, occurrence: 2) == "\(Self.task)-pulling-2")
        #expect(EventIdentity.event(Self.task, type: .taskProgress, sequence: 17) == "\(Self.task)-progress-17")
        // The first eight digits of `printf node.example.com | sha256sum`.
        #expect(
            EventIdentity.event(Self.task, type: .nodeFailed, node: "node.example.com", attempt: 3)
                == "\(Self.task)-n\(SecretNames.sha256("node.example.com").prefix(8))-failed"
        )
    }

    @Test("has a sequence that sorts as text")
    func sequence() {
        #expect(EventIdentity.text(sequence: 7) == "000000000007")
        #expect(EventIdentity.text(sequence: -1) == "000000000000")
        #expect(EventIdentity.text(sequence: 1_234_567_890_123) == "1234567890123")
        let texts = [9, 10, 99, 1_000, 123_456].map { EventIdentity.text(sequence: $0) }
        #expect(texts == texts.sorted())
    }

    @Test("names every type in short as webhooks do")
    func shortNames() {
        #expect(EventType.taskSucceeded.shortName == "task.succeeded")
        for type in EventType.allCases { #expect(EventType(shortName: type.shortName) == type) }
        #expect(Set(EventType.allCases.filter(\.isEvent).map(\.shortName)) == Set(WebhookEventNames.all))
        #expect(
            EventType.allCases.filter(\.isTerminal) == [.taskSucceeded, .taskFailed, .taskCancelled, .taskRejected]
        )
    }

    @Test("knows which phase each type announces")
    func phases() {
        for phase in TaskPhase.allCases {
            #expect(EventType(announcing: phase)?.taskPhase == (phase == .accepting ? nil : phase))
        }
        for kind in TaskEventDraft.Kind.allCases { #expect(EventType(kind).isEvent) }
        #expect(Set(TaskEventDraft.Kind.allCases.map { EventType($0) }).count == TaskEventDraft.Kind.allCases.count)
    }
}

@Suite("Topics")
struct TopicsTests {
    @Test("are named by cluster and class, and read back")
    func names() {
        #expect(
            Topics.tasks(cluster: "edge") == [
                "longshore.tasks.edge.high", "longshore.tasks.edge.normal", "longshore.tasks.edge.low",
            ]
        )
        for priority in PriorityClass.allCases {
            let parsed = Topics.parse(taskTopic: Topics.tasks(cluster: "edge", class: priority))
            #expect(parsed?.cluster == "edge")
            #expect(parsed?.class == priority)
        }
        for name in [
            "longshore.tasks.dlq", "longshore.tasks.edge", "longshore.tasks..high", "longshore.tasks.a.b.high",
            "longshore.events", "x",
        ] {
            #expect(Topics.parse(taskTopic: name) == nil)
        }
    }

    @Test("are made with the contract's retention")
    func definitions() {
        let definitions = Topics.shared() + Topics.definitions(cluster: "edge", partitions: 3)
        let byName = Dictionary(uniqueKeysWithValues: definitions.map { ($0.name, $0) })
        #expect(byName["longshore.events"]?.configuration["retention.ms"] == "604800000")
        #expect(byName["longshore.requests.dlq"]?.configuration["retention.ms"] == "2592000000")
        #expect(byName["longshore.clusters"]?.configuration["cleanup.policy"] == "compact")
        #expect(byName["longshore.clusters"]?.partitions == 1)
        #expect(byName["longshore.tasks.edge.high"]?.partitions == 3)
        #expect(definitions.count == 9)
        let longer =
            Topics.shared(retention: .seconds(86_400 * 9))
            + Topics.definitions(cluster: "edge", retention: .seconds(86_400 * 9))
        for name in [Topics.requests, Topics.events] + Topics.tasks(cluster: "edge") {
            #expect(longer.first { $0.name == name }?.configuration["retention.ms"] == "777600000", "\(name)")
        }
    }
}
