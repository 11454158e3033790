import LongshoreDomain
import Metrics

/// The notifier's metrics. Labels are event types, outcomes and constant words.
struct NotifierMetrics: Sendable {
    private let attemptTime = Timer(label: "longshore_delivery_attempt_seconds")
    private let inFlightGauge = Gauge(label: "longshore_deliveries_in_flight")
    private let unfinishedGauge = Gauge(label: "longshore_deliveries_unfinished")
    private let oldestGauge = Gauge(label: "longshore_delivery_oldest_due_seconds")

    /// Every counter with words that are known is there with 0: an alarm that watches for an increase never sees the first of a
    /// counter that appears with it.
    init() {
        for phase in DeliveryMachine.Phase.allCases where phase.isTerminal { Self.ended(phase).increment(by: 0) }
        for kind in Self.problems { Self.problemCounter(kind).increment(by: 0) }
        Counter(label: "longshore_deliveries_coalesced_total").increment(by: 0)
    }

    private static let problems = [
        "lookup_given_up", "lease_expired", "secret", "late", "database", "consumer", "outcome_lost",
    ]

    private static func ended(_ phase: DeliveryMachine.Phase) -> Counter {
        Counter(label: "longshore_deliveries_finished_total", dimensions: [("state", phase.rawValue)])
    }

    private static func problemCounter(_ kind: String) -> Counter {
        Counter(label: "longshore_notifier_problems_total", dimensions: [("kind", kind)])
    }

    /// Counts deliveries that were made of events.
    func created(_ count: Int, event: String) {
        guard count > 0 else { return }
        Counter(label: "longshore_deliveries_created_total", dimensions: [("event", event)]).increment(by: count)
    }

    /// Counts progress that was not sent because newer progress of the same task took its place.
    func coalesced(_ count: Int) {
        guard count > 0 else { return }
        Counter(label: "longshore_deliveries_coalesced_total").increment(by: count)
    }

    /// Counts an attempt by what came of it.
    func attempt(_ outcome: DeliveryOutcome, duration: Duration) {
        Counter(label: "longshore_delivery_attempts_total", dimensions: [("outcome", outcome.code)]).increment()
        let (seconds, attoseconds) = duration.components
        attemptTime.recordNanoseconds(seconds * 1_000_000_000 + attoseconds / 1_000_000_000)
    }

    /// Counts a delivery that has ended.
    func finished(_ phase: DeliveryMachine.Phase) {
        Self.ended(phase).increment()
    }

    /// Counts what must not happen often, by one of the words in ``problems``.
    func problem(_ kind: String, count: Int = 1) {
        guard count > 0 else { return }
        Self.problemCounter(kind).increment(by: count)
    }

    /// The requests in flight.
    func inFlight(_ count: Int) { inFlightGauge.record(count) }

    /// What is still to be delivered, and for how long the oldest of it has been due.
    func backlog(unfinished: Int, oldestDueSeconds: Double) {
        unfinishedGauge.record(unfinished)
        oldestGauge.record(oldestDueSeconds)
    }
}
