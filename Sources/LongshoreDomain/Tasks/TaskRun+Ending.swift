import WireFormats

extension TaskRun {
    /// Ends a node: counts, the event, the tolerance. The caller has taken care of its Job.
    mutating func finish(_ index: Int, _ status: NodeStatus, reason: String? = nil, message: String? = nil) {
        let item = work.removeValue(forKey: index)
        helper.held.remove(index)
        switch nodes[index].status {
        case .pending: break
        case .working:
            working -= 1
            counts.pulling -= 1
        case .waiting: counts.pulling -= 1
        case .succeeded, .failed, .skipped: return
        }
        partial -= item?.share ?? 0
        nodes[index].status = status
        isStatusDue = true
        isProgressDue = true
        var images = item.map { outcomes($0, index) } ?? []
        // The Job of a node that has ended is being removed: nothing is being pulled there any more.
        for position in images.indices where images[position].phase == .pulling { images[position].phase = .pending }
        let attempt = told(item?.attempt ?? 0)
        let name = nodes[index].name
        present[index] = nil
        switch status {
        case .succeeded:
            counts.succeeded += 1
            emitNode(.nodeSucceeded, name, attempt: attempt, images: images, reason: reason)
        case .failed:
            counts.failed += 1
            let helperFailure = images.contains { $0.phase == .failed } ? nil : item?.helperFailure
            recordFailure(index, images, helperFailure)
            emitNode(
                .nodeFailed,
                name,
                attempt: attempt,
                images: images,
                failure: helperFailure,
                reason: reason,
                message: message
            )
            stopIfHopeless()
        case .skipped:
            counts.skipped += 1
            emitNode(.nodeSkipped, name, attempt: attempt, images: images, reason: reason, message: message)
            stopIfHopeless()
        case .pending, .working, .waiting: break
        }
    }

    private mutating func recordFailure(_ index: Int, _ images: [ImageOutcome], _ helperFailure: ImageFailure?) {
        var isHard = helperFailure != nil
        var first = helperFailure?.cause
        if let helperFailure, failures.count < Self.maximumFailures {
            // No image of the task has failed.
            failures.append(NodeFailure(node: nodes[index].name, image: "", failure: helperFailure))
        }
        for image in images where image.phase == .failed {
            let failure = image.failure ?? ImageFailure(cause: .unknown, message: "")
            if badImages[image.image] == nil { isHard = true }
            first = first ?? failure.cause
            if failures.count < Self.maximumFailures {
                failures.append(NodeFailure(node: nodes[index].name, image: image.image, failure: failure))
            }
        }
        if isHard { hardFailures += 1 }
        causes[first ?? .unknown, default: 0] += 1
    }

    /// Starts nothing more once no further success could bring the failures back within the tolerance.
    mutating func stopIfHopeless() {
        guard state == .working, hardFailures > 0,
            !settings.tolerance.allows(failed: hardFailures, of: counts.nodesTotal - counts.skipped)
        else { return }
        state = .draining
        endUnstarted(reason: "FailureToleranceExceeded", message: "More nodes failed than the task tolerates.")
    }

    /// Ends what has no Job: nodes not started are skipped, nodes waiting for another attempt have failed.
    private mutating func endUnstarted(reason: String, message: String) {
        for index in nodes.indices {
            switch nodes[index].status {
            case .pending: finish(index, .skipped, reason: reason, message: message)
            case .waiting: finish(index, .failed, reason: reason)
            case .working, .succeeded, .failed, .skipped: break
            }
        }
        cursor = nodes.count
    }

    /// How a task whose nodes are all decided ends.
    func verdict() -> Outcome {
        let considered = counts.nodesTotal - counts.skipped
        let cause = causes.max { ($0.value, $1.key.rawValue) < ($1.value, $0.key.rawValue) }?.key
        if considered == 0 {
            return Outcome(
                phase: .failed,
                cause: nil,
                reason: "NoNodes",
                message: "There is no node left to bring the images to."
            )
        }
        if !settings.tolerance.allows(failed: counts.failed, of: considered) {
            return Outcome(
                phase: .failed,
                cause: cause,
                reason: "FailureToleranceExceeded",
                message: "\(counts.failed) of \(considered) \(considered == 1 ? "node" : "nodes") failed."
            )
        }
        return Outcome(phase: .succeeded)
    }

    mutating func cancel(_ reason: String) {
        let outcome = Outcome(phase: .cancelled, reason: reason)
        switch state {
        case .idle, .checking: publish(outcome)
        case .rechecking, .working, .draining:
            state = .draining
            for index in work.keys.sorted() {
                guard case .working = nodes[index].status else { continue }
                deleteJob(index)
                finish(index, .skipped, reason: "Cancelled", message: "The task was cancelled.")
            }
            endUnstarted(reason: "Cancelled", message: "The task was cancelled.")
            publish(outcome)
        case .restoring, .publishing, .finished: break
        }
    }

    /// The task's deadline has passed.
    mutating func expireTask() {
        let message = "The task's deadline passed."
        let outcome = Outcome(phase: .failed, cause: .timeout, reason: "DeadlineExceeded", message: message)
        switch state {
        case .checking: publish(outcome)
        case .rechecking, .working, .draining:
            state = .draining
            for index in work.keys.sorted() {
                guard case .working = nodes[index].status else { continue }
                fail(index, ImageFailure(cause: .timeout, message: message))
                deleteJob(index)
                // What has kept the node from being done says more than that its time is over.
                finish(index, .failed, reason: "DeadlineExceeded")
            }
            endUnstarted(reason: "DeadlineExceeded", message: message)
            publish(outcome)
        case .idle, .restoring, .publishing, .finished: break
        }
    }

    /// Decides the outcome; from here on nothing changes it.
    mutating func publish(_ outcome: Outcome) {
        state = .publishing(outcome)
        isProgressDue = false
        isStatusDue = false
        effects.append(.publishTerminal(terminalDraft(outcome)))
    }

    func terminalDraft(_ outcome: Outcome) -> TaskEventDraft {
        let kind: TaskEventDraft.Kind =
            switch outcome.phase {
            case .succeeded: .succeeded
            case .cancelled: .cancelled
            case .rejected: .rejected
            case .failed, .accepting, .queued, .checking, .pulling, .paused: .failed
            }
        return TaskEventDraft(
            kind: kind,
            phase: outcome.phase,
            counts: counts,
            cause: outcome.cause,
            reason: outcome.reason,
            message: outcome.message,
            progress: progress(at: now)
        )
    }

    mutating func acknowledge() {
        guard case .publishing(let outcome) = state else { return }
        state = .finished(outcome)
        effects.append(.finish(outcome))
    }

    /// The longest list of failures kept for the status.
    static let maximumFailures = 100
}
