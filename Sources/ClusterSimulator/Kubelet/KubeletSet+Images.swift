import Crypto
import DequeModule
import KubernetesAPI
import Redaction
import WireFormats

extension KubeletSet {
    // MARK: Presence

    /// Sees to an image: present, failed at once, or a pull that begins. False while the pull runs.
    func ensure(_ key: PodRunner.ImageKey, _ runner: PodRunner, _ parts: ControlPlane.Parts) -> Bool {
        guard let agent = agents[runner.node], let need = runner.images[key], need.stage == .needed else {
            return false
        }
        guard let name = ImageName(parsing: key.reference) else {
            let message =
                "Failed to apply default image tag \"\(key.reference)\": couldn't parse image name \"\(key.reference)\": invalid reference format"
            settle(key, runner, reason: "InvalidImageName", message, eventReason: "InspectFailed")
            return true
        }
        let keyring = keyring(runner)
        let image = agent.content.image(name)
        let isUsable = image.map { Self.canUse($0, name, keyring.ring) } ?? false
        if let image, isUsable, key.policy != "Always" {
            let imageID = "\(name.repository)@\(image.content.digest)"
            runner.images[key]?.stage = .present(imageID: imageID, image: image.content)
            runner.images[key]?.shown = nil
            record(
                runner,
                "Pulled",
                "Container image \"\(key.reference)\" already present on machine and can be accessed by the pod",
                image: key
            )
            return true
        }
        if key.policy == "Never" {
            let message = "Container image \"\(key.reference)\" is not present with pull policy of Never"
            settle(key, runner, reason: "ErrImageNeverPull", message, eventReason: "ErrImageNeverPull")
            return true
        }
        if let message = keyring.unreadable {
            refuse(key, runner, message, parts)
            return true
        }
        return beginPull(key, name, runner, agent, parts)
    }

    /// A pull Secret that cannot be read: the kubelet pulls nothing and shows the error itself as the reason. It looks again
    /// at the Pod's next turn.
    private func refuse(
        _ key: PodRunner.ImageKey,
        _ runner: PodRunner,
        _ message: String,
        _ parts: ControlPlane.Parts
    ) {
        let isNew = runner.images[key]?.shown?.reason != message
        runner.images[key]?.stage = .failed
        runner.images[key]?.shown = (message, message)
        markDirty(runner)
        if isNew { record(runner, "Failed", "Error: \(message)", isWarning: true, image: key) }
        later(configuration.timings.pullBackOffInitial, runner, parts) { kubelets, runner, parts in
            guard runner.images[key]?.stage == .failed, !runner.hasEnded else { return }
            runner.images[key]?.stage = .needed
            kubelets.advance(runner, parts)
        }
    }

    /// An image that never will be there.
    private func settle(
        _ key: PodRunner.ImageKey,
        _ runner: PodRunner,
        reason: String,
        _ message: String,
        eventReason: String
    ) {
        runner.images[key]?.stage = .failed
        runner.images[key]?.shown = (reason, message)
        markDirty(runner)
        record(runner, eventReason, message, isWarning: true, image: key)
        record(runner, "Failed", "Error: \(reason)", isWarning: true, image: key)
    }

    private static func canUse(_ image: NodeContent.Image, _ name: ImageName, _ ring: KubeletKeyring) -> Bool {
        guard case .credentials(let known) = image.access else { return true }
        return ring.credentials(for: name.repository).contains { !identities($0).isDisjoint(with: known) }
    }

    /// How a credential is recorded with an image: by the Secret it came from, and by its hash.
    private static func identities(_ credential: KubeletKeyring.Credential) -> Set<String> {
        let bytes = Array("\(credential.username):".utf8) + credential.password.exposeBytes()
        return ["secret:\(credential.source)", "hash:\(Hex.encode(SHA256.hash(data: bytes)))"]
    }

    /// The credentials of a Pod's Secrets, the Secrets that are not there, and the error of one that cannot be read.
    private func keyring(_ runner: PodRunner) -> (ring: KubeletKeyring, missing: [String], unreadable: String?) {
        var ring = KubeletKeyring()
        var missing: [String] = []
        var unreadable: String?
        for name in runner.pullSecretNames {
            let stored = objects.store.get(.secrets, ObjectKey(namespace: runner.key.namespace, name: name))
            guard let stored, let secret = try? Secret(json: stored.json) else {
                missing.append(name)
                continue
            }
            do throws(KubeletKeyring.UnreadableSecret) {
                try ring.add(secret)
            } catch {
                unreadable = unreadable ?? error.message
            }
        }
        return (ring, missing, unreadable)
    }

    // MARK: Pulls

