import LongshoreDomain
import LongshoreMessages
import WireFormats

/// One line for one event, for logs and pipes.
enum EventLine {
    static func text(_ event: TaskEvent) -> String {
        var parts = [event.time.rfc3339Seconds, event.type.shortName]
        if let node = event.node {
            parts.append(node)
            if let attempt = event.attempt, attempt > 1 { parts.append("attempt \(attempt)") }
            parts += event.images.map { image in
                let state = image.cause.map { "\(image.phase.rawValue):\($0.rawValue)" } ?? image.phase.rawValue
                return "\(ShortImage.name(image.image))=\(state)"
            }
        } else {
            let counts = event.counts
            parts.append(
                "nodes=\(counts.nodesTotal) succeeded=\(counts.succeeded) failed=\(counts.failed) skipped=\(counts.skipped)"
            )
            if let progress = event.progress { parts.append("\(Int(progress.percent))%") }
        }
        if let cause = event.cause { parts.append("cause=\(cause.rawValue)") }
        if let reason = event.reason { parts.append("reason=\(reason)") }
        if let message = event.message { parts.append(message) }
        return Console.printable(parts.joined(separator: "  "))
    }
}

/// Image names as people write them.
enum ShortImage {
    static func name(_ canonical: String) -> String {
        (try? ImageReference(parsing: canonical))?.familiar ?? canonical
    }
}
