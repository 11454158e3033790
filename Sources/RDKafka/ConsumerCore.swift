import BlockingExecutor
import CRdKafka
import Logging
import Synchronization

/// What the consumer's thread owns: the client, its assignment, stored offsets and pauses.
///
/// Thread safety: everything but `wake()` and `lastPoll` is touched only on the consumer's thread. librdkafka's
/// callbacks run inside a poll, so on the same thread.
final class ConsumerCore: @unchecked Sendable {
    /// A rebalance that librdkafka waits to be answered.
    private enum Rebalance {
        case assign([TopicPartition])
        case revoke([TopicPartition], lost: Bool)
    }

    let logger: Logger
    private(set) var client: ClientHandle?
    private let commitTimeout: Duration
    private let wakeQueue = Mutex<OpaquePointer?>(nil)
    private let lastPollTime = Mutex(ContinuousClock.now)

    private var events: [ConsumerEvent] = []
    private var rebalance: Rebalance?
    private var isClosing = false
    private(set) var assigned: Set<TopicPartition> = []
    private(set) var paused: Set<TopicPartition> = []
    private var startOffsets: [TopicPartition: Int64] = [:]
    /// Offsets to be committed.
    private(set) var stored: [TopicPartition: Int64] = [:]

    init(logger: Logger, commitTimeout: Duration) {
        self.logger = logger
        self.commitTimeout = commitTimeout
    }

    /// Takes over the client; before this no callback can run.
    func start(_ client: ClientHandle) throws(KafkaError) {
        self.client = client
        try KafkaError.check(rd_kafka_poll_set_consumer(client.pointer))
        self.wakeQueue.withLock { $0 = rd_kafka_queue_get_consumer(client.pointer) }
    }

    /// Ends a poll that waits, so that the thread takes up what was handed over.
    func wake() {
        // Under the lock, so that the queue cannot be destroyed meanwhile; the call only sets a flag and signals.
        self.wakeQueue.withLock { queue in
            if let queue {
                rd_kafka_queue_yield(queue)
            }
        }
    }

    /// When the last poll began or ended.
    var lastPoll: ContinuousClock.Instant { self.lastPollTime.withLock { $0 } }

    func handle() throws(KafkaError) -> OpaquePointer {
        guard let client = self.client, !self.isClosing else { throw .closed }
        return client.pointer
    }

    // MARK: - Subscription and polling

    func subscribe(_ topics: [String]) throws(KafkaError) {
        let handle = try self.handle()
        let entries = topics.map { (TopicPartition(topic: $0, partition: -1), Int64(-1001)) }
        try withTopicPartitionList(entries) { list throws(KafkaError) in
            try KafkaError.check(rd_kafka_subscribe(handle, list))
        }
    }

    /// Assigns without a group.
    func assign(_ offsets: [TopicPartition: StartOffset]) throws(KafkaError) {
        let handle = try self.handle()
        try withTopicPartitionList(offsets.map { ($0.key, $0.value.rawOffset) }) { list throws(KafkaError) in
            try KafkaError.check(rd_kafka_assign(handle, list))
        }
        self.assigned = Set(offsets.keys)
        self.stored = self.stored.filter { self.assigned.contains($0.key) }
        self.reapplyPauses()
    }

    func poll(maximum: Int, timeout: Duration) throws(KafkaError) -> [ConsumerEvent] {
        let handle = try self.handle()
        self.lastPollTime.withLock { $0 = .now }
        defer { self.lastPollTime.withLock { $0 = .now } }
        self.answerRebalance()
        var wait = self.events.isEmpty ? timeout.clampedMilliseconds : 0
        // A rebalance ends the batch: the caller answers it before anything that comes after it.
        while self.events.count < maximum, self.rebalance == nil,
            let message = rd_kafka_consumer_poll(handle, wait)
        {
            self.take(message)
            rd_kafka_message_destroy(message)
            wait = 0
        }
        if let fatal = self.client?.fatalError {
            self.events.append(.failure(fatal))
        }
        defer { self.events = [] }
        return self.events
    }

