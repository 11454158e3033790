import Synchronization
import Testing

@testable import RDKafka

@Suite struct SendPermitsTests {
    private final class Order: Sendable {
        private let names = Mutex<[String]>([])
        var all: [String] { self.names.withLock { $0 } }
        func append(_ name: String) { self.names.withLock { $0.append(name) } }
    }

    @Test func `a batch beyond the limit counts as the limit`() async {
        let permits = SendPermits(limit: 3)
        let taken = await permits.acquire(10)
        #expect(taken == 3)
        permits.release(taken)
        #expect(await permits.acquire(3) == 3)
    }

    @Test func `nobody overtakes a large batch that waits`() async throws {
        let permits = SendPermits(limit: 3)
        let first = await permits.acquire(2)
        let order = Order()
        let large = Task {
            let taken = await permits.acquire(3)
            order.append("large")
            permits.release(taken)
        }
        // One permit is free, so a small sender could pass if waiting did not count.
        try await Task.sleep(for: .milliseconds(50))
        let small = Task {
            let taken = await permits.acquire(1)
            order.append("small")
            permits.release(taken)
        }
        try await Task.sleep(for: .milliseconds(50))
        #expect(order.all.isEmpty)
        permits.release(first)
        await large.value
        await small.value
        #expect(order.all == ["large", "small"])
    }

    @Test func `a sender that is cancelled while it waits holds up nobody behind it`() async throws {
        let permits = SendPermits(limit: 3)
        let first = await permits.acquire(2)
        let large = Task { await permits.acquire(3) }
        let small = Task { await permits.acquire(1) }
        large.cancel()
        #expect(await large.value == 0)
        #expect(await small.value == 1)
        permits.release(first + 1)
        #expect(await permits.acquire(3) == 3)
    }
}
