import BlockingExecutor
import Glibc
import Testing

@Suite struct BlockingThreadPoolTests {
    private struct Refused: Error, Equatable {}

    @Test func `runs as many closures at once as it has threads`() async {
        let pool = BlockingThreadPool(label: "pool", threads: 4, queueLimit: 100)
        let running = Counter()
        let highest = Counter()
        await withTaskGroup { group in
            for _ in 0..<40 {
                group.addTask {
                    await pool.run {
                        highest.raise(to: running.increment())
                        usleep(2000)
                        running.decrement()
                    }
                }
            }
        }
        #expect(highest.value <= 4)
        #expect(highest.value > 1)
        #expect(running.value == 0)
    }

    @Test func `refuses work beyond its queue and takes it again later`() async {
        let pool = BlockingThreadPool(label: "pool", threads: 1, queueLimit: 0)
        let entered = AsyncStream<Void>.makeStream()
        let mayEnd = Counter()
        async let busy: Void = pool.run {
            entered.continuation.yield()
            while mayEnd.value == 0 { usleep(500) }
        }
        var iterator = entered.stream.makeAsyncIterator()
        await iterator.next()
        #expect(await pool.runIfRoom { 1 } == nil)
        mayEnd.increment()
        await busy
        #expect(await pool.runIfRoom { 1 } == 1)
    }

    @Test func `suspends callers beyond its queue until there is room`() async {
        let pool = BlockingThreadPool(label: "pool", threads: 2, queueLimit: 1)
        let total = await withTaskGroup(of: Int.self) { group in
            for value in 0..<100 {
                group.addTask { await pool.run { value } }
            }
            return await group.reduce(0, +)
        }
        #expect(total == 4950)
    }

    @Test func `passes typed errors through and frees the place`() async {
        let pool = BlockingThreadPool(label: "pool", threads: 1, queueLimit: 0)
        for _ in 0..<5 {
            await #expect(throws: Refused()) {
                try await pool.run { () throws(Refused) -> Int in throw Refused() }
            }
        }
        pool.shutdown()
        #expect(await pool.run { "late" } == "late")
    }
}
