import LongshoreMessages
import RDKafka
import Testing

@testable import ServiceRuntime

@Suite struct KafkaLoopStateTests {
    private let high = TopicPartition(topic: "high", partition: 0)
    private let low = TopicPartition(topic: "low", partition: 0)
    private let start = ContinuousClock.now

    private func state(maximumBatch: Int = 100, readsAhead: Bool = false) -> KafkaLoopState {
        var state = KafkaLoopState(topics: ["high", "low"], maximumBatch: maximumBatch, readsAhead: readsAhead)
        state.assign([self.high, self.low])
        return state
    }

    private func receive(_ offsets: ClosedRange<Int64>, of key: TopicPartition, into state: inout KafkaLoopState) {
        for offset in offsets {
            let record = ConsumerRecord(topicPartition: key, offset: offset, value: nil)
            state.receive(record, .success(KafkaMessage(record: record, event: testEvent("\(offset)"))))
        }
    }

    private func offsets(_ batch: [KafkaLoopState.Item]) -> [Int64] { batch.map(\.record.offset) }

    @Test func `offsets move on when everything before is done`() {
        var state = self.state()
        self.receive(0...4, of: self.high, into: &state)
        let batch = state.takeBatch(now: self.start) { _ in .max }
        #expect(self.offsets(batch) == [0, 1, 2, 3, 4])
        #expect(state.takeOffsets().isEmpty)
        #expect(state.nextOffsets(after: batch) == [self.high: 5])
        state.complete(batch, remaining: [:]) { _ in self.start }
        #expect(state.takeOffsets() == [self.high: 5])
        #expect(state.takeOffsets().isEmpty)
    }

    @Test func `a record that is not done holds the offset back and comes again alone`() {
        var state = self.state()
        self.receive(0...4, of: self.high, into: &state)
        let batch = state.takeBatch(now: self.start) { _ in .max }
        let due = self.start + .seconds(1)
        state.complete(batch, remaining: [2: batch[2], 4: batch[4]]) { _ in due }
        #expect(state.takeOffsets() == [self.high: 2])
        #expect(state.nextDue(after: self.start) == due)
        #expect(state.takeBatch(now: self.start) { _ in .max }.isEmpty)
        let again = state.takeBatch(now: due) { _ in .max }
        #expect(self.offsets(again) == [2, 4])
        state.complete(again, remaining: [:]) { _ in due }
        #expect(state.takeOffsets() == [self.high: 5])
        #expect(state.nextDue(after: self.start) == nil)
    }

    @Test func `when the one that failed is done, so are those behind it`() {
        var state = self.state()
        self.receive(0...4, of: self.high, into: &state)
        let batch = state.takeBatch(now: self.start) { _ in .max }
        state.complete(batch, remaining: [1: batch[1]]) { _ in self.start }
        #expect(state.takeOffsets() == [self.high: 1])
        let again = state.takeBatch(now: self.start) { _ in .max }
        #expect(self.offsets(again) == [1])
        #expect(state.nextOffsets(after: again) == [self.high: 5])
        state.complete(again, remaining: [:]) { _ in self.start }
        #expect(state.takeOffsets() == [self.high: 5])
    }

    @Test(arguments: 0..<200) func `whatever fails, in whatever order, nothing below the offset is open`(seed: Int) {
        var random = UInt64(seed) &* 0x9E37_79B9_7F4A_7C15 | 1
        func next(_ bound: UInt64) -> UInt64 {
            random ^= random << 13
            random ^= random >> 7
            random ^= random << 17
            return random % bound
        }
        var state = self.state(maximumBatch: 7)
        var received: Int64 = 0
        var done: Set<Int64> = []
        var stored: Int64 = 0
        for round in 0..<60 {
            let count = Int64(next(4))
            if count > 0, round < 40 {
                self.receive(received...(received + count - 1), of: self.high, into: &state)
                received += count
            }
            let batch = state.takeBatch(now: self.start) { _ in .max }
            var remaining: [Int: KafkaLoopState.Item] = [:]
            for index in batch.indices {
                if round < 40, next(3) == 0 {
                    remaining[index] = batch[index]
                } else {
                    done.insert(batch[index].record.offset)
                }
            }
            state.complete(batch, remaining: remaining) { _ in self.start }
            if let offset = state.takeOffsets()[self.high] {
                #expect(offset >= stored)
                stored = offset
            }
            #expect((0..<stored).allSatisfy(done.contains))
        }
        #expect(stored == received)
    }

    @Test func `records behind a failed one wait, other partitions go on`() {
        var state = self.state()
        self.receive(0...0, of: self.high, into: &state)
        var batch = state.takeBatch(now: self.start) { _ in .max }
        self.receive(1...2, of: self.high, into: &state)
        #expect(state.takeBatch(now: self.start) { _ in .max }.isEmpty, "a partition's records are handled in turn")
        let due = self.start + .seconds(1)
        state.complete(batch, remaining: [0: batch[0]]) { _ in due }
        self.receive(7...7, of: self.low, into: &state)
        batch = state.takeBatch(now: self.start) { _ in .max }
        #expect(batch.map(\.record.topicPartition) == [self.low])
        #expect(state.pauses(whileBusy: false) { _ in .max } == [self.high, self.low])
        state.complete(batch, remaining: [:]) { _ in due }
        #expect(state.pauses(whileBusy: false) { _ in .max } == [self.high])
        #expect(self.offsets(state.takeBatch(now: due) { _ in .max }) == [0, 1, 2])
    }

