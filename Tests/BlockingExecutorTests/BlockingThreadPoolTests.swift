import BlockingExecutor
import Glibc
import Synchronization
import Testing

@Suite struct BlockingThreadPoolTests {
    private struct Refused: Error, Equatable {}

    @Test func `runs as many closures at once as it has threads`() async {
        let pool = BlockingThreadPool(label: "pool", threads: 4, queueLimit: 100)
        let running = Atomic(0)
        let highest = Atomic(0)
        await withTaskGroup { group in
            for _ in 0..<40 {
                group.addTask {
                    await pool.run {
                        let now = running.wrappingAdd(1, ordering: .relaxed).newValue
                        highest.max(now, ordering: .relaxed)
                        usleep(2000)
                        running.wrappingSubtract(1, ordering: .relaxed)
                    }
                }
            }
        }
        #expect(highest.load(ordering: .relaxed) <= 4)
        #expect(highest.load(ordering: .relaxed) > 1)
        #expect(running.load(ordering: .relaxed) == 0)
    }

    @Test func `refuses work beyond its queue and takes it again later`() async {
        let pool = BlockingThreadPool(label: "pool", threads: 1, queueLimit: 0)
        let entered = AsyncStream<Void>.makeStream()
        let mayEnd = Atomic(false)
        async let busy: Void = pool.run {
            entered.continuation.yield()
            while !mayEnd.load(ordering: .relaxed) { usleep(500) }
        }
        var iterator = entered.stream.makeAsyncIterator()
        await iterator.next()
        #expect(await pool.runIfRoom { 1 } == nil)
        mayEnd.store(true, ordering: .relaxed)
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
