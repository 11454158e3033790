import Testing

@testable import KubernetesAPI

@Suite struct ReflectorMachineTests {
    private let policy = RequestRetryPolicy(baseDelay: .seconds(2), maximumDelay: .seconds(8))

    private func machine(at version: String? = nil) -> ReflectorMachine {
        var machine = ReflectorMachine(policy: policy)
        if let version { machine.listed(resourceVersion: version) }
        return machine
    }

    private func error(_ reason: KubernetesError.Reason, retryAfter: Duration? = nil) -> KubernetesError {
        KubernetesError(reason: reason, message: "", retryAfter: retryAfter)
    }

    @Test func `it lists first, then watches from the list's version`() {
        var machine = machine()
        #expect(machine.next() == .list)
        machine.listed(resourceVersion: "5")
        #expect(machine.next() == .watch(resourceVersion: "5"))
    }

    @Test func `it resumes after what it has seen`() {
        var machine = machine(at: "5")
        machine.observed(resourceVersion: "7")
        machine.observed(resourceVersion: nil)
        machine.observed(resourceVersion: "")
        machine.watchEnded(events: 1, random: 0)
        #expect(machine.next() == .watch(resourceVersion: "7"))
    }

    @Test func `a cut watch is resumed after a pause`() {
        var machine = machine(at: "5")
        machine.failed(error(.transport), random: 0)
        #expect(machine.next() == .pause(.seconds(1)))
        #expect(machine.next() == .watch(resourceVersion: "5"))
    }

    @Test func `a version that is too old leads to a list at once, the second time after a pause`() {
        var machine = machine(at: "5")
        machine.failed(error(.expired), random: 0)
        #expect(machine.next() == .list)
        machine.failed(error(.expired), random: 0)
        #expect(machine.next() == .pause(.seconds(2)))
        #expect(machine.next() == .list)
    }

    @Test func `garbage leads to a list`() {
        var machine = machine(at: "5")
        machine.failed(error(.invalidResponse), random: 0)
        #expect(machine.next() == .pause(.seconds(1)))
        #expect(machine.next() == .list)
    }

    @Test func `pauses grow, heed the server and start anew after a success`() {
        var machine = machine()
        for expected in [1, 2, 4, 4] {
            machine.failed(error(.serviceUnavailable), random: 0)
            #expect(machine.next() == .pause(.seconds(expected)))
        }
        machine.failed(error(.tooManyRequests, retryAfter: .seconds(60)), random: 0)
        #expect(machine.next() == .pause(.seconds(60)))
        machine.listed(resourceVersion: "1")
        #expect(machine.failures == 0)
        machine.failed(error(.transport), random: 0)
        #expect(machine.next() == .pause(.seconds(1)))
    }

    @Test func `a server that ends watches at once is not asked without a pause`() {
        var machine = machine(at: "5")
        machine.watchEnded(events: 0, random: 0)
        #expect(machine.next() == .pause(.seconds(1)))
        #expect(machine.next() == .watch(resourceVersion: "5"))
        machine.watchEnded(events: 3, random: 0)
        #expect(machine.next() == .watch(resourceVersion: "5"))
    }

    @Test func `a list without a version is listed again, slowly`() {
        var machine = machine(at: "")
        #expect(machine.next() == .pause(.seconds(8)))
        #expect(machine.next() == .list)
    }
}
