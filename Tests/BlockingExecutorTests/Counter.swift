import Synchronization

/// An atomic number that closures on several threads share.
final class Counter: Sendable {
    private let atomic = Atomic(0)

    var value: Int { self.atomic.load(ordering: .relaxed) }

    @discardableResult
    func increment() -> Int { self.atomic.wrappingAdd(1, ordering: .relaxed).newValue }

    func decrement() { self.atomic.wrappingSubtract(1, ordering: .relaxed) }

    func raise(to value: Int) { self.atomic.max(value, ordering: .relaxed) }
}
