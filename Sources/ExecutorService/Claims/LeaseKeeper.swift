import KubernetesAPI
import Logging
import ServiceRuntime
import Synchronization
import WireFormats

/// Renews the executor's own Lease, and knows when the executor must keep its hands still.
///
/// A renewal counts from before its request was sent, and others count from after they saw it: the executor always stops
/// before anyone else starts.
final class LeaseKeeper: Sendable {
    private let client: KubernetesClient
    private let configuration: ExecutorConfiguration
    private let wallClock: any WallClock
    private let logger: Logger
    private let state = Mutex(State())

    private struct State {
        var validUntil: ContinuousClock.Instant?
        var isRenewing = false
        var isReleased = false
    }

    init(
        client: KubernetesClient,
        configuration: ExecutorConfiguration,
        wallClock: any WallClock,
        logger: Logger
    ) {
        self.client = client
        self.configuration = configuration
        self.wallClock = wallClock
        self.logger = logger
    }

    /// Whether the executor may write: its Lease was renewed and has not run out.
    var isValid: Bool {
        state.withLock { $0.validUntil.map { ContinuousClock.now < $0 } ?? false }
    }

    /// Renews until cancelled or released.
    func run() async {
        var held: Lease?
        var hasFailed = false
        while !Task.isCancelled, beginRenewal() {
            defer { state.withLock { $0.isRenewing = false } }
            let started = ContinuousClock.now
            do {
                held = try await bounded { [held] in try await self.renew(held) }
                if Task.isCancelled { break }
                state.withLock { state in
                    if !state.isReleased { state.validUntil = started + configuration.leaseDuration }
                }
                if hasFailed { logger.info("Lease is renewed again") }
                hasFailed = false
            } catch {
                if Task.isCancelled { break }
                held = nil
                if !hasFailed {
                    logger.warning("Lease could not be renewed", metadata: ["error": "\(error)"])
                }
                hasFailed = true
            }
            let pause =
                hasFailed ? min(configuration.leaseRenewInterval, .seconds(1)) : configuration.leaseRenewInterval
            try? await Task.sleep(until: started + pause, clock: .continuous)
        }
    }

    private func beginRenewal() -> Bool {
        state.withLock { state in
            state.isRenewing = !state.isReleased
            return state.isRenewing
        }
    }

    /// Gives the Lease up: nothing may be written afterwards.
    func release() async {
        state.withLock { state in
            state.validUntil = nil
            state.isReleased = true
        }
        // A renewal under way would bring a deleted Lease back.
        for _ in 0..<200 where state.withLock({ $0.isRenewing }) { try? await Task.sleep(for: .milliseconds(10)) }
        do {
            _ = try await bounded {
                try await self.client.deleteIfPresent(
                    Lease.self,
                    name: self.configuration.leaseName,
                    namespace: self.configuration.namespace
                )
            }
        } catch {
            logger.warning("Lease could not be deleted; it runs out by itself", metadata: ["error": "\(error)"])
        }
    }

    private func renew(_ held: Lease?) async throws -> Lease {
        if var lease = held {
            lease.renewTime = wallClock.now()
            do throws(KubernetesError) {
                return try await client.replace(lease)
            } catch {
                guard error.reason == .conflict || error.reason == .notFound else { throw error }
            }
        }
        let name = configuration.leaseName
        if var lease = try await client.getIfPresent(Lease.self, name: name, namespace: configuration.namespace) {
            lease.holderIdentity = configuration.identity
            lease.leaseDurationSeconds = Int(configuration.leaseDuration.components.seconds)
            lease.renewTime = wallClock.now()
            return try await client.replace(lease)
        }
        return try await client.create(newLease())
    }

    private func newLease() -> Lease {
        Lease(
            metadata: ObjectMeta(
                name: configuration.leaseName,
                namespace: configuration.namespace,
                labels: [PullTaskKeys.managedBy: PullTaskKeys.manager, PullTaskKeys.component: "executor"]
            ),
            holderIdentity: configuration.identity,
            leaseDurationSeconds: Int(configuration.leaseDuration.components.seconds),
            acquireTime: wallClock.now(),
            renewTime: wallClock.now(),
            leaseTransitions: 0
        )
    }

    /// A renewal that takes as long as the Lease is worth nothing.
    private func bounded<Value: Sendable>(_ body: @Sendable @escaping () async throws -> Value) async throws -> Value {
        try await withTimeout(StopRequest.allowance(configuration.leaseDuration / 2, share: 2), body)
    }
}
