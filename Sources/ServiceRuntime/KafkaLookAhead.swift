package import LongshoreMessages

/// How a consumer loop reads on while its handler has no room for what comes next.
///
/// Some messages need no room: a command about a task that is in work makes none necessary, and may even free some. They are
/// handed over although messages before them wait, as long as none of those has the same key: what is said of one key keeps its
/// order. The offset of a partition stays before the first message that waits, so that after a restart the messages that were
/// handed over before their turn come again: their handler must know them.
///
/// What waits is kept in memory, within a bound; a partition that has reached its share is paused until half of it is free.
package struct KafkaLookAhead: Sendable {
    /// What a message asks of the handler.
    package enum Need: Sendable, Hashable {
        /// It takes up room.
        case room
        /// It needs none.
        case nothing
        /// It needs none, and what waits before it with the same key needs none either: nothing will come of it.
        case withdrawal
    }

    /// What a message asks of the handler.
    package var need: @Sendable (CloudEvent) -> Need
    /// How many keys that are withdrawn may be handed over together although there is no room.
    package var withdrawalRoom: @Sendable () -> Int
    /// The most bytes that wait in all partitions together. Each has an equal share, and always takes one poll's records.
    package var maximumBytes: Int

    /// Describes how to read on.
    ///
    /// - Parameters:
    ///   - maximumBytes: The most bytes that wait in all partitions together.
    ///   - withdrawalRoom: How many keys that are withdrawn may be handed over together although there is no room.
    ///   - need: What a message asks of the handler.
    package init(
        maximumBytes: Int,
        withdrawalRoom: @escaping @Sendable () -> Int,
        need: @escaping @Sendable (CloudEvent) -> Need
    ) {
        self.maximumBytes = maximumBytes
        self.withdrawalRoom = withdrawalRoom
        self.need = need
    }
}

extension KafkaLookAhead {
    /// What a record asks of the handler: one that cannot be read goes to the dead letters and needs no room.
    func need(of content: Result<KafkaMessage, KafkaLoopState.Refusal>) -> Need {
        switch content {
        case .success(let message): need(message.event)
        case .failure: .nothing
        }
    }
}
