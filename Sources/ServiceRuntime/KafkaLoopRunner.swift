import Logging
import LongshoreMessages
import RDKafka
import Redaction
import ServiceLifecycle

/// Polls, works off batches, answers rebalances and commits: one step after another, in one task.
///
/// There are two exceptions. Where the hooks want it, ``readAhead()`` polls and prepares the next batch beside the handler, so
/// that messages are read while a database writes. And when a handler takes long, ``keepAlive()`` polls beside it, with
/// everything paused.
actor KafkaLoopRunner {
    private let consumer: KafkaConsumer
    private let worker: KafkaBatchWorker
    private let configuration: KafkaLoopConfiguration
    private let hooks: KafkaLoopHooks
    private let metrics: KafkaLoopMetrics
    private let logger: Logger
    private let membership: KafkaMembership

    private var state: KafkaLoopState
    private var audit: KafkaOffsetAudit
    private var paused: Set<TopicPartition> = []
    /// A rebalance that is answered by the next poll.
    private var revocation: (partitions: [TopicPartition], lost: Bool)?
    /// Where the group begins in partitions of which it has committed nothing: to be committed once they are its own.
    private var beginnings: [TopicPartition: Int64] = [:]
    private var lastCommit = ContinuousClock.now
    private var needsCommit = false
    /// What comes next if all goes well with the batch in hand.
    private var ahead: KafkaBatchWorker.Prepared?

    init(consumer: KafkaConsumer, worker: KafkaBatchWorker, membership: KafkaMembership) {
        self.consumer = consumer
        self.membership = membership
        self.worker = worker
        self.configuration = worker.configuration
        self.hooks = worker.hooks
        self.metrics = worker.metrics
        self.logger = worker.logger
        self.audit = KafkaOffsetAudit(consumer: consumer, metrics: worker.metrics, logger: worker.logger)
        self.state = KafkaLoopState(
            topics: worker.configuration.topics,
            maximumBatch: worker.configuration.maximumBatch,
            readsAhead: worker.hooks.readsAhead,
            lookAhead: worker.hooks.lookAhead
        )
    }

    func run() async throws {
        do {
            try await self.consumer.subscribe(self.configuration.topics)
            while !Self.isStopping {
                // What was read ahead was polled for already.
                if self.ahead == nil { try await self.pollOnce(timeout: self.pollTimeout) }
                await self.workOff()
                await self.finishRevocation()
                await self.commit()
                await self.applyPauses(whileBusy: false)
            }
        } catch {
            await self.consumer.close(timeout: StopRequest.allowance(self.configuration.closeTimeout, share: 3))
            throw error
        }
        await self.commit()
        await self.consumer.close(timeout: StopRequest.allowance(self.configuration.closeTimeout, share: 3))
        self.logger.info("Consumer loop has stopped")
    }

    private static var isStopping: Bool { Task.isCancelled || Task.isShuttingDownGracefully }

    /// Shorter when a retry is due sooner, none when something can be handled at once.
    private var pollTimeout: Duration {
        // One that is overdue waits for room: looking for it more often than usual would be a busy loop.
        let now = ContinuousClock.now
        if self.state.hasNextBatch(now: now, room: self.hooks.room) { return .zero }
        guard let due = self.state.nextDue(after: now) else { return self.configuration.pollTimeout }
        return min(self.configuration.pollTimeout, max(.milliseconds(1), now.duration(to: due)))
    }

    // MARK: - Polling

    private func pollOnce(timeout: Duration) async throws {
        let events = try await self.consumer.poll(maximum: self.configuration.maximumBatch, timeout: timeout)
        await self.storeBeginnings()
        let contents = await self.decode(events)
        for (event, content) in zip(events, contents) {
            switch event {
            case .record(let record):
                self.audit.note(record)
                if let content { self.state.receive(record, content) }
            case .assigned(let partitions):
                await self.takeAssignment(partitions)
            case .revoked(let partitions, let lost):
                self.metrics.rebalance(lost ? "lost" : "revoked")
                self.membership.leave()
                self.revocation = (partitions, lost)
            case .endOfPartition:
                break
            case .failure(let error):
                try self.report(error)
            }
        }
        var audit = self.audit
        await audit.explainGaps()
        self.audit = audit
    }

    /// The contents of those events that are records; many are read on several processors.
    private func decode(_ events: [ConsumerEvent]) async -> [Result<KafkaMessage, KafkaLoopState.Refusal>?] {
        let worker = self.worker
        return await inChunks(of: events) { events in
            events.map { event in
                if case .record(let record) = event { worker.decode(record) } else { nil }
            }
        }
        .flatMap { $0 }
    }

    private func report(_ error: KafkaError) throws {
        self.metrics.clientError()
        if error.isFatal {
            self.logger.error("Kafka consumer cannot go on", metadata: ["error": "\(error)"])
            throw error
        }
        self.logger.warning("Kafka consumer reports an error", metadata: ["error": "\(error)"])
    }

    private func takeAssignment(_ partitions: [TopicPartition]) async {
        self.metrics.rebalance("assigned")
        self.logger.info(
            partitions.isEmpty ? "The group has no partitions for this member" : "Partitions assigned",
            metadata: ["partitions": "\(partitions.sorted().map(\.description).joined(separator: " "))"]
        )
        self.state.revoke(Array(self.state.assigned))
        self.state.assign(partitions)
        self.needsCommit = false
        let starts = await self.startOffsets(for: partitions)
        var audit = self.audit
        await self.consumer.setStartOffsets(await audit.begin(partitions, at: starts))
        self.audit = audit
        self.beginnings = audit.beginnings
        self.membership.join(partitions: partitions.count)
        self.metrics.assigned(partitions.count)
        self.metrics.begin(topics: Set(partitions.map(\.topic)).subtracting(self.configuration.topics))
        // What was paused stays so in the consumer only for partitions that it keeps.
        self.paused.formIntersection(partitions)
    }

    /// Has it committed where the group begins. What is deleted before the first record is done would be no loss to anybody
    /// otherwise: the next member would find no offset and begin at what is left.
    private func storeBeginnings() async {
        // The poll before has taken the partitions over.
        guard !self.beginnings.isEmpty else { return }
        let beginnings = self.beginnings
        self.beginnings = [:]
        // Partitions that were taken away meanwhile are refused.
        try? await self.consumer.store(beginnings)
        self.needsCommit = true
    }

    /// Asks until there is an answer: without it reading would begin at the wrong place.
    private func startOffsets(for partitions: [TopicPartition]) async -> [TopicPartition: Int64] {
        var attempt = 0
        while !Self.isStopping {
            do {
                return try await self.hooks.onAssigned(partitions)
            } catch {
                attempt += 1
                self.metrics.handlerError()
                self.logger.warning(
                    "Start offsets could not be found and are asked for again",
                    metadata: ["error": "\(Scrubber().scrub(String(describing: error)))"]
                )
                let pause = self.configuration.retryDelay(afterAttempt: attempt)
                await cancelWhenGracefulShutdown { try? await Task.sleep(for: pause) }
            }
        }
        return [:]
    }

    private func finishRevocation() async {
        guard let revocation = self.revocation else { return }
        self.revocation = nil
        if !revocation.lost {
            await self.commit()
        }
        self.logger.info(
            revocation.lost ? "Partitions lost" : "Partitions revoked",
            metadata: ["partitions": "\(revocation.partitions.sorted().map(\.description).joined(separator: " "))"]
        )
        self.beginnings = [:]
        self.state.revoke(revocation.partitions)
        self.metrics.assigned(0)
        await self.hooks.onRevoked(revocation.partitions, revocation.lost)
    }

    // MARK: - Work

    private enum Step: Sendable {
        case worked([Int: KafkaLoopState.Item])
        case keptAlive
    }

    private func workOff() async {
        let ahead = self.ahead
        self.ahead = nil
        let batch = self.state.takeBatch(now: .now, room: self.hooks.room)
        guard !batch.isEmpty else { return }
        let worker = self.worker
        let offsets = self.state.nextOffsets(after: batch)
        let remaining = await withTaskGroup(of: Step.self) { group in
            group.addTask {
                let prepared = if let ahead, ahead.isFor(batch) { ahead } else { await worker.prepare(batch) }
                return .worked(await worker.work(prepared, nextOffsets: offsets))
            }
            group.addTask {
                await self.readAhead()
                await self.keepAlive()
                return .keptAlive
            }
            var remaining: [Int: KafkaLoopState.Item] = [:]
            while let step = await group.next() {
                // Whichever ends first ends the other: keeping alive ends by itself only when the handler must stop.
                group.cancelAll()
                if case .worked(let items) = step {
                    remaining = items
                    self.consumer.interrupt()
                }
            }
            return remaining
        }
        self.state.complete(batch, remaining: remaining) { attempt in
            let delay = self.configuration.retryDelay(afterAttempt: attempt)
            return .now + delay * Double.random(in: 0.8...1.2)
        }
    }

    /// Polls and prepares what comes after the batch in hand, once. If it turns out to be something else, because records have
    /// to be handled again or partitions were taken away, what was prepared is dropped. A few records are not prepared: until
    /// the batch in hand is done others come, and one large batch costs less than two.
    private func readAhead() async {
        guard self.hooks.readsAhead, self.revocation == nil, !Self.isStopping else { return }
        if self.state.waiting < self.configuration.maximumBatch {
            // The next poll of the loop itself fails the same way and ends it.
            guard (try? await self.pollOnce(timeout: .zero)) != nil else { return }
        }
        let next = self.state.nextBatch(now: .now, room: self.hooks.room)
        if next.count * 2 >= self.configuration.maximumBatch { self.ahead = await self.worker.prepare(next) }
    }

    /// Polls while a handler runs for long, so that the group sees this member; returns when the handler must stop.
    private func keepAlive() async {
        try? await Task.sleep(for: self.configuration.handlerGrace)
        var stopBy: ContinuousClock.Instant?
        var revokeBy: ContinuousClock.Instant?
        while !Task.isCancelled {
            if Task.isShuttingDownGracefully {
                let limit = stopBy ?? .now + StopRequest.allowance(self.configuration.drainTimeout, share: 3)
                stopBy = limit
                guard ContinuousClock.now < limit else {
                    self.logger.warning("Handler does not finish in time and is cancelled; its records are read again")
                    return
                }
            }
            if self.revocation != nil {
                // Not answered yet: what the handler finishes now can still be committed.
                let limit = revokeBy ?? .now + self.configuration.revocationGrace
                revokeBy = limit
                if ContinuousClock.now < limit {
                    try? await Task.sleep(for: .milliseconds(20))
                    continue
                }
                revokeBy = nil
                await self.finishRevocation()
            }
            await self.applyPauses(whileBusy: true)
            do {
                try await self.pollOnce(timeout: self.configuration.pollTimeout)
            } catch {
                // The next poll of the loop itself fails the same way and ends it.
                return
            }
        }
    }

    private func applyPauses(whileBusy: Bool) async {
        let wanted = self.state.pauses(whileBusy: whileBusy, room: self.hooks.room)
        let added = wanted.subtracting(self.paused)
        let removed = self.paused.subtracting(wanted)
        self.paused = wanted
        await self.consumer.pause(Array(added))
        await self.consumer.resume(Array(removed))
        let full = self.state.assigned.filter { self.hooks.room($0.topic) <= 0 }
        self.metrics.waiting(self.state.waiting, paused: wanted.union(full).count)
    }

    // MARK: - Offsets

    private func commit() async {
        let offsets = self.state.takeOffsets()
        if !offsets.isEmpty {
            // Partitions that were taken away meanwhile are refused; somebody else reads them again.
            try? await self.consumer.store(offsets)
            self.needsCommit = true
        } else if self.needsCommit, self.lastCommit.duration(to: .now) < .seconds(1) {
            // The last commit failed; not again with each poll.
            return
        }
        guard self.needsCommit else { return }
        self.lastCommit = .now
        do {
            try await self.consumer.commitStored(within: StopRequest.allowance(.seconds(60), share: 4))
            self.needsCommit = false
        } catch {
            self.metrics.commitError()
            self.logger.warning("Offsets could not be committed", metadata: ["error": "\(error)"])
        }
    }
}
