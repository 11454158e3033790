import WireFormats

extension TaskRun {
    mutating func start() {
        guard case .idle = state else { return }
        state = .checking
        emit(.checking)
        isStatusDue = true
        effects.append(.resolveNodes)
    }

    mutating func failPlan(_ cause: FailureCause, _ reason: String, _ message: String) {
        switch state {
        case .idle, .checking, .rechecking:
            publish(Outcome(phase: .failed, cause: cause, reason: reason, message: message))
        case .restoring, .working, .draining, .publishing, .finished: break
        }
    }

    mutating func accept(_ plan: Plan) {
        if case .rechecking = state { return acceptAgain(plan) }
        guard case .checking = state else { return }
        setNodes(plan)
        counts = TaskCounts(nodesTotal: nodes.count + plan.skipped.count)
        state = .working
        pullingSince = now
        emit(isPaused ? .paused : .pulling, message: plan.note)
        for node in plan.skipped {
            counts.skipped += 1
            emitNode(.nodeSkipped, node.node, attempt: 0, reason: node.reason, message: node.message)
        }
        for index in nodes.indices { decideWithoutJob(index) }
        decidedBefore = counts.finished
        isStatusDue = true
    }

    /// Takes over what a retry's check has found for the nodes that are to be tried again.
    private mutating func acceptAgain(_ plan: Plan) {
        takeTargets(of: plan)
        badImages = plan.badImages
        checkNote = plan.note
        gone = plan.skipped.reduce(into: [:]) { $0[$1.node] = $1 }
        isRecheckDue = false
        state = .working
        pullingSince = now
        decidedBefore = counts.finished
        emit(isPaused ? .paused : .pulling, message: plan.note)
        for index in nodes.indices {
            guard case .pending = nodes[index].status else { continue }
            if isOffered(index) { decideWithoutJob(index) } else { leaveOut(index) }
        }
        gone = [:]
        isStatusDue = true
    }

    /// Takes over the nodes of a plan, sorted by name and each only once.
    mutating func setNodes(_ plan: Plan) {
        imageSets = plan.imageSets
        badImages = plan.badImages
        checkNote = plan.note
        setAside = plan.skipped.count
        setAsideNodes = UntoldEnds.SetAsideNodes.groups(plan.skipped)
        let targets = plan.targets.filter { plan.imageSets.indices.contains($0.imageSet) }.sorted { $0.node < $1.node }
        nodes.reserveCapacity(targets.count)
        indices.reserveCapacity(targets.count)
        for target in targets where nodes.last?.name != target.node {
            indices[target.node] = nodes.count
            if !target.present.isEmpty { present[nodes.count] = target.present }
            nodes.append(Node(name: target.node, imageSet: Int32(target.imageSet), status: .pending))
        }
        encodedNames = NodeNameList(nodes.map(\.name))
    }

    /// A node with nothing to pull is done: all its images are there, or none of the missing ones can be had.
    private mutating func decideWithoutJob(_ index: Int) {
        let images = initialImages(index)
        guard images.allSatisfy(\.phase.isDecided) else { return }
        present[index] = nil
        work[index] = Work(images: images)
        let failed = images.contains { $0.phase == .failed }
        finish(index, failed ? .failed : .succeeded, reason: failed ? "ImageUnavailable" : "AlreadyPresent")
    }

    /// What is known about a node's images before its first attempt.
    func initialImages(_ index: Int) -> [ImageObservation] {
        let set = imageSets[Int(nodes[index].imageSet)]
        var images = [ImageObservation](repeating: ImageObservation(phase: .pending), count: set.images.count)
        if !badImages.isEmpty {
            for (position, image) in set.images.enumerated() {
                guard let failure = badImages[image] else { continue }
                images[position] = ImageObservation(phase: .failed, failure: failure)
            }
        }
        for position in present[index] ?? [] where images.indices.contains(position) {
            images[position] = ImageObservation(phase: .present)
        }
        return images
    }
}
