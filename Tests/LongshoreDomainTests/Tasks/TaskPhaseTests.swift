import LongshoreDomain
import Testing

@Suite struct TaskPhaseTests {
    /// Written out once more, so that a change of the table is a change in two places.
    static let allowed: [TaskPhase: [TaskPhase]] = [
        .accepting: [.queued, .rejected],
        .queued: [.checking, .cancelled, .failed, .rejected],
        .checking: [.pulling, .paused, .succeeded, .failed, .cancelled, .rejected],
        .pulling: [.paused, .succeeded, .failed, .cancelled],
        .paused: [.pulling, .succeeded, .failed, .cancelled],
        .succeeded: [.checking, .pulling, .paused], .failed: [.checking, .pulling, .paused], .cancelled: [],
        .rejected: [],
    ]

    @Test(arguments: TaskPhase.allCases, TaskPhase.allCases)
    func `a task's phase is followed only by those of the table`(from: TaskPhase, to: TaskPhase) {
        #expect(from.canBecome(to) == Self.allowed[from]?.contains(to))
    }

    @Test func `four phases are terminal`() {
        #expect(TaskPhase.allCases.filter(\.isTerminal) == [.succeeded, .failed, .cancelled, .rejected])
    }

    @Test func `every phase can be reached and every task can end`() {
        var reached: Set<TaskPhase> = [.accepting]
        for _ in TaskPhase.allCases { reached.formUnion(reached.flatMap(\.successors)) }
        #expect(reached == Set(TaskPhase.allCases))
        for phase in TaskPhase.allCases where !phase.isTerminal {
            #expect(phase.successors.contains { $0.isTerminal } || phase == .accepting)
        }
    }

    @Test(arguments: NodePhase.allCases, NodePhase.allCases)
    func `a node's phase is followed only by those of the table`(from: NodePhase, to: NodePhase) {
        let allowed: [NodePhase: Set<NodePhase>] = [
            .pending: [.pulling, .succeeded, .failed, .skipped], .pulling: [.succeeded, .failed, .skipped],
        ]
        #expect(from.canBecome(to) == (allowed[from] ?? []).contains(to))
    }

    @Test(arguments: ImagePhase.allCases, ImagePhase.allCases)
    func `an image that is on the node stays there, all else may change`(from: ImagePhase, to: ImagePhase) {
        if from.isOnNode { #expect(!from.canBecome(to)) }
        if from == to { #expect(!from.canBecome(to)) }
        if !from.isOnNode && to.isOnNode { #expect(from.canBecome(to)) }
        if to == .pending { #expect(from.canBecome(to) == (from == .pulling || from == .failed)) }
    }

    @Test(arguments: [
        (-1, PriorityClass.low), (1, .low), (3, .low), (4, .normal), (5, .normal), (7, .normal), (8, .high),
        (10, .high),
        (99, .high),
    ])
    func `priorities fall into three classes`(priority: Int, expected: PriorityClass) {
        #expect(PriorityClass(priority: priority) == expected)
    }
}