    private func beginPull(
        _ key: PodRunner.ImageKey,
        _ name: ImageName,
        _ runner: PodRunner,
        _ agent: NodeAgent,
        _ parts: ControlPlane.Parts
    ) -> Bool {
        let now = Timestamp.now()
        let ticket = NodeAgent.Ticket(
            id: nextPullID(),
            uid: runner.uid,
            image: key,
            name: name,
            queuedAt: now,
            startedAt: now
        )
        record(runner, "Pulling", "Pulling image \"\(key.reference)\"", image: key)
        runner.images[key]?.stage = .pulling
        runner.activePull = (ticket.id, key)
        markDirty(runner)
        guard agent.runningPull == nil else {
            agent.waitingPulls.append(ticket)
            return false
        }
        return run(ticket, runner, agent, parts)
    }

    /// Starts a pull; true when it has ended already.
    private func run(
        _ ticket: NodeAgent.Ticket,
        _ runner: PodRunner,
        _ agent: NodeAgent,
        _ parts: ControlPlane.Parts
    ) -> Bool {
        var ticket = ticket
        ticket.startedAt = .now()
        agent.runningPull = ticket
        let (ring, missing, _) = keyring(runner)
        if !missing.isEmpty {
            let list = missing.joined(separator: ", ")
            record(
                runner,
                "FailedToRetrieveImagePullSecret",
                "Unable to retrieve some image pull secrets (\(list)); attempting to pull the image may not succeed.",
                isWarning: true
            )
        }
        let order = PullOrder(
            node: agent.name,
            image: ticket.name,
            operatingSystem: agent.template.operatingSystem,
            architecture: agent.template.architecture,
            // The node's own are tried after those of the Pod's Secrets.
            credentials: ring.credentials(for: ticket.name.repository)
                + agent.keyring.credentials(for: ticket.name.repository),
            bandwidthBytesPerSecond: agent.template.bandwidthBytesPerSecond,
            presentBlobs: agent.content.blobs,
            freeBytes: agent.freeBytes
        )
        let latency = agent.template.pullLatency
        pullNodes[ticket.id] = agent.name
        guard let outcome = immediateOutcome(order) else {
            start(ticket.id, order, after: latency, parts)
            return false
        }
        guard case .ended(let result) = outcome else { return false }
        if latency > .zero {
            parts.after(latency) { parts in parts.kubelets.pullEnded(ticket.id, result, parts) }
            return false
        }
        pullNodes[ticket.id] = nil
        conclude(ticket, result, runner, agent, parts)
        return true
    }

    private enum Immediate {
        case ended(PullOutcome)
        case hangs
    }

    private func immediateOutcome(_ order: PullOrder) -> Immediate? {
        if let fault = faults.take(order) {
            return fault.outcome(order.image).map { .ended(.failed($0)) } ?? .hangs
        }
        return puller.immediateOutcome(order).map { .ended($0) }
    }

    private func start(_ id: Int, _ order: PullOrder, after latency: Duration, _ parts: ControlPlane.Parts) {
        guard latency > .zero else {
            pulls.start(id, order, puller)
            return
        }
        parts.after(latency) { parts in
            guard parts.kubelets.agents[order.node]?.runningPull?.id == id else { return }
            parts.kubelets.pulls.start(id, order, parts.kubelets.puller)
        }
    }

    /// A pull that took time has ended.
    func pullEnded(_ id: Int, _ outcome: PullOutcome, _ parts: ControlPlane.Parts) {
        guard let node = pullNodes.removeValue(forKey: id), let agent = agents[node], let ticket = agent.runningPull,
            ticket.id == id
        else { return }
        let runner = runners[ticket.uid]
        conclude(ticket, outcome, runner, agent, parts)
        if let runner { advance(runner, parts) }
        startNextPull(agent, parts)
    }

    private func startNextPull(_ agent: NodeAgent, _ parts: ControlPlane.Parts) {
        while agent.runningPull == nil, let ticket = agent.waitingPulls.popFirst() {
            guard let runner = runners[ticket.uid], runner.activePull?.id == ticket.id else { continue }
            if run(ticket, runner, agent, parts) { advance(runner, parts) }
        }
    }

    /// Stops a Pod's pull, as the kubelet cancels it when the Pod goes.
    func abandonPull(_ runner: PodRunner, _ parts: ControlPlane.Parts) {
        guard let pull = runner.activePull, let agent = agents[runner.node] else { return }
        runner.activePull = nil
        agent.waitingPulls.removeAll { $0.id == pull.id }
        pullNodes[pull.id] = nil
        guard agent.runningPull?.id == pull.id else { return }
        pulls.cancel(pull.id)
        agent.runningPull = nil
        startNextPull(agent, parts)
    }

