package import WireFormats

/// The life of one webhook delivery: an event for one receiver.
///
/// ```
///  pending ──▶ delivering ──▶ delivered
///     ▲            │  ├─────▶ exhausted   no attempt left, or no attempt can ever be made
///     │            │  └─────▶ disabled    the receiver answered 410
///     └ retrying ◀─┘
/// ```
package struct DeliveryMachine: Sendable, Hashable {
    /// Where a delivery is; the raw values are what the database holds.
    package enum Phase: String, Sendable, Hashable, CaseIterable {
        /// Waiting for its first attempt.
        case pending
        /// A request is on its way, or the notifier died while it was.
        case delivering
        /// The receiver has it.
        case delivered
        /// Waiting for another attempt.
        case retrying
        /// Given up.
        case exhausted
        /// The receiver wants no more of it.
        case disabled

        /// Whether nothing more happens, short of a replay.
        package var isTerminal: Bool { successors.isEmpty }

        /// The phases that may follow directly: the transition table.
        package var successors: Set<Phase> {
            switch self {
            case .pending, .retrying: [.delivering]
            // A notifier that died in the middle leaves a delivery to be sent again.
            case .delivering: [.delivered, .retrying, .exhausted, .disabled]
            case .delivered, .exhausted, .disabled: []
            }
        }
    }

    /// What a transition asks for.
    package enum Action: Sendable, Hashable {
        /// Send the request; this is attempt number `attempt`, from 1.
        case send(attempt: Int)
        /// Record the success.
        case complete
        /// Send again at this moment.
        case scheduleRetry(at: Timestamp)
        /// Record that no more attempts are made.
        case giveUp
        /// Record it and disable the endpoint.
        case disableEndpoint
    }

    /// An event that does not fit the phase: two notifiers worked on the same delivery, or the row was changed by hand.
    package struct InvalidTransition: Error, Sendable, Hashable {
        /// The phase it came in.
        package let phase: Phase
        /// The event, as a constant word.
        package let event: String
    }

    /// Where the delivery is.
    package private(set) var phase: Phase
    /// Attempts started so far.
    package private(set) var attempt: Int
    /// When the next attempt is due; meaningful while ``Phase/pending`` or ``Phase/retrying``.
    package private(set) var nextAttempt: Timestamp
    /// How attempts are spread.
    package let schedule: DeliverySchedule

    /// Makes a delivery that was created now, or takes one up as the database holds it.
    ///
    /// - Parameters:
    ///   - phase: Where it is; ``Phase/pending`` by default.
    ///   - attempt: Attempts started so far.
    ///   - nextAttempt: When the next one is due.
    ///   - schedule: How attempts are spread.
    package init(
        phase: Phase = .pending,
        attempt: Int = 0,
        nextAttempt: Timestamp,
        schedule: DeliverySchedule = .standard
    ) {
        self.phase = phase
        self.attempt = max(0, attempt)
        self.nextAttempt = nextAttempt
        self.schedule = schedule
    }

    /// Starts an attempt.
    ///
    /// - Returns: ``Action/send(attempt:)``.
    /// - Throws: ``InvalidTransition`` unless pending or retrying.
    package mutating func begin() throws(InvalidTransition) -> Action {
        switch phase {
        case .pending, .retrying:
            phase = .delivering
            attempt += 1
            return .send(attempt: attempt)
        case .delivering, .delivered, .exhausted, .disabled:
            throw InvalidTransition(phase: phase, event: "begin")
        }
    }

    /// Ends an attempt.
    ///
    /// - Parameters:
    ///   - outcome: What came of it.
    ///   - now: The moment.
    ///   - random: A random number from 0 up to, not including, 1, for the jitter.
    /// - Returns: What to do.
    /// - Throws: ``InvalidTransition`` unless delivering.
    package mutating func end(
        _ outcome: DeliveryOutcome,
        at now: Timestamp,
        random: Double
    ) throws(InvalidTransition) -> Action {
        switch phase {
        case .delivering: break
        case .pending, .retrying, .delivered, .exhausted, .disabled:
            throw InvalidTransition(phase: phase, event: "end")
        }
        switch outcome.verdict {
        case .delivered:
            phase = .delivered
            return .complete
        case .disable:
            phase = .disabled
            return .disableEndpoint
        case .permanent:
            phase = .exhausted
            return .giveUp
        case .retry(let retryAfter):
            guard let delay = schedule.delay(afterAttempt: attempt, retryAfter: retryAfter, random: random) else {
                phase = .exhausted
                return .giveUp
            }
            phase = .retrying
            nextAttempt = now + delay
            return .scheduleRetry(at: nextAttempt)
        }
    }

    /// Gives an attempt up whose notifier vanished before it could record the outcome. The attempt counts.
    ///
    /// - Parameters:
    ///   - now: The moment.
    ///   - random: A random number from 0 up to, not including, 1, for the jitter.
    /// - Returns: What to do.
    /// - Throws: ``InvalidTransition`` unless delivering.
    package mutating func recover(at now: Timestamp, random: Double) throws(InvalidTransition) -> Action {
        try end(.interrupted, at: now, random: random)
    }
}
