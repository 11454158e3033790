import LongshoreDomain
import LongshoreMessages
import Testing
import WireFormats

@testable import IntakeService

struct ProjectionFoldTests {
    private let task = TaskIDs.derived(project: "default", idempotencyKey: "fold")
    private var key: TaskKey { .init(task: task, project: "default", cluster: "default") }

    private func event(
        _ type: EventType,
        _ sequence: Int64,
        phase: TaskPhase? = nil,
        node: String? = nil,
        counts: TaskCounts = TaskCounts(nodesTotal: 3)
    ) -> TaskEvent {
        var event = TaskEvent.sample(type, of: task, sequence: sequence, phase: phase, node: node, counts: counts)
        event.time = Timestamp(microsecondsSinceEpoch: sequence * 1_000_000)
        return event
    }

    @Test
    func `The newest event of a task counts, in whatever order they come`() throws {
        let events = [
            event(.taskQueued, 1, counts: TaskCounts()), event(.taskChecking, 2), event(.taskPulling, 3),
            event(.taskProgress, 4, phase: .pulling, counts: TaskCounts(nodesTotal: 3, succeeded: 1)),
        ]
        for _ in 0..<20 {
            let folded = try #require(ProjectionFold(events.shuffled()).tasks[key])
            #expect(folded.phase == .pulling)
            #expect(folded.counts == TaskCounts(nodesTotal: 3, succeeded: 1))
            #expect(folded.sequence == 4)
            #expect(folded.queuedAt?.secondsSinceEpoch == 1)
            #expect(folded.startedAt?.secondsSinceEpoch == 2)
            #expect(folded.finishedAt == nil)
        }
    }

    @Test
    func `Nothing follows the end`() throws {
        var end = event(.taskFailed, 5, counts: TaskCounts(nodesTotal: 3, failed: 3))
        end.cause = .unauthorized
        let fold = ProjectionFold([event(.taskSucceeded, 7), end, event(.taskPulling, 6)])
        let folded = try #require(fold.tasks[key])
        #expect(folded.phase == .failed)
        #expect(folded.cause == "Unauthorized")
        #expect(folded.finishedAt?.secondsSinceEpoch == 5)
    }

    @Test
    func `A refused request is no event of a task, whatever its number, and an executor's rejection is`() {
        let refusal = TaskEvent.sample(.taskRejected, of: task, sequence: 1)
        var own = refusal
        own.taskID = TaskIDs.refusal(topic: "t", partition: 0, offset: 0, timestampMilliseconds: nil)
        own.sequence = 7
        #expect(ProjectionFold([refusal, own]).tasks.isEmpty)
        #expect(ProjectionFold([refusal, event(.taskPulling, 3)]).tasks[key]?.phase == .pulling)
        #expect(ProjectionFold([event(.taskRejected, 2)]).tasks[key]?.phase == .rejected)
    }

    @Test
    func `A node's failure is the node's and not the task's`() throws {
        var failure = event(.nodeFailed, 4, phase: .pulling, node: "a")
        failure.cause = .notFound
        let fold = ProjectionFold([failure])
        #expect(fold.tasks[key]?.cause == nil)
        #expect(fold.nodes[.init(task: key, node: "a")]?.cause == "NotFound")
        #expect(fold.nodes[.init(task: key, node: "a")]?.phase == .failed)
    }

    @Test
    func `A node that is tried again is in work again`() {
        let fold = ProjectionFold([
            event(.nodePulling, 2, node: "a"), event(.nodeFailed, 3, node: "a"), event(.nodePulling, 4, node: "a"),
        ])
        #expect(fold.nodes[.init(task: key, node: "a")]?.phase == .pulling)
    }

    @Test
    func `The parts of a long event add up`() {
        var first = event(.nodeSucceeded, 2, node: "a")
        first.images = [EventImage(image: "one", phase: .pulled)]
        first.part = TaskEvent.Part(number: 1, count: 2)
        var second = event(.nodeSucceeded, 3, node: "a")
        second.images = [EventImage(image: "two", phase: .pulled)]
        second.part = TaskEvent.Part(number: 2, count: 2)
        let both = ProjectionFold([second, first]).nodes[.init(task: key, node: "a")]
        #expect(both?.images.map(\.image) == ["one", "two"])
        #expect(both?.addsImages == false)
        let late = ProjectionFold([second]).nodes[.init(task: key, node: "a")]
        #expect(late?.images.map(\.image) == ["two"])
        #expect(late?.addsImages == true)
    }

    @Test
    func `Folding the same events twice changes nothing`() {
        let events = [event(.taskChecking, 2), event(.nodePulling, 3, node: "a"), event(.nodeSucceeded, 4, node: "a")]
        #expect(ProjectionFold(events).tasks == ProjectionFold(events + events).tasks)
        #expect(ProjectionFold(events).nodes == ProjectionFold(events + events).nodes)
    }
}
