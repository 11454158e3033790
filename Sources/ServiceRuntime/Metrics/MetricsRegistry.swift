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
        // Bytes, because counters are looked up with each request: nearly all names are fine as they are.
        if name.utf8.allSatisfy(Self.isNameByte) { return name }
        return String(name.map { $0.utf8.count == 1 && $0.utf8.allSatisfy(Self.isNameByte) ? $0 : "_" })
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: ":"):
            true
        default: false
        }
    }

    private static func labels(_ dimensions: [(String, String)]) -> String {
        var text = ""
        for (name, value) in dimensions.count > 1 ? dimensions.sorted(by: { $0.0 < $1.0 }) : dimensions {
            if !text.isEmpty { text += "," }
            text += "\(sanitized(name))=\""
            text += value.utf8.contains(where: Self.needsEscape) ? escaped(value) : value
            text += "\""
        }
        return text
    }

    private static func needsEscape(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "\\") || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\n")
    }

    private static func escaped(_ value: String) -> String {
        // Scalar by scalar: a line feed after a carriage return is one character with it.
        var escaped = ""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\\": escaped += "\\\\"
            case "\"": escaped += "\\\""
            case "\n": escaped += "\\n"
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
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
