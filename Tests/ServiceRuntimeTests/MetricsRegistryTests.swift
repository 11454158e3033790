import CoreMetrics
import Testing

@testable import ServiceRuntime

@Suite("Metrics in Prometheus' text format")
struct MetricsRegistryTests {
    @Test("Counters, gauges and histograms are written with sorted, escaped labels")
    func exposition() {
        let registry = MetricsRegistry()
        registry.makeCounter(label: "longshore_requests", dimensions: [("route", "a\"b"), ("code", "202")])
            .increment(by: 3)
        registry.makeMeter(label: "longshore_tasks", dimensions: [("phase", "queued")]).set(Int64(5))
        registry.makeTimer(label: "longshore_call_seconds", dimensions: []).recordNanoseconds(30_000_000)
        let text = registry.exposition()
        #expect(text.contains("# TYPE longshore_requests_total counter\n"))
        #expect(text.contains("longshore_requests_total{code=\"202\",route=\"a\\\"b\"} 3\n"))
        #expect(text.contains("longshore_tasks{phase=\"queued\"} 5\n"))
        #expect(text.contains("longshore_call_seconds_bucket{le=\"0.025\"} 0\n"))
        #expect(text.contains("longshore_call_seconds_bucket{le=\"0.05\"} 1\n"))
        #expect(text.contains("longshore_call_seconds_bucket{le=\"+Inf\"} 1\n"))
        #expect(text.contains("longshore_call_seconds_count 1\n"))
    }

    @Test("Whatever a label holds, it stays on its line")
    func lineBreaks() {
        let registry = MetricsRegistry()
        registry.makeCounter(label: "a", dimensions: [("text", "b\r\nc\\d")]).increment(by: 1)
        #expect(registry.exposition().contains("a_total{text=\"b\r\\nc\\\\d\"} 1\n"))
    }

    @Test("The same name and labels are one series")
    func identity() {
        let registry = MetricsRegistry()
        registry.makeCounter(label: "a", dimensions: [("x", "1"), ("y", "2")]).increment(by: 1)
        registry.makeCounter(label: "a", dimensions: [("y", "2"), ("x", "1")]).increment(by: 1)
        #expect(registry.exposition().contains("a_total{x=\"1\",y=\"2\"} 2\n"))
    }

    @Test("Label sets beyond the bound are dropped and counted")
    func bounded() {
        let registry = MetricsRegistry()
        for index in 0..<(MetricsRegistry.maximumSeries + 5) {
            registry.makeCounter(label: "a", dimensions: [("node", "\(index)")]).increment(by: 1)
        }
        let text = registry.exposition()
        #expect(text.split(separator: "\n").count(where: { $0.hasPrefix("a_total{") }) == MetricsRegistry.maximumSeries)
        #expect(text.contains("longshore_metrics_dropped_series_total 5\n"))
    }
}
