import KubernetesAPI
import LongshoreDomain
import WireFormats

/// Turns what the cluster says about one attempt's Job and Pod into the states of its images.
///
/// It remembers between two looks how often an image has failed: some failures are final at once, for others the
/// kubelet's own back-off gets one more try.
struct AttemptObserver: Sendable {
    /// What is remembered of an image.
    private struct ImageMemory: Sendable, Hashable {
        var failedPulls = 0
        var isFailingNow = false
        /// Whether the kubelet has not tried the last time, by its own limit of pulls per second.
        var isThrottled = false
        var failure: TaskRun.ImageFailure?
    }

    let node: String
    let attempt: Int
    private let helperImage: String
    private let scrubber: CredentialScrubber
    private var memories: [Int: ImageMemory] = [:]
    /// With image volumes: what is said of the helper, the containers' own image, by the number of the container.
    private var waitingForHelper: [Int: TaskRun.ImageFailure] = [:]
    /// What the kubelet has said in Events, by reference.
    private var facts: [String: KubeletImageEvent.Fact] = [:]
    private var pod: Pod?
    private var isPodGone = false
    private var job: Job?
    /// Whether the cluster itself was asked after the Job had ended: then what is known is all there is to know.
    private var isInspected = false
    /// What kept the Pod from being made or scheduled, as far as the inspection has found out.
    private(set) var obstacle: TaskRun.ImageFailure?

    /// Longest message of a runtime that is kept.
    private static let messageLimit = 512

    /// - Parameters:
    ///   - node: The node.
    ///   - attempt: The attempt's number.
    ///   - helperImage: The image that puller Pods run.
    ///   - scrubber: Knows the task's credentials.
    init(node: String, attempt: Int, helperImage: String, scrubber: CredentialScrubber) {
        self.node = node
        self.attempt = attempt
        self.helperImage = helperImage
        self.scrubber = scrubber
    }

    /// A Pod of the attempt is there, or has changed.
    mutating func see(_ pod: Pod) {
        self.pod = pod
        isPodGone = false
    }

    /// The Pod was deleted; it is remembered as it was last.
    mutating func seePodGone(_ last: Pod) {
        if pod == nil || !last.status.containerStatuses.isEmpty { pod = last }
        isPodGone = true
    }

    /// The kubelet has said something about an image in an Event. That an image is there is never taken back: kubelets say of an
    /// image that they have pulled that it is present, whenever they look at the Pod again.
    mutating func see(_ event: KubeletImageEvent) {
        switch (facts[event.image], event.fact) {
        // A back-off says nothing of why.
        case (.pulled, _), (.present, _), (.failed, .backingOff): break
        case (.pulling, _), (.failed, _), (.backingOff, _), (nil, _): facts[event.image] = event.fact
        }
    }

    /// The cluster itself was asked.
    mutating func seeInspection(job: Job?, pod: Pod?, obstacle: TaskRun.ImageFailure? = nil) {
        if let job { see(job) }
        if let pod { see(pod) }
        // A Job that is over takes its Pod with it, and what was said about that one.
        self.obstacle = obstacle ?? self.pod.flatMap { PodObstacle.obstacle(of: $0, scrubber) }
        isInspected = true
    }

    /// Whether the Job has ended and the Pod has not said how: Jobs and Pods come by separate ways, and the Pod's last word may
    /// be late, or lost.
    var awaitsPod: Bool {
        guard !isInspected, let job, job.status.isFinished else { return false }
        return pod.map { !$0.status.isOver } ?? true
    }

    /// The Job is there, or has changed.
    mutating func see(_ job: Job) {
        self.job = job
    }

    /// Tells the attempt's Job from any other of its name.
    var jobUID: String? { job?.metadata.uid }

    /// Whether Kubernetes has removed the Pod because its node is no longer part of the cluster; the Node's own end may come
    /// to be known later.
    var isNodeGone: Bool {
        guard let condition = pod?.status.conditions["DisruptionTarget"], condition.status == .true else {
            return false
        }
        return condition.reason == "DeletionByPodGC" && condition.message?.contains("node no longer exists") == true
    }

