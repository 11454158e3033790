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
        guard !self.isStopped else { return false }
        switch error {
        case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
            // A record that was in a batch of its own is too large itself.
            return !isAlone
        case RD_KAFKA_RESP_ERR__PURGE_QUEUE, RD_KAFKA_RESP_ERR__PURGE_INFLIGHT:
            return self.isSplitting
        default:
            return false
        }
    }

    /// Sends a batch that its topic found too large again, in smaller ones.
    ///
    /// A broker measures the batch, of the client library's making, not the record. What was handed over after it is held back
    /// and follows it, so that records of one key keep their order. Each time batches become a quarter, so that after a few times
    /// every record is refused for its own size only.
    func splitBatches() {
        let limit = max(1, min(self.batchBytes, self.refusedBytes) / 4)
        self.wantedBatchBytes = min(self.wantedBatchBytes, limit)
        self.logger.warning(
            "A topic takes smaller batches than were sent; they are sent again in smaller ones",
            metadata: ["batch_bytes": "\(self.wantedBatchBytes)", "records": "\(self.refused.count)"]
        )
        self.isSplitting = true
        self.hasSplit = true
        // What is in the broker's hands is answered within moments; a broker that hangs must not hold this up.
        rd_kafka_purge(self.handle.pointer, RD_KAFKA_PURGE_F_QUEUE)
        self.serveDeliveries(waitingAtMost: .seconds(2))
        rd_kafka_purge(self.handle.pointer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT)
        self.serveDeliveries(waitingAtMost: .seconds(1))
        self.isSplitting = false
        let again = (self.refused + self.slots.compactMap { $0 }).sorted { $0.order < $1.order }
        self.refused = []
        self.refusedBytes = .max
        self.forgetSlots()
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

    /// Takes delivery reports until every record on its way has one, at most for a time.
    private func serveDeliveries(waitingAtMost limit: Duration) {
        let deadline = min(ContinuousClock.now + limit, self.stopsBy ?? .now + limit)
        while self.inFlight > 0, ContinuousClock.now < deadline {
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
