import Synchronization

/// Remembers that a server has bound its port.
package final class ListeningFlag: Sendable {
    private let value = Atomic(false)

    /// Makes a flag that is not set.
    package init() {}

    /// Whether the port is bound.
    package var isSet: Bool { value.load(ordering: .acquiring) }

    /// Notes that the port is bound.
    package func set() { value.store(true, ordering: .releasing) }
}