    private func conclude(
        _ ticket: NodeAgent.Ticket,
        _ outcome: PullOutcome,
        _ runner: PodRunner?,
        _ agent: NodeAgent,
        _ parts: ControlPlane.Parts
    ) {
        agent.runningPull = nil
        if case .pulled(let content, let credential) = outcome {
            // What a node's own credential has pulled, every Pod on it may use.
            let isSecret = credential.map { $0.source != NodeAgent.credentialSource } ?? false
            let access: NodeContent.Access =
                credential.flatMap { isSecret ? .credentials(Self.identities($0)) : nil } ?? .everyone
            agent.content.add(ticket.name, content, access: access)
            reportImages(agent, parts)
        }
        guard let runner, runner.activePull?.id == ticket.id else { return }
        runner.activePull = nil
        markDirty(runner)
        switch outcome {
        case .pulled(let content, _): succeed(ticket, content, runner)
        case .failed(let failure): fail(ticket, failure, runner, parts)
        }
    }

    private func succeed(_ ticket: NodeAgent.Ticket, _ content: PulledImage, _ runner: PodRunner) {
        let imageID = "\(ticket.name.repository)@\(content.digest)"
        runner.images[ticket.image] = PodRunner.ImageNeed(stage: .present(imageID: imageID, image: content))
        let now = Timestamp.now()
        func text(_ since: Timestamp) -> String {
            let milliseconds = now.millisecondsSinceEpoch - since.millisecondsSinceEpoch
            return milliseconds < 1_000 ? "\(milliseconds)ms" : "\(Double(milliseconds) / 1_000)s"
        }
        record(
            runner,
            "Pulled",
            "Successfully pulled image \"\(ticket.image.reference)\" in \(text(ticket.startedAt)) (\(text(ticket.queuedAt)) including waiting). Image size: \(content.sizeBytes) bytes.",
            image: ticket.image
        )
    }

    private func fail(
        _ ticket: NodeAgent.Ticket,
        _ failure: PullFailure,
        _ runner: PodRunner,
        _ parts: ControlPlane.Parts
    ) {
        let key = ticket.image
        let message = failure.text(ticket.name)
        let attempts = (runner.images[key]?.attempts ?? 0) + 1
        runner.images[key]?.attempts = attempts
        runner.images[key]?.stage = .failed
        runner.images[key]?.shown = ("ErrImagePull", message)
        record(runner, "Failed", "Failed to pull image \"\(key.reference)\": \(message)", isWarning: true, image: key)
        record(runner, "Failed", "Error: ErrImagePull", isWarning: true, image: key)
        let timings = configuration.timings
        let delay = min(timings.pullBackOffInitial * (1 << min(attempts - 1, 20)), timings.pullBackOffMaximum)
        if timings.backOffReport < delay {
            later(timings.backOffReport, runner, parts) { kubelets, runner, _ in
                guard runner.images[key]?.stage == .failed, runner.images[key]?.attempts == attempts else { return }
                let text = "Back-off pulling image \"\(key.reference)\""
                runner.images[key]?.shown = ("ImagePullBackOff", "\(text): ErrImagePull: \(message)")
                kubelets.markDirty(runner)
                kubelets.record(runner, "BackOff", text, image: key)
                kubelets.record(runner, "Failed", "Error: ImagePullBackOff", isWarning: true, image: key)
            }
        }
        later(delay, runner, parts) { kubelets, runner, parts in
            guard runner.images[key]?.stage == .failed, !runner.hasEnded else { return }
            runner.images[key]?.stage = .needed
            kubelets.advance(runner, parts)
        }
    }

    /// Writes an Event about an image of a Pod.
    private func record(
        _ runner: PodRunner,
        _ reason: String,
        _ message: String,
        isWarning: Bool = false,
        image: PodRunner.ImageKey
    ) {
        let isVolume = runner.imageVolumes.contains { $0.image == image }
        let container = isVolume ? nil : runner.containers.first { $0.image == image }
        record(runner, reason, message, isWarning: isWarning, container: container)
    }

    /// Writes an Event about a Pod, or about a container of it: the kubelet names none for an image volume.
    func record(
        _ runner: PodRunner,
        _ reason: String,
        _ message: String,
        isWarning: Bool = false,
        container: PodRunner.Container? = nil
    ) {
        let fieldPath = container.map { "spec.\($0.isInit ? "initContainers" : "containers"){\($0.name)}" }
        guard configuration.recordsEvents, let pod = objects.store.get(.pods, runner.key) else { return }
        events.record(
            .pod(pod, fieldPath: fieldPath),
            reason: reason,
            message,
            component: "kubelet",
            host: runner.node,
            isWarning: isWarning
        )
    }
}
