import Testing
import WireFormats

@testable import ClusterSimulator

@Suite struct EventLogTests {
    private func log(_ revisions: ClosedRange<UInt64>, capacity: Int) -> EventLog {
        var log = EventLog(compactedRevision: 0, capacity: capacity)
        for revision in revisions {
            let object = StoredObject(key: ObjectKey(namespace: "", name: "a"), json: [:], resourceVersion: revision)
            log.append(StoreEvent(kind: .modified, resource: .nodes, object: object, previous: nil))
        }
        return log
    }

    @Test func `A watch resumes after its revision`() {
        let log = log(5...10, capacity: 100)
        #expect(log.position(after: 0) == 0)
        #expect(log.position(after: 7) == 3)
        #expect(log.position(after: 10) == 6)
        #expect(log.read(from: 3, limit: 2)?.map(\.revision) == [8, 9])
        #expect(log.read(from: 6, limit: 2)?.isEmpty == true)
    }

    @Test func `What fell out of the window cannot be replayed`() {
        let log = log(1...10, capacity: 4)
        #expect(log.position(after: 5) == nil)
        #expect(log.position(after: 6) == 6)
        #expect(log.read(from: 5, limit: 1) == nil)
        #expect(log.compactedRevision == 6)
    }

    @Test func `Compaction forgets what is before it`() {
        var log = log(1...10, capacity: 100)
        log.compact(through: 10)
        #expect(log.position(after: 9) == nil)
        #expect(log.position(after: 10) == log.end)
    }
}

@Suite struct TimerQueueTests {
    @Test func `Timers fire in the order of their times, equal ones in the order they were set`() {
        var queue = TimerQueue()
        let start = ContinuousClock.now
        let order = [5, 3, 9, 3, 1, 7, 2, 8]
        for offset in order { queue.add(at: start + .seconds(offset)) { _ in } }
        var times: [Int] = []
        while let deadline = queue.earliest {
            #expect(queue.popDue(deadline - .nanoseconds(1)) == nil)
            #expect(queue.popDue(deadline) != nil)
            times.append(Int(start.duration(to: deadline).components.seconds))
        }
        #expect(times == order.sorted())
        #expect(queue.count == 0)
    }
}