    /// What the task is told; `isLast` when the attempt's time is over.
    mutating func observation(isLast: Bool = false) -> TaskRun.JobObservation {
        var observation = TaskRun.JobObservation(node: node, attempt: attempt, isScheduled: isScheduled)
        guard let pod else {
            observation.ending = ending()
            return observation
        }
        let references = Self.references(of: pod)
        let method = Self.method(of: pod)
        waitingForHelper = [:]
        for status in pod.status.containerStatuses {
            guard let index = JobTemplate.imageIndex(ofContainer: status.name), references.indices.contains(index)
            else { continue }
            observation.images[references[index]] = image(index, references[index], status, method)
        }
        var unconfirmed: String?
        for reference in references {
            let seen = observation.images[reference]
            let told = told(reference, seen, method)
            if told?.phase.isOnNode == true, seen?.phase.isOnNode != true { unconfirmed = reference }
            observation.images[reference] = told
        }
        observation.ending = helperFailure(pod) ?? helperFailure(observation) ?? ending()
        // Only containers tell digests: while there may be more of them to come, Events alone do not end the attempt.
        if let unconfirmed, !isLast, observation.ending == nil,
            references.allSatisfy({ observation.images[$0]?.phase.isDecided == true })
        {
            observation.images[unconfirmed] = .init(phase: .pulling)
        }
        return observation
    }

    /// An image by its container's status and by the kubelet's Events. With image volumes no container says anything before the
    /// last volume was tried: only the Events tell which image is done.
    private func told(
        _ reference: String,
        _ seen: TaskRun.ImageObservation?,
        _ method: PullMethod
    ) -> TaskRun.ImageObservation? {
        if var seen, seen.phase.isOnNode {
            (seen.bytes, seen.milliseconds) = sizes(reference)
            return seen
        }
        switch facts[reference] {
        case .pulled:
            let (bytes, milliseconds) = sizes(reference)
            return .init(phase: .pulled, digest: seen?.digest, bytes: bytes, milliseconds: milliseconds)
        // What an earlier attempt has pulled was not there before the task came.
        case .present: return .init(phase: attempt > 1 ? .pulled : .present, digest: seen?.digest)
        case .failed(let message):
            guard seen?.failure == nil, !FailureCause.isKubeletThrottling(message: message) else { return seen }
            let failure = failure("ErrImagePull", message)
            return .init(phase: failure.cause.isFinalAtOnce ? .failed : .pulling, failure: failure)
        case .pulling, .backingOff: return seen ?? .init(phase: .pulling)
        case nil:
            // One volume after the other: the kubelet is at another one.
            guard method == .imageVolume, let seen, seen.phase == .pulling, seen.failure == nil,
                facts.values.contains(.pulling)
            else { return seen }
            return .init(phase: .pending)
        }
    }

    /// The size of an image and the time of its pull, where the kubelet has told them.
    private func sizes(_ reference: String) -> (bytes: Int64?, milliseconds: Int64?) {
        guard case .pulled(let duration, let bytes) = facts[reference] else { return (nil, nil) }
        return (bytes, duration.map { Int64($0 / .milliseconds(1)) })
    }

    /// The canonical references of the attempt's images, by container number.
    var references: [String] { (pod?.metadata ?? job?.metadata).map(Self.references) ?? [] }

    /// The canonical references of a Pod's images, by container number.
    static func references(of pod: Pod) -> [String] { references(of: pod.metadata) }

    private static func references(of metadata: ObjectMeta) -> [String] {
        guard let text = metadata.annotations[PullTaskKeys.images],
            let json = try? JSONValue(parsing: Array(text.utf8))
        else { return [] }
        return json.array?.map { $0.string ?? "" } ?? []
    }

    private static func method(of pod: Pod) -> PullMethod {
        pod.spec.initContainers.contains { $0.name == JobTemplate.helperName } ? .kubelet : .imageVolume
    }

    private var isScheduled: Bool {
        guard let pod else { return false }
        return pod.spec.nodeName != nil || pod.status.startTime != nil || pod.status.conditions.isTrue("PodScheduled")
    }

    // MARK: - One image

    private mutating func image(
        _ index: Int,
        _ reference: String,
        _ status: ContainerStatus,
        _ method: PullMethod
    ) -> TaskRun.ImageObservation {
        let digest = digest(of: status, method)
        switch status.state {
        case .running:
            return .init(phase: .pulled, digest: digest)
        case .terminated(let end):
            // A container ran, or its runtime tried to run it: its image is there. With image volumes only a container that
            // was started proves that its volume was mounted.
            if method == .kubelet ? !status.imageID.isEmpty || end.exitCode == 0 : end.exitCode == 0 {
                return .init(phase: .pulled, digest: digest)
            }
            if method == .imageVolume, Self.isHelpersOwn(end.message) {
                waitingForHelper[index] = helperFailure("The helper image cannot be run: \(end.message)")
                return .init(phase: .pulled)
            }
            return .init(phase: .failed, failure: failure(end.reason, end.message, fallback: .internal))
        case .waiting(let reason, let message):
            return waiting(index, reference, status, method, reason: reason, message: message, digest: digest)
        case nil:
            return .init(phase: .pending)
        }
    }

