package import Logging
package import RDKafka
import ServiceLifecycle

/// Reads topics in a consumer group and hands their CloudEvents to a handler, at least once each.
///
/// An offset is committed once its record and all before it are done: handled, or acknowledged by the dead-letter topic.
/// A handler that fails is called again after a pause, with its partition paused and the group's membership kept alive;
/// other partitions go on. Records that can never be handled go to the dead-letter topic; while that cannot be written,
/// their partition waits.
///
/// A graceful stop finishes the batch in hand, commits and leaves the group.
package final class KafkaLoop: Service {
    private let consumer: KafkaConsumer
    private let runner: KafkaLoopRunner
    private let configuration: KafkaLoopConfiguration
    private let metrics: KafkaLoopMetrics
    private let logger: Logger
    private let membership = KafkaMembership()

    /// Makes a loop.
    ///
    /// - Parameters:
    ///   - consumer: The consumer; the loop subscribes and closes it, nobody else may poll it.
    ///   - producer: Writes dead letters; not closed by the loop.
    ///   - configuration: How the loop runs.
    ///   - hooks: What the loop calls.
    ///   - logger: For what goes wrong.
    package init(
        consumer: KafkaConsumer,
        producer: KafkaProducer?,
        configuration: KafkaLoopConfiguration,
        hooks: KafkaLoopHooks,
        logger: Logger
    ) {
        var logger = logger
        logger[metadataKey: "consumer"] = "\(configuration.name)"
        let metrics = KafkaLoopMetrics(consumer: configuration.name, topics: configuration.topics)
        self.consumer = consumer
        self.configuration = configuration
        self.metrics = metrics
        self.logger = logger
        self.runner = KafkaLoopRunner(
            consumer: consumer,
            worker: KafkaBatchWorker(
                configuration: configuration,
                hooks: hooks,
                producer: producer,
                metrics: metrics,
                logger: logger
            ),
            membership: self.membership
        )
    }

    /// Runs until a graceful stop or cancellation.
    ///
    /// - Throws: `KafkaError` when the consumer is of no use any more: the process should end and start anew.
    package func run() async throws {
        try await withThrowingTaskGroup { group in
            group.addTask { try await self.runner.run() }
            group.addTask { await self.watch() }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    /// Ends a poll that waits, so that new room is noticed at once.
    package func wake() {
        self.consumer.interrupt()
    }

    /// What is wrong with the loop, for a readiness check; `nil` when it polls and belongs to its group.
    package var fault: String? {
        guard self.consumer.isStalled else { return self.membership.fault() }
        return "nothing has been polled for \(Int(self.consumer.secondsSinceLastPoll)) s"
    }

    /// Measures from outside the loop, so that a loop that hangs shows.
    private func watch() async {
        var topics: Set<String> = []
        var nextLag = ContinuousClock.now + self.configuration.lagInterval
        var wasStalled = false
        while !Task.isCancelled {
            try? await Task.sleep(for: min(.seconds(5), self.configuration.lagInterval))
            guard !Task.isCancelled else { return }
            self.metrics.lastPoll(secondsAgo: self.consumer.secondsSinceLastPoll)
            if self.consumer.isStalled != wasStalled {
                wasStalled.toggle()
                if wasStalled {
                    self.logger.error("Consumer loop hangs: nothing has been polled for too long")
                }
            }
            await self.observeMembership()
            guard ContinuousClock.now >= nextLag, !wasStalled else { continue }
            nextLag = .now + self.configuration.lagInterval
            let lag = await self.consumer.lag()
            topics.formUnion(lag.keys.map(\.topic))
            self.metrics.lag(lag, topics: topics)
        }
    }

    /// Says when this member is without its group, or without partitions although there are enough of them.
    private func observeMembership() async {
        let outside = self.membership.outside()
        self.metrics.outside(seconds: outside / .seconds(1))
        if self.membership.idle() > KafkaMembership.idlePatience / 2,
            let group = await self.consumer.groupSize(topics: self.configuration.topics)
        {
            self.membership.note(members: group.members, partitions: group.partitions)
        }
        guard let notice = self.membership.notice() else { return }
        self.logger.warning("Consumer reads nothing", metadata: ["reason": "\(notice)"])
    }
}
