import DequeModule
import Synchronization
package import WireFormats

/// One call of the simulated API, as a client made it.
package struct AuditRecord: Sendable, Equatable {
    /// Rises by one with each call.
    package var sequence: Int
    /// When the call came.
    package var time: Timestamp
    /// The verb of Kubernetes' authorization: `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`.
    package var verb: String
    /// The API group; empty for the core one.
    package var group: String
    /// Empty for paths that name no resource.
    package var resource: String
    /// `status` and the like; empty without one.
    package var subresource: String
    /// Empty for cluster-scoped resources and for lists of all namespaces.
    package var namespace: String
    /// Empty for lists and creations.
    package var name: String
    /// Who asked, by the token that was used; `system:anonymous` without one.
    package var user: String
    /// The header `User-Agent`.
    package var userAgent: String
    /// The HTTP status of the answer, 0 when the connection was dropped instead.
    package var code: Int
}

/// The calls of the simulated API: the last ones in full, all of them as counts.
final class AuditLog: Sendable {
    /// What calls are counted by.
    struct Kind: Hashable, Sendable {
        var user: String
        var verb: String
        var group: String
        var resource: String
        var subresource: String
    }

    private struct State {
        var records: Deque<AuditRecord> = []
        var counts: [Kind: Int] = [:]
        var sequence = 0
    }

    private let state = Mutex(State())
    private let capacity: Int

    init(capacity: Int) {
        self.capacity = capacity
    }

    func append(_ record: AuditRecord) {
        state.withLock { state in
            var record = record
            state.sequence += 1
            record.sequence = state.sequence
            let kind = Kind(
                user: record.user,
                verb: record.verb,
                group: record.group,
                resource: record.resource,
                subresource: record.subresource
            )
            state.counts[kind, default: 0] += 1
            state.records.append(record)
            if state.records.count > capacity { state.records.removeFirst() }
        }
    }

    /// The kept records after a sequence number.
    func records(after sequence: Int = 0) -> [AuditRecord] {
        state.withLock { state in state.records.filter { $0.sequence > sequence } }
    }

    var counts: [Kind: Int] { state.withLock { $0.counts } }

    func reset() {
        state.withLock { state in
            state.records = []
            state.counts = [:]
        }
    }
}
