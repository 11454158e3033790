import KubernetesAPI
import Logging
import LongshoreDomain
import LongshoreMessages
import OCIRegistry

/// Resolves a task's nodes and images.
struct TaskPlanner: Sendable {
    let nodes: Informer<WatchedNode>
    let checker: RegistryChecker
    let logger: Logger

    /// Disk is needed for the compressed layers, for what they unpack to, and for some room.
    static let diskFactor = 2.5

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
    /// - Returns: ``TaskRun/Event/nodesResolved(_:)``.
    func resolve(_ spec: TaskSpec, task: TaskID) async -> TaskRun.Event {
        await waitForNodes()
        var plan = nodePlan(spec)
        let questions = Self.questions(plan)
        var findings: [RegistryChecker.Question: RegistryChecker.Finding] = [:]
        if !questions.isEmpty {
            findings = await checker.check(
                questions,
                task: task,
                project: spec.project,
                asksRegistries: spec.checks.contains(.registry),
                platform: spec.checks.contains(.disk) ? platform(of: plan) : nil
            )
        }
        if spec.checks.contains(.disk) { setAsideSmallNodes(&plan, findings) }
        return .nodesResolved(TaskRun.Plan(plan, badImages: Self.badImages(findings)))
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
            for image in target.plannedImages where !target.presentImages.contains(image.reference) {
                result.insert(RegistryChecker.Question(image: image.reference, secretName: image.secretName))
            }
        }
        return result
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
            let needed = target.plannedImages.reduce(0) { sum, image in
                if target.presentImages.contains(image.reference) { return sum }
                let question = RegistryChecker.Question(image: image.reference, secretName: image.secretName)
                return sum + (findings[question]?.bytes ?? 0)
            }
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
