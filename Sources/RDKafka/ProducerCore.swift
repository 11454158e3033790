import BlockingExecutor
import CRdKafka
import Logging
import Synchronization

/// What the producer's thread owns: the current client and the records on their way.
///
/// Thread safety: everything but `wake()`, `currentHandle` and `statistics` is touched only on `executor`'s thread.
final class ProducerCore: @unchecked Sendable {
    /// A record that librdkafka holds.
    struct Slot {
        var batch: SendBatch
        var index: Int
        /// Rises with each record that is handed over.
        var order: UInt64
        var handedOver: ContinuousClock.Instant
    }

    /// Makes a client whose batches have at most so many bytes, of which one at a time is sent where that is wanted.
    private let makeHandle: @Sendable (_ batchBytes: Int, _ oneAtATime: Bool) throws(KafkaError) -> ClientHandle
    private let executor: BlockingExecutor
    /// Runs what may block for long and must not hold up deliveries: metadata requests, destroying a client.
    let slowExecutor: BlockingExecutor
    let logger: Logger

    private let shared: Mutex<Shared>
    var handle: ClientHandle
    var queue: OpaquePointer
    /// Records in librdkafka's hands; their message's opaque pointer is their index here plus 1.
    var slots: [Slot?] = []
    var freeSlots: [Int] = []
    var inFlight = 0
    /// Records that librdkafka's queue had no room for, in order; the prefix before `pendingHead` is done.
    var pending: [Slot] = []
    var pendingHead = 0
    private var handleBirth = ContinuousClock.now
    /// When the broker last acknowledged a record.
    private var lastAcknowledgement = ContinuousClock.now
    let deliveryTimeout: Duration
    var pendingFatal: KafkaError?
    var isStopped = false
    private var order: UInt64 = 0
    /// The client's `batch.size`.
    var batchBytes: Int
    /// A smaller `batch.size`, for the next client.
    var wantedBatchBytes: Int
    /// Records that are sent again by the next client: those that a topic refused together with others, and what stood behind a
    /// refused batch.
    var again: [Slot] = []
    /// The bytes of the smallest batch that was refused for its size; `Int.max` for none.
    var refusedBytes = Int.max
    /// Whether the records of the client are taken back, to be sent by another one.
    var isTakingBack = false
    /// Whether the records of the client are given up.
    var isGivingUp = false
    /// Whether a batch was refused for its size. The next may be, and must not be overtaken by one that is on its way already: not
    /// every broker knows by the sequence numbers of idempotent producers that one is missing.
    var hasSplit = false
    var stopsBy: ContinuousClock.Instant?

    private struct Shared {
        var queue: OpaquePointer?
        var handle: ClientHandle?
        var recreations = 0
        var batchBytes = 0
    }

    init(
        executor: BlockingExecutor,
        slowExecutor: BlockingExecutor,
        deliveryTimeout: Duration,
        batchBytes: Int,
        logger: Logger,
        makeHandle: @escaping @Sendable (_ batchBytes: Int, _ oneAtATime: Bool) throws(KafkaError) -> ClientHandle
    ) throws(KafkaError) {
        self.executor = executor
        self.slowExecutor = slowExecutor
        self.deliveryTimeout = deliveryTimeout
        self.logger = logger
        self.makeHandle = makeHandle
        self.batchBytes = batchBytes
        self.wantedBatchBytes = batchBytes
        let handle = try makeHandle(batchBytes, false)
        self.handle = handle
        self.queue = rd_kafka_queue_get_main(handle.pointer)
        self.shared = Mutex(Shared())
        self.publish()
    }

    /// Ends a poll that waits, so that the thread takes up what was handed over.
    func wake() {
        // Under the lock, so that the queue cannot be destroyed meanwhile; the call only sets a flag and signals.
        self.shared.withLock { shared in
            if let queue = shared.queue {
                rd_kafka_queue_yield(queue)
            }
        }
    }

    /// The client of the moment, for calls on `slowExecutor` only: clients are destroyed there, after such calls.
    var currentHandle: ClientHandle? { self.shared.withLock { $0.handle } }

    /// How often the client was replaced after a fatal error.
    var recreations: Int { self.shared.withLock { $0.recreations } }

    /// The most bytes that are put into one batch with others.
    var currentBatchBytes: Int { self.shared.withLock { $0.batchBytes } }

    private func publish() {
        self.shared.withLock { shared in
            shared.queue = self.queue
            shared.handle = self.handle
            shared.batchBytes = self.batchBytes
        }
    }

    // MARK: - The thread's work

    /// Serves delivery reports once and asks to be called again.
    func tick() {
        guard !self.isStopped else { return }
        self.serve(timeout: self.pendingHead < self.pending.count ? 10 : 500)
        self.flushPending()
        if self.wantedBatchBytes < self.batchBytes, self.inFlight == 0 { self.useSmallerBatches() }
        self.executor.submit { self.tick() }
    }

