import Logging
import LongshoreDomain
import Metrics
import RDKafka
import Synchronization
import WireFormats

/// Accepts tasks in batches: what arrives within a moment shares one transaction and one hand-over to Kafka.
///
/// The order is what the promise hangs on: the row first, then Kafka's acknowledgement, then the answer. What fails in
/// between leaves a row in `accepting`, which the projector or the sweeper turns into what is true.
///
/// Thread safety: every method may be called from anywhere.
final class AcceptBatcher: Sendable {
    /// A task with its message.
    struct Submission: Sendable {
        var task: AcceptedTask
        var record: ProducerRecord
    }

    /// How a submission ended.
    enum Outcome: Sendable {
        /// Kafka has the message.
        case accepted(TaskRecord)
        /// The same request was accepted before.
        case existing(TaskRecord)
        /// Another request has used the same idempotency key.
        case conflict
        /// Postgres or Kafka is out of reach, or refuses; the text is for the client.
        case unavailable(String)
        /// Kafka takes no message of this size, now or later.
        case tooLarge
        /// More is waiting than may wait.
        case full
    }

    /// How batches are formed.
    struct Limits: Sendable {
        /// The most submissions of a batch.
        var batch = 256
        /// How long the first of a batch waits for others.
        var window = Duration.milliseconds(1)
        /// The most submissions that wait for their batch.
        var queue = 4_096
        /// The most batches at once: one at the database while the other is on its way to Kafka. More would be smaller ones.
        var concurrency = 2
    }

    private struct Pending: Sendable {
        let submission: Submission
        let continuation: CheckedContinuation<Outcome, Never>
    }

    private struct State {
        var queue: [Pending] = []
        var sleeper: CheckedContinuation<Void, Never>?
        var isClosed = false
    }

    private let store: TaskStore
    private let acknowledgements: Acknowledgements
    private let producer: KafkaProducer
    private let limits: Limits
    private let metrics: IntakeMetrics
    private let logger: Logger
    private let state = Mutex(State())

    init(
        store: TaskStore,
        producer: KafkaProducer,
        limits: Limits = Limits(),
        metrics: IntakeMetrics,
        logger: Logger
    ) {
        self.store = store
        acknowledgements = Acknowledgements(pool: store.pool)
        self.producer = producer
        self.limits = limits
        self.metrics = metrics
        self.logger = logger
    }

    /// Waits until a submission is accepted or is known not to be.
    ///
    /// Not cancellable: the outcome is settled in bounded time, and nobody may go without having heard it.
    func submit(_ submission: Submission) async -> Outcome {
        await withCheckedContinuation { continuation in
            let (refused, sleeper) = state.withLock { state -> (Bool, CheckedContinuation<Void, Never>?) in
                guard !state.isClosed, state.queue.count < limits.queue else { return (true, nil) }
                state.queue.append(Pending(submission: submission, continuation: continuation))
                return (false, state.sleeper.take())
            }
            sleeper?.resume()
            if refused { continuation.resume(returning: .full) }
        }
    }

    /// Works until the task is cancelled, then finishes what waits.
    func run() async {
        await withDiscardingTaskGroup { group in
            let slots = AsyncSemaphore(count: limits.concurrency)
            while await waitForWork() {
                try? await Task.sleep(for: limits.window)
                await slots.take()
                let batch = takeBatch()
                group.addTask { [self] in
                    // In a task of its own, because a batch that has begun must end even when the service is cancelled.
                    await Task { await process(batch) }.value
                    slots.give()
                }
            }
        }
    }

    // MARK: - Forming batches

    /// Waits for something to do. False when the service ends and nothing is left.
    private func waitForWork() async -> Bool {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let goesOn = state.withLock { state in
                    guard state.queue.isEmpty, !state.isClosed else { return true }
                    state.sleeper = continuation
                    return false
                }
                if goesOn { continuation.resume() }
            }
        } onCancel: {
            let sleeper = state.withLock { state in
                state.isClosed = true
                return state.sleeper.take()
            }
            sleeper?.resume()
        }
        return state.withLock { !$0.queue.isEmpty }
    }

    private func takeBatch() -> [Pending] {
        state.withLock { state in
            let batch = Array(state.queue.prefix(limits.batch))
            state.queue.removeFirst(batch.count)
            return batch
        }
    }

    // MARK: - Carrying them out

    private func process(_ batch: [Pending]) async {
        let outcomes = await settle(batch.map(\.submission))
        for (pending, outcome) in zip(batch, outcomes) { pending.continuation.resume(returning: outcome) }
    }

    private func settle(_ submissions: [Submission]) async -> [Outcome] {
        metrics.batchSize.record(Int64(submissions.count))
        // One statement can insert an id once only; the first of several is the one.
        var first: [TaskID: Submission] = [:]
        for submission in submissions where first[submission.task.id] == nil {
            first[submission.task.id] = submission
        }
        let rows: [String: TaskRecord]
        do {
            rows = try await metrics.timed("accept") {
                try await store.accept(first.values.map(\.task).sorted { $0.id < $1.id })
            }
        } catch {
            logger.warning("Tasks could not be written down", metadata: ["error": "\(error)"])
            return submissions.map { _ in .unavailable("the database does not answer") }
        }
        var toSend: [TaskID] = []
        for (id, submission) in first {
            guard let row = rows[id.text], row.requestHash == submission.task.requestHash else { continue }
            if row.phase == .accepting { toSend.append(id) }
        }
        let reports = await metrics.publishing { await producer.send(toSend.compactMap { first[$0]?.record }) }
        let sent = Dictionary(uniqueKeysWithValues: zip(toSend, reports))
        await note(sent)
        return submissions.map { outcome(of: $0, row: rows[$0.task.id.text], report: sent[$0.task.id]) }
    }

    /// Writes down what Kafka has acknowledged, before a client hears of it: a task that is gone from Kafka later on was
    /// promised to somebody. Without Postgres the clients are answered all the same, since Kafka has their tasks.
    private func note(_ sent: [TaskID: Result<DeliveryReport, KafkaError>]) async {
        let places = sent.compactMap { task, result -> MessagePlace? in
            guard case .success(let report) = result else { return nil }
            return MessagePlace(
                task: task,
                partition: report.partition,
                offset: report.offset >= 0 ? report.offset : nil
            )
        }
        guard !places.isEmpty else { return }
        do {
            try await metrics.timed("note") { try await acknowledgements.note(places) }
        } catch {
            logger.warning("Places of messages could not be written down", metadata: ["error": "\(error)"])
        }
    }

    private func outcome(
        of submission: Submission,
        row: TaskRecord?,
        report: Result<DeliveryReport, KafkaError>?
    ) -> Outcome {
        guard var row else { return .unavailable("the database has not kept the task") }
        guard row.requestHash == submission.task.requestHash else { return .conflict }
        switch report {
        case .success:
            // Kafka has it, so it is queued, whether or not the projector has read it yet.
            row.phase = .queued
            let isNew = row.acceptedAt == submission.task.acceptedAt
            return isNew ? .accepted(row) : .existing(row)
        case .failure(let error):
            logger.warning(
                "A task was not published",
                metadata: ["task_id": "\(row.id)", "error": "\(error)", "code": "\(error.code)"]
            )
            return error.code == .messageTooLarge ? .tooLarge : .unavailable("Kafka does not take the task")
        case nil:
            return .existing(row)
        }
    }
}
