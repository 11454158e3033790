import BlockingExecutor
import CRdKafka
package import Logging
import Synchronization

/// Reads records, in a group or from partitions of the caller's choice.
///
/// Offsets are stored and committed only when the caller says so. The group is balanced with the eager `range` and
/// `roundrobin` assignors. A rebalance comes as an event and takes effect at the next ``poll(maximum:timeout:)``:
/// between the two the caller commits what it has done, or chooses where to begin with ``setStartOffsets(_:)``.
///
/// Call ``close(timeout:)`` when done; a consumer that is only released leaves the group late.
///
/// Thread safety: every method may be called from any thread. All calls of librdkafka run one after another on an own
/// thread; a poll that waits is ended early by any other call. A group's member asks brokers (``watermarks(_:timeout:)``,
/// ``partitionCount(topic:timeout:)`` and what ``lag()`` has to ask) through a second client, which delays no poll.
package final class KafkaConsumer: Sendable {
    private let executor: BlockingExecutor
    private let core: ConsumerCore
    /// Nil without a group: who reads partitions of its own choice asks before it reads, or seldom.
    let inquiry: KafkaInquiry?
    private let ownsInquiry: Bool
    /// The group's id; nil without a group.
    let group: String?
    private let options: Options
    private let logger: Logger
    private let isClosed = Mutex(false)

    /// Makes a consumer; connects in the background.
    ///
    /// - Parameters:
    ///   - configuration: How to reach the cluster.
    ///   - group: The group's id; `nil` for a consumer that only uses ``assign(_:)`` and commits nothing.
    ///   - options: What can be chosen.
    ///   - inquiry: Asks brokers for this consumer and for others; its owner closes it after them. A member of a group has one of its
    ///     own otherwise.
    ///   - logger: Where the library's log lines go.
    /// - Throws: `KafkaError` with code `configuration` when a property is unknown, invalid or reserved.
    package init(
        configuration: KafkaConfiguration,
        group: String?,
        options: Options = Options(),
        inquiry: KafkaInquiry? = nil,
        logger: Logger
    ) throws(KafkaError) {
        self.executor = BlockingExecutor(label: "kafka-consumer")
        self.options = options
        self.logger = logger
        self.group = group
        self.ownsInquiry = inquiry == nil
        self.inquiry = inquiry ?? group.map { _ in KafkaInquiry(configuration: configuration, logger: logger) }
        self.core = ConsumerCore(logger: logger, commitTimeout: options.commitTimeout)
        var reserved = options.reservedProperties
        // librdkafka wants an id even where no group is joined.
        reserved["group.id"] = group ?? "\(configuration.clientID).none"
        let client = try ClientHandle(
            type: RD_KAFKA_CONSUMER,
            configuration: configuration,
            defaults: options.properties,
            reserved: reserved,
            logger: logger,
            // Released when the client was destroyed; until then callbacks may need it.
            opaque: Unmanaged.passUnretained(self.core).toOpaque(),
            prepare: setConsumerCallbacks
        )
        try self.core.start(client)
    }

    deinit {
        guard !self.isClosed.withLock({ $0 }) else { return }
        self.logger.warning("Kafka consumer was released without close")
        let core = self.core
        self.executor.submit { core.close() }
        core.wake()
    }

    /// Joins the group for topics; replaces an earlier subscription.
    ///
    /// - Parameter topics: Names, or patterns that begin with `^`.
    /// - Throws: `KafkaError` when a pattern is invalid.
    package func subscribe(_ topics: [String]) async throws(KafkaError) {
        try await self.call { core throws(KafkaError) in try core.subscribe(topics) }
    }

    /// Reads these partitions, without group balancing; replaces an earlier assignment.
    ///
    /// - Parameter offsets: Where to begin in each partition.
    /// - Throws: `KafkaError` when closed.
    package func assign(_ offsets: [TopicPartition: StartOffset]) async throws(KafkaError) {
        try await self.call { core throws(KafkaError) in try core.assign(offsets) }
    }

    /// Waits for records and other events. Answers the last rebalance event first.
    ///
    /// Other calls end the wait early, so an empty answer can come before the time is over. A rebalance event is always
    /// the last of its batch, but for errors.
    ///
    /// - Parameters:
    ///   - maximum: The most events.
    ///   - timeout: How long to wait for the first one; keep it at or under a second.
    /// - Returns: What happened, in order.
    /// - Throws: `KafkaError` when closed.
    package func poll(maximum: Int, timeout: Duration) async throws(KafkaError) -> [ConsumerEvent] {
        let core = self.core
        return try await self.executor.run { () throws(KafkaError) in
            try core.poll(maximum: maximum, timeout: timeout)
        }
    }

    /// In place of an offset to begin at: the first record that the partition has.
    package static let firstOffset: Int64 = -2

    /// Chooses where newly assigned partitions begin; counts right after an `assigned` event, before the next poll.
    ///
    /// - Parameter offsets: The next offset to read, or ``firstOffset``, by partition; others begin at the committed offset.
    package func setStartOffsets(_ offsets: [TopicPartition: Int64]) async {
        await self.call { core in core.setStartOffsets(offsets) }
    }

    /// Notes offsets for the next commit.
    ///
    /// - Parameter offsets: The next offset to read, by partition.
    /// - Throws: `KafkaError` with code `notAssigned` when a partition is not assigned; the others are stored.
    package func store(_ offsets: [TopicPartition: Int64]) async throws(KafkaError) {
        try await self.call { core throws(KafkaError) in try core.store(offsets) }
    }

    /// Commits what was stored since the last commit and waits for the answer, at most `Options.commitTimeout`.
    ///
    /// Does nothing when nothing is stored, or when the partitions are lost. After an error the offsets stay stored as
    /// long as the partitions are assigned.
    ///
    /// - Parameter limit: Waits at most this long in place of `Options.commitTimeout`, if it is shorter.
    /// - Throws: `KafkaError`, with code `notAssigned` when the group moved on.
    package func commitStored(within limit: Duration? = nil) async throws(KafkaError) {
        try await self.call { core throws(KafkaError) in try core.commitStored(within: limit) }
    }

    /// Stops reading partitions; heartbeats and other partitions go on. Counts after rebalances too.
    ///
    /// - Parameter partitions: The partitions; ones that are not assigned are paused when they become so.
    package func pause(_ partitions: [TopicPartition]) async {
        guard !partitions.isEmpty else { return }
        await self.call { core in core.pause(partitions) }
    }

    /// Reads paused partitions again, from where they were stopped.
    ///
    /// - Parameter partitions: The partitions.
    package func resume(_ partitions: [TopicPartition]) async {
        guard !partitions.isEmpty else { return }
        await self.call { core in core.resume(partitions) }
    }

    /// Asks for the group's committed offsets.
    ///
    /// - Parameters:
    ///   - partitions: The partitions.
    ///   - timeout: How long to wait.
    /// - Returns: The next offset to read, by partition; without those that have none.
    /// - Throws: `KafkaError` when the coordinator does not answer.
    package func committed(
        _ partitions: [TopicPartition],
        timeout: Duration
    ) async throws(KafkaError) -> [TopicPartition: Int64] {
        try await self.call { core throws(KafkaError) in try core.committed(partitions, timeout: timeout) }
    }

    /// Asks for a partition's range of offsets.
    ///
    /// - Parameters:
    ///   - partition: The partition.
    ///   - timeout: How long to wait.
    /// - Returns: The oldest offset, and the one that the next record will get.
    /// - Throws: `KafkaError` when the broker does not answer.
    package func watermarks(
        _ partition: TopicPartition,
        timeout: Duration
    ) async throws(KafkaError) -> (low: Int64, high: Int64) {
        try await self.ask(within: timeout) { client throws(KafkaError) in
            try client.watermarks(partition, timeout: timeout)
        }
    }

    /// Asks for the number of a topic's partitions.
    ///
    /// - Parameters:
    ///   - topic: The topic's name.
    ///   - timeout: How long to wait.
    /// - Returns: The number of partitions.
    /// - Throws: `KafkaError`, with code `unknownTopic` when there is none.
    package func partitionCount(topic: String, timeout: Duration) async throws(KafkaError) -> Int {
        try await self.ask(within: timeout) { client throws(KafkaError) in
            try client.partitionCount(topic: topic, timeout: timeout)
        }
    }

    /// The partitions that are assigned and answered for.
    package func assignment() async -> Set<TopicPartition> {
        await self.call { core in core.assigned }
    }

    /// Time since a poll last began or ended.
    package var timeSinceLastPoll: Duration { self.core.lastPoll.duration(to: .now) }

    /// Seconds since a poll last began or ended, for a gauge.
    package var secondsSinceLastPoll: Double {
        let (seconds, attoseconds) = self.timeSinceLastPoll.components
        return Double(seconds) + Double(attoseconds) / 1e18
    }

    /// Whether nothing has been polled for longer than `Options.stallThreshold`.
    package var isStalled: Bool { self.timeSinceLastPoll > self.options.stallThreshold }

    /// Ends a poll that waits, so that its caller looks at what has changed.
    package func interrupt() {
        self.core.wake()
    }

    /// Leaves the group and frees the client. Commit before: what is stored but not committed is dropped.
    ///
    /// - Parameter timeout: How long to wait. After that the end goes on by itself, on the client's own threads: a group that
    ///   is being joined can take as long as a member's session, and librdkafka's end can hang after a broker's restart (#4674).
    package func close(timeout: Duration) async {
        let wasClosed = self.isClosed.withLock { closed in
            defer { closed = true }
            return closed
        }
        guard !wasClosed else { return }
        let core = self.core
        let executor = self.executor
        let logger = self.logger
        executor.submit {
            core.close()
            logger.debug("Kafka consumer has ended")
        }
        core.wake()
        async let inquiryEnd: Void? = self.ownsInquiry ? self.inquiry?.close(timeout: timeout) : nil
        let ended = await withDeadline(timeout) { await executor.run {} }
        if !ended {
            logger.warning("Kafka consumer did not end in time; it goes on by itself")
        }
        executor.shutdown()
        await inquiryEnd
    }

    /// Asks brokers something.
    func ask<Success: Sendable>(
        within limit: Duration,
        _ body: @Sendable @escaping (ClientHandle) throws(KafkaError) -> Success
    ) async throws(KafkaError) -> Success {
        if let inquiry { return try await inquiry.run(within: limit, body) }
        return try await self.call { core throws(KafkaError) in
            guard let client = core.client else { throw .closed }
            return try body(client)
        }
    }

    /// Runs a call on the thread and ends a poll that waits there, without waiting for the thread longer than is wanted.
    ///
    /// - Parameters:
    ///   - limit: The longest wait. The call is made all the same when the thread has time for it.
    ///   - body: The call.
    /// - Returns: Its result; `nil` when the time is over or the task is cancelled.
    func call<Success: Sendable>(
        within limit: Duration,
        _ body: @Sendable @escaping (ConsumerCore) -> Success
    ) async -> Success? {
        let core = self.core
        let answer = FirstAnswer<Success?>()
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                answer.wait(continuation)
                self.executor.submit { answer.give(body(core)) }
                core.wake()
                Task {
                    try? await Task.sleep(for: limit)
                    answer.give(nil)
                }
            }
        } onCancel: {
            answer.give(nil)
        }
    }

    /// Runs a call on the thread and ends a poll that waits there.
    func call<Success: Sendable, Failure: Error>(
        _ body: @Sendable @escaping (ConsumerCore) throws(Failure) -> Success
    ) async throws(Failure) -> Success {
        let core = self.core
        let result: Result<Success, Failure> = await withCheckedContinuation { continuation in
            self.executor.submit {
                continuation.resume(returning: Result { () throws(Failure) in try body(core) })
            }
            core.wake()
        }
        return try result.get()
    }
}

/// Sets the callbacks, which find their consumer by the client's opaque pointer.
private func setConsumerCallbacks(_ properties: OpaquePointer) {
    rd_kafka_conf_set_rebalance_cb(properties) { handle, error, partitions, opaque in
        guard let handle, let opaque else { return }
        Unmanaged<ConsumerCore>.fromOpaque(opaque).takeUnretainedValue().noteRebalance(error, partitions, on: handle)
    }
    rd_kafka_conf_set_error_cb(properties) { _, error, reason, opaque in
        guard let opaque else { return }
        Unmanaged<ConsumerCore>.fromOpaque(opaque).takeUnretainedValue()
            .reportError(rd_kafka_resp_err_t(rawValue: error), reason.map { String(cString: $0) })
    }
    rd_kafka_conf_set_log_cb(properties) { handle, level, facility, text in
        guard let handle, let opaque = rd_kafka_opaque(handle) else { return }
        Unmanaged<ConsumerCore>.fromOpaque(opaque).takeUnretainedValue().client?
            .writeLog(level: level, facility: facility, text: text)
    }
}
