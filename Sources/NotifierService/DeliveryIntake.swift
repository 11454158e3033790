import Logging
import LongshoreDomain
import LongshoreMessages
import RDKafka
import ServiceRuntime
import Synchronization
import WireFormats

/// Turns events into deliveries: for each event that a task's receiver has asked for, one row, once.
final class DeliveryIntake: Sendable {
    private struct State {
        /// What is known of tasks: their receiver, or that they have none. Neither changes in a task's life.
        var known: [TaskKey: WebhookTarget?] = [:]
        /// When the row of a task was first looked for in vain.
        var missedSince: [TaskKey: ContinuousClock.Instant] = [:]
    }

    private static let maximumKnown = 20_000

    private let store: DeliveryStore
    private let patience: Duration
    private let metrics: NotifierMetrics
    private let logger: Logger
    private let onInsert: @Sendable () -> Void
    private let state = Mutex(State())

    init(
        store: DeliveryStore,
        patience: Duration,
        metrics: NotifierMetrics,
        logger: Logger,
        onInsert: @escaping @Sendable () -> Void
    ) {
        self.store = store
        self.patience = patience
        self.metrics = metrics
        self.logger = logger
        self.onInsert = onInsert
    }

    /// Handles a batch of the events topic.
    func handle(_ batch: KafkaBatch) async throws -> KafkaBatch.Outcome {
        var outcome = KafkaBatch.Outcome.done
        var events: [(index: Int, event: TaskEvent)] = []
        for (index, message) in batch.messages.enumerated() {
            do {
                let event = try TaskEvent(event: message.event)
                // A refusal says itself who is to be told. To wait for its row would hold up everybody else's webhooks of the
                // partition, for as long as somebody sends such requests.
                if !event.isRefusal || event.isOnlyTrace && event.webhook != nil { events.append((index, event)) }
            } catch  where error.code == .wrongType {
                // Somebody else's event, or one that a later release has added.
                continue
            } catch {
                outcome.rejected[index] = KafkaRejection(code: error.code.rawValue, detail: error.description)
            }
        }
        learn(from: events.map(\.event))
        try await lookUp(Set(events.map { TaskKey($0.event) }))
        var deliveries: [NewDelivery] = []
        for (index, event) in events {
            switch decide(event) {
            case .wait: outcome.retried.insert(index)
            case .skip: break
            case .deliver(let target):
                deliveries.append(Self.delivery(of: event, batch.messages[index].event, to: target))
            }
        }
        try await record(deliveries)
        return outcome
    }

    // MARK: - Receivers

    /// The first event of a task that did not come through intake says itself who is to be told.
    private func learn(from events: [TaskEvent]) {
        for event in events {
            if event.isOnlyTrace, let wish = event.webhook { learn(wish, of: event) }
            guard let spec = event.spec, spec.project == event.project else { continue }
            let target = spec.webhookURL.map {
                WebhookTarget(project: event.project, url: $0, events: Set(spec.webhookEvents))
            }
            remember([TaskKey(event): target])
        }
    }

    /// What a refusal wishes, unless more is known already: a PullTask may be refused after it was begun.
    private func learn(_ wish: WebhookWish, of event: TaskEvent) {
        guard state.withLock({ $0.known.index(forKey: TaskKey(event)) }) == nil else { return }
        remember([TaskKey(event): WebhookTarget(project: event.project, url: wish.url, events: Set(wish.events))])
    }

    private func lookUp(_ tasks: Set<TaskKey>) async throws {
        let unknown = state.withLock { state in tasks.filter { state.known.index(forKey: $0) == nil } }
        guard !unknown.isEmpty else { return }
        let found = try await store.targets(of: Array(Set(unknown.map(\.task))))
        var targets: [TaskKey: WebhookTarget?] = [:]
        for key in unknown {
            guard let receiver = found[key.task] else { continue }
            let isOwn = receiver.project == key.project && receiver.cluster == key.cluster
            targets.updateValue(isOwn ? receiver.target : nil, forKey: key)
        }
        remember(targets)
    }

    private func remember(_ targets: [TaskKey: WebhookTarget?]) {
        state.withLock { state in
            if state.known.count + targets.count > Self.maximumKnown { state.known = [:] }
            state.known.merge(targets) { $1 }
            for task in targets.keys { state.missedSince[task] = nil }
        }
    }

    private enum Decision {
        case deliver(WebhookTarget)
        case skip
        case wait
    }

    /// What to do with an event. The row of a task from `kubectl` comes with the projector, which may be a little behind.
    private func decide(_ event: TaskEvent) -> Decision {
        enum Look {
            case known(WebhookTarget?)
            case missed(isOver: Bool)
        }
        let key = TaskKey(event)
        let look = state.withLock { state -> Look in
            if let known = state.known[key] { return .known(known) }
            // Of a PullTask that kubectl made and that was rejected at once there may be no row yet, and it names nobody.
            if event.type == .taskRejected { return .known(nil) }
            let since = state.missedSince[key] ?? .now
            let isOver = ContinuousClock.now - since >= patience
            if isOver {
                // Further events of the task are not to wait as long again.
                state.known.updateValue(nil, forKey: key)
                state.missedSince[key] = nil
            } else {
                state.missedSince[key] = since
            }
            return .missed(isOver: isOver)
        }
        switch look {
        case .known(let target?): return target.events.contains(event.type.shortName) ? .deliver(target) : .skip
        case .known(nil): return .skip
        case .missed(isOver: false): return .wait
        case .missed(isOver: true):
            metrics.problem("lookup_given_up")
            logger.warning(
                "No webhook for a task that is not in the database",
                metadata: ["\(LogKey.task)": "\(event.taskID)", "event": "\(event.type.shortName)"]
            )
            return .skip
        }
    }

    // MARK: - Deliveries

    private static func delivery(
        of event: TaskEvent,
        _ cloudEvent: CloudEvent,
        to target: WebhookTarget
    ) -> NewDelivery {
        NewDelivery(
            eventID: event.id,
            eventName: event.type.shortName,
            sequence: event.sequence,
            taskID: event.taskID,
            target: target,
            secretName: SecretNames.webhookSecret(project: target.project),
            body: cloudEvent.structuredJSON.text()
        )
    }

    private func record(_ deliveries: [NewDelivery]) async throws {
        guard !deliveries.isEmpty else { return }
        // An event that is in the batch twice is one delivery, and of a task's progress the newest says it all.
        var unique: [String: NewDelivery] = [:]
        var newest: [TaskID: NewDelivery] = [:]
        var skipped = 0
        for delivery in deliveries where unique[delivery.eventID] == nil {
            if delivery.isProgress {
                if let older = newest[delivery.taskID] {
                    skipped += 1
                    guard delivery.sequence > older.sequence else { continue }
                    unique[older.eventID] = nil
                }
                newest[delivery.taskID] = delivery
            }
            unique[delivery.eventID] = delivery
        }
        let (inserted, replaced) = try await store.insert(Array(unique.values))
        metrics.coalesced(skipped + replaced)
        guard !inserted.isEmpty || replaced > 0 else { return }
        for (name, group) in Dictionary(
            grouping: unique.values.filter { inserted.contains($0.eventID) },
            by: \.eventName
        ) {
            metrics.created(group.count, event: name)
        }
        onInsert()
    }
}
