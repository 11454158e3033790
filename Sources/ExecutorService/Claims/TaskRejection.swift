import KubernetesAPI
import Logging
import LongshoreDomain
import LongshoreMessages
import Redaction
import ServiceRuntime
import WireFormats

/// Turns down a PullTask that cannot be worked on, with everything that is wrong with it.
struct TaskRejection: Sendable {
    let context: ExecutorContext

    /// Tells the world, then marks the PullTask.
    ///
    /// - Parameters:
    ///   - pullTask: The PullTask.
    ///   - id: The task's id.
    ///   - faults: What is wrong.
    ///   - reason: Why, in a word.
    /// - Returns: Whether that is done; another executor may have been quicker.
    func reject(_ pullTask: PullTask, id: TaskID, faults: RequestFaults, reason: String = "InvalidSpec") async -> Bool {
        let logger = context.logger(for: pullTask)
        let now = context.wallClock.now()
        let message = faults.faults.prefix(20).map(\.description).joined(separator: "\n")
        var claimed = pullTask
        TaskCoordinator.mark(&claimed, id: id, by: context)
        claimed.status.set(
            condition: PullTaskKeys.accepted,
            .false,
            reason: reason,
            message: Scrubber().scrub(message, limit: 4_096),
            at: now
        )
        do throws(KubernetesError) {
            claimed = try await context.client.replaceStatus(claimed)
        } catch {
            return false
        }
        var sequence = max(1, claimed.status.sequence - RunnerLoop.sequenceBlock)
        let project = pullTask.spec["project"]?.string ?? "default"
        let draft = TaskEventDraft(
            kind: .rejected,
            phase: .rejected,
            counts: TaskCounts(),
            reason: reason,
            message: Self.message(faults)
        )
        var spec = TaskSpec(images: [], project: Self.name(project), cluster: context.configuration.cluster)
        spec.labels = [:]
        var events = TaskEvent.make(draft, taskID: id, spec: spec, sequence: &sequence, time: now)
        if !events.isEmpty { events[0].faults = faults.faults.map(EventFault.init) }
        let parts = events.flatMap { $0.split(sequence: &sequence) }
        guard await context.publisher.publish(parts, logger: logger) else { return false }
        let status = StatusWriter(
            claimed,
            client: context.client,
            lease: context.lease,
            identity: context.configuration.identity,
            metrics: context.metrics,
            logger: logger
        )
        let result = await status.write {
            $0.phase = .rejected
            $0.finishedAt = now
        }
        logger.notice("Rejected a PullTask", metadata: ["faults": "\(faults.totalCount)"])
        context.metrics.taskEnded(.rejected)
        return result == .written || result == .deleted
    }

    private static func message(_ faults: RequestFaults) -> String {
        guard faults.totalCount == 1, let fault = faults.faults.first else {
            return "The PullTask's spec has \(faults.totalCount) \(faults.totalCount == 1 ? "fault" : "faults")."
        }
        return "The PullTask's spec has a fault at \(fault.pointer): \(fault.detail)."
    }

    /// A project's name as far as it can be one: it becomes part of the event's source.
    private static func name(_ text: String) -> String {
        let isName =
            !text.isEmpty && text.utf8.count <= 63
            && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == "." || $0 == "_") }
        return isName ? text : "default"
    }
}
