import LongshoreMessages
import Metrics
import RDKafka

/// A consumer loop's metrics. Labels are the loop's name, topics, and constant words.
struct KafkaLoopMetrics: Sendable {
    private let consumer: String
    private let handlerErrors: Counter
    private let commitErrors: Counter
    private let failures: Counter
    private let sinceLastPoll: Gauge
    private let waiting: Gauge
    private let paused: Gauge
    private let handlerTime: Timer
    private let assigned: Gauge
    private let outside: Gauge

    /// Makes the metrics; every counter that has no other labels than the topics is there with 0.
    ///
    /// - Parameters:
    ///   - consumer: The loop's name.
    ///   - topics: The topics that it reads; patterns are left out until topics are assigned.
    init(consumer: String, topics: [String] = []) {
        self.consumer = consumer
        let dimensions = [("consumer", consumer)]
        self.handlerErrors = Counter(label: "longshore_kafka_handler_errors_total", dimensions: dimensions)
        self.commitErrors = Counter(label: "longshore_kafka_commit_errors_total", dimensions: dimensions)
        self.failures = Counter(label: "longshore_kafka_client_errors_total", dimensions: dimensions)
        self.sinceLastPoll = Gauge(label: "longshore_kafka_seconds_since_last_poll", dimensions: dimensions)
        self.waiting = Gauge(label: "longshore_kafka_waiting_records", dimensions: dimensions)
        self.paused = Gauge(label: "longshore_kafka_paused_partitions", dimensions: dimensions)
        self.handlerTime = Timer(label: "longshore_kafka_handler_seconds", dimensions: dimensions)
        self.assigned = Gauge(label: "longshore_kafka_assigned_partitions", dimensions: dimensions)
        self.outside = Gauge(label: "longshore_kafka_seconds_without_group", dimensions: dimensions)
        for reason in CloudEventError.Code.allCases {
            for result in ["sent", "failed", "skipped"] {
                self.deadLetter(code: reason.rawValue, result: result, count: 0)
            }
        }
        for kind in ["assigned", "revoked", "lost"] { self.rebalance(kind, count: 0) }
        self.begin(topics: Set(topics.filter { !$0.hasPrefix("^") }))
    }

    /// Lets the counters of topics begin at 0: an alarm that watches for an increase never sees the first of a counter that
    /// appears with it.
    func begin(topics: Set<String>) {
        for topic in topics {
            self.lost(0, topic: topic)
            self.truncated(topic: topic, count: 0)
            for outcome in ["done", "retried", "deadLetter"] { self.recordCounter(topic, outcome).increment(by: 0) }
            self.lagGauge(topic).record(0)
        }
    }

    /// Counts records by what became of them: `done`, `retried` or `deadLetter`.
    func records(_ count: Int, topic: String, outcome: String) {
        guard count > 0 else { return }
        self.recordCounter(topic, outcome).increment(by: count)
    }

    private func recordCounter(_ topic: String, _ outcome: String) -> Counter {
        Counter(
            label: "longshore_kafka_records_total",
            dimensions: [("consumer", self.consumer), ("topic", topic), ("outcome", outcome)]
        )
    }

    /// Counts dead letters: `sent`, or `failed` to be sent, or `skipped` where there is no topic for them.
    func deadLetter(code: String, result: String, count: Int = 1) {
        Counter(
            label: "longshore_kafka_dead_letters_total",
            dimensions: [("consumer", self.consumer), ("reason", code), ("result", result)]
        ).increment(by: count)
    }

    func rebalance(_ kind: String, count: Int = 1) {
        Counter(
            label: "longshore_kafka_rebalances_total",
            dimensions: [("consumer", self.consumer), ("kind", kind)]
        ).increment(by: count)
    }

    /// Counts records that were gone before they were read.
    func lost(_ count: Int, topic: String) {
        Counter(
            label: "longshore_kafka_records_lost_total",
            dimensions: [("consumer", self.consumer), ("topic", topic)]
        ).increment(by: count)
    }

    /// Counts partitions whose log became shorter than what had been read of it.
    func truncated(topic: String, count: Int = 1) {
        Counter(
            label: "longshore_kafka_truncations_total",
            dimensions: [("consumer", self.consumer), ("topic", topic)]
        ).increment(by: count)
    }

    func handlerError() { self.handlerErrors.increment() }

    func commitError() { self.commitErrors.increment() }

    func clientError() { self.failures.increment() }

    func handled(in duration: Duration) {
        let (seconds, attoseconds) = duration.components
        self.handlerTime.recordNanoseconds(seconds * 1_000_000_000 + attoseconds / 1_000_000_000)
    }

    func lastPoll(secondsAgo: Double) { self.sinceLastPoll.record(secondsAgo) }

    func waiting(_ records: Int, paused: Int) {
        self.waiting.record(records)
        self.paused.record(paused)
    }

    /// Records the lag of each topic, summed over this consumer's partitions; topics that it no longer has get 0.
    func lag(_ lag: [TopicPartition: Int64], topics: Set<String>) {
        var sums = Dictionary(topics.map { ($0, Int64(0)) }) { first, _ in first }
        for (partition, count) in lag {
            sums[partition.topic, default: 0] += count
        }
        for (topic, count) in sums { self.lagGauge(topic).record(count) }
    }

    private func lagGauge(_ topic: String) -> Gauge {
        Gauge(label: "longshore_kafka_lag", dimensions: [("consumer", self.consumer), ("topic", topic)])
    }

    /// Records how many partitions this member has.
    func assigned(_ partitions: Int) { self.assigned.record(partitions) }

    /// Records for how long this member has been without its group.
    func outside(seconds: Double) { self.outside.record(seconds) }
}
