package import RDKafka

/// How a consumer loop runs.
package struct KafkaLoopConfiguration: Sendable {
    /// The loop's name: the label `consumer` of its metrics and on its log lines.
    package var name: String
    /// The topics, the most urgent first, or patterns that begin with `^`.
    package var topics: [String]
    /// Where records go that can never be handled; `nil` to count and skip them.
    package var deadLetterTopic: String?
    /// Topics whose bad records another consumer keeps as dead letters: here they are only counted and skipped. Default none.
    package var skipsBadRecords: @Sendable (_ topic: String) -> Bool = { _ in false }
    /// The most records handed over together; default 500.
    package var maximumBatch: Int = 500
    /// How long one poll waits; default 250 ms. Also how soon new room is noticed.
    package var pollTimeout: Duration = .milliseconds(250)
    /// How long a handler may run before the loop pauses everything and polls on without it; default 1 s.
    package var handlerGrace: Duration = .seconds(1)
    /// How long a rebalance waits for the batch in hand; default 20 s.
    package var revocationGrace: Duration = .seconds(20)
    /// How long a graceful stop waits for the batch in hand before it cancels the handler; default 10 s.
    package var drainTimeout: Duration = .seconds(10)
    /// How long leaving the group may take; default 5 s.
    package var closeTimeout: Duration = .seconds(5)
    /// The pause before the first retry; doubles with each, ±20 %. Default 500 ms.
    package var firstRetryDelay: Duration = .milliseconds(500)
    /// The longest pause before a retry; default 30 s.
    package var maximumRetryDelay: Duration = .seconds(30)
    /// How often lag is measured; default 15 s.
    package var lagInterval: Duration = .seconds(15)

    /// Makes a configuration with defaults.
    ///
    /// - Parameters:
    ///   - name: The loop's name.
    ///   - topics: The topics, the most urgent first, or patterns.
    ///   - deadLetterTopic: Where records go that can never be handled.
    package init(name: String, topics: [String], deadLetterTopic: String?) {
        self.name = name
        self.topics = topics
        self.deadLetterTopic = deadLetterTopic
    }

    /// The pause before a retry, without jitter.
    ///
    /// - Parameter attempt: How often it has failed in a row, from 1.
    /// - Returns: The pause.
    package func retryDelay(afterAttempt attempt: Int) -> Duration {
        let doublings = min(max(attempt, 1) - 1, 20)
        return min(self.firstRetryDelay * (1 << doublings), self.maximumRetryDelay)
    }
}

/// What a consumer loop calls.
package struct KafkaLoopHooks: Sendable {
    /// Handles a batch. Throwing means that none of it is done: all of it comes again after a pause.
    package typealias Handle = @Sendable (KafkaBatch) async throws -> KafkaBatch.Outcome

    /// Makes ready what is done with the messages of a batch, and changes nothing: it may be called for messages that are
    /// never handed over, or handed over with others.
    package var prepare: @Sendable ([KafkaMessage]) async -> Handle
    /// Whether the next batch is polled and prepared while the one before is handled.
    package var readsAhead: Bool
    /// How many further records of a topic may be handed over. 0 pauses the topic; records taken for topics that come
    /// first in the configuration count against it. Must not block; called several times a second.
    package var room: @Sendable (_ topic: String) -> Int
    /// What is handed over although messages before it wait for room; default nothing, and a topic without room is paused.
    package var lookAhead: KafkaLookAhead?
    /// Told of new partitions; gives the offsets to begin at (`KafkaConsumer.firstOffset` for the first record there is), others begin at the committed ones. Called again after a
    /// pause when it throws.
    package var onAssigned: @Sendable ([TopicPartition]) async throws -> [TopicPartition: Int64]
    /// Told of partitions that were taken away, after the commit; when `lost`, others may read them already.
    package var onRevoked: @Sendable (_ partitions: [TopicPartition], _ lost: Bool) async -> Void
    /// Whether the dead letter of a record that is no CloudEvent may carry its value; default no, because it could hold
    /// a credential.
    package var keepsUnreadableValue: @Sendable (ConsumerRecord) -> Bool

    /// Makes hooks that handle batches in two steps, so that the messages of one can be read while what the one before
    /// says is written.
    ///
    /// - Parameters:
    ///   - prepare: Makes ready what is done with messages.
    ///   - onAssigned: Gives the offsets to begin at.
    package init(
        prepare: @escaping @Sendable ([KafkaMessage]) async -> Handle,
        onAssigned: @escaping @Sendable ([TopicPartition]) async throws -> [TopicPartition: Int64] = { _ in [:] }
    ) {
        self.prepare = prepare
        self.readsAhead = true
        self.room = { _ in .max }
        self.onAssigned = onAssigned
        self.onRevoked = { _, _ in }
        self.keepsUnreadableValue = { _ in false }
    }

    /// Makes hooks; all but the handler have defaults.
    ///
    /// - Parameters:
    ///   - handle: Handles a batch.
    ///   - room: How many further records of a topic may be handed over; default any number.
    ///   - onAssigned: Gives the offsets to begin at; default the committed ones.
    ///   - onRevoked: Told of partitions that were taken away; default nothing.
    ///   - keepsUnreadableValue: Whether a dead letter may carry an unreadable value; default no.
    package init(
        handle: @escaping Handle,
        room: @escaping @Sendable (_ topic: String) -> Int = { _ in .max },
        onAssigned: @escaping @Sendable ([TopicPartition]) async throws -> [TopicPartition: Int64] = { _ in [:] },
        onRevoked: @escaping @Sendable (_ partitions: [TopicPartition], _ lost: Bool) async -> Void = { _, _ in },
        keepsUnreadableValue: @escaping @Sendable (ConsumerRecord) -> Bool = { _ in false }
    ) {
        self.prepare = { _ in handle }
        self.readsAhead = false
        self.room = room
        self.onAssigned = onAssigned
        self.onRevoked = onRevoked
        self.keepsUnreadableValue = keepsUnreadableValue
    }
}
