import Synchronization
import Testing

@testable import ExecutorService

@Suite struct ConcurrencyLimitTests {
    private final class Count: Sendable {
        let state = Mutex((now: 0, most: 0, done: 0))
    }

    @Test func `never more than the limit run, and all of them do`() async {
        let limit = ConcurrencyLimit(4)
        let count = Count()
        await withDiscardingTaskGroup { group in
            for _ in 0..<500 {
                group.addTask {
                    await limit.run {
                        count.state.withLock {
                            $0.now += 1
                            $0.most = max($0.most, $0.now)
                        }
                        await Task.yield()
                        count.state.withLock {
                            $0.now -= 1
                            $0.done += 1
                        }
                    }
                }
            }
        }
        #expect(count.state.withLock { $0.done } == 500)
        #expect(count.state.withLock { $0.most } <= 4)
    }

    @Test func `an operation that takes too long is given up`() async {
        await #expect(throws: TimeLimitExceeded.self) {
            try await withTimeout(.milliseconds(20)) { try await Task.sleep(for: .seconds(60)) }
        }
    }
}
