import LongshoreDomain
import Testing

@Suite struct RetryPolicyTests {
    @Test func `linear delays grow by the base up to the cap`() {
        let policy = RetryPolicy(strategy: .linear, base: .seconds(30), cap: .seconds(100), jitter: 0)
        let delays = (1...5).map { policy.delay(afterAttempt: $0, random: 0.5) }
        #expect(delays == [.seconds(30), .seconds(60), .seconds(90), .seconds(100), .seconds(100)])
    }

    @Test func `exponential delays double up to the cap, without overflow`() {
        let policy = RetryPolicy(strategy: .exponential, base: .seconds(30), cap: .seconds(600), jitter: 0)
        let delays = [1, 2, 3, 4, 5, 6, 200, Int.max].map { policy.delay(afterAttempt: $0, random: 0) }
        #expect(delays == [30, 60, 120, 240, 480, 600, 600, 600].map { .seconds($0) })
    }

    @Test(arguments: RetryPolicy.Strategy.allCases)
    func `jitter stays within its share and reaches both ends`(strategy: RetryPolicy.Strategy) {
        let policy = RetryPolicy(strategy: strategy, base: .seconds(100), cap: .seconds(1000), jitter: 0.2)
        #expect(policy.delay(afterAttempt: 1, random: 0) == .seconds(80))
        #expect(policy.delay(afterAttempt: 1, random: 1) == .seconds(120))
        #expect(policy.delay(afterAttempt: 1, random: 0.5) == .seconds(100))
    }

    @Test func `senseless numbers do no harm`() {
        let policy = RetryPolicy(strategy: .linear, base: .seconds(-5), cap: .seconds(-1), jitter: 7)
        #expect(policy.delay(afterAttempt: -3, random: 9) == .zero)
    }
}
