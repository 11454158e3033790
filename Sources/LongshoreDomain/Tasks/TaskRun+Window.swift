import WireFormats

extension TaskRun {
    /// Starts nodes while the window has room: those whose next attempt is due, then those not started yet.
    mutating func fillWindow() {
        guard !isPaused else { return }
        while working < settings.batchSize {
            if let index = nextRetry() {
                startAttempt(index)
            } else if let index = nextPending() {
                startAttempt(index)
            } else {
                return
            }
        }
    }

    private mutating func nextRetry() -> Int? {
        while let first = retries.first, first.time <= now {
            retries.removeFirst()
            if isWaiting(first.element, until: first.time) { return first.element }
        }
        return nil
    }

    private mutating func nextPending() -> Int? {
        while cursor < nodes.count {
            let index = cursor
            cursor += 1
            if case .pending = nodes[index].status { return index }
        }
        return nil
    }

    private mutating func startAttempt(_ index: Int) {
        var item = work[index] ?? Work(images: initialImages(index))
        present[index] = nil
        if item.attempt == 0 { counts.pulling += 1 }
        item.attempt += 1
        for position in item.images.indices where mayRetry(item.images[position], index, position) {
            item.images[position] = ImageObservation(phase: .pending)
        }
        item.creationFailures = 0
        item.creationFailure = nil
        item.creationDue = nil
        item.helperFailure = nil
        item.announced = item.images.count(where: \.phase.isDecided)
        item.announcedAt = nil
        work[index] = item
        occupy(index, attempt: item.attempt)
        issueStart(index)
        emitNode(.nodePulling, nodes[index].name, attempt: told(item.attempt), images: outcomes(index))
    }

    /// Puts a node into the window and starts its clock.
    mutating func occupy(_ index: Int, attempt: Int) {
        if case .working = nodes[index].status {} else { working += 1 }
        nodes[index].status = .working(UInt8(attempt))
        lastAttempt = max(lastAttempt, attempt)
        work[index]?.attempt = attempt
        work[index]?.isScheduled = false
        work[index]?.isInspected = false
        setAttemptEnd(index, now + settings.timeout + settings.schedulingAllowance)
    }

    /// Moves the end of an attempt; the timer of the former end is recognised by its time and ignored.
    mutating func setAttemptEnd(_ index: Int, _ time: Timestamp) {
        work[index]?.due = time
        timers.insert(.attemptOver(index), at: time)
    }

    mutating func issueStart(_ index: Int) {
        guard let item = work[index] else { return }
        let set = imageSets[Int(nodes[index].imageSet)]
        let images = zip(set.images, item.images).filter { !$1.phase.isDecided }.map(\.0)
        let start = JobStart(
            node: nodes[index].name,
            attempt: told(item.attempt),
            images: images,
            secretNames: set.secretNames(of: images),
            timeLimit: settings.timeout + settings.schedulingAllowance
        )
        effects.append(.startJob(start))
    }

    /// Whether an image that failed is tried again by the node's next attempt.
    func mayRetry(_ image: ImageObservation, _ index: Int, _ position: Int) -> Bool {
        guard image.phase == .failed else { return false }
        if !badImages.isEmpty, badImages[imageSets[Int(nodes[index].imageSet)].images[position]] != nil { return false }
        return image.failure?.cause.isWorthRetrying ?? true
    }

    /// Lets a node wait outside the window for its next attempt.
    mutating func wait(_ index: Int, attempt: Int) {
        let delay = settings.retryPolicy.delay(afterAttempt: attempt, random: jitter(index, attempt))
        nodes[index].status = .waiting(UInt8(attempt))
        let due = now + delay
        work[index]?.due = due
        work[index]?.creationDue = nil
        retries.insert(index, at: due)
        isStatusDue = true
    }

    private func isWaiting(_ index: Int, until time: Timestamp) -> Bool {
        guard case .waiting = nodes[index].status else { return false }
        return work[index]?.due == time
    }

    /// A number from 0 to 1 that depends on the seed, the node and the attempt alone (SplitMix64).
    private func jitter(_ index: Int, _ attempt: Int) -> Double {
        var bits = seed &+ (UInt64(index) << 8 | UInt64(attempt)) &* 0x9E37_79B9_7F4A_7C15
        bits = (bits ^ bits >> 30) &* 0xBF58_476D_1CE4_E5B9
        bits = (bits ^ bits >> 27) &* 0x94D0_49BB_1331_11EB
        bits ^= bits >> 31
        return Double(bits >> 11) / 9_007_199_254_740_992
    }

    // MARK: - Timers

    /// Handles every timer whose moment has come.
    mutating func runTimers() {
        while let first = timers.first, first.time <= now {
            timers.removeFirst()
            guard isValid(first.element, at: first.time) else { continue }
            switch first.element {
            case .attemptOver(let index):
                guard let item = work[index], !item.isInspected else { continue }
                work[index]?.isInspected = true
                effects.append(.inspectJob(node: nodes[index].name, attempt: told(item.attempt)))
            case .createAgain(let index):
                work[index]?.creationDue = nil
                if state == .working {
                    issueStart(index)
                } else {
                    fail(index, ImageFailure(cause: .internal, message: "The Job could not be created."))
                    // The last call may have made the Job although its answer was an error.
                    endAttempt(index, deletesJob: true)
                }
            }
        }
    }

    private func isValid(_ timer: Timer, at time: Timestamp) -> Bool {
        switch timer {
        case .attemptOver(let index):
            guard case .working = nodes[index].status else { return false }
            return work[index]?.due == time
        case .createAgain(let index):
            guard case .working = nodes[index].status else { return false }
            return work[index]?.creationDue == time
        }
    }

    /// Asks for the next moment at which something is due, if it is not the one already asked for.
    mutating func scheduleTimer() {
        guard let next = nextMoment(), next != scheduledTimer else { return }
        scheduledTimer = next
        effects.append(.scheduleTimer(next))
    }

    private mutating func nextMoment() -> Timestamp? {
        switch state {
        case .idle, .restoring, .publishing, .finished: return nil
        case .checking, .rechecking: return settings.deadline
        case .working, .draining: break
        }
        var next = settings.deadline
        while let first = timers.first, !isValid(first.element, at: first.time) { timers.removeFirst() }
        if let first = timers.first { next = min(next, first.time) }
        // A retry that is due but finds no room is started by whatever makes room.
        if !isPaused && working < settings.batchSize {
            while let first = retries.first, !isWaiting(first.element, until: first.time) { retries.removeFirst() }
            if let first = retries.first { next = min(next, first.time) }
        }
        if isProgressDue, let lastProgress { next = min(next, lastProgress + Self.progressInterval) }
        return next
    }
}
