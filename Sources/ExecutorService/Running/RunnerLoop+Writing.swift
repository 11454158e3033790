import KubernetesAPI
import Logging
import LongshoreDomain
import LongshoreMessages
import ServiceRuntime
import WireFormats

extension RunnerLoop {
    /// Starts the next write if there is something to write. There is at most one at a time, so what comes in
    /// the meantime goes together into the next.
    func advance(_ group: inout DiscardingTaskGroup) {
        guard end == nil, !isWriting else { return }
        if sequencer.needsStatus { isStatusDue = true }
        // A PullTask that is gone cannot be given up: its task is told to its end.
        if isStopping && isGone && terminal == nil && drafts.isEmpty { return }
        let mayRelease = isStopping && sequencer.mayRelease
        let tellsEnd = terminal != nil && (!isStopping || isGone)
        let wantsStatus = tellsEnd || mayRelease || (isStatusDue && isStatusTime())
        let told = takeDrafts(withEnds: wantsStatus || isGone)
        guard wantsStatus || !told.isEmpty else { return }
        var write = RunnerWrite(events: makeEvents(told))
        if wantsStatus {
            isStatusDue = false
            lastStatus = .now
            // What is still to be told is told before the task is given up.
            let releases = mayRelease && told.isEmpty
            if !isGone {
                write.report = StatusReport(
                    task,
                    ignored: ignored,
                    telling: told,
                    at: context.wallClock.now(),
                    releases: releases
                )
            }
            sequencer.statusBegan()
        }
        // The outcome is in the record before the world hears of it: whoever takes over tells the same one.
        if tellsEnd, let draft = terminal {
            terminal = nil
            write.terminal = makeEvents([draft])
        }
        if sequence > reserved {
            reserved = (sequence / Self.sequenceBlock + 1) * Self.sequenceBlock
            if !isGone { write.reserve = reserved }
        }
        isWriting = true
        let tools = RunnerWrite.Tools(status: status, publisher: context.publisher, logger: logger)
        group.addTask { [inbox, write] in
            let outcome = await write.run(with: tools)
            inbox.post { $0.written = outcome }
        }
    }

    /// Takes out what may be told now: without a status that records it, nothing from the first end of a node on.
    private func takeDrafts(withEnds: Bool) -> [TaskEventDraft] {
        let count = withEnds ? drafts.count : firstEnd ?? drafts.count
        let taken = Array(drafts.prefix(count))
        drafts.removeFirst(count)
        firstEnd = firstEnd.flatMap { $0 < count ? nil : $0 - count }
        return taken
    }

    /// A write has come to its end.
    func noteWritten(_ outcome: RunnerWrite.Outcome, _ group: inout DiscardingTaskGroup) {
        isWriting = false
        switch outcome.status {
        case .written: break
        case .lost:
            logger.notice("The task belongs to another executor now")
            end = .lost
            return
        case .stopped:
            end = .abandoned
            return
        case .deleted:
            if !isGone {
                isGone = true
                tell(.cancelRequested(reason: "Deleted"), &group)
            }
        }
        carryOut(sequencer.statusWritten(), &group)
        if outcome.isTerminalAcknowledged { tell(.terminalAcknowledged, &group) }
        if outcome.isReleased, outcome.status == .written { end = end ?? .released }
    }

    /// The terminal event is acknowledged: marks the task finished, then clears up.
    func finish(_ outcome: TaskRun.Outcome, _ group: inout DiscardingTaskGroup) {
        logger.info(
            "Task ended",
            metadata: [
                "phase": "\(outcome.phase.rawValue)", "reason": "\(outcome.reason ?? "")",
                "succeeded": "\(task.counts.succeeded)", "failed": "\(task.counts.failed)",
                "skipped": "\(task.counts.skipped)",
            ]
        )
        context.metrics.taskEnded(outcome.phase)
        isWriting = true
        inbox.noteEndTold()
        carryOut(sequencer.taskEnded(), &group)
        let report = StatusReport(task, ignored: ignored, at: context.wallClock.now())
        let cleaner = TaskCleaner(context: context)
        let handled = sequencer.handled
        group.addTask { [isGone, status, jobs, spec, taskID, inbox] in
            var result = StatusWriter.Result.written
            if !isGone { result = await status.write { report.apply(to: &$0) } }
            if result == .written || result == .deleted {
                let isClean = await cleaner.clean(taskID, spec: spec, jobs: jobs, except: handled)
                inbox.post { $0.cleaned = isClean }
            } else {
                inbox.post { $0.written = RunnerWrite.Outcome(status: result) }
            }
        }
    }

    /// Whether the status may be written again; if not yet, the loop is woken when it may.
    private func isStatusTime() -> Bool {
        guard let lastStatus, drafts.count < Self.maximumDrafts else { return true }
        let due = lastStatus + context.configuration.statusInterval
        if due <= .now { return true }
        if statusTimer == nil {
            statusTimer = Task { [inbox] in
                try? await Task.sleep(until: due, clock: .continuous)
                inbox.post { $0.isStatusTime = true }
            }
        }
        return false
    }

    private func makeEvents(_ drafts: [TaskEventDraft]) -> [TaskEvent] {
        let now = context.wallClock.now()
        let pullTask = status.pullTask
        let trace = pullTask.metadata.annotations[PullTaskKeys.traceParent]
        return drafts.flatMap { draft in
            var events = TaskEvent.make(
                draft,
                taskID: taskID,
                spec: spec,
                sequence: &sequence,
                time: now,
                traceParent: trace,
                retry: retry
            )
            // The read model hears of a task that did not come over Kafka by its first event.
            if draft.kind == .checking, !pullTask.isFromKafka, !events.isEmpty {
                events[0].spec = spec
                events[0].source = .kubernetes
                events[0].acceptedAt = pullTask.acceptedAt
            }
            return events
        }
    }
}
