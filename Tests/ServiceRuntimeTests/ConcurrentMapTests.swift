import ServiceRuntime
import Testing

@Suite struct ConcurrentMapTests {
    @Test func `results keep the order of their items`() async {
        let results = await concurrentMap(Array(0..<100), limit: 7) { item in
            for _ in 0..<(item % 5) { await Task.yield() }
            return item * 2
        }
        #expect(results == (0..<100).map { $0 * 2 })
        #expect(await concurrentMap([Int](), limit: 3) { $0 }.isEmpty)
    }
}
