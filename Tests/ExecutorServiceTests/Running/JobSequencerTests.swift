import LongshoreDomain
import LongshoreMessages
import TestSupport
import Testing
import WireFormats

@testable import ExecutorService

@Suite struct JobSequencerTests {
    @Test func `whatever is late and whatever is lost, each Job is deleted once and none is left`() {
        // Fewer on slow machines: a sanitizer takes some milliseconds for each.
        for seed in UInt64(1)...UInt64(5_000 / testPatience) {
            var world = SequencedWorld(seed: seed)
            world.run()
            #expect(world.faults.isEmpty, "seed \(seed)")
            if !world.faults.isEmpty { return }
        }
    }

    @Test func `a deletion that waited for a creation is carried out although the task's end is on its way`() {
        var sequencer = JobSequencer(taskID: SequencedWorld.task)
        let start = SequencedWorld.start("node-1", 1)
        let key = AttemptKey(node: "node-1", attempt: 1)
        #expect(sequencer.start(start) == [.create(start)])
        #expect(sequencer.attemptEnded(node: "node-1", attempt: 1, uid: "uid") == [.withdraw(key)])
        sequencer.statusBegan()
        #expect(sequencer.creationAnswered(key) == [])
        #expect(sequencer.statusWritten() == [])
        let deletion = JobWriter.Deletion(
            node: "node-1",
            name: SecretNames.job(SequencedWorld.task, node: "node-1", attempt: 1),
            uid: "uid"
        )
        #expect(sequencer.taskEnded() == [.delete(deletion)])
        #expect(!sequencer.isSettled)
        #expect(sequencer.deletionAnswered(deletion.givenUp) == [])
        #expect(sequencer.isSettled)
    }

    @Test func `a Job that is made after the task's end is deleted`() {
        var sequencer = JobSequencer(taskID: SequencedWorld.task)
        _ = sequencer.start(SequencedWorld.start("node-1", 1))
        #expect(sequencer.taskEnded() == [])
        #expect(!sequencer.isSettled)
        let actions = sequencer.creationAnswered(AttemptKey(node: "node-1", attempt: 1))
        let name = SecretNames.job(SequencedWorld.task, node: "node-1", attempt: 1)
        #expect(actions == [.delete(JobWriter.Deletion(node: "node-1", name: name, uid: nil))])
    }

    @Test func `nothing is started once the task is to be given up`() {
        var sequencer = JobSequencer(taskID: SequencedWorld.task)
        _ = sequencer.start(SequencedWorld.start("node-1", 1))
        _ = sequencer.attemptEnded(node: "node-1", attempt: 1, uid: nil)
        #expect(sequencer.start(SequencedWorld.start("node-1", 2)) == [])
        sequencer.release()
        #expect(!sequencer.mayRelease)
        #expect(sequencer.creationAnswered(AttemptKey(node: "node-1", attempt: 1)) == [])
        #expect(sequencer.mayRelease && sequencer.needsStatus)
        sequencer.statusBegan()
        let name = SecretNames.job(SequencedWorld.task, node: "node-1", attempt: 1)
        let deletion = JobWriter.Deletion(node: "node-1", name: name, uid: nil)
        #expect(sequencer.statusWritten() == [.delete(deletion)])
        #expect(sequencer.deletionAnswered(deletion.givenUp) == [])
        #expect(sequencer.isSettled)
    }
}

/// A task on a few nodes against a cluster whose every answer comes when a seeded generator says so.
private struct SequencedWorld {
    static let task = TaskID.v7(at: Timestamp(microsecondsSinceEpoch: 1), random: [UInt8](repeating: 7, count: 10))

    static func start(_ node: String, _ attempt: Int) -> TaskRun.JobStart {
        TaskRun.JobStart(node: node, attempt: attempt, images: [], secretNames: [], timeLimit: .seconds(1))
    }

    private enum Step {
        case begin(String)
        case end(String)
        case endAgain(String)
        case createTakesEffect(Int)
        case createIsAnswered(Int)
        case deleteTakesEffect(Int)
        case deleteIsAnswered(Int)
        case statusBegins
        case statusIsWritten
        case strayAppears
    }

    private struct Creation {
        let start: TaskRun.JobStart
        var isWithdrawn = false
        var isEffective = false
    }

    private struct Deletion {
        let deletion: JobWriter.Deletion
        var isEffective = false
    }

    private var sequencer = JobSequencer(taskID: Self.task)
    private var random: SeededGenerator
    /// The attempt that each node is at, and how many it is to have.
    private var attempts: [String: Int] = [:]
    private var planned: [String: Int] = [:]
    private var working: Set<String> = []
    private var creations: [Creation] = []
    private var deletions: [Deletion] = []
    private var live: Set<String> = []
    private var nodeOf: [String: String] = [:]
    private var deletedNames: [String: Int] = [:]
    private var unrecordedEnds: Set<String> = []
    private var endsBeingRecorded: Set<String> = []
    private var isWriting = false
    private var isLastWrite = false
    private var hasEnded = false
    private var strays: Int
    /// What must not be.
    private(set) var faults: [String] = []

    init(seed: UInt64) {
        random = SeededGenerator(seed: seed)
        for node in 1...Int.random(in: 1...4, using: &random) {
            attempts["node-\(node)"] = 0
            planned["node-\(node)"] = Int.random(in: 1...4, using: &random)
        }
        strays = Int.random(in: 0...9, using: &random) == 0 ? 1 : 0
    }

