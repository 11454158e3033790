import Logging
import LongshoreMessages
import RDKafka
import Redaction

/// Carries out one batch: dead letters first, then the handler, then what the handler rejects.
struct KafkaBatchWorker: Sendable {
    typealias Item = KafkaLoopState.Item

    let configuration: KafkaLoopConfiguration
    let hooks: KafkaLoopHooks
    let producer: KafkaProducer?
    let metrics: KafkaLoopMetrics
    let logger: Logger

    /// Reads the event of a record.
    func decode(_ record: ConsumerRecord) -> Result<KafkaMessage, KafkaLoopState.Refusal> {
        do {
            return .success(KafkaMessage(record: record, event: try CloudEvent(record)))
        } catch {
            let rejection = KafkaRejection(
                code: error.code.rawValue,
                detail: error.description,
                redactsValue: !self.hooks.keepsUnreadableValue(record)
            )
            return .failure(.init(rejection: rejection))
        }
    }

    /// Items, and what is to be done with their messages.
    struct Prepared: Sendable {
        let items: [Item]
        let handle: KafkaLoopHooks.Handle

        func isFor(_ batch: [Item]) -> Bool {
            items.count == batch.count && zip(items, batch).allSatisfy { $0 === $1 }
        }
    }

    /// Makes ready what is done with items; changes nothing.
    func prepare(_ items: [Item]) async -> Prepared {
        Prepared(items: items, handle: await self.hooks.prepare(items.compactMap { try? $0.content.get() }))
    }

    /// Handles a batch.
    ///
    /// - Parameters:
    ///   - prepared: The items, and what is to be done with them.
    ///   - nextOffsets: The offsets once all of them are done.
    /// - Returns: The items to be handled again, by index.
    func work(_ prepared: Prepared, nextOffsets: [TopicPartition: Int64]) async -> [Int: Item] {
        let batch = prepared.items
        var refused: [Int: KafkaRejection] = [:]
        var indices: [Int] = []
        var messages: [KafkaMessage] = []
        for (index, item) in batch.enumerated() {
            switch item.content {
            case .success(let message):
                indices.append(index)
                messages.append(message)
            case .failure(let refusal):
                refused[index] = refusal.rejection
            }
        }
        var remaining = await self.bury(refused, of: batch)
        if !messages.isEmpty {
            var offsets = nextOffsets
            for item in remaining.values {
                let key = item.record.topicPartition
                offsets[key] = min(item.record.offset, offsets[key] ?? item.record.offset)
            }
            let outcome = await self.handle(KafkaBatch(messages: messages, nextOffsets: offsets), prepared.handle)
            for position in outcome.retried where indices.indices.contains(position) {
                remaining[indices[position]] = batch[indices[position]]
            }
            var rejected: [Int: KafkaRejection] = [:]
            for (position, rejection) in outcome.rejected where indices.indices.contains(position) {
                rejected[indices[position]] = rejection
            }
            remaining.merge(await self.bury(rejected, of: batch)) { _, new in new }
            refused.merge(rejected) { _, new in new }
        }
        self.count(batch, refused: refused, remaining: remaining)
        return remaining
    }

    private func handle(_ batch: KafkaBatch, _ handle: KafkaLoopHooks.Handle) async -> KafkaBatch.Outcome {
        let begin = ContinuousClock.now
        do {
            let outcome = try await handle(batch)
            self.metrics.handled(in: begin.duration(to: .now))
            return outcome
        } catch is CancellationError {
            return KafkaBatch.Outcome(retried: Set(batch.messages.indices))
        } catch {
            self.metrics.handled(in: begin.duration(to: .now))
            self.metrics.handlerError()
            self.logger.warning(
                "Records could not be handled and will be tried again",
                metadata: [
                    "records": "\(batch.messages.count)",
                    "error": "\(Scrubber().scrub(String(describing: error)))",
                ]
            )
            return KafkaBatch.Outcome(retried: Set(batch.messages.indices))
        }
    }

    // MARK: - Dead letters

    /// Moves records to the dead-letter topic and waits for the acknowledgements.
    ///
    /// - Returns: The items whose dead letter could not be written, by index: their offsets must not move on.
    private func bury(_ rejections: [Int: KafkaRejection], of batch: [Item]) async -> [Int: Item] {
        guard !rejections.isEmpty else { return [:] }
        let target = self.producer.flatMap { producer in self.configuration.deadLetterTopic.map { (producer, $0) } }
        var indices = rejections.keys.sorted()
        for index in indices where target == nil || self.isSkipped(batch[index]) {
            guard let rejection = rejections[index] else { continue }
            self.report(batch[index], rejection, result: "skipped", error: nil)
        }
        guard let (producer, topic) = target else { return [:] }
        indices.removeAll { self.isSkipped(batch[$0]) }
        let records = indices.compactMap { index in
            rejections[index].map {
                KafkaDeadLetter.record(for: batch[index].record, rejection: $0, topic: topic)
            }
        }
        var remaining: [Int: Item] = [:]
        for (index, outcome) in zip(indices, await producer.send(records)) {
            guard let rejection = rejections[index] else { continue }
            var result = outcome
            if case .failure(let error) = outcome, error.code == .messageTooLarge {
                // Headers were added to a record that was as large as can be: what happened counts more than the value.
                let smaller = KafkaDeadLetter.record(
                    for: batch[index].record,
                    rejection: rejection,
                    topic: topic,
                    removingValue: "tooLarge"
                )
                result = await producer.send([smaller]).first ?? outcome
            }
            switch result {
            case .success:
                self.report(batch[index], rejection, result: "sent", error: nil)
            case .failure(let error):
                self.report(batch[index], rejection, result: "failed", error: error)
                remaining[index] = Item(
                    record: batch[index].record,
                    content: .failure(.init(rejection: rejection)),
                    generation: batch[index].generation,
                    need: batch[index].need
                )
            }
        }
        return remaining
    }

    private func isSkipped(_ item: Item) -> Bool {
        self.configuration.skipsBadRecords(item.record.topicPartition.topic)
    }

    private func report(_ item: Item, _ rejection: KafkaRejection, result: String, error: KafkaError?) {
        self.metrics.deadLetter(code: rejection.code, result: result)
        var metadata: Logger.Metadata = [
            "\(LogKey.topic)": "\(item.record.topicPartition.topic)",
            "\(LogKey.partition)": "\(item.record.topicPartition.partition)",
            "\(LogKey.offset)": "\(item.record.offset)",
            "\(LogKey.code)": "\(rejection.code)",
            "detail": "\(rejection.detail)",
        ]
        guard let error else {
            self.logger.warning("Record can never be handled", metadata: metadata)
            return
        }
        metadata["\(LogKey.error)"] = "\(error)"
        self.logger.error("Dead letter could not be written; its partition waits", metadata: metadata)
    }

    private func count(_ batch: [Item], refused: [Int: KafkaRejection], remaining: [Int: Item]) {
        for topic in Dictionary(grouping: batch.indices, by: { batch[$0].record.topicPartition.topic }) {
            let retried = topic.value.count { remaining[$0] != nil }
            let buried = topic.value.count { remaining[$0] == nil && refused[$0] != nil }
            for (outcome, count) in [
                ("retried", retried), ("deadLetter", buried), ("done", topic.value.count - retried - buried),
            ] where count > 0 {
                self.metrics.records(count, topic: topic.key, outcome: outcome)
            }
        }
    }
}
