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
        let draft = TaskEventDraft(
            kind: .rejected,
            phase: .rejected,
            counts: TaskCounts(),
            reason: reason,
            message: Self.message(faults)
        )
        let spec = TaskSpec(images: [], project: Self.project(of: pullTask), cluster: context.configuration.cluster)
        let parts = TaskEvent.make(draft, taskID: id, spec: spec, sequence: &sequence, time: now).map { event in
            var event = event
            event.faults = faults.faults.map(EventFault.init)
            event.faultCount = faults.totalCount
            // What intake has accepted has a row, which says who is to be told.
            if !pullTask.isFromKafka {
                event.source = .kubernetes
                event.acceptedAt = pullTask.acceptedAt
                if spec.project != TaskEvent.unassignedProject {
                    event.webhook = WebhookWish(ofRefused: pullTask.spec)
                }
            }
            return event.withFaults()
        }
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
        // The pointer may end in a label of any length.
        return Scrubber().scrub("The PullTask's spec has a fault at \(fault.pointer): \(fault.detail).", limit: 1_024)
    }

    /// In whose name the rejection is told: that of the project that the PullTask names; nobody's where it can be no project's name.
    private static func project(of pullTask: PullTask) -> String {
        guard let named = pullTask.spec["project"], !named.isNull else { return "default" }
        guard let text = named.string, KubernetesNames.isLabel(Array(text.utf8)) else {
            return TaskEvent.unassignedProject
        }
        return text
    }
}
