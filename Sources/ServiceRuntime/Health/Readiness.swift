package import Logging
import Synchronization

/// The named checks behind `/readyz`.
///
/// A service is ready when all of its dependencies answer. A check's result is kept for ``resultLifetime`` so that
/// frequent probes cost a dependency no more than a call each second, and a check that takes longer than
/// ``checkTimeout`` counts as failed.
package final class Readiness: Sendable {
    /// How long a result is used again: 1 s.
    package static let resultLifetime = Duration.seconds(1)
    /// How long one check may take: 3 s.
    package static let checkTimeout = Duration.seconds(3)

    /// One dependency's state: `nil` when it answers, else what is wrong with it.
    package typealias Check = @Sendable () async -> String?

    private struct State {
        var checks: [String: Check] = [:]
        var results: [String: String?] = [:]
        var checkedAt: ContinuousClock.Instant?
        var isDraining = false
    }

    private let state = Mutex(State())
    private let logger: Logger

    /// Creates a readiness without checks: ready at once.
    ///
    /// - Parameter logger: Told when readiness changes.
    package init(logger: Logger) {
        self.logger = logger
    }

    /// Adds a check.
    ///
    /// - Parameters:
    ///   - name: The dependency's name in the answer of `/readyz`.
    ///   - check: Tells what is wrong, or `nil`. It is called again after ``resultLifetime`` at the earliest.
    package func add(_ name: String, _ check: @escaping Check) {
        state.withLock { $0.checks[name] = check }
    }

    /// From now on not ready: the service is stopping, and traffic must go elsewhere.
    package func drain() {
        state.withLock { $0.isDraining = true }
    }

    /// The faults by name; empty when the service is ready.
    package func faults() async -> [String: String] {
        let (checks, recent, isDraining) = state.withLock { state in
            let isRecent = state.checkedAt.map { .now - $0 < Self.resultLifetime } ?? false
            return (state.checks, isRecent ? state.results : nil, state.isDraining)
        }
        if isDraining { return ["service": "stopping"] }
        if let recent, recent.count == checks.count { return recent.compactMapValues { $0 } }
        var results: [String: String?] = [:]
        await withTaskGroup(of: (String, String?).self) { group in
            for (name, check) in checks {
                group.addTask { (name, await Self.bounded(check)) }
            }
            for await (name, fault) in group {
                results.updateValue(fault, forKey: name)
            }
        }
        let faults = results.compactMapValues { $0 }
        let changed = state.withLock { state in
            let before = state.checkedAt == nil ? nil : state.results.compactMapValues { $0 }
            state.results = results
            state.checkedAt = .now
            return before != faults
        }
        if changed {
            logger.info(faults.isEmpty ? "Ready" : "Not ready", metadata: faults.mapValues { .string($0) })
        }
        return faults
    }

    private static func bounded(_ check: @escaping Check) async -> String? {
        await withTaskGroup(of: String?.self) { group in
            group.addTask { await check() }
            group.addTask {
                try? await Task.sleep(for: checkTimeout)
                return "no answer within \(checkTimeout)"
            }
            let first = await group.next() ?? nil
            group.cancelAll()
            return first
        }
    }
}