    private func take(_ message: UnsafeMutablePointer<rd_kafka_message_t>) {
        let error = message.pointee.err
        switch error {
        case RD_KAFKA_RESP_ERR_NO_ERROR:
            self.events.append(.record(ConsumerRecord(copying: message)))
        case RD_KAFKA_RESP_ERR__PARTITION_EOF:
            let name = rd_kafka_topic_name(message.pointee.rkt).map { String(cString: $0) } ?? ""
            let topicPartition = TopicPartition(topic: name, partition: message.pointee.partition)
            self.events.append(.endOfPartition(topicPartition, message.pointee.offset))
        default:
            let text = rd_kafka_message_errstr(message).map { String(cString: $0) }
            self.events.append(.failure(KafkaError(error, text)))
        }
    }

    // MARK: - Callbacks

    func reportError(_ error: rd_kafka_resp_err_t, _ text: String?) {
        // A fatal error is reported by every poll from now on.
        guard error != RD_KAFKA_RESP_ERR__FATAL else { return }
        self.events.append(.failure(KafkaError(error, text)))
    }

    /// Notes a rebalance; it is answered at the next poll so that the caller can commit or choose offsets before.
    func noteRebalance(
        _ error: rd_kafka_resp_err_t,
        _ partitions: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>?,
        on handle: OpaquePointer
    ) {
        let list = partitions?.entries.map(\.topicPartition) ?? []
        guard !self.isClosing else {
            rd_kafka_assign(handle, nil)
            return
        }
        switch error {
        case RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS:
            self.rebalance = .assign(list)
            self.events.append(.assigned(list))
        case RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS:
            let lost = rd_kafka_assignment_lost(handle) != 0
            self.rebalance = .revoke(list, lost: lost)
            self.events.append(.revoked(list, lost: lost))
        default:
            // The assignment could not be made; librdkafka asks for it to be given up and joins again.
            self.rebalance = .revoke(Array(self.assigned), lost: true)
            self.events.append(.failure(KafkaError(error)))
        }
        rd_kafka_yield(handle)
    }

    func setStartOffsets(_ offsets: [TopicPartition: Int64]) {
        guard case .assign(let partitions) = self.rebalance else { return }
        self.startOffsets = offsets.filter { partitions.contains($0.key) }
    }

    private func answerRebalance() {
        guard let rebalance = self.rebalance, let handle = self.client?.pointer else { return }
        self.rebalance = nil
        let error: rd_kafka_resp_err_t
        switch rebalance {
        case .assign(let partitions):
            self.assigned = Set(partitions)
            self.paused.formIntersection(self.assigned)
            self.stored = [:]
            let entries = partitions.map { ($0, self.startOffsets[$0] ?? -1001) }
            error = withTopicPartitionList(entries) { rd_kafka_assign(handle, $0) }
            self.reapplyPauses()
        case .revoke:
            // Pauses are kept: the partitions may come back with the next assignment.
            self.assigned = []
            self.stored = [:]
            error = rd_kafka_assign(handle, nil)
        }
        self.startOffsets = [:]
        if error != RD_KAFKA_RESP_ERR_NO_ERROR {
            self.events.append(.failure(KafkaError(error)))
        }
    }

    // MARK: - Pauses

    func pause(_ partitions: [TopicPartition]) {
        self.paused.formUnion(partitions)
        self.changePauses(partitions, rd_kafka_pause_partitions)
    }

    func resume(_ partitions: [TopicPartition]) {
        self.paused.subtract(partitions)
        self.changePauses(partitions, rd_kafka_resume_partitions)
    }

    private func reapplyPauses() {
        self.changePauses(Array(self.paused), rd_kafka_pause_partitions)
    }

    private func changePauses(
        _ partitions: [TopicPartition],
        _ call: (OpaquePointer, UnsafeMutablePointer<rd_kafka_topic_partition_list_t>?) -> rd_kafka_resp_err_t
    ) {
        let known = partitions.filter(self.assigned.contains)
        guard !known.isEmpty, let handle = try? self.handle() else { return }
        // Errors come per partition and mean that it has been taken away meanwhile.
        _ = withTopicPartitionList(known.map { ($0, -1001) }) { call(handle, $0) }
    }

    // MARK: - Offsets

