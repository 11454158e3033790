/// Works out a ``NodePlan``.
///
/// Nodes to which the same overrides apply share one list of images, so that a plan for a hundred thousand nodes holds
/// one list and not a hundred thousand.
struct NodePlanner {
    private let spec: TaskSpec
    private var plan = NodePlan()
    /// The images by the positions of the overrides that apply; nothing where they make no valid reference.
    private var imagesByOverrides: [[Int]: Images?] = [:]

    /// The images of nodes to which the same overrides apply.
    private struct Images {
        var planned: [PlannedImage]
        /// Those that a node may have already, with the names under which it would list them. Presence is believed only from a
        /// whole name, and never when the registry has to be asked anyway.
        var believable: [(reference: ImageReference, names: [String])]
    }

    init(spec: TaskSpec) {
        self.spec = spec
    }

    mutating func plan(_ facts: [NodeFacts]) -> NodePlan {
        var byName: [String: NodeFacts] = [:]
        byName.reserveCapacity(facts.count)
        var duplicates: Set<String> = []
        for node in facts {
            if byName[node.name] == nil { byName[node.name] = node } else { duplicates.insert(node.name) }
        }
        plan.duplicates = duplicates.sorted()
        guard !spec.nodeSelection.names.isEmpty else {
            for name in byName.keys.sorted() { if let node = byName[name] { add(node, isByName: false) } }
            return plan
        }
        var handled: Set<String> = []
        for name in spec.nodeSelection.names where handled.insert(name).inserted {
            if let node = byName[name] {
                add(node, isByName: true)
            } else {
                skip(name, .unknown, "the cluster has no such node")
            }
        }
        return plan
    }

    private mutating func add(_ node: NodeFacts, isByName: Bool) {
        guard spec.nodeSelection.selector.matches(node.labels) else {
            if isByName { skip(node.name, .selectorMismatch, "its labels do not match the task's selector") }
            return
        }
        if let (reason, message) = Self.obstacle(node, selection: spec.nodeSelection) {
            skip(node.name, reason, message)
            return
        }
        let overrides = spec.overrides.indices.filter { spec.overrides[$0].selector.matches(node.labels) }
        guard let images = images(with: overrides) else {
            skip(node.name, .invalidOverride, "the overrides for its labels make an invalid image reference")
            return
        }
        var present: Set<ImageReference> = []
        if !node.imageNames.isEmpty {
            for image in images.believable where image.names.contains(where: node.imageNames.contains) {
                present.insert(image.reference)
            }
        }
        plan.targets.append(NodeTarget(name: node.name, plannedImages: images.planned, presentImages: present))
    }

    private mutating func skip(_ name: String, _ reason: SkipReason, _ message: String) {
        plan.skipped.append(SkippedNode(name: name, reason: reason, message: message))
    }

    /// What keeps a node from being worked on, the most lasting reason first.
    private static func obstacle(_ node: NodeFacts, selection: NodeSelection) -> (SkipReason, String)? {
        if node.isDeleting { return (.deleting, "the node is being deleted") }
        if let platform = node.virtualPlatform {
            return (.virtual, "a virtual node (\(platform)) has no image store to warm")
        }
        if !node.operatingSystem.isEmpty, node.operatingSystem != "linux" {
            return (.operatingSystem, "the puller runs on Linux only")
        }
        if !node.isReady { return (.notReady, "the node is not ready") }
        let isCordoned = node.isUnschedulable || node.taints.contains { $0.key == Taint.unschedulableKey }
        if isCordoned, !selection.includeCordoned { return (.cordoned, "the node is cordoned") }
        let tolerations = selection.podTolerations
        let blocking = node.taints.first { taint in
            taint.effect != .preferNoSchedule && !tolerations.contains { $0.tolerates(taint) }
        }
        if let blocking { return (.taintNotTolerated, "the taint \(blocking.key) is not tolerated") }
        if node.hasDiskPressure { return (.diskPressure, "the node is short of disk space") }
        return nil
    }

    private mutating func images(with overrides: [Int]) -> Images? {
        if let known = imagesByOverrides[overrides] { return known }
        let images = makeImages(overrides.map { spec.overrides[$0] }).map { planned in
            let references = planned.map(\.reference).filter { spec.effectivePullPolicy(for: $0) == .ifNotPresent }
            return Images(planned: planned, believable: references.map { ($0, $0.exactNames) })
        }
        imagesByOverrides[overrides] = .some(images)
        return images
    }

    private func makeImages(_ overrides: [NodeOverride]) -> [PlannedImage]? {
        var result: [PlannedImage] = []
        var seen: Set<ImageReference> = []
        for requested in spec.images {
            guard let image = makeImage(requested, overrides) else { return nil }
            if seen.insert(image.reference).inserted { result.append(image) }
        }
        return result
    }

    private func makeImage(_ requested: RequestedImage, _ overrides: [NodeOverride]) -> PlannedImage? {
        var reference = requested.reference
        var replacement: String?
        for override in overrides {
            let before = reference
            for rule in override.images {
                guard let changed = try? rule.apply(to: reference) else { return nil }
                reference = changed
            }
            if let secret = override.secretName, override.images.isEmpty || reference != before {
                replacement = secret
            }
        }
        // A Secret given for one image is for its registry: where an override leads to another one it does not go along.
        let own = reference.domain == requested.reference.domain ? requested.secretName : nil
        let matched = spec.credentials.reference(for: reference)?.secretName
        return PlannedImage(reference: reference, secretName: replacement ?? own ?? matched)
    }
}
