package import WireFormats

extension TaskRun {
    /// The shortest time between two progress events.
    static let progressInterval = Duration.milliseconds(500)

    mutating func emit(_ kind: TaskEventDraft.Kind, message: String? = nil) {
        effects.append(
            .emit(TaskEventDraft(kind: kind, phase: phase, counts: counts, occurrence: pauses, message: message))
        )
    }

    mutating func emitNode(
        _ kind: TaskEventDraft.Kind,
        _ node: String,
        attempt: Int,
        occurrence: Int = 0,
        images: [ImageOutcome] = [],
        failure: ImageFailure? = nil,
        reason: String? = nil,
        message: String? = nil
    ) {
        let failure = failure ?? images.first { $0.phase == .failed }?.failure
        let draft = TaskEventDraft(
            kind: kind,
            phase: phase,
            counts: counts,
            occurrence: occurrence,
            node: node,
            attempt: attempt,
            images: images,
            cause: kind == .nodeFailed ? failure?.cause ?? .unknown : nil,
            reason: reason,
            message: message ?? (kind == .nodeFailed ? failure?.message : nil)
        )
        effects.append(.emit(draft))
    }

    /// The images of a node in work, with their references.
    func outcomes(_ index: Int) -> [ImageOutcome] {
        work[index].map { outcomes($0, index) } ?? []
    }

    func outcomes(_ item: Work, _ index: Int) -> [ImageOutcome] {
        zip(imageSets[Int(nodes[index].imageSet)].images, item.images).map { image, seen in
            ImageOutcome(
                image: image,
                phase: seen.phase,
                digest: seen.digest,
                failure: seen.failure,
                bytes: seen.bytes,
                milliseconds: seen.milliseconds
            )
        }
    }

    /// The shortest time between two events about one node's images while they are pulled.
    static let imagesInterval = Duration.seconds(5)

    /// Tells which images of a node are decided while others are still pulled.
    mutating func announceImages(_ index: Int) {
        guard let item = work[index], state == .working || state == .draining else { return }
        let decided = item.images.count(where: \.phase.isDecided)
        guard decided > item.announced, decided < item.images.count else { return }
        if let last = item.announcedAt, now < last + Self.imagesInterval { return }
        work[index]?.announced = decided
        work[index]?.announcedAt = now
        emitNode(
            .nodePulling,
            nodes[index].name,
            attempt: item.attempt,
            occurrence: decided,
            images: outcomes(index)
        )
    }

    mutating func emitProgress() {
        switch state {
        case .working, .draining: break
        case .idle, .checking, .rechecking, .restoring, .publishing, .finished: return
        }
        guard isProgressDue else { return }
        if let lastProgress, now < lastProgress + Self.progressInterval { return }
        lastProgress = now
        isProgressDue = false
        progressCount += 1
        effects.append(
            .emit(
                TaskEventDraft(
                    kind: .progress,
                    phase: phase,
                    counts: counts,
                    occurrence: progressCount,
                    progress: progress(at: now)
                )
            )
        )
    }

    /// How far the task has come. The remaining time supposes that the nodes to come are like those done.
    ///
    /// - Parameter now: The moment to count the speed up to.
    /// - Returns: 0 % while nodes are not resolved, 100 % when all are decided.
    package func progress(at now: Timestamp) -> TaskProgress {
        guard counts.nodesTotal > 0 else { return TaskProgress(percent: 0, remaining: nil) }
        let done = Double(counts.finished) + max(0, partial)
        let total = Double(counts.nodesTotal)
        let percent = min(100, max(0, 100 * done / total))
        let worked = done - Double(decidedBefore)
        guard worked > 0, let pullingSince else { return TaskProgress(percent: percent, remaining: nil) }
        let elapsed = max(now.duration(since: pullingSince), .zero)
        return TaskProgress(percent: percent, remaining: elapsed * ((total - done) / worked))
    }

    mutating func pause() {
        guard !isPaused else { return }
        isPaused = true
        pauses += 1
        isStatusDue = true
        if state == .working { emit(.paused) }
    }

    mutating func resume() {
        guard isPaused else { return }
        isPaused = false
        isStatusDue = true
        retryHeld()
        if state == .working { emit(.pulling) }
    }

    mutating func change(_ settings: Settings) {
        let former = self.settings
        self.settings = settings
        guard state == .working || state == .draining else { return }
        for (index, item) in work.sorted(by: { $0.key < $1.key }) {
            switch nodes[index].status {
            case .working where former.timeout != settings.timeout:
                // A longer or shorter timeout holds for what is in work, too.
                setAttemptEnd(index, max(now, item.due - former.timeout + settings.timeout))
            case .waiting(let attempt) where !hasAttemptsLeft(Int(attempt)): finish(index, .failed)
            case .pending, .working, .waiting, .succeeded, .failed, .skipped: break
            }
        }
        stopIfHopeless()
    }
}
