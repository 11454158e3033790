import LongshoreDomain
import LongshoreMessages

/// One write of a runner: events, then the status that records them, then the Jobs that it makes superfluous, then the end.
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
    var deletions: [JobWriter.Deletion] = []
    var terminal: [TaskEvent] = []

    /// Writes.
    ///
    /// - Parameter tools: What it is written with.
    /// - Returns: What became of it.
    func run(with tools: Tools) async -> Outcome {
        var outcome = Outcome()
        if let reserve {
            outcome.status = await tools.status.write { $0.sequence = max($0.sequence, reserve) }
            guard outcome.status == .written || outcome.status == .deleted else { return outcome }
        }
        guard await tools.publisher.publish(events, logger: tools.jobs.logger) else {
            outcome.status = .stopped
            return outcome
        }
        if let report, outcome.status == .written {
            outcome.status = await tools.status.write { report.apply(to: &$0) }
            guard outcome.status == .written || outcome.status == .deleted else { return outcome }
            outcome.isReleased = report.releases
        }
        await delete(with: tools)
        if !terminal.isEmpty {
            guard await tools.publisher.publish(terminal, logger: tools.jobs.logger) else {
                outcome.status = .stopped
                return outcome
            }
            outcome.isTerminalAcknowledged = true
        }
        return outcome
    }

    /// The executor-wide limit bounds how many of these are under way.
    private func delete(with tools: Tools) async {
        guard !deletions.isEmpty else { return }
        await withDiscardingTaskGroup { group in
            for deletion in deletions {
                group.addTask { [jobs = tools.jobs] in await jobs.delete(deletion) }
            }
        }
    }
}

extension RunnerWrite {
    /// What a runner writes with.
    struct Tools: Sendable {
        let status: StatusWriter
        let publisher: EventPublisher
        let jobs: JobWriter
    }
}
