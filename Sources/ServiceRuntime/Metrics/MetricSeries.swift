import CoreMetrics
import Synchronization

/// One label set of a metric.
protocol MetricSeries: AnyObject, Sendable {
    /// Appends the series' lines.
    func write(name: String, labels: String, to text: inout String)
}

/// A number that only rises.
final class CounterSeries: CounterHandler, MetricSeries {
    private let value = Mutex<Int64>(0)

    func increment(by amount: Int64) {
        value.withLock { $0 &+= amount }
    }

    func reset() {
        value.withLock { $0 = 0 }
    }

    func write(name: String, labels: String, to text: inout String) {
        text += "\(name)\(labels.isEmpty ? "" : "{\(labels)}") \(value.withLock { $0 })\n"
    }
}

/// A number that rises and falls.
final class GaugeSeries: MeterHandler, RecorderHandler, MetricSeries {
    private let value = Mutex<Double>(0)

    func set(_ newValue: Int64) {
        value.withLock { $0 = Double(newValue) }
    }

    func set(_ newValue: Double) {
        value.withLock { $0 = newValue }
    }

    func increment(by amount: Double) {
        value.withLock { $0 += amount }
    }

    func decrement(by amount: Double) {
        value.withLock { $0 -= amount }
    }

    func record(_ newValue: Int64) {
        set(newValue)
    }

    func record(_ newValue: Double) {
        set(newValue)
    }

    func write(name: String, labels: String, to text: inout String) {
        let current = value.withLock { $0 }
        let shown = current == current.rounded() && abs(current) < 1e15 ? "\(Int64(current))" : "\(current)"
        text += "\(name)\(labels.isEmpty ? "" : "{\(labels)}") \(shown)\n"
    }
}

/// Counts values by size, with their sum.
final class HistogramSeries: TimerHandler, RecorderHandler, MetricSeries {
    /// Upper bounds for durations, in seconds: from a Postgres round trip to a long pull.
    static let seconds: [Double] = [
        0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800,
    ]
    /// Upper bounds for counts and sizes.
    static let sizes: [Double] = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 10_000, 100_000, 1_000_000]

    private struct Counts {
        var buckets: [Int64]
        var sum: Double = 0
        var count: Int64 = 0
    }

    private let bounds: [Double]
    private let counts: Mutex<Counts>

    init(bounds: [Double]) {
        self.bounds = bounds
        self.counts = Mutex(Counts(buckets: Array(repeating: 0, count: bounds.count)))
    }

    func recordNanoseconds(_ duration: Int64) {
        record(Double(duration) / 1e9)
    }

    func record(_ value: Int64) {
        record(Double(value))
    }

    func record(_ value: Double) {
        counts.withLock { counts in
            if let index = bounds.firstIndex(where: { value <= $0 }) {
                counts.buckets[index] += 1
            }
            counts.sum += value
            counts.count += 1
        }
    }

    func write(name: String, labels: String, to text: inout String) {
        let counts = counts.withLock { $0 }
        let before = labels.isEmpty ? "" : labels + ","
        var total: Int64 = 0
        for (bound, count) in zip(bounds, counts.buckets) {
            total += count
            let shown = bound == bound.rounded() ? "\(Int64(bound))" : "\(bound)"
            text += "\(name)_bucket{\(before)le=\"\(shown)\"} \(total)\n"
        }
        text += "\(name)_bucket{\(before)le=\"+Inf\"} \(counts.count)\n"
        let braces = labels.isEmpty ? "" : "{\(labels)}"
        text += "\(name)_sum\(braces) \(counts.sum)\n\(name)_count\(braces) \(counts.count)\n"
    }
}
