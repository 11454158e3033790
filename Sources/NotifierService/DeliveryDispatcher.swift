import Logging
import LongshoreDomain
import ServiceLifecycle
import ServiceRuntime
import Synchronization
import WireFormats

/// Leases deliveries that are due and sends them, a bounded number at a time.
final class DeliveryDispatcher: Sendable {
    /// How long free places are gathered when there are few: to look for due deliveries costs the same for one as for many.
    private static let gathering = Duration.milliseconds(5)

    private let configuration: NotifierConfiguration
    private let store: DeliveryStore
    private let sender: WebhookSender
    private let secrets: SigningSecrets
    private let writer: ResultWriter
    private let metrics: NotifierMetrics
    private let logger: Logger
    private let signal = WakeSignal()
    private let places = Mutex(Places())

    /// A request's place is free as soon as there is an answer; how it went is written down while others are sent.
    private struct Places {
        /// Requests that have no answer yet.
        var inFlight = 0
        /// Those, and the answers that are not written down.
        var open = 0
    }

    /// So many answers may wait to be written down for each request that may be in flight.
    private static let unwritten = 3

    init(
        configuration: NotifierConfiguration,
        store: DeliveryStore,
        sender: WebhookSender,
        secrets: SigningSecrets,
        metrics: NotifierMetrics,
        logger: Logger
    ) {
        self.configuration = configuration
        self.store = store
        self.sender = sender
        self.secrets = secrets
        self.metrics = metrics
        self.logger = logger
        self.writer = ResultWriter(
            store: store,
            owner: configuration.identity,
            patience: configuration.lease,
            metrics: metrics,
            logger: logger
        )
    }

    /// Says that there may be something to send.
    func wake() { signal.wake() }

    /// Sends until the service stops; then waits for the requests in flight.
    func run() async {
        await withGracefulShutdownHandler {
            await withDiscardingTaskGroup { group in
                var failures = 0
                while !Self.isStopping {
                    do {
                        if room < configuration.maximumInFlight / 4 { try? await Task.sleep(for: Self.gathering) }
                        let sent = try await sendDue(in: &group)
                        failures = 0
                        if sent { continue }
                    } catch {
                        failures += 1
                        report(error, failures: failures)
                    }
                    await signal.wait(
                        upTo: failures > 0 ? min(.seconds(failures), .seconds(10)) : configuration.pollInterval
                    )
                }
                await drain()
                group.cancelAll()
            }
        } onGracefulShutdown: {
            self.signal.wake()
        }
    }

    private static var isStopping: Bool { Task.isCancelled || Task.isShuttingDownGracefully }

    private var room: Int {
        let limit = configuration.maximumInFlight
        return places.withLock { min(limit - $0.inFlight, limit * (1 + Self.unwritten) - $0.open) }
    }

    /// Counts requests that begin or have an answer.
    private func count(inFlight change: Int) {
        let now = places.withLock { places in
            places.inFlight += change
            return places.inFlight
        }
        metrics.inFlight(now)
    }

    /// Starts what is due and has room; says whether there may be more of it at once.
    private func sendDue(in group: inout DiscardingTaskGroup) async throws -> Bool {
        let room = room
        guard room > 0 else { return false }
        let deliveries = try await store.claim(configuration, limit: room)
        let claimedAt = ContinuousClock.now
        places.withLock { $0.open += deliveries.count }
        count(inFlight: deliveries.count)
        for delivery in deliveries {
            group.addTask {
                let result = await self.deliver(delivery, claimedAt: claimedAt)
                self.count(inFlight: -1)
                self.signal.wake()
                if let result { await self.writer.write(result) }
                self.places.withLock { $0.open -= 1 }
                // A place is free again, perhaps for a host that has others waiting.
                self.signal.wake()
            }
        }
        return !deliveries.isEmpty
    }

    private func drain() async {
        let deadline = ContinuousClock.now + StopRequest.allowance(configuration.drainTimeout, share: 3)
        while !Task.isCancelled, places.withLock({ $0.open }) > 0, ContinuousClock.now < deadline {
            await signal.wait(upTo: .milliseconds(100))
        }
    }

