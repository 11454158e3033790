import Logging
import LongshoreDomain
import LongshoreMessages
import RDKafka
import ServiceRuntime

/// Which tasks have ended, as the topic of events remembers it.
///
/// A message whose PullTask is not there is a task that is still to be done, or one that was done and has been cleared away
/// since: the topic was read again from its beginning. Nothing in the cluster tells the two apart. So the topic of events is read, and
/// only when it matters; what was read is kept for as long as questions come.
actor EndedTasks {
    /// The longest time of one reading; the next one goes on where it stopped.
    private static let patience = Duration.seconds(10)
    /// After so long without a question what was read is dropped.
    private static let idle = Duration.seconds(600)

    private let configuration: KafkaConfiguration
    private let logger: Logger
    private var ended: Set<EndedTask> = []
    private var positions: [TopicPartition: Int64] = [:]
    private var reading: Task<Void, any Error>?
    /// The number of readings so far.
    private var begun = 0
    /// The number of the last one that has come to the end of the topic.
    private var finished = 0
    private var lastAsked = ContinuousClock.now
    private var forgetting: Task<Void, Never>?

    /// - Parameters:
    ///   - configuration: How to reach Kafka.
    ///   - logger: Told when the topic is read.
    init(configuration: KafkaConfiguration, logger: Logger) {
        self.configuration = configuration
        self.logger = logger
    }

    /// A task whose end was told. Whoever may write to the topic can name any task's id: an end is a task's own only if it names
    /// the task's project as well.
    private struct EndedTask: Hashable {
        var task: TaskID
        var project: String
    }

    /// Whether an executor has told a task's end.
    ///
    /// - Parameters:
    ///   - id: The task.
    ///   - project: Its project.
    /// - Returns: Whether its terminal event was in the topic when this was asked.
    /// - Throws: `KafkaError` or `ExecutorError` when that cannot be told yet; it is to be asked again. `CancellationError` at
    ///   once when the task is cancelled, although the reading goes on.
    func contains(_ id: TaskID, project: String) async throws -> Bool {
        let task = EndedTask(task: id, project: project)
        lastAsked = .now
        forgetWhenIdle()
        // A reading that is under way may be past the place where the event was written.
        let asked = begun
        while finished <= asked {
            if ended.contains(task) { return true }
            try await read()
        }
        return ended.contains(task)
    }

    /// Reads to the end of the topic, or waits for whoever does so already.
    private func read() async throws {
        if let reading { return try await valueUnlessCancelled(of: reading) }
        begun += 1
        let number = begun
        let task = Task {
            // Before anyone who waits goes on: it must not wait for the same reading again.
            defer { reading = nil }
            try await readToEnd()
            finished = number
        }
        reading = task
        try await valueUnlessCancelled(of: task)
    }

    private func readToEnd() async throws {
        var options = KafkaConsumer.Options()
        options.reportsEndOfPartition = true
        options.offsetReset = .earliest
        let consumer = try KafkaConsumer(configuration: configuration, group: nil, options: options, logger: logger)
        do {
            try await readToEnd(with: consumer, until: .now + Self.patience)
        } catch {
            await consumer.close(timeout: StopRequest.allowance(.seconds(2), share: 3))
            throw error
        }
        await consumer.close(timeout: StopRequest.allowance(.seconds(2), share: 3))
    }

    private func readToEnd(with consumer: KafkaConsumer, until deadline: ContinuousClock.Instant) async throws {
        var ends: [TopicPartition: Int64] = [:]
        func timeLeft() throws -> Duration {
            let left = ContinuousClock.now.duration(to: deadline)
            guard left > .zero else {
                throw ExecutorError(.notReady, "The events are still being read for tasks that have ended.")
            }
            return min(left, .seconds(5))
        }
        let count = try await consumer.partitionCount(topic: Topics.events, timeout: timeLeft())
        for number in 0..<Int32(clamping: count) {
            let partition = TopicPartition(topic: Topics.events, partition: number)
            let (low, high) = try await consumer.watermarks(partition, timeout: timeLeft())
            // A topic that was made anew begins again.
            if let position = positions[partition], position > high { positions[partition] = nil }
            if max(positions[partition] ?? 0, low) < high { ends[partition] = high }
        }
        guard !ends.isEmpty else { return }
        let starts = ends.keys.map { ($0, positions[$0].map { StartOffset.offset($0) } ?? .beginning) }
        try await consumer.assign(Dictionary(uniqueKeysWithValues: starts))
        var records = 0
        while !ends.isEmpty {
            _ = try timeLeft()
            for event in try await consumer.poll(maximum: 1_000, timeout: .milliseconds(200)) {
                let (partition, next): (TopicPartition, Int64)
                switch event {
                case .record(let record):
                    note(record)
                    records += 1
                    (partition, next) = (record.topicPartition, record.offset + 1)
                case .endOfPartition(let at, let offset): (partition, next) = (at, offset)
                case .failure(let error) where error.isFatal: throw error
                case .failure, .assigned, .revoked: continue
                }
                positions[partition] = max(positions[partition] ?? 0, next)
                if let end = ends[partition], next >= end { ends[partition] = nil }
            }
        }
        logger.debug(
            "Read the events for tasks that have ended",
            metadata: ["records": "\(records)", "tasks": "\(ended.count)"]
        )
    }

    private func note(_ record: ConsumerRecord) {
        // Nearly all records are of other types; those are not decoded.
        if let type = record.headers.first(where: { $0.name == "ce_type" })?.value,
            EventType(rawValue: String(decoding: type, as: UTF8.self))?.isTerminal != true
        {
            return
        }
        // The key of a request that intake has refused may be used again for one that is in order.
        guard let event = try? TaskEvent(event: CloudEvent(record)), event.type.isTerminal, !event.isRefusal else {
            return
        }
        ended.insert(EndedTask(task: event.taskID, project: event.project))
    }

    /// Ends the wait that forgets.
    func close() { forgetting?.cancel() }

    private func forgetWhenIdle() {
        guard forgetting == nil else { return }
        forgetting = Task {
            while ContinuousClock.now - lastAsked < Self.idle {
                guard (try? await Task.sleep(for: Self.idle)) != nil else { return }
            }
            ended = []
            positions = [:]
            forgetting = nil
        }
    }
}
