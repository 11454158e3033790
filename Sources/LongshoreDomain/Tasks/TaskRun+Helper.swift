extension TaskRun {
    /// What is known of the helper image, on which every puller Pod runs.
    ///
    /// That it cannot be had is no node's fault: nodes that fail by it are put aside while others show whether it is theirs
    /// alone. Once ``limit`` nodes in a row have failed by it the task pauses, and its owner resumes it when the image can be had;
    /// only when no other node is left to show anything have they failed.
    struct Helper: Sendable, Hashable {
        /// Nodes whose last attempt has ended for want of the helper, since one was seen running it.
        var inARow: Set<Int> = []
        /// Nodes without attempts left that wait for what the others show.
        var held: Set<Int> = []
        /// Why the task has paused.
        var trouble: ImageFailure?

        /// So many nodes in a row pause the task.
        static let limit = 3
    }

    /// The word for a pause that the helper image has caused, in events and in the PullTask's condition.
    package static let helperReason = "HelperUnavailable"

    /// Why the task has paused by itself; `nil` when it has not.
    package var helperTrouble: ImageFailure? { helper.trouble }

    /// An attempt has ended because the helper could not be run. None of its images has failed by that.
    mutating func endByHelper(_ index: Int, _ failure: ImageFailure) {
        guard let item = work[index] else { return }
        deleteJob(index)
        work[index]?.helperFailure = failure
        helper.inARow.insert(index)
        guard state == .working else {
            finish(index, .failed)
            return
        }
        working -= 1
        isStatusDue = true
        if hasAttemptsLeft(item.attempt) {
            forgetPulls(index)
            wait(index, attempt: item.attempt)
        } else {
            nodes[index].status = .waiting(UInt8(item.attempt))
            work[index]?.creationDue = nil
            helper.held.insert(index)
        }
        if helper.inARow.count >= Helper.limit { pauseForHelper(failure) }
    }

    private mutating func pauseForHelper(_ failure: ImageFailure) {
        guard !isPaused else { return }
        isPaused = true
        pauses += 1
        helper.trouble = failure
        let message =
            "\(helper.inARow.count) nodes in a row could not run the helper image; resume the task once it can be had. "
            + failure.message
        var draft = TaskEventDraft(kind: .paused, phase: phase, counts: counts, occurrence: pauses, message: message)
        draft.cause = .helper
        draft.reason = Self.helperReason
        effects.append(.emit(draft))
        effects.append(.pauseTask)
    }

    /// A Pod has run the helper: what the nodes before it had was their own trouble.
    mutating func noteHelperRan() {
        helper.inARow = []
    }

    /// The task goes on: the nodes that were put aside get another attempt.
    mutating func retryHeld() {
        helper.trouble = nil
        helper.inARow = []
        let held = helper.held.sorted()
        helper.held = []
        for index in held {
            guard let item = work[index], item.attempt < Self.maximumAttempts else {
                finish(index, .failed)
                continue
            }
            forgetPulls(index)
            work[index]?.due = now
            retries.insert(index, at: now)
        }
    }

    /// Nobody is left who could show that the helper can be had: nodes that were put aside have failed.
    mutating func failHeld() {
        guard !helper.held.isEmpty, !isPaused, working == 0, counts.pending == 0, counts.pulling == helper.held.count
        else { return }
        for index in helper.held.sorted() { finish(index, .failed) }
        helper.held = []
    }

    /// An attempt proves all images by containers of its own; what is there already costs it nothing.
    private mutating func forgetPulls(_ index: Int) {
        guard var item = work[index] else { return }
        for position in item.images.indices where item.images[position].phase == .pulled {
            item.images[position] = ImageObservation(phase: .pending)
        }
        partial -= item.share
        item.share = 0
        work[index] = item
    }
}
