import LongshoreDomain
import Testing
import WireFormats

@testable import ExecutorService

@Suite struct SlotWatchTests {
    private let task = TaskID.v7(at: Timestamp(microsecondsSinceEpoch: 1), random: [UInt8](repeating: 1, count: 10))
    private let other = TaskID.v7(at: Timestamp(microsecondsSinceEpoch: 1), random: [UInt8](repeating: 2, count: 10))
    private let begin = ContinuousClock.now

    private func look(
        _ watch: inout SlotWatch,
        _ sightings: [TaskID: SlotWatch.Sighting],
        after seconds: Int
    ) -> [SlotWatch.Action] {
        watch.look(at: sightings, now: begin + .seconds(seconds))
    }

    @Test func `slots whose tasks are at work are never stale, however long they take`() {
        var watch = SlotWatch(timeout: .seconds(60))
        for second in stride(from: 0, to: 100_000, by: 1_000) {
            #expect(look(&watch, [task: .open, other: .open], after: second).isEmpty)
            #expect(watch.stale.isEmpty)
        }
    }

    @Test func `a slot whose task ended a minute ago is stale, abandoned once, and at last freed once`() {
        var watch = SlotWatch(timeout: .seconds(60))
        #expect(look(&watch, [task: .open, other: .open], after: 0).isEmpty)
        #expect(look(&watch, [task: .ended, other: .open], after: 100).isEmpty)
        #expect(look(&watch, [task: .ended, other: .open], after: 159).isEmpty)
        #expect(watch.stale.isEmpty)
        #expect(look(&watch, [task: .ended, other: .open], after: 160) == [.abandon(task)])
        #expect(watch.stale == [task])
        #expect(look(&watch, [task: .ended, other: .open], after: 165).isEmpty)
        #expect(look(&watch, [task: .ended, other: .open], after: 170) == [.free(task)])
        #expect(look(&watch, [task: .ended, other: .open], after: 171).isEmpty)
        #expect(watch.stale == [task])
        #expect(look(&watch, [other: .open], after: 172).isEmpty)
        #expect(watch.stale.isEmpty)
    }

    @Test func `a task whose PullTask is gone is told so, and is not abandoned before its end is told`() {
        var watch = SlotWatch(timeout: .seconds(60))
        #expect(look(&watch, [task: .gone], after: 0).isEmpty)
        #expect(look(&watch, [task: .gone], after: 60) == [.tellGone(task)])
        #expect(look(&watch, [task: .gone], after: 10_000).isEmpty)
        #expect(watch.stale.isEmpty)
        #expect(look(&watch, [task: .ended], after: 10_001).isEmpty)
        #expect(look(&watch, [task: .ended], after: 10_061) == [.abandon(task)])
    }

    @Test func `a slot that is taken again by a task of the same id begins anew`() {
        var watch = SlotWatch(timeout: .seconds(60))
        #expect(look(&watch, [task: .ended], after: 0).isEmpty)
        #expect(look(&watch, [:], after: 50).isEmpty)
        #expect(look(&watch, [task: .ended], after: 70).isEmpty)
        #expect(look(&watch, [task: .ended], after: 129).isEmpty)
    }
}
