import NIOCore
import Testing

@testable import ServiceRuntime

/// The times and endings of one connection, without a connection.
@Suite("The life of a connection")
struct ConnectionLifeTests {
    private let start = NIODeadline.uptimeNanoseconds(1_000_000_000)
    private let limits = ListenerLimits()

    private func after(_ seconds: Int64) -> NIODeadline { start + .seconds(seconds) }

    @Test("ends when no request begins in time, without an answer")
    func silent() {
        let life = ConnectionLife(limits: limits, now: start)
        #expect(life.deadline == after(10))
        #expect(life.elapsed(now: after(9)) == .nothing)
        #expect(life.elapsed(now: after(10)) == .close)
    }

    @Test("gives a head its time from its first byte on, however many follow")
    func head() {
        var life = ConnectionLife(limits: limits, now: start)
        #expect(life.received(bytes: 1, now: after(5)) == .read)
        #expect(life.received(bytes: 1, now: after(14)) == .read)
        #expect(life.deadline == after(15))
        #expect(life.elapsed(now: after(15)) == .refuse(.headTimeout))
    }

    @Test("gives a body its time from the head on, and closes when half of an answer is out")
    func body() {
        var life = ConnectionLife(limits: limits, now: start)
        _ = life.received(bytes: 100, now: start)
        life.receivedHead(hasBody: true, isLast: false, now: start)
        _ = life.received(bytes: 1, now: after(29))
        #expect(life.elapsed(now: after(30)) == .refuse(.bodyTimeout))
        #expect(life.beganAnswer() == true)
        #expect(life.elapsed(now: after(30)) == .close)
    }

    @Test("waits for an answer as long as it takes")
    func answering() {
        var life = ConnectionLife(limits: limits, now: start)
        _ = life.received(bytes: 100, now: start)
        life.receivedHead(hasBody: false, isLast: false, now: start)
        #expect(life.deadline == nil)
        #expect(life.elapsed(now: after(100_000)) == .nothing)
    }

    @Test("stays for another request only when the one before was read to its end")
    func keepsOrLingers() {
        var life = ConnectionLife(limits: limits, now: start)
        _ = life.received(bytes: 100, now: start)
        life.receivedHead(hasBody: true, isLast: false, now: start)
        life.receivedEnd()
        #expect(life.beganAnswer() == false)
        #expect(life.endedAnswer(now: after(1)) == false)
        #expect(life.phase == .idle)
        #expect(life.deadline == after(76))
        _ = life.received(bytes: 100, now: after(2))
        life.receivedHead(hasBody: true, isLast: false, now: after(2))
        #expect(life.beganAnswer() == true)
        #expect(life.endedAnswer(now: after(3)) == true)
    }

    @Test("still ends as announced when the end of a body comes while the answer is on its way")
    func lateEnd() {
        var life = ConnectionLife(limits: limits, now: start)
        life.receivedHead(hasBody: true, isLast: false, now: start)
        #expect(life.beganAnswer() == true)
        life.receivedEnd()
        #expect(life.endedAnswer(now: start) == true)
    }

    @Test("throws away only so much, for only so long")
    func lingers() {
        var life = ConnectionLife(limits: limits, now: start)
        life.linger(now: start)
        #expect(life.received(bytes: 1 << 19, now: start) == .discard)
        #expect(life.received(bytes: 1 << 19, now: start) == .discard)
        #expect(life.received(bytes: 1, now: start) == .close)
        #expect(life.elapsed(now: after(1)) == .nothing)
        #expect(life.elapsed(now: after(2)) == .close)
    }

    @Test("ends when the client takes nothing of what is written, and not while it takes a little")
    func stalls() {
        var life = ConnectionLife(limits: limits, now: start)
        life.receivedHead(hasBody: false, isLast: false, now: start)
        _ = life.beganAnswer()
        life.wrote(now: start)
        life.wrote(now: after(20))
        #expect(life.deadline == after(30))
        life.flushed(now: after(29))
        #expect(life.elapsed(now: after(58)) == .nothing)
        #expect(life.elapsed(now: after(59)) == .close)
        life.flushed(now: after(58))
        #expect(life.hasNothingPending)
        #expect(life.elapsed(now: after(10_000)) == .nothing)
    }
}
