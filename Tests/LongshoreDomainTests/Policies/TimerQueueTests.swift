import LongshoreDomain
import TestSupport
import Testing
import WireFormats

@Suite struct TimerQueueTests {
    @Test func `entries come out by time, and in the order they came for the same time`() {
        var random = SeededGenerator(seed: 3)
        for _ in 0..<50 {
            var queue = TimerQueue<Int>()
            let times = (0..<200).map { _ in Int64.random(in: 0..<40, using: &random) }
            for (index, time) in times.enumerated() { queue.insert(index, at: Timestamp(microsecondsSinceEpoch: time)) }
            var out: [Int] = []
            while let next = queue.removeFirst() { out.append(next.element) }
            #expect(out == times.indices.sorted { (times[$0], $0) < (times[$1], $1) })
            #expect(queue.isEmpty)
        }
    }

    @Test func `nothing comes out before its time`() {
        var queue = TimerQueue<String>()
        queue.insert("a", at: Timestamp(microsecondsSinceEpoch: 10))
        #expect(queue.removeFirst(notAfter: Timestamp(microsecondsSinceEpoch: 9)) == nil)
        #expect(queue.removeFirst(notAfter: Timestamp(microsecondsSinceEpoch: 10)) == "a")
        #expect(queue.removeFirst() == nil)
    }
}
