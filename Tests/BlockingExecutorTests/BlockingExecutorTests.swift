import BlockingExecutor
import Glibc
import Synchronization
import Testing

@Suite struct BlockingExecutorTests {
    private struct Refused: Error, Equatable {}

    private actor Pinned {
        nonisolated let executor: BlockingExecutor
        private(set) var calls = 0

        init(executor: BlockingExecutor) { self.executor = executor }

        nonisolated var unownedExecutor: UnownedSerialExecutor { self.executor.asUnownedSerialExecutor() }

        func threadID() -> pthread_t {
            self.calls += 1
            return pthread_self()
        }
    }

    @Test func `runs closures in order on one thread`() async {
        let executor = BlockingExecutor(label: "test")
        let seen = Mutex<[Int]>([])
        for index in 0..<200 {
            executor.submit { seen.withLock { $0.append(index) } }
        }
        let first = await executor.run { pthread_self() }
        let second = await executor.run { pthread_self() }
        #expect(first == second)
        #expect(seen.withLock { $0 } == Array(0..<200))
    }

    @Test func `passes results and typed errors through`() async {
        let executor = BlockingExecutor(label: "test")
        let value = await executor.run { 42 }
        #expect(value == 42)
        await #expect(throws: Refused()) {
            try await executor.run { () throws(Refused) -> Int in throw Refused() }
        }
    }

    @Test func `isolates an actor to its thread`() async {
        let executor = BlockingExecutor(label: "test")
        let thread = await executor.run { pthread_self() }
        let actor = Pinned(executor: executor)
        for _ in 0..<10 {
            #expect(await actor.threadID() == thread)
        }
        #expect(await actor.calls == 10)
    }

    @Test func `serves as the preferred executor of a task`() async {
        let executor = BlockingExecutor(label: "test")
        let thread = await executor.run { pthread_self() }
        let seen = await withTaskExecutorPreference(executor) { @concurrent () async -> pthread_t in
            await Task.yield()
            return pthread_self()
        }
        #expect(seen == thread)
    }

    @Test func `names its thread`() async {
        let executor = BlockingExecutor(label: "a-name-that-is-longer-than-fifteen")
        let name = await executor.run {
            var buffer = [UInt8](repeating: 0, count: 32)
            let file = fopen("/proc/thread-self/comm", "r")!
            defer { fclose(file) }
            let count = fread(&buffer, 1, buffer.count, file)
            return String(decoding: buffer.prefix(count).prefix { $0 != 10 }, as: UTF8.self)
        }
        #expect(name == "a-name-that-is-")
    }

    @Test func `does not use up the cooperative pool`() async {
        // More blocked executors than the machine has cores: they all wait for a signal that is given only when all of
        // them run, so this ends only when each has a thread of its own.
        let count = 32
        let arrived = Counter()
        await withTaskGroup { group in
            for _ in 0..<count {
                group.addTask {
                    let executor = BlockingExecutor(label: "blocked")
                    await executor.run {
                        arrived.increment()
                        while arrived.value < count { usleep(1000) }
                    }
                }
            }
        }
        #expect(arrived.value == count)
    }

    @Test func `finishes queued work on shutdown and still runs what comes later`() async {
        let executor = BlockingExecutor(label: "test")
        let done = Mutex(0)
        for _ in 0..<50 {
            executor.submit {
                usleep(100)
                done.withLock { $0 += 1 }
            }
        }
        await executor.shutdownAndWait()
        #expect(done.withLock { $0 } == 50)
        #expect(await executor.run { "late" } == "late")
        await executor.shutdownAndWait()
    }

    @Test func `ends its thread when it is released`() async {
        let released = AsyncStream<Void>.makeStream()
        final class Marker: Sendable {
            let continuation: AsyncStream<Void>.Continuation
            init(_ continuation: AsyncStream<Void>.Continuation) { self.continuation = continuation }
            deinit { self.continuation.yield() }
        }
        do {
            let executor = BlockingExecutor(label: "short")
            let marker = Marker(released.continuation)
            executor.submit { _ = marker }
        }
        var iterator = released.stream.makeAsyncIterator()
        #expect(await iterator.next() != nil)
    }

    @Test func `takes work from many tasks at once`() async {
        let executor = BlockingExecutor(label: "test")
        let total = await withTaskGroup(of: Int.self) { group in
            for value in 0..<1000 {
                group.addTask { await executor.run { value } }
            }
            return await group.reduce(0, +)
        }
        #expect(total == 499_500)
    }
}
