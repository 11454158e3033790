import Logging
import Synchronization

/// Keeps the objects of a selection at hand: lists them once and follows their changes.
///
/// One informer serves any number of readers. It resumes after cut connections from the last version it saw, lists again
/// where that is too old, and tells the difference; a reader sees every object's changes in order, those that come quicker
/// than it reads as one.
///
/// Thread safety: all methods may be called from any task; ``run()`` by one.
package final class Informer<R: KubernetesResource>: Sendable {
    /// How the informer is doing.
    package struct Health: Sendable {
        /// Whether everything has been listed once.
        package var hasSynced = false
        /// When the server last told something, by a clock that does not jump.
        package var lastContact: ContinuousClock.Instant?
        /// Why the last attempt failed; `nil` while all is well.
        package var lastError: KubernetesError?
        /// How often everything was listed.
        package var lists = 0
        /// How often a watch was opened.
        package var watches = 0
    }

    private struct State {
        var store = InformerStore<R>()
        var health = Health()
        var subscribers: [Subscriber] = []
        var waiters: [Int: CheckedContinuation<Bool, Never>] = [:]
        var nextWaiter = 0
        var isFinished = false
    }

    /// A subscription that ends when its reader lets go of it.
    private struct Subscriber {
        weak var subscription: InformerSubscription<R>?
    }

    private let client: KubernetesClient
    private let options: ListOptions
    private let pageSize: Int
    private let policy: RequestRetryPolicy
    private let logger: Logger
    private let state = Mutex(State())

    /// Creates an informer; it does nothing until ``run()``.
    ///
    /// - Parameters:
    ///   - client: The client.
    ///   - type: The type of the objects.
    ///   - options: The selection.
    ///   - pageSize: The most objects of one answer; 500 by default.
    ///   - policy: The pauses after failures; those of the client's configuration, up to 30 s, by default.
    package init(
        client: KubernetesClient,
        type: R.Type = R.self,
        options: ListOptions = ListOptions(),
        pageSize: Int = 500,
        policy: RequestRetryPolicy? = nil
    ) {
        self.client = client
        self.options = options
        self.pageSize = pageSize
        var own = client.configuration.retry
        own.maximumDelay = max(own.maximumDelay, .seconds(30))
        self.policy = policy ?? own
        var logger = client.logger
        logger[metadataKey: "resource"] = "\(R.qualifiedPlural)"
        self.logger = logger
    }

    // MARK: - What is known

    /// An object by its name.
    package func get(namespace: String? = nil, name: String) -> R? {
        state.withLock { $0.store.objects[ObjectKey(namespace: namespace, name: name)] }
    }

    /// All objects, in no order.
    package func list() -> [R] {
        state.withLock { Array($0.store.objects.values) }
    }

    /// How many objects there are.
    package var count: Int { state.withLock { $0.store.objects.count } }

    /// Whether everything has been listed once.
    package var hasSynced: Bool { health.hasSynced }

    /// How the informer is doing.
    package var health: Health { state.withLock { $0.health } }

    /// Waits until everything has been listed once.
    ///
    /// - Parameter timeout: The longest time to wait; 30 s by default.
    /// - Throws: ``KubernetesError``: `timeout` with the last failure's text, `cancelled`, or `closed` where ``run()`` has ended.
    package func waitUntilSynced(timeout: Duration = .seconds(30)) async throws(KubernetesError) {
        let isSynced = await withTaskGroup(of: Bool.self) { group in
            group.addTask { await self.synced() }
            group.addTask {
                try? await Task.sleep(for: timeout)
                return false
            }
            defer { group.cancelAll() }
            return await group.next() ?? false
        }
        if isSynced { return }
        if Task.isCancelled { throw KubernetesError(reason: .cancelled, message: "the wait was cancelled") }
        let (isFinished, last) = state.withLock { ($0.isFinished, $0.health.lastError) }
        throw KubernetesError(
            reason: isFinished ? .closed : .timeout,
            message: "\(R.qualifiedPlural) could not be listed: \(last.map(\.description) ?? "no answer yet")"
        )
    }

    /// All changes from now on, after one `added` for each object that is known.
    ///
    /// - Returns: The changes; to be read by one task. Letting go of it, or cancelling that task, ends the subscription. It ends
    ///   by itself with ``run()``.
    package func events() -> AsyncStream<InformerEvent<R>> {
        let subscription = InformerSubscription<R>()
        state.withLock { state in
            var events = state.store.objects.values.map { InformerEvent.added($0) }
            if state.health.hasSynced { events.append(.synced) }
            subscription.append(events)
            state.subscribers.removeAll { $0.subscription == nil }
            state.subscribers.append(Subscriber(subscription: subscription))
            if state.isFinished { subscription.finish() }
        }
        return AsyncStream(unfolding: { await subscription.next() })
    }

    // MARK: - Running

    /// Lists and watches until the task is cancelled or the client is closed.
    ///
    /// Failures of the server, refusals included, are tried again for as long as it takes; ``health`` tells of them.
    package func run() async throws {
        defer { finish() }
        var machine = ReflectorMachine(policy: policy)
        while true {
            try Task.checkCancellation()
            do {
                switch machine.next() {
                case .pause(let duration): try await Task.sleep(for: duration)
                case .list: try await relist(&machine)
                case .watch(let resourceVersion): try await watch(from: resourceVersion, &machine)
                }
            } catch let error as KubernetesError {
                if error.reason == .cancelled { throw CancellationError() }
                if error.reason == .closed { throw error }
                machine.failed(error, random: Double.random(in: 0..<1))
                note(error, failures: machine.failures)
            }
        }
    }

    private func relist(_ machine: inout ReflectorMachine) async throws {
        let list = try await client.listAll(R.self, options, pageSize: pageSize)
        publish { state in
            var events = state.store.replaceAll(with: list.items)
            if !state.health.hasSynced { events.append(.synced) }
            state.health.hasSynced = true
            state.health.lists += 1
            return events
        }
        machine.listed(resourceVersion: list.resourceVersion)
    }

    private func watch(from resourceVersion: String, _ machine: inout ReflectorMachine) async throws {
        var options = options
        options.resourceVersion = resourceVersion
        state.withLock { $0.health.watches += 1 }
        var events = 0
        for try await event in client.watch(R.self, options) {
            events += 1
            publish { $0.store.apply(event) }
            machine.observed(resourceVersion: event.resourceVersion)
        }
        // A stream also ends when its task is cancelled.
        try Task.checkCancellation()
        machine.watchEnded(events: events, random: Double.random(in: 0..<1))
    }

    /// Changes the state by what the server told, and tells subscribers and waiters of it.
    private func publish(_ change: (inout State) -> [InformerEvent<R>]) {
        let (events, subscribers, waiters) = state.withLock { state in
            let events = change(&state)
            state.health.lastContact = .now
            state.health.lastError = nil
            let waiters = state.health.hasSynced ? Array(state.waiters.values) : []
            if state.health.hasSynced { state.waiters = [:] }
            return (events, state.subscribers.compactMap(\.subscription), waiters)
        }
        for subscriber in subscribers { subscriber.append(events) }
        for waiter in waiters { waiter.resume(returning: true) }
    }

    private func note(_ error: KubernetesError, failures: Int) {
        state.withLock { $0.health.lastError = error }
        // Watches that are cut or too old are daily life as long as the next attempt works.
        logger.log(
            level: failures > 1 ? .warning : .debug,
            "objects could not be followed and are tried again",
            metadata: ["reason": "\(error.reason.rawValue)", "error": "\(error.message)"]
        )
    }

    private func finish() {
        let (subscribers, waiters) = state.withLock { state in
            state.isFinished = true
            defer { state.waiters = [:] }
            return (state.subscribers.compactMap(\.subscription), Array(state.waiters.values))
        }
        for subscriber in subscribers { subscriber.finish() }
        for waiter in waiters { waiter.resume(returning: false) }
    }

    /// Waits for the first list; false where the informer ends or the task is cancelled before it.
    private func synced() async -> Bool {
        let id = state.withLock { state in
            state.nextWaiter += 1
            return state.nextWaiter
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let known: Bool? = state.withLock { state in
                    if state.health.hasSynced { return true }
                    if state.isFinished || Task.isCancelled { return false }
                    state.waiters[id] = continuation
                    return nil
                }
                if let known { continuation.resume(returning: known) }
            }
        } onCancel: {
            state.withLock { $0.waiters.removeValue(forKey: id) }?.resume(returning: false)
        }
    }
}