    // MARK: - One delivery

    /// Sends a delivery; nil when it was given back instead.
    private func deliver(_ delivery: ClaimedDelivery, claimedAt: ContinuousClock.Instant) async -> DeliveryResult? {
        let signing: [SigningSecret]
        do {
            signing = try await secrets.secrets(named: delivery.secretName, project: delivery.project)
        } catch {
            await giveBack(delivery, because: error)
            return nil
        }
        let startedAt = ContinuousClock.now
        // The Secret was long in coming, or this process was stopped: the lease may end, and another notifier send, before
        // a request that begins now is over.
        guard startedAt - claimedAt < (configuration.lease - configuration.requestTimeout) / 2 else {
            metrics.problem("late")
            await release(delivery, after: .zero)
            return nil
        }
        let answer = await sender.send(delivery, secrets: signing)
        let duration = ContinuousClock.now - startedAt
        metrics.attempt(answer.outcome, duration: duration)
        let start = delivery.claimedAt + (startedAt - claimedAt)
        return result(of: delivery, answer, startedAt: start, duration: duration)
    }

    private func result(
        of delivery: ClaimedDelivery,
        _ answer: WebhookSender.Answer,
        startedAt: Timestamp,
        duration: Duration
    ) -> DeliveryResult {
        let end = startedAt + duration
        var machine = DeliveryMachine(
            phase: .delivering,
            attempt: delivery.attempt,
            nextAttempt: end,
            schedule: configuration.schedule
        )
        // It cannot fail: a machine that is delivering takes every outcome.
        _ = try? machine.end(answer.outcome, at: end, random: Double.random(in: 0..<1))
        log(delivery, answer, machine)
        return DeliveryResult(
            id: delivery.id,
            taskID: delivery.taskID,
            url: delivery.url,
            attempt: delivery.attempt,
            outcome: answer.outcome,
            phase: machine.phase,
            retryDelay: machine.phase == .retrying ? machine.nextAttempt.duration(since: end) : nil,
            startedAt: startedAt,
            duration: duration,
            status: answer.status,
            error: answer.error,
            excerpt: answer.excerpt
        )
    }

    private func log(_ delivery: ClaimedDelivery, _ answer: WebhookSender.Answer, _ machine: DeliveryMachine) {
        // The URL may hold a token of the receiver's; it is not logged.
        logger.log(
            level: machine.phase == .delivered ? .debug : machine.phase.isTerminal ? .warning : .info,
            machine.phase == .delivered ? "Webhook delivered" : "Webhook not delivered",
            metadata: [
                "\(LogKey.task)": "\(delivery.taskID)", "\(LogKey.delivery)": "\(delivery.id)",
                "\(LogKey.attempt)": "\(delivery.attempt)", "\(LogKey.code)": "\(answer.outcome.code)",
                "state": "\(machine.phase.rawValue)",
            ]
        )
    }

    private func giveBack(_ delivery: ClaimedDelivery, because error: any Error) async {
        metrics.problem("secret")
        logger.warning(
            "No secret to sign with; the delivery waits",
            metadata: [
                "\(LogKey.task)": "\(delivery.taskID)", "\(LogKey.delivery)": "\(delivery.id)",
                "\(LogKey.project)": "\(delivery.project)", "\(LogKey.error)": "\(error)",
            ]
        )
        await release(delivery, after: .seconds(Double.random(in: 5..<15)))
    }

    private func release(_ delivery: ClaimedDelivery, after delay: Duration) async {
        // Unstructured: a stop must not leave the lease to run out. When the database is away, it does run out.
        let store = store
        let owner = configuration.identity
        await Task { try? await store.release(delivery, owner: owner, after: delay) }.value
    }

    private func report(_ error: any Error, failures: Int) {
        metrics.problem("database")
        logger.log(
            level: failures == 1 ? .warning : .debug,
            "Due deliveries cannot be read",
            metadata: ["\(LogKey.error)": "\(error)", "failures": "\(failures)"]
        )
    }
}