    func store(_ offsets: [TopicPartition: Int64]) throws(KafkaError) {
        _ = try self.handle()
        var refused: [TopicPartition] = []
        for (topicPartition, offset) in offsets {
            if self.assigned.contains(topicPartition) {
                self.stored[topicPartition] = offset
            } else {
                refused.append(topicPartition)
            }
        }
        guard refused.isEmpty else {
            let names = refused.sorted().map(\.description).joined(separator: ", ")
            throw KafkaError(code: .notAssigned, message: "Not assigned (any more): \(names)")
        }
    }

    func commitStored(within limit: Duration? = nil) throws(KafkaError) {
        let handle = try self.handle()
        if case .revoke(_, lost: true) = self.rebalance {
            // Somebody else may read these partitions already: a commit could set them back.
            self.stored = [:]
        }
        guard !self.stored.isEmpty else { return }
        let offsets = self.stored
        guard let queue = rd_kafka_queue_new(handle) else { throw KafkaError(RD_KAFKA_RESP_ERR__FAIL) }
        // A plain synchronous commit waits for the coordinator without an end that can be chosen.
        defer { rd_kafka_queue_destroy(queue) }
        try withTopicPartitionList(offsets.map { ($0.key, $0.value) }) { list throws(KafkaError) in
            try KafkaError.check(rd_kafka_commit_queue(handle, list, queue, nil, nil))
        }
        let timeout = limit.map { min($0, self.commitTimeout) } ?? self.commitTimeout
        guard let event = rd_kafka_queue_poll(queue, timeout.clampedMilliseconds) else {
            throw KafkaError(RD_KAFKA_RESP_ERR__TIMED_OUT, "The commit was not answered in time")
        }
        defer { rd_kafka_event_destroy(event) }
        try KafkaError.check(rd_kafka_event_error(event))
        if let list = rd_kafka_event_topic_partition_list(event),
            let failed = list.entries.first(where: { $0.error != RD_KAFKA_RESP_ERR_NO_ERROR })
        {
            throw KafkaError(failed.error)
        }
        self.stored = [:]
    }

    func committed(_ partitions: [TopicPartition], timeout: Duration) throws(KafkaError) -> [TopicPartition: Int64] {
        let handle = try self.handle()
        return try withTopicPartitionList(partitions.map { ($0, -1001) }) { list throws(KafkaError) in
            try KafkaError.check(rd_kafka_committed(handle, list, timeout.clampedMilliseconds))
            var result: [TopicPartition: Int64] = [:]
            for entry in list.entries {
                try KafkaError.check(entry.error)
                if entry.offset >= 0 {
                    result[entry.topicPartition] = entry.offset
                }
            }
            return result
        }
    }

    // MARK: - End

    /// How long the group may need to end. Beyond the longest time that a join can take there is no hope.
    private static let patience = Duration.seconds(330)

    /// Leaves the group and frees the client.
    ///
    /// Blocks for as long as the group needs, which may be longer than anybody waits for it: a client that is freed while its
    /// group waits for the answer to a rebalance never ends its threads, and one of them spins.
    func close() {
        guard let client, !self.isClosing else { return }
        self.isClosing = true
        self.stored = [:]
        // A rebalance that was told and not answered would keep the group for ever.
        if self.rebalance != nil { rd_kafka_assign(client.pointer, nil) }
        self.rebalance = nil
        if let queue = rd_kafka_queue_new(client.pointer) {
            let error = KafkaError(consuming: rd_kafka_consumer_close_queue(client.pointer, queue))
            let deadline = ContinuousClock.now + Self.patience
            while error == nil, rd_kafka_consumer_closed(client.pointer) == 0, ContinuousClock.now < deadline {
                guard let event = rd_kafka_queue_poll(queue, 50) else { continue }
                switch rd_kafka_event_type(event) {
                case RD_KAFKA_EVENT_REBALANCE: rd_kafka_assign(client.pointer, nil)
                case RD_KAFKA_EVENT_LOG: client.writeLog(of: event)
                default: break
                }
                rd_kafka_event_destroy(event)
            }
            rd_kafka_queue_destroy(queue)
        }
        let queue = self.wakeQueue.withLock { stored in
            defer { stored = nil }
            return stored
        }
        if let queue {
            rd_kafka_queue_destroy(queue)
        }
        self.client = nil
        self.assigned = []
        client.destroy()
    }
}