    private mutating func waiting(
        _ index: Int,
        _ reference: String,
        _ status: ContainerStatus,
        _ method: PullMethod,
        reason: String,
        message: String,
        digest: String?
    ) -> TaskRun.ImageObservation {
        var memory = memories[index] ?? ImageMemory()
        defer { memories[index] = memory }
        switch reason {
        case "InvalidImageName" where method == .imageVolume && mentionsHelper(message, reference):
            waitingForHelper[index] = helperFailure("The helper image \(helperImage) is no image's name: \(message)")
            return .init(phase: .pulled)
        case "InvalidImageName", "ErrImageNeverPull":
            return .init(phase: .failed, failure: failure(reason, message))
        case "RunContainerError", "StartError", "CrashLoopBackOff":
            if method == .kubelet && !status.imageID.isEmpty { return .init(phase: .pulled, digest: digest) }
            return .init(phase: .pulling, failure: failure(reason, message, fallback: .internal))
        case "CreateContainerError" where method == .imageVolume && Self.isHelpersOwn(message):
            waitingForHelper[index] = helperFailure("The helper image cannot be run: \(message)")
            return .init(phase: .pulled)
        case "CreateContainerError", "CreateContainerConfigError":
            return .init(phase: .pulling, failure: failure(reason, message, fallback: .internal))
        case "ErrImagePull", "RegistryUnavailable", "SignatureValidationFailed", "ImageInspectError":
            memory.isThrottled = FailureCause.isKubeletThrottling(message: message)
            if memory.isThrottled { return Self.throttled(&memory, failure(reason, message)) }
            if !memory.isFailingNow { memory.failedPulls += 1 }
            memory.isFailingNow = true
            memory.failure = failure(reason, message)
        case "ImagePullBackOff":
            let told = failure(reason, message)
            if FailureCause.isKubeletThrottling(message: message) || (memory.isThrottled && told.cause == .unknown) {
                return Self.throttled(&memory, told)
            }
            memory.failedPulls = max(1, memory.failedPulls)
            memory.isFailingNow = false
            // Older kubelets say nothing here but that they wait; the failure itself was said before.
            if memory.failure == nil || told.cause != .unknown { memory.failure = told }
        case _ where KubeletKeyring.isRefusal(waitingReason: reason):
            let text = scrubber.scrub("The kubelet cannot read a pull Secret: \(reason)", limit: Self.messageLimit)
            return .init(phase: .failed, failure: .init(cause: .unauthorized, message: text))
        default:
            // ContainerCreating and the like: a pull may be under way.
            memory.isFailingNow = false
            return .init(phase: .pulling, failure: memory.failure)
        }
        guard let failure = memory.failure else { return .init(phase: .pulling) }
        if method == .imageVolume, mentionsHelper(message, reference) {
            let told = helperFailure("The helper image \(helperImage) could not be pulled: \(failure.message)")
            let isOver = reason != "ErrImagePull" || memory.failedPulls >= 2 || failure.cause.isFinalAtOnce
            guard isOver else { return .init(phase: .pulling) }
            waitingForHelper[index] = told
            // The kubelet reports a volume that it could not pull before it tries the container's own image
            // (`toKubeContainerImageVolumes` comes before `startContainer`): this one is there.
            return .init(phase: .pulled)
        }
        let isFinal = failure.cause.isFinalAtOnce || memory.failedPulls >= 2
        return .init(phase: isFinal ? .failed : .pulling, failure: failure)
    }

    /// Nothing was pulled, so nothing has failed: the kubelet tries again by itself.
    private static func throttled(
        _ memory: inout ImageMemory,
        _ told: TaskRun.ImageFailure
    ) -> TaskRun.ImageObservation {
        memory.isFailingNow = false
        // Older kubelets do not say again in their back-off why they wait.
        if memory.failure == nil { memory.failure = told }
        return .init(phase: .pulling, failure: memory.failure)
    }

    /// With image volumes, the same container waits for its volume and for the helper's own image.
    private func mentionsHelper(_ message: String, _ reference: String) -> Bool {
        reference != helperImage && message.contains(helperImage) && !message.contains(reference)
    }

    /// Whether a runtime says of the helper's own program that it is not there, or not for this machine.
    private static func isHelpersOwn(_ message: String) -> Bool {
        message.contains("/bin/busybox") || message.contains("exec format error")
    }

