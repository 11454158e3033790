import Logging
import LongshoreDomain
import LongshoreMessages

/// One write of a runner: the status, then the events that it makes true, then the task's end.
///
/// The end of a node or of the task is in the status before the world hears of it, so whoever takes over in between tells
/// the same.
struct RunnerWrite: Sendable {
    /// What became of a write.
    struct Outcome: Sendable {
        var status = StatusWriter.Result.written
        /// The task was given up for others.
        var isReleased = false
        /// Kafka has acknowledged the terminal event.
        var isTerminalAcknowledged = false
    }

    /// Reserve sequence numbers up to this one first.
    var reserve: Int64?
    var events: [TaskEvent]
    var report: StatusReport?
    var terminal: [TaskEvent] = []

    /// Writes.
    ///
    /// - Parameter tools: What it is written with.
    /// - Returns: What became of it.
    func run(with tools: Tools) async -> Outcome {
        var outcome = Outcome()
        if reserve != nil || report != nil {
            outcome.status = await tools.status.write { status in
                if let reserve { status.sequence = max(status.sequence, reserve) }
                report?.apply(to: &status)
            }
            guard outcome.status == .written || outcome.status == .deleted else { return outcome }
            outcome.isReleased = report?.releases ?? false
        }
        // The task's own end comes after every node's, even where an event has to be sent again.
        for events in [events, terminal] where !events.isEmpty {
            guard await tools.publisher.publish(events, logger: tools.logger) else {
                outcome.status = .stopped
                return outcome
            }
        }
        outcome.isTerminalAcknowledged = !terminal.isEmpty
        return outcome
    }
}

extension RunnerWrite {
    /// What a runner writes with.
    struct Tools: Sendable {
        let status: StatusWriter
        let publisher: EventPublisher
        let logger: Logger
    }
}