    @Test func `attempts are counted until one succeeds`() {
        var state = self.state()
        self.receive(0...0, of: self.high, into: &state)
        var attempts: [Int] = []
        for round in 0..<4 {
            let batch = state.takeBatch(now: self.start) { _ in .max }
            state.complete(batch, remaining: round == 3 ? [:] : [0: batch[0]]) { attempt in
                attempts.append(attempt)
                return self.start
            }
        }
        #expect(attempts == [1, 2, 3])
        self.receive(1...1, of: self.high, into: &state)
        let batch = state.takeBatch(now: self.start) { _ in .max }
        state.complete(batch, remaining: [0: batch[0]]) { attempt in
            attempts.append(attempt)
            return self.start
        }
        #expect(attempts.last == 1)
    }

    @Test func `urgent topics come first and use up the room of the others`() {
        var state = self.state()
        self.receive(0...9, of: self.low, into: &state)
        self.receive(0...2, of: self.high, into: &state)
        let room = { (topic: String) in topic == "high" ? 8 : 5 }
        let batch = state.takeBatch(now: self.start, room: room)
        #expect(batch.map(\.record.topicPartition.topic) == ["high", "high", "high", "low", "low"])
        state.complete(batch, remaining: [:]) { _ in self.start }
        #expect(state.pauses(whileBusy: false, room: room) == [self.low])
        #expect(state.waiting == 8)
    }

    @Test func `no room pauses the topic and hands nothing over`() {
        var state = self.state()
        self.receive(0...3, of: self.low, into: &state)
        let room = { (topic: String) in topic == "low" ? 0 : 10 }
        #expect(state.takeBatch(now: self.start, room: room).isEmpty)
        #expect(state.pauses(whileBusy: false, room: room) == [self.low])
        #expect(state.pauses(whileBusy: true, room: room) == [self.high, self.low])
        #expect(state.takeBatch(now: self.start) { _ in .max }.count == 4)
    }

    @Test func `a batch has its limit`() {
        var state = self.state(maximumBatch: 3)
        self.receive(0...9, of: self.high, into: &state)
        #expect(state.takeBatch(now: self.start) { _ in .max }.count == 3)
    }

    @Test func `the next batch is known while one is in hand, unless that has to come again`() {
        var state = self.state(maximumBatch: 3, readsAhead: true)
        self.receive(0...4, of: self.high, into: &state)
        self.receive(0...1, of: self.low, into: &state)
        let first = state.takeBatch(now: self.start) { _ in .max }
        let next = state.nextBatch(now: self.start) { _ in .max }
        #expect(self.offsets(first) == [0, 1, 2])
        #expect(next.map(\.record.topicPartition) == [self.high, self.high, self.low])
        #expect(self.offsets(next) == [3, 4, 0])
        var failed = state
        state.complete(first, remaining: [:]) { _ in self.start }
        let second = state.takeBatch(now: self.start) { _ in .max }
        let isSame = second.elementsEqual(next, by: ===)
        #expect(isSame)
        failed.complete(first, remaining: [1: first[1]]) { _ in self.start }
        #expect(self.offsets(failed.takeBatch(now: self.start) { _ in .max }) == [1, 3, 4])
    }

    @Test func `who reads ahead pauses what waits for another try, and what has waited for long enough to be a batch`()
    {
        var state = self.state(maximumBatch: 3, readsAhead: true)
        self.receive(0...1, of: self.high, into: &state)
        self.receive(0...2, of: self.low, into: &state)
        #expect(state.pauses(whileBusy: false, now: self.start) { _ in .max } == [self.low])
        #expect(state.pauses(whileBusy: false, now: self.start) { _ in 0 } == [self.high, self.low])
        let due = self.start + .seconds(1)
        let batch = state.takeBatch(now: self.start) { _ in .max }
        state.complete(batch, remaining: [0: batch[0]]) { _ in due }
        #expect(state.pauses(whileBusy: false, now: self.start) { _ in .max } == [self.high])
        #expect(state.pauses(whileBusy: false, now: due) { _ in .max }.isEmpty)
    }

    @Test func `what ends after its partition was taken away does not count`() {
        var state = self.state()
        self.receive(0...1, of: self.high, into: &state)
        let batch = state.takeBatch(now: self.start) { _ in .max }
        state.revoke([self.high])
        #expect(state.nextOffsets(after: batch).isEmpty)
        state.assign([self.high])
        state.complete(batch, remaining: [1: batch[1]]) { _ in self.start }
        #expect(state.takeOffsets().isEmpty)
        #expect(state.takeBatch(now: self.start) { _ in .max }.isEmpty)
        // The partition is read anew.
        self.receive(0...1, of: self.high, into: &state)
        #expect(state.takeBatch(now: self.start) { _ in .max }.count == 2)
    }

    @Test func `records of partitions that are not assigned are dropped`() {
        var state = self.state()
        state.revoke([self.high])
        self.receive(0...1, of: self.high, into: &state)
        #expect(state.waiting == 0)
    }

    @Test(arguments: [(1, 500), (2, 1000), (3, 2000), (6, 16_000), (7, 30_000), (500, 30_000), (0, 500)])
    func `retries wait longer each time, within a bound`(attempt: Int, milliseconds: Int) {
        let configuration = KafkaLoopConfiguration(name: "n", topics: [], deadLetterTopic: nil)
        #expect(configuration.retryDelay(afterAttempt: attempt) == .milliseconds(milliseconds))
    }
}
