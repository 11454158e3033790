package import CoreMetrics
import Synchronization

/// Keeps the process's metrics and writes them in Prometheus' text format.
///
/// It is the backend of swift-metrics: libraries and services make `Counter`, `Gauge` and `Timer` as usual. Labels must
/// be bounded by whoever makes the metric (codes and services, never images, nodes or tasks); as a second line of
/// defence, a metric takes at most ``maximumSeries`` label sets and counts what comes after those in
/// `longshore_metrics_dropped_series_total`.
package final class MetricsRegistry: MetricsFactory, Sendable {
    /// Most label sets of one metric name.
    package static let maximumSeries = 1_000

    private let state = Mutex(State())

    /// Creates an empty registry.
    package init() {}

    /// The metrics as text in the format `text/plain; version=0.0.4`, sorted by name.
    package func exposition() -> String {
        let (families, dropped) = state.withLock { ($0.families, $0.dropped) }
        var text = ""
        for name in families.keys.sorted() {
            guard let family = families[name] else { continue }
            text += "# TYPE \(name) \(family.kind.rawValue)\n"
            for labels in family.series.keys.sorted() {
                family.series[labels]?.write(name: name, labels: labels, to: &text)
            }
        }
        text += "# TYPE longshore_metrics_dropped_series_total counter\n"
        text += "longshore_metrics_dropped_series_total \(dropped)\n"
        return text
    }

    // MARK: - MetricsFactory

    /// Makes or finds a counter; its name gets the suffix `_total` if it has none.
    package func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        let name = label.hasSuffix("_total") ? label : label + "_total"
        return series(.counter, name, dimensions) { CounterSeries() }
    }

    /// Makes or finds a gauge.
    package func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        series(.gauge, label, dimensions) { GaugeSeries() }
    }

    /// Makes or finds a gauge (`aggregate: false`) or a histogram of the recorded values.
    package func makeRecorder(
        label: String,
        dimensions: [(String, String)],
        aggregate: Bool
    ) -> any RecorderHandler {
        if aggregate {
            return series(.histogram, label, dimensions) { HistogramSeries(bounds: HistogramSeries.sizes) }
        }
        return series(.gauge, label, dimensions) { GaugeSeries() }
    }

    /// Makes or finds a histogram in seconds.
    package func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        series(.histogram, label, dimensions) { HistogramSeries(bounds: HistogramSeries.seconds) }
    }

    /// Does nothing: a series lives as long as the process, so that scrapes see counters that only rise.
    package func destroyCounter(_ handler: any CounterHandler) {}
    /// Does nothing, as for counters.
    package func destroyMeter(_ handler: any MeterHandler) {}
    /// Does nothing, as for counters.
    package func destroyRecorder(_ handler: any RecorderHandler) {}
    /// Does nothing, as for counters.
    package func destroyTimer(_ handler: any TimerHandler) {}

    private func series<Handler: MetricSeries>(
        _ kind: State.Kind,
        _ name: String,
        _ dimensions: [(String, String)],
        make: () -> Handler
    ) -> Handler {
        let name = Self.sanitized(name)
        let labels = Self.labels(dimensions)
        return state.withLock { state in
            var family = state.families[name] ?? State.Family(kind: kind)
            if let existing = family.series[labels] as? Handler {
                return existing
            }
            let handler = make()
            if family.kind == kind, family.series.count < Self.maximumSeries {
                family.series[labels] = handler
                state.families[name] = family
            } else {
                state.dropped += 1
            }
            return handler
        }
    }

    private static func sanitized(_ name: String) -> String {
        String(name.map { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_" || $0 == ":") ? $0 : "_" })
    }

    private static func labels(_ dimensions: [(String, String)]) -> String {
        dimensions.sorted { $0.0 < $1.0 }.map { name, value in
            var escaped = ""
            for character in value {
                switch character {
                case "\\": escaped += "\\\\"
                case "\"": escaped += "\\\""
                case "\n": escaped += "\\n"
                default: escaped.append(character)
                }
            }
            return "\(sanitized(name))=\"\(escaped)\""
        }.joined(separator: ",")
    }
}

extension MetricsRegistry {
    private struct State {
        enum Kind: String {
            case counter
            case gauge
            case histogram
        }

        struct Family {
            let kind: Kind
            var series: [String: any MetricSeries] = [:]
        }

        var families: [String: Family] = [:]
        var dropped = 0
    }
}