    private func helperFailure(_ text: String) -> TaskRun.ImageFailure {
        TaskRun.ImageFailure(cause: .helper, message: scrubber.scrub(text, limit: Self.messageLimit))
    }

    /// With image volumes: nothing is left to wait for but the helper, and that is not to be had.
    private func helperFailure(_ observation: TaskRun.JobObservation) -> TaskRun.ImageFailure? {
        guard !waitingForHelper.isEmpty, observation.images.values.allSatisfy(\.phase.isDecided) else { return nil }
        return waitingForHelper.min { $0.key < $1.key }?.value
    }

    private func failure(
        _ reason: String,
        _ message: String,
        fallback: FailureCause = .unknown
    ) -> TaskRun.ImageFailure {
        let cause = FailureCause.classify(waitingReason: reason, message: message)
        let text = scrubber.scrub(message.isEmpty ? reason : message, limit: Self.messageLimit)
        return TaskRun.ImageFailure(cause: cause == .unknown ? fallback : cause, message: text)
    }

    private func digest(of status: ContainerStatus, _ method: PullMethod) -> String? {
        let text =
            switch method {
            // The helper is what `imageID` names.
            case .imageVolume: status.volumeMounts.compactMap(\.imageRef).first ?? ""
            case .kubelet: status.imageID
            }
        guard let at = text.lastIndex(where: { $0 == "@" }) else {
            return text.hasPrefix("sha256:") ? text : nil
        }
        let digest = text[text.index(after: at)...]
        return digest.contains(":") ? String(digest) : nil
    }

    // MARK: - The end of the attempt

    /// Without the helper no image of the method `kubelet` is ever pulled.
    private func helperFailure(_ pod: Pod) -> TaskRun.ImageFailure? {
        guard let helper = pod.status.initContainerStatuses.first(where: { $0.name == JobTemplate.helperName }) else {
            return nil
        }
        switch helper.state {
        case .waiting(_, let message) where FailureCause.isKubeletThrottling(message: message): return nil
        case .waiting("ImagePullBackOff", let message), .waiting("InvalidImageName", let message),
            .waiting("ErrImageNeverPull", let message):
            return helperFailure("The helper image \(helperImage) could not be pulled: \(message)")
        case .terminated(let end) where end.exitCode != 0:
            return helperFailure("The helper ended with \(end.exitCode): \(end.reason) \(end.message)")
        case .waiting, .running, .terminated, nil:
            return nil
        }
    }

    /// Why nothing more will happen; `nil` while something still may, or while the Pod's last word has not arrived.
    private func ending() -> TaskRun.ImageFailure? {
        if let pod, let failure = podEnding(pod) { return failure }
        guard let job, job.status.isFinished else { return nil }
        let condition = job.status.conditions["Failed"]
        if condition?.status == .true, condition?.reason == "DeadlineExceeded" {
            // Why there was no Pod on the node is not in the Job.
            if !isScheduled && !isInspected { return nil }
            return obstacle ?? TaskRun.ImageFailure(cause: .timeout, message: "Not pulled in the Job's time.")
        }
        if awaitsPod && !(isPodGone && condition?.status == .true) { return nil }
        if let disruption { return disruption }
        guard let condition, condition.status == .true else {
            return TaskRun.ImageFailure(cause: .unknown, message: "The Pod was gone before it could be read.")
        }
        let message = condition.message ?? "The Job failed."
        return failure(condition.reason ?? "", message, fallback: isPodGone ? .evicted : .internal)
    }

    private func podEnding(_ pod: Pod) -> TaskRun.ImageFailure? {
        guard pod.status.isOver else { return nil }
        if let disruption { return disruption }
        let reason = pod.status.reason ?? ""
        if !reason.isEmpty { return failure(reason, pod.status.message ?? reason, fallback: .unknown) }
        return TaskRun.ImageFailure(
            cause: .unknown,
            message: "The Pod ended and said nothing about this image."
        )
    }

    /// What Kubernetes notes when it removes a Pod for the node's sake.
    private var disruption: TaskRun.ImageFailure? {
        guard let condition = pod?.status.conditions["DisruptionTarget"], condition.status == .true else { return nil }
        return failure(condition.reason ?? "", condition.message ?? condition.reason ?? "", fallback: .evicted)
    }
}

extension PodStatus {
    /// Whether the Pod has ended, one way or the other.
    fileprivate var isOver: Bool { phase == .succeeded || phase == .failed }
}
