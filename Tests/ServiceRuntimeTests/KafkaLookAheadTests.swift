import LongshoreMessages
import RDKafka
import TestSupport
import Testing

@testable import ServiceRuntime

/// Commands pass tasks that wait for room, and nothing else changes its order.
@Suite struct KafkaLookAheadTests {
    private static let topic = TopicPartition(topic: "tasks", partition: 0)
    private let start = ContinuousClock.now

    private static func state(maximumBatch: Int = 100, bytes: Int = .max, withdrawalRoom: Int = 8) -> KafkaLoopState {
        let lookAhead = KafkaLookAhead(
            maximumBytes: bytes,
            withdrawalRoom: { withdrawalRoom },
            need: { event in
                switch event.type {
                case "task": .room
                case "cancel": .withdrawal
                default: .nothing
                }
            }
        )
        var state = KafkaLoopState(topics: ["tasks"], maximumBatch: maximumBatch, lookAhead: lookAhead)
        state.assign([Self.topic])
        return state
    }

    private struct Entry {
        var key: String
        var type: String
    }

    private func receive(_ log: [Entry], from first: Int = 0, into state: inout KafkaLoopState) {
        for (offset, entry) in log.enumerated().dropFirst(first) {
            let record = ConsumerRecord(
                topicPartition: Self.topic,
                offset: Int64(offset),
                key: Array(entry.key.utf8),
                value: nil
            )
            let event = CloudEvent(id: "\(offset)", source: "/test", type: entry.type)
            state.receive(record, .success(KafkaMessage(record: record, event: event)))
        }
    }

    private func log(_ text: String) -> [Entry] {
        text.split(separator: " ").map { word in
            let kinds: [Character: String] = ["t": "task", "c": "cancel", "p": "pause"]
            return Entry(key: String(word.dropFirst()), type: kinds[word.first ?? "t"] ?? "task")
        }
    }

    /// What a batch holds, as offsets, and where the offset is once it is done.
    private struct Case: Sendable, CustomTestStringConvertible {
        var log: String
        var room: Int
        var taken: [Int64]
        var offset: Int64?
        var testDescription: String { "\(log) with room for \(room)" }
    }

    private static let cases = [
        // A command for a task that was handed over before passes those that wait.
        Case(log: "t1 t2 pX cX", room: 0, taken: [2, 3], offset: 0),
        // A command for a task that waits, waits behind it.
        Case(log: "t1 p1 pX", room: 0, taken: [2], offset: 0),
        Case(log: "t1 p1 t2 p2 pX", room: 1, taken: [0, 1, 4], offset: 2),
        // A task that is cancelled needs no room, and all that is known of it goes with it.
        Case(log: "t1 t2 p2 c2 t3", room: 0, taken: [1, 2, 3], offset: 0),
        Case(log: "t1 t2 c2 t3", room: 1, taken: [0, 1, 2], offset: 3),
        Case(log: "t1 c1", room: 0, taken: [0, 1], offset: 2),
        // With room for all there is nothing special.
        Case(log: "t1 t2 p2 pX", room: 4, taken: [0, 1, 2, 3], offset: 4),
        Case(log: "t1 t2", room: 0, taken: [], offset: nil),
        Case(log: "", room: 0, taken: [], offset: nil),
    ]

    @Test(arguments: cases) private func `what may pass what waits`(_ example: Case) {
        var state = Self.state()
        self.receive(self.log(example.log), into: &state)
        let batch = state.takeBatch(now: self.start) { _ in example.room }
        #expect(batch.map(\.record.offset) == example.taken)
        state.complete(batch, remaining: [:]) { _ in self.start }
        #expect(state.takeOffsets()[Self.topic] == example.offset)
    }

    @Test func `no more than there is room for is withdrawn at once, and never a part`() {
        var state = Self.state(maximumBatch: 3, withdrawalRoom: 1)
        self.receive(self.log("t1 c1 t2 c2 t3 p3 p3 p3 c3 pX"), into: &state)
        var taken: [[Int64]] = []
        for _ in 0..<4 {
            let batch = state.takeBatch(now: self.start) { _ in 0 }
            taken.append(batch.map(\.record.offset))
            state.complete(batch, remaining: [:]) { _ in self.start }
        }
        // The third has more to it than a batch holds: it waits for room.
        #expect(taken == [[0, 1, 9], [2, 3], [], []])
        #expect(state.takeOffsets()[Self.topic] == 4)
    }

    @Test func `a command that fails is tried again before what waits behind it, and the offset stays`() {
        var state = Self.state()
        self.receive(self.log("t1 pX pY"), into: &state)
        let batch = state.takeBatch(now: self.start) { _ in 0 }
        let due = self.start + .seconds(1)
        state.complete(batch, remaining: [1: batch[1]]) { _ in due }
        #expect(state.takeOffsets()[Self.topic] == 0)
        #expect(state.pauses(whileBusy: false, now: self.start) { _ in 0 } == [Self.topic])
        #expect(state.takeBatch(now: self.start) { _ in 9 }.isEmpty)
        let again = state.takeBatch(now: due) { _ in 9 }
        #expect(again.map(\.record.offset) == [0, 2])
        state.complete(again, remaining: [:]) { _ in due }
        #expect(state.takeOffsets()[Self.topic] == 3)
    }

