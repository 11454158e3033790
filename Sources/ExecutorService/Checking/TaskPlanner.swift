import KubernetesAPI
import Logging
import LongshoreDomain
import LongshoreMessages
import OCIRegistry
import Redaction

/// Resolves a task's nodes and images.
struct TaskPlanner: Sendable {
    let nodes: Informer<WatchedNode>
    let checker: RegistryChecker
    let logger: Logger

    /// Disk is needed for the compressed layers, for what they unpack to, and for some room.
    static let diskFactor = 2.5
    /// The most images of one kind that a note lists.
    private static let maximumNoted = 5

    /// The nodes as the cluster shows them now, with the task's images on them.
    ///
    /// - Parameter spec: The task.
    /// - Returns: The plan, with nothing known about registries.
    func nodePlan(_ spec: TaskSpec) -> NodePlan {
        var wanted: Set<Int32>?
        if spec.overrides.isEmpty {
            wanted = ImageNameTable.shared.knownNumbers(of: spec.images.flatMap(\.reference.exactNames))
        }
        return planNodes(spec: spec, facts: nodes.list().map { $0.facts(wanted: wanted) })
    }

    /// Waits until the nodes are known; returns early when cancelled.
    func waitForNodes() async {
        while !nodes.hasSynced, !Task.isCancelled {
            do {
                try await nodes.waitUntilSynced(timeout: .seconds(10))
            } catch {
                logger.warning("The nodes are not known yet", metadata: ["error": "\(error)"])
                try? await Task.sleep(for: .milliseconds(200))
            }
        }
    }

    /// Resolves everything.
    ///
    /// - Parameters:
    ///   - spec: The task.
    ///   - task: Its id.
    ///   - scrubber: Learns the credentials that Pods will use.
    /// - Returns: ``TaskRun/Event/nodesResolved(_:)``.
    func resolve(_ spec: TaskSpec, task: TaskID, scrubber: CredentialScrubber) async -> TaskRun.Event {
        await waitForNodes()
        var plan = nodePlan(spec)
        let questions = Self.questions(plan)
        var findings: [RegistryChecker.Question: RegistryChecker.Finding] = [:]
        if !questions.isEmpty {
            findings = await checker.check(
                questions,
                task: task,
                project: spec.project,
                checks: spec.checks,
                platform: spec.checks.contains(.disk) ? platform(of: plan) : nil,
                scrubber: scrubber
            )
        }
        if spec.checks.contains(.disk) { setAsideSmallNodes(&plan, findings) }
        var result = TaskRun.Plan(plan, badImages: Self.badImages(findings))
        result.note = Self.note(findings)
        return .nodesResolved(result)
    }

    /// Which images no registry has said anything about, and why: `not checked: no credential given (h.io/a:1)`.
    static func note(_ findings: [RegistryChecker.Question: RegistryChecker.Finding]) -> String? {
        var images: [String: Set<String>] = [:]
        for (question, finding) in findings {
            if let reason = finding.inconclusive { images[reason, default: []].insert(question.image.canonical) }
        }
        let parts = images.sorted { $0.key < $1.key }.map { reason, images in
            let listed = images.sorted().prefix(maximumNoted).joined(separator: ", ")
            let more = images.count > maximumNoted ? " and \(images.count - maximumNoted) more" : ""
            return "\(reason) (\(listed)\(more))"
        }
        return parts.isEmpty ? nil : Scrubber().scrub(parts.joined(separator: "; "), limit: 1_024)
    }

    /// Reads the Secrets that a task's Pods may use, before what is said of these Pods is looked at by a new owner.
    ///
    /// - Parameters:
    ///   - plan: The task's nodes.
    ///   - spec: The task.
    ///   - task: Its id.
    ///   - scrubber: Learns the credentials.
    func learnCredentials(
        of plan: NodePlan,
        _ spec: TaskSpec,
        task: TaskID,
        into scrubber: CredentialScrubber
    ) async {
        let names = RegistryChecker.secretNames(in: Self.questions(plan))
        await checker.learn(names, task: task, project: spec.project, into: scrubber)
    }

    /// The images that some node lacks, each with the Secrets it is pulled with.
    private static func questions(_ plan: NodePlan) -> Set<RegistryChecker.Question> {
        var result: Set<RegistryChecker.Question> = []
        var seen: Set<[PlannedImage]> = []
        var last: [PlannedImage]?
        for target in plan.targets where !target.isSatisfied {
            // Nodes without overrides share their list, which then compares in no time.
            if target.presentImages.isEmpty {
                if last == target.plannedImages { continue }
                last = target.plannedImages
                guard seen.insert(target.plannedImages).inserted else { continue }
            }
            result.formUnion(Self.questions(target))
        }
        return result
    }

    /// The images that a node lacks, in the plan's order.
    private static func questions(_ target: NodeTarget) -> [RegistryChecker.Question] {
        // Those of images that are there already, too: else an image would be asked about again for every mixture of what
        // nodes have.
        var secrets: [String] = []
        for image in target.plannedImages {
            if let name = image.secretName, !secrets.contains(name) { secrets.append(name) }
        }
        return target.plannedImages.filter { !target.presentImages.contains($0.reference) }.map { image in
            RegistryChecker.Question(image: image.reference, secretName: image.secretName, podSecretNames: secrets)
        }
    }

    /// An image is bad when it cannot be had with any of the Secrets that nodes would use for it.
    private static func badImages(
        _ findings: [RegistryChecker.Question: RegistryChecker.Finding]
    ) -> [String: TaskRun.ImageFailure] {
        var result: [String: TaskRun.ImageFailure] = [:]
        for (image, answers) in Dictionary(grouping: findings, by: \.key.image) {
            let failures = answers.compactMap(\.value.failure)
            guard failures.count == answers.count, let first = failures.first else { continue }
            result[image.canonical] = first
        }
        return result
    }

    private func platform(of plan: NodePlan) -> OCIPlatform? {
        guard let first = plan.targets.first, let node = nodes.get(name: first.name), !node.architecture.isEmpty else {
            return nil
        }
        return OCIPlatform(
            os: node.operatingSystem.isEmpty ? "linux" : node.operatingSystem,
            architecture: node.architecture
        )
    }

    private func setAsideSmallNodes(
        _ plan: inout NodePlan,
        _ findings: [RegistryChecker.Question: RegistryChecker.Finding]
    ) {
        guard findings.values.contains(where: { $0.bytes != nil }) else { return }
        var kept: [NodeTarget] = []
        kept.reserveCapacity(plan.targets.count)
        for target in plan.targets {
            let needed = Self.questions(target).reduce(0) { sum, question in sum + (findings[question]?.bytes ?? 0) }
            let room = nodes.get(name: target.name)?.ephemeralStorageBytes
            if let room, Double(needed) * Self.diskFactor > Double(room) {
                let message = "the images need some \(needed) bytes compressed, the node offers \(room) in all"
                plan.skipped.append(SkippedNode(name: target.name, reason: .diskPressure, message: message))
            } else {
                kept.append(target)
            }
        }
        plan.targets = kept
    }
}