    func accept(_ batch: SendBatch) {
        let now = ContinuousClock.now
        for index in batch.records.indices {
            self.order += 1
            let slot = Slot(batch: batch, index: index, order: self.order, handedOver: now)
            if self.isStopped {
                batch.settle(index, .failure(.closed))
            } else if self.pendingHead < self.pending.count || !self.produce(slot) {
                self.pending.append(slot)
            }
        }
    }

    func flushPending() {
        while self.pendingHead < self.pending.count, self.produce(self.pending[self.pendingHead]) {
            self.pendingHead += 1
        }
        if self.pendingHead == self.pending.count {
            self.pending.removeAll(keepingCapacity: self.pending.capacity <= 4096)
            self.pendingHead = 0
        } else if self.pendingHead >= 4096 {
            self.pending.removeFirst(self.pendingHead)
            self.pendingHead = 0
        }
    }

    /// Hands a record to librdkafka; `false` when it has no room now.
    private func produce(_ slot: Slot) -> Bool {
        let record = slot.batch.records[slot.index]
        let number = self.freeSlots.popLast() ?? self.slots.count
        if number == self.slots.count {
            self.slots.append(nil)
        }
        let error = record.produce(to: self.handle.pointer, opaque: number + 1)
        switch error {
        case RD_KAFKA_RESP_ERR_NO_ERROR:
            self.slots[number] = slot
            self.inFlight += 1
            return true
        case RD_KAFKA_RESP_ERR__QUEUE_FULL:
            self.freeSlots.append(number)
            return false
        case RD_KAFKA_RESP_ERR__FATAL:
            // Not taken, so it may go to the client that replaces this one.
            self.freeSlots.append(number)
            self.pendingFatal = self.pendingFatal ?? self.handle.fatalError ?? KafkaError(error)
            return false
        default:
            self.freeSlots.append(number)
            slot.batch.settle(slot.index, .failure(KafkaError(error)))
            return true
        }
    }

    /// Waits for the first event, then takes all that are there.
    private func serve(timeout: Int32) {
        var wait = timeout
        while let event = rd_kafka_queue_poll(self.queue, wait) {
            self.take(event)
            rd_kafka_event_destroy(event)
            wait = 0
        }
        if let fatal = self.pendingFatal, !fatal.isGap {
            self.pendingFatal = nil
            self.replaceHandle(after: fatal)
        } else if self.pendingFatal != nil || !self.again.isEmpty {
            self.goOnAfterGap()
        }
    }

    func take(_ event: OpaquePointer) {
        switch rd_kafka_event_type(event) {
        case RD_KAFKA_EVENT_DR:
            // One event holds the records of one batch of one partition.
            let isAlone = rd_kafka_event_message_count(event) == 1
            var tooLarge = 0
            while let message = rd_kafka_event_message_next(event) {
                tooLarge += self.settle(message, isAlone: isAlone)
            }
            if tooLarge > 0 { self.refusedBytes = min(self.refusedBytes, tooLarge) }
        case RD_KAFKA_EVENT_LOG:
            self.handle.writeLog(of: event)
        case RD_KAFKA_EVENT_ERROR:
            let error = self.handle.error(of: event)
            self.handle.note(error)
            if error.isFatal {
                self.pendingFatal = self.handle.fatalError ?? error
            } else {
                self.logger.debug("Kafka producer reports an error", metadata: ["error": "\(error)"])
            }
        default:
            break
        }
    }

    /// Tells a record's sender what became of it, or keeps it for the next client.
    ///
    /// - Returns: The record's bytes if it was refused because its batch is too large; 0 otherwise.
    private func settle(_ message: UnsafePointer<rd_kafka_message_t>, isAlone: Bool) -> Int {
        let number = Int(bitPattern: message.pointee._private) - 1
        guard self.slots.indices.contains(number), let slot = self.slots[number] else { return 0 }
        self.slots[number] = nil
        self.freeSlots.append(number)
        self.inFlight -= 1
        let error = message.pointee.err
        guard error != RD_KAFKA_RESP_ERR_NO_ERROR else {
            let report = DeliveryReport(
                topic: slot.batch.records[slot.index].topic,
                partition: message.pointee.partition,
                offset: message.pointee.offset
            )
            self.lastAcknowledgement = .now
            self.handle.noteAnswer()
            slot.batch.settle(slot.index, .success(report))
            return 0
        }
        if self.isSentAgain(after: error, isAlone: isAlone) {
            self.again.append(slot)
            return error.isBatchTooLarge ? slot.batch.records[slot.index].byteCount : 0
        }
        let mayBePersisted = rd_kafka_message_status(message) != RD_KAFKA_MSG_STATUS_NOT_PERSISTED
        var failure = KafkaError(error, mayBePersisted: mayBePersisted)
        if error == RD_KAFKA_RESP_ERR__PURGE_QUEUE || error == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT {
            failure.code = self.isStopped ? .closed : .fatal
        }
        if error == RD_KAFKA_RESP_ERR__MSG_TIMED_OUT { self.suspectHandle(failure) }
        slot.batch.settle(slot.index, .failure(failure))
        return 0
    }