    mutating func run() {
        for _ in 0..<2_000 {
            let steps = possibleSteps()
            guard let step = steps.randomElement(using: &random) else { break }
            take(step)
        }
        if !possibleSteps().isEmpty { faults.append("the task does not come to its end") }
        if !hasEnded { faults.append("the task's end is never recorded") }
        if !sequencer.isSettled { faults.append("the slot stays taken") }
        if !live.isEmpty { faults.append("Jobs are left: \(live.sorted())") }
        for (name, count) in deletedNames where count > 1 { faults.append("\(name) was deleted \(count) times") }
    }

    private func possibleSteps() -> [Step] {
        var steps: [Step] = []
        for (node, attempt) in attempts.sorted(by: { $0.key < $1.key }) {
            if working.contains(node) {
                steps.append(.end(node))
            } else if attempt < planned[node] ?? 0 {
                steps.append(.begin(node))
            }
            if attempt > 0, !working.contains(node), isBeingDeleted(node) { steps.append(.endAgain(node)) }
        }
        for index in creations.indices {
            if !creations[index].isEffective, !creations[index].isWithdrawn { steps.append(.createTakesEffect(index)) }
            steps.append(.createIsAnswered(index))
        }
        for index in deletions.indices {
            steps.append(deletions[index].isEffective ? .deleteIsAnswered(index) : .deleteTakesEffect(index))
        }
        if isWriting {
            steps.append(.statusIsWritten)
        } else if !hasEnded, sequencer.needsStatus || areNodesDone {
            steps.append(.statusBegins)
        }
        if strays > 0, !working.isEmpty { steps.append(.strayAppears) }
        // Ending an attempt twice alone leads nowhere.
        return steps.allSatisfy { if case .endAgain = $0 { true } else { false } } ? [] : steps
    }

    private func isBeingDeleted(_ node: String) -> Bool {
        let name = SecretNames.job(Self.task, node: node, attempt: attempts[node] ?? 0)
        return deletions.contains { $0.deletion.name == name } || unrecordedEnds.contains(name)
    }

    private var areNodesDone: Bool { working.isEmpty && attempts.allSatisfy { $0.value == planned[$0.key] } }

    private mutating func take(_ step: Step) {
        switch step {
        case .begin(let node):
            attempts[node, default: 0] += 1
            working.insert(node)
            perform(sequencer.start(Self.start(node, attempts[node] ?? 0)))
        case .end(let node): end(node)
        case .endAgain(let node):
            perform(sequencer.attemptEnded(node: node, attempt: attempts[node] ?? 0, uid: nil))
        case .createTakesEffect(let index): create(index)
        case .createIsAnswered(let index): answerCreation(index)
        case .deleteTakesEffect(let index):
            deletions[index].isEffective = true
            live.remove(deletions[index].deletion.name)
        case .deleteIsAnswered(let index):
            let done = deletions.remove(at: index).deletion
            perform(sequencer.deletionAnswered(.init(node: done.node, name: done.name, uid: done.uid ?? done.name)))
        case .statusBegins:
            isWriting = true
            isLastWrite = areNodesDone
            endsBeingRecorded = unrecordedEnds
            sequencer.statusBegan()
        case .statusIsWritten:
            isWriting = false
            unrecordedEnds.subtract(endsBeingRecorded)
            perform(sequencer.statusWritten())
            if isLastWrite {
                hasEnded = true
                unrecordedEnds = []
                perform(sequencer.taskEnded())
            }
        case .strayAppears:
            strays -= 1
            let name = "stray"
            let node = working.sorted().randomElement(using: &random) ?? ""
            live.insert(name)
            let actions = sequencer.strayFound(.init(node: node, name: name, uid: name))
            // One that is not taken up now is seen again with the next news of it.
            if actions.isEmpty {
                live.remove(name)
                strays += 1
            }
            perform(actions)
        }
    }

    private mutating func end(_ node: String) {
        let attempt = attempts[node] ?? 0
        working.remove(node)
        let name = SecretNames.job(Self.task, node: node, attempt: attempt)
        unrecordedEnds.insert(name)
        let isSeen = live.contains(name) && Bool.random(using: &random)
        perform(sequencer.attemptEnded(node: node, attempt: attempt, uid: isSeen ? name : nil))
    }

    private mutating func create(_ index: Int) {
        creations[index].isEffective = true
        let start = creations[index].start
        let name = SecretNames.job(Self.task, node: start.node, attempt: start.attempt)
        if deletedNames[name] != nil { faults.append("\(name) was made anew behind its deletion") }
        let others = live.filter { nodeOf[$0] == start.node && $0 != name }
        if !others.isEmpty { faults.append("\(name) was made beside \(others.sorted())") }
        nodeOf[name] = start.node
        live.insert(name)
    }

    private mutating func answerCreation(_ index: Int) {
        let done = creations.remove(at: index)
        let start = done.start
        perform(sequencer.creationAnswered(AttemptKey(node: start.node, attempt: start.attempt)))
        // A call whose outcome is unknown is made again, as long as its attempt is in work.
        let isCurrent = working.contains(start.node) && attempts[start.node] == start.attempt
        if isCurrent, Bool.random(using: &random) { perform(sequencer.start(start)) }
    }

    private mutating func perform(_ actions: [JobSequencer.Action]) {
        for action in actions {
            switch action {
            case .create(let start): creations.append(Creation(start: start))
            case .withdraw(let key):
                for index in creations.indices
                where AttemptKey(node: creations[index].start.node, attempt: creations[index].start.attempt) == key {
                    creations[index].isWithdrawn = Bool.random(using: &random)
                }
            case .delete(let deletion):
                if unrecordedEnds.contains(deletion.name) {
                    faults.append("\(deletion.name) was deleted before its end was recorded")
                }
                deletedNames[deletion.name, default: 0] += 1
                deletions.append(Deletion(deletion: deletion))
            }
        }
    }
}
