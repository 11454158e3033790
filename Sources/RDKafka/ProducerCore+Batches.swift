import CRdKafka
import Logging

// Batches that a topic refuses for their size.
extension ProducerCore {
    /// Lets batches have at most so many bytes from the next moment on in which no record is on its way. A limit that is larger
    /// than the one of now changes nothing.
    func limitBatches(to bytes: Int) {
        self.wantedBatchBytes = min(self.wantedBatchBytes, max(1, bytes))
    }

    func useSmallerBatches() {
        do throws(KafkaError) {
            try self.useNewHandle()
        } catch {
            self.logger.error("Kafka producer could not be replaced", metadata: ["error": "\(error)"])
            self.wantedBatchBytes = self.batchBytes
        }
    }

    /// Whether a record that was not taken is sent once more without asking its sender.
    func isSentAgain(after error: rd_kafka_resp_err_t, isAlone: Bool) -> Bool {
        guard !self.isStopped, !self.isGivingUp else { return false }
        switch error {
        case _ where error.isBatchTooLarge:
            // A record that was in a batch of its own is too large itself.
            return !isAlone
        case RD_KAFKA_RESP_ERR__PURGE_QUEUE:
            // The library takes back what is not sent yet when its client ends, before it says why.
            return true
        case RD_KAFKA_RESP_ERR__PURGE_INFLIGHT:
            return self.isTakingBack
        default:
            return false
        }
    }

    /// Goes on with another client after a broker has refused a batch for good: the records that may still be taken are sent again,
    /// in their order and before everything that was handed over later. Records of one key so keep their order.
    ///
    /// Where the batch was too large for its topic, batches become a quarter, so that after a few times every record is refused
    /// for its own size only. A broker measures the batch, of the client library's making, not the record.
    func goOnAfterGap() {
        if self.refusedBytes < .max {
            let limit = max(1, min(self.batchBytes, self.refusedBytes) / 4)
            self.wantedBatchBytes = min(self.wantedBatchBytes, limit)
            self.refusedBytes = .max
            self.logger.warning(
                "A topic takes smaller batches than were sent; they are sent again in smaller ones",
                metadata: ["batch_bytes": "\(self.wantedBatchBytes)", "records": "\(self.again.count)"]
            )
        } else {
            self.logger.debug("A broker refused records; what stood behind them is sent by a new client")
        }
        self.hasSplit = true
        let again = self.takeBack()
        do throws(KafkaError) {
            try self.useNewHandle()
        } catch {
            self.logger.error("Kafka producer could not be replaced", metadata: ["error": "\(error)"])
            for slot in again { slot.batch.settle(slot.index, .failure(error)) }
            return
        }
        // Whatever the old client has met meanwhile is no concern of the new one.
        self.pendingFatal = nil
        let oldest = ContinuousClock.now - self.deliveryTimeout
        for slot in again where slot.handedOver < oldest {
            slot.batch.settle(slot.index, .failure(KafkaError(RD_KAFKA_RESP_ERR__MSG_TIMED_OUT, mayBePersisted: true)))
        }
        self.pending = again.filter { $0.handedOver >= oldest } + self.pending[self.pendingHead...]
        self.pendingHead = 0
        self.flushPending()
    }

    /// Takes every record back that the client holds, in the order in which they were handed over.
    private func takeBack() -> [Slot] {
        self.isTakingBack = true
        defer { self.isTakingBack = false }
        // What is in the broker's hands is answered within moments; a broker that hangs must not hold this up.
        self.serveDeliveries(waitingAtMost: .seconds(2), purging: RD_KAFKA_PURGE_F_QUEUE)
        self.serveDeliveries(waitingAtMost: .seconds(1), purging: RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT)
        let records = (self.again + self.slots.compactMap { $0 }).sorted { $0.order < $1.order }
        self.again = []
        self.forgetSlots()
        return records
    }

    /// Takes delivery reports until every record on its way has one, at most for a time.
    private func serveDeliveries(waitingAtMost limit: Duration, purging flags: Int32) {
        let deadline = min(ContinuousClock.now + limit, self.stopsBy ?? .now + limit)
        while self.inFlight > 0, ContinuousClock.now < deadline {
            // Each time: a request that fails puts its records back into the queue.
            rd_kafka_purge(self.handle.pointer, flags)
            guard let event = rd_kafka_queue_poll(self.queue, 100) else { continue }
            self.take(event)
            rd_kafka_event_destroy(event)
        }
    }

    func forgetSlots() {
        self.slots = []
        self.freeSlots = []
        self.inFlight = 0
    }
}

extension rd_kafka_resp_err_t {
    /// Whether a broker found a batch of records larger than its topic allows.
    var isBatchTooLarge: Bool {
        self == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE || self == RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE
    }
}

extension KafkaError {
    /// Whether the client ended because a batch was refused for good, so that what stands behind it would overtake it.
    var isGap: Bool { self.libraryCode == RD_KAFKA_RESP_ERR__GAPLESS_GUARANTEE.rawValue }
}