    @Test func `a partition without room is read on until its bytes are used up, and again when half of them are free`()
    {
        // A record without a value counts as 512 bytes.
        var state = Self.state(bytes: 512 * 8)
        let log = (0..<8).map { Entry(key: "\($0)", type: "task") }
        self.receive(Array(log.prefix(7)), into: &state)
        #expect(state.pauses(whileBusy: false, now: self.start) { _ in 0 }.isEmpty)
        self.receive(log, from: 7, into: &state)
        #expect(state.pauses(whileBusy: false, now: self.start) { _ in 0 } == [Self.topic])
        for taken in 1...4 {
            let batch = state.takeBatch(now: self.start) { _ in 1 }
            #expect(batch.count == 1)
            state.complete(batch, remaining: [:]) { _ in self.start }
            #expect(state.pauses(whileBusy: false, now: self.start) { _ in 0 }.isEmpty == (taken == 4))
        }
    }

    /// An executor with slots, a log in which tasks and commands come in any order, calls that fail, and restarts: no task is
    /// started beyond the slots, no message of a task passes another of it, nothing that is not done is committed over, commands
    /// never wait for slots, and all is done in the end.
    @Test(arguments: 0..<300) func `in any order of tasks, commands, failures and restarts`(seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        let slots = Int.random(in: 1...4, using: &random)
        let maximumBatch = Int.random(in: 2...12, using: &random)
        let log = Self.randomLog(&random)
        var state = Self.state(maximumBatch: maximumBatch, bytes: 512 * Int.random(in: 4...200, using: &random))
        var (read, stored) = (0, 0)
        var done: Set<Int> = []
        var running: Set<String> = []
        var lastOffset: [String: Int] = [:]
        for round in 0..<4_000 {
            let isCalm = round > 200
            if !isCalm, Int.random(in: 0..<30, using: &random) == 0 {
                state = Self.state(maximumBatch: maximumBatch, bytes: 512 * 40)
                read = stored
                lastOffset = [:]
            }
            let isPaused = !state.pauses(whileBusy: false, now: self.start) { _ in slots - running.count }.isEmpty
            if !isPaused, read < log.count {
                let next = min(log.count, read + Int.random(in: 1...6, using: &random))
                self.receive(Array(log.prefix(next)), from: read, into: &state)
                read = next
            }
            let room = slots - running.count
            let batch = state.takeBatch(now: self.start) { _ in room }
            #expect(batch.count <= maximumBatch)
            let cancelled = Set(batch.filter { $0.need == .withdrawal }.map(\.key))
            #expect(batch.count { $0.need == .room && !cancelled.contains($0.key) } <= max(0, room))
            var remaining: [Int: KafkaLoopState.Item] = [:]
            var failed: Set<String> = []
            for (index, item) in batch.enumerated() {
                let offset = Int(item.record.offset)
                let entry = log[offset]
                if failed.contains(entry.key) || !isCalm && Int.random(in: 0..<6, using: &random) == 0 {
                    failed.insert(entry.key)
                    remaining[index] = item
                    continue
                }
                #expect(lastOffset[entry.key, default: -1] < offset, "what is said of one task keeps its order")
                lastOffset[entry.key] = offset
                let isNew = done.insert(offset).inserted
                if entry.type == "task", isNew, !cancelled.contains(item.key) { running.insert(entry.key) }
                if entry.type == "cancel" { running.remove(entry.key) }
            }
            state.complete(batch, remaining: remaining) { _ in self.start }
            if let offset = state.takeOffsets()[Self.topic] {
                #expect(offset >= stored)
                stored = Int(offset)
            }
            #expect((0..<stored).allSatisfy(done.contains))
            if let ended = running.randomElement(using: &random), Int.random(in: 0..<4, using: &random) == 0 {
                running.remove(ended)
            }
            if stored == log.count { break }
        }
        #expect(stored == log.count)
    }

    /// Tasks, each followed at any distance by commands about it.
    private static func randomLog(_ random: inout SeededGenerator) -> [Entry] {
        var log: [Entry] = []
        for key in 0..<30 {
            log.append(Entry(key: "\(key)", type: "task"))
            for _ in 0..<Int.random(in: 0...3, using: &random) {
                let about = Int.random(in: 0...key, using: &random)
                let isCancel = Int.random(in: 0..<3, using: &random) == 0
                log.append(Entry(key: "\(about)", type: isCancel ? "cancel" : "pause"))
            }
        }
        return log
    }

    @Test func `with every slot taken for good, no command waits that is about a task in work`() {
        var random = SeededGenerator(seed: 7)
        let log = Self.randomLog(&random)
        var state = Self.state(maximumBatch: 200)
        self.receive(log, into: &state)
        let first = state.takeBatch(now: self.start) { _ in 5 }
        state.complete(first, remaining: [:]) { _ in self.start }
        let waiting = Set(log.filter { $0.type == "task" }.map(\.key))
            .subtracting(first.filter { $0.need == .room }.map { String(decoding: $0.key, as: UTF8.self) })
        #expect(!waiting.isEmpty)
        let handled = Set(first.map { Int($0.record.offset) })
        for (offset, entry) in log.enumerated() where !waiting.contains(entry.key) {
            #expect(handled.contains(offset), "\(entry)")
        }
    }
}