    /// A broker that came back without its memory knows no idempotent producer of before, and librdkafka offers it the same
    /// numbers again and again. Where nothing has been acknowledged for as long as a delivery may take, a new client is tried;
    /// if the broker is merely away, it costs no more than the old one.
    private func suspectHandle(_ error: KafkaError) {
        let since = max(self.handleBirth, self.lastAcknowledgement)
        guard since.duration(to: .now) >= self.deliveryTimeout else { return }
        self.pendingFatal = self.pendingFatal ?? error
    }

    // MARK: - Replacement and end

    /// Fails what the broken client holds and goes on with a new one; records not handed over yet go to the new one.
    private func replaceHandle(after error: KafkaError) {
        self.logger.error("Kafka producer failed and is replaced", metadata: ["error": "\(error)"])
        var failure = error
        failure.mayBePersisted = true
        for slot in self.again { slot.batch.settle(slot.index, .failure(failure)) }
        self.again = []
        self.refusedBytes = .max
        self.purge(waitingAtMost: .seconds(5), failure: error)
        do throws(KafkaError) {
            // A client that fails as soon as it is made must not make this a busy loop.
            if self.handleBirth.duration(to: .now) < .seconds(1) {
                blockThread(for: .milliseconds(200))
            }
            try self.useNewHandle()
            self.shared.withLock { $0.recreations += 1 }
        } catch {
            self.logger.error("Kafka producer could not be replaced", metadata: ["error": "\(error)"])
            self.pendingFatal = error
            blockThread(for: .milliseconds(500))
        }
    }

    /// Goes on with another client; the old one must hold no record any more.
    func useNewHandle() throws(KafkaError) {
        let replacement = try self.makeHandle(self.wantedBatchBytes, self.hasSplit)
        let old = self.handle
        let oldQueue = self.queue
        self.handle = replacement
        self.queue = rd_kafka_queue_get_main(replacement.pointer)
        self.handleBirth = .now
        self.batchBytes = self.wantedBatchBytes
        self.publish()
        rd_kafka_queue_destroy(oldQueue)
        self.slowExecutor.submit { old.destroy() }
    }

    /// Gives up every record that librdkafka holds and settles them all.
    private func purge(waitingAtMost limit: Duration, failure: KafkaError) {
        self.isGivingUp = true
        defer { self.isGivingUp = false }
        rd_kafka_purge(self.handle.pointer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT)
        let deadline = ContinuousClock.now + limit
        while self.inFlight > 0, ContinuousClock.now < deadline {
            guard let event = rd_kafka_queue_poll(self.queue, 100) else { continue }
            if rd_kafka_event_type(event) == RD_KAFKA_EVENT_DR {
                self.take(event)
            }
            rd_kafka_event_destroy(event)
        }
        for case let slot? in self.slots {
            var error = failure
            error.mayBePersisted = true
            slot.batch.settle(slot.index, .failure(error))
        }
        self.forgetSlots()
    }

    /// Waits for the records on their way, gives up the rest and frees the client.
    func stop(timeout: Duration) {
        guard !self.isStopped else { return }
        let deadline = ContinuousClock.now + timeout
        self.stopsBy = deadline
        while self.inFlight > 0 || self.pendingHead < self.pending.count, ContinuousClock.now < deadline {
            self.serve(timeout: 50)
            self.flushPending()
        }
        self.isStopped = true
        let unsettled = self.inFlight + self.pending.count - self.pendingHead
        if unsettled > 0 {
            self.logger.warning(
                "Kafka producer was closed before its records were acknowledged; they are given up",
                metadata: ["records": "\(unsettled)"]
            )
        }
        for slot in self.pending[self.pendingHead...] {
            slot.batch.settle(slot.index, .failure(.closed))
        }
        self.pending = []
        self.pendingHead = 0
        if self.inFlight > 0 {
            self.purge(waitingAtMost: .seconds(1), failure: .closed)
        }
        self.shared.withLock { shared in
            shared.queue = nil
            shared.handle = nil
        }
        rd_kafka_queue_destroy(self.queue)
        let handle = self.handle
        self.slowExecutor.submit { handle.destroy() }
    }
}
