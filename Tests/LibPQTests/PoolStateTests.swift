import Testing

@testable import LibPQ

struct PoolStateTests {
    @Test
    func `Idle connections are used before new ones are opened, the newest first`() {
        var state = PoolState<Int>(maximum: 2)
        guard case .open = state.acquire(ticket: 1), case .open = state.acquire(ticket: 2) else {
            Issue.record("the first two open connections")
            return
        }
        guard case .wait = state.acquire(ticket: 3) else {
            Issue.record("the third waits")
            return
        }
        guard case .give(3, 10) = state.release(10), case .nothing = state.release(10),
            case .nothing = state.release(11)
        else {
            Issue.record("a returned connection goes to the waiter")
            return
        }
        guard case .use(11) = state.acquire(ticket: 4) else {
            Issue.record("the newest is used")
            return
        }
        #expect(state.openCount == 2)
        #expect(state.idleCount == 1)
    }

    @Test
    func `A lost connection lets the next waiter open one`() {
        var state = PoolState<Int>(maximum: 1)
        _ = state.acquire(ticket: 1)
        _ = state.acquire(ticket: 2)
        _ = state.acquire(ticket: 3)
        let first = state.giveUp(ticket: 2)
        let second = state.giveUp(ticket: 2)
        #expect(first)
        #expect(!second)
        guard case .letOpen(3) = state.lose() else {
            Issue.record("the waiter gets the place")
            return
        }
        guard case .nothing = state.lose() else {
            Issue.record("nobody waits")
            return
        }
        #expect(state.openCount == 0)
    }

    @Test
    func `After closing nothing is lent and what comes back is discarded`() {
        var state = PoolState<Int>(maximum: 2)
        _ = state.acquire(ticket: 1)
        _ = state.acquire(ticket: 2)
        _ = state.release(10)
        _ = state.acquire(ticket: 3)
        _ = state.release(11)
        _ = state.acquire(ticket: 4)
        _ = state.acquire(ticket: 5)
        let closed = state.close()
        #expect(closed.connections.isEmpty)
        #expect(closed.tickets == [5])
        guard case .fail = state.acquire(ticket: 6), case .discard(10) = state.release(10) else {
            Issue.record("a closed pool lends nothing")
            return
        }
        #expect(state.openCount == 1)
    }

    @Test(arguments: [
        ("23505", PQError.Code.uniqueViolation), ("40001", .serialization), ("40P01", .serialization),
        ("57P01", .connection), ("57P03", .connection), ("53300", .resources), ("53100", .resources),
        ("57014", .timeout), ("55P03", .timeout), ("42501", .authorization), ("28P01", .authorization),
        ("42601", .syntax), ("22P02", .data), ("23503", .constraintViolation), ("08006", .connection),
        ("XX000", .server), ("", .server),
    ])
    func `SQLSTATE classes have their codes`(sqlState: String, code: PQError.Code) {
        #expect(PQError.classify(sqlState) == code)
    }
}
