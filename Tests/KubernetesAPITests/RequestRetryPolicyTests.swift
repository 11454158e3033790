import KubernetesAPI
import Testing

@Suite struct RequestRetryPolicyTests {
    private let policy = RequestRetryPolicy(maximumAttempts: 4, baseDelay: .seconds(1), maximumDelay: .seconds(3))

    private func delay(
        _ reason: KubernetesError.Reason,
        attempt: Int = 1,
        repeatable: Bool = true,
        retryAfter: Duration? = nil,
        unsent: Bool = false,
        random: Double = 0
    ) -> Duration? {
        let error = KubernetesError(reason: reason, message: "", retryAfter: retryAfter, isSurelyUnsent: unsent)
        return policy.delay(afterAttempt: attempt, error: error, isRepeatable: repeatable, random: random)
    }

    @Test func `pauses double up to the longest, with jitter over their upper half`() {
        #expect(delay(.transport, attempt: 1) == .milliseconds(500))
        #expect(delay(.transport, attempt: 2) == .seconds(1))
        #expect(delay(.transport, attempt: 3) == .milliseconds(1_500))
        #expect(delay(.transport, attempt: 3, random: 1) == .seconds(3))
        #expect(delay(.transport, attempt: 4) == nil)
    }

    @Test func `a huge attempt number does not overflow`() {
        #expect(policy.backoff(afterAttempt: .max, random: 1) == .seconds(3))
        #expect(policy.backoff(afterAttempt: .min, random: 1) == .seconds(1))
    }

    @Test func `what cannot pass by itself is not tried again`() {
        for reason in [KubernetesError.Reason.notFound, .conflict, .forbidden, .invalid, .expired, .cancelled] {
            #expect(delay(reason) == nil)
        }
    }

    @Test func `what must not be done twice is tried again only where it was surely not done`() {
        #expect(delay(.transport, repeatable: false) == nil)
        #expect(delay(.internalError, repeatable: false) == nil)
        #expect(delay(.transport, repeatable: false, unsent: true) != nil)
        #expect(delay(.tooManyRequests, repeatable: false) != nil)
    }

    @Test func `the server's wish counts when it is longer than ours, up to a limit`() {
        #expect(delay(.tooManyRequests, retryAfter: .seconds(10)) == .seconds(10))
        #expect(delay(.tooManyRequests, retryAfter: .seconds(10), random: 1) == .seconds(11))
        #expect(delay(.tooManyRequests, retryAfter: .zero) == .milliseconds(500))
        #expect(delay(.serviceUnavailable, retryAfter: .seconds(61)) == nil)
    }
}
