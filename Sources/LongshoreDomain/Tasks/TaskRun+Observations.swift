import WireFormats

extension TaskRun {
    /// The node's index if `attempt` is the one it is at.
    private func current(_ node: String, _ attempt: Int) -> Int? {
        guard let index = indices[node], case .working(let at) = nodes[index].status,
            Int(at) == attempt - attemptBase
        else { return nil }
        return index
    }

    /// An attempt as the world knows it, which counts those before a retry, too; 0 is none.
    func told(_ attempt: Int) -> Int { attempt == 0 ? 0 : attemptBase + attempt }

    mutating func observe(_ observation: JobObservation) {
        guard let index = current(observation.node, observation.attempt), var item = work[index] else { return }
        item.creationFailure = nil
        let names = imageSets[Int(nodes[index].imageSet)].images
        // That an image is there may be known before its digest is.
        for position in item.images.indices where item.images[position].phase.isOnNode {
            item.images[position].digest = item.images[position].digest ?? observation.images[names[position]]?.digest
        }
        for position in item.images.indices where !item.images[position].phase.isDecided {
            if var seen = observation.images[names[position]] {
                if seen.phase == .failed && seen.failure == nil {
                    seen.failure = ImageFailure(cause: .unknown, message: "")
                }
                item.images[position] = seen
            }
            if !item.images[position].phase.isDecided, let ending = observation.ending, ending.cause != .helper {
                // What kept the image from being pulled says more than that the Pod ended.
                let failure = item.images[position].failure ?? ending
                item.images[position] = ImageObservation(phase: .failed, failure: failure)
            }
        }
        updateShare(&item)
        let startsClock = observation.isScheduled && !item.isScheduled
        item.isScheduled = item.isScheduled || observation.isScheduled
        work[index] = item
        if let ending = observation.ending, ending.cause == .helper,
            !item.images.contains(where: { $0.phase == .failed })
        {
            endByHelper(index, ending)
        } else if item.images.allSatisfy(\.phase.isDecided) || observation.ending != nil {
            if let ending = observation.ending {
                // What the helper has kept from being pulled beside an image that has failed itself.
                fail(index, ending)
            } else if item.images.contains(where: { $0.phase == .pulled }) {
                noteHelperRan()
            }
            endAttempt(index, deletesJob: true)
        } else {
            if startsClock { setAttemptEnd(index, now + settings.timeout) }
            announceImages(index)
        }
    }

    private mutating func updateShare(_ item: inout Work) {
        let decided = item.images.count(where: \.phase.isDecided)
        let share = Double(decided) / Double(max(1, item.images.count))
        if share != item.share {
            partial += share - item.share
            item.share = share
            isProgressDue = true
        }
    }

    mutating func missJob(_ node: String, _ attempt: Int) {
        guard let index = current(node, attempt), work[index]?.creationDue == nil else { return }
        fail(index, ImageFailure(cause: .evicted, message: "The Job was deleted before it had ended."))
        // It may still be there, with other labels, so that it is nobody's.
        endAttempt(index, deletesJob: true)
    }

    mutating func failCreation(_ node: String, _ attempt: Int, _ failure: ImageFailure, isRetryable: Bool) {
        guard let index = current(node, attempt), let item = work[index] else { return }
        guard isRetryable, state == .working else {
            fail(index, failure)
            // A call without an answer may have made the Job all the same.
            endAttempt(index, deletesJob: isRetryable)
            return
        }
        // The place in the window is kept: an API server that is away must stop the window, not fail its nodes.
        let delay = min(Duration.seconds(1 << min(item.creationFailures, 5)), .seconds(30))
        let due = now + delay
        work[index]?.creationFailures += 1
        work[index]?.creationFailure = failure
        work[index]?.creationDue = due
        timers.insert(.createAgain(index), at: due)
        setAttemptEnd(index, due + settings.timeout + settings.schedulingAllowance)
    }

    mutating func expireAttempt(_ node: String, _ attempt: Int, _ obstacle: ImageFailure?) {
        guard let index = current(node, attempt), let item = work[index] else { return }
        work[index]?.isInspected = false
        guard now >= item.due else { return }
        fail(index, expiry(item, obstacle))
        endAttempt(index, deletesJob: true)
    }

    /// Why an attempt was not done in its time.
    private func expiry(_ item: Work, _ obstacle: ImageFailure?) -> ImageFailure {
        if !item.isReady { return ImageFailure(cause: .nodeLost, message: "The node stopped answering.") }
        if item.isScheduled {
            return ImageFailure(cause: .timeout, message: "Not pulled within \(settings.timeout.components.seconds) s.")
        }
        return obstacle ?? ImageFailure(cause: .timeout, message: "The Pod was not started on the node in time.")
    }

    /// Decides every image that is not decided yet; what the runtime said about an image is kept in favour of `failure`.
    mutating func fail(_ index: Int, _ failure: ImageFailure) {
        guard var item = work[index] else { return }
        for position in item.images.indices where !item.images[position].phase.isDecided {
            let known = item.images[position].failure ?? item.creationFailure
            item.images[position] = ImageObservation(phase: .failed, failure: known ?? failure)
        }
        work[index] = item
    }

    mutating func setReadiness(_ node: String, _ isReady: Bool) {
        guard let index = indices[node], case .working = nodes[index].status else { return }
        work[index]?.isReady = isReady
    }

    mutating func dropNode(_ node: String) {
        switch state {
        case .working, .draining: break
        case .idle, .checking, .rechecking, .restoring, .publishing, .finished: return
        }
        guard let index = indices[node] else { return }
        let message = "The node was removed from the cluster."
        switch nodes[index].status {
        case .pending, .waiting: finish(index, .skipped, reason: "NodeGone", message: message)
        case .working:
            deleteJob(index)
            finish(index, .skipped, reason: "NodeGone", message: message)
        case .succeeded, .failed, .skipped: break
        }
    }

    func hasAttemptsLeft(_ attempt: Int) -> Bool {
        attempt <= settings.maxRetries && attempt < Self.maximumAttempts
    }

    /// Every image is decided: the node is done, or waits for its next attempt.
    mutating func endAttempt(_ index: Int, deletesJob: Bool) {
        guard let item = work[index] else { return }
        if deletesJob { deleteJob(index) }
        guard item.images.contains(where: { $0.phase == .failed }) else {
            finish(index, .succeeded)
            return
        }
        let retryable = item.images.indices.contains { mayRetry(item.images[$0], index, $0) }
        if retryable, state == .working, hasAttemptsLeft(item.attempt) {
            working -= 1
            wait(index, attempt: item.attempt)
        } else {
            finish(index, .failed)
        }
    }

    mutating func deleteJob(_ index: Int) {
        guard let item = work[index] else { return }
        effects.append(.deleteJob(node: nodes[index].name, attempt: told(item.attempt)))
    }
}
