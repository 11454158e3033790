import WireFormats

extension KubeletSet {
    /// Takes a Pod as far as it gets now: volumes, then init containers, then the others.
    func advance(_ runner: PodRunner, _ parts: ControlPlane.Parts) {
        while !runner.hasEnded, step(runner, parts) {}
        runner.computePhase()
        markDirty(runner)
    }

    /// One step; false when the Pod waits for something.
    private func step(_ runner: PodRunner, _ parts: ControlPlane.Parts) -> Bool {
        guard runner.activePull == nil else { return false }
        // All image volumes are pulled one after another before any container starts; a failed one stops none.
        for volume in runner.imageVolumes where runner.images[volume.image]?.stage == .needed {
            return ensure(volume.image, runner, parts)
        }
        for index in runner.containers.indices where runner.containers[index].isInit {
            let container = runner.containers[index]
            if container.termination?.exitCode == 0 { continue }
            guard container.state == .waiting else { return false }
            return start(index, runner, parts) ?? false
        }
        for index in runner.containers.indices where runner.containers[index].state == .waiting {
            if let progress = start(index, runner, parts) { return progress }
        }
        return false
    }

    /// Starts a container or goes on with its image: true for progress, false while its image is pulled, nil when it is
    /// blocked and the next container may be looked at.
    private func start(_ index: Int, _ runner: PodRunner, _ parts: ControlPlane.Parts) -> Bool? {
        let container = runner.containers[index]
        guard container.blocked == nil, !container.isBackingOff else { return nil }
        for image in runner.mountedImages(container) {
            guard case .present = runner.images[image]?.stage else { return nil }
        }
        switch runner.images[container.image]?.stage {
        case .needed: return ensure(container.image, runner, parts)
        case .pulling: return false
        case .present(let imageID, let image):
            runner.containers[index].imageID = imageID
            run(index, image, runner, parts)
            return true
        case .failed, nil: return nil
        }
    }

    private func run(_ index: Int, _ image: PulledImage, _ runner: PodRunner, _ parts: ControlPlane.Parts) {
        let container = runner.containers[index]
        if let fault = rootFault(container, image, runner) {
            runner.containers[index].blocked = ("CreateContainerConfigError", fault)
            record(runner, "Failed", "Error: \(fault)", isWarning: true, container: container)
            return
        }
        runner.containers[index].containerID = "containerd://\(RandomText.token())"
        record(runner, "Created", "Container created", container: container)
        let now = Timestamp.now()
        switch outcome(container, image, runner) {
        case .startError(let message):
            record(runner, "Failed", "Error: \(message)", isWarning: true, container: container)
            let termination = PodRunner.Container.Termination(
                exitCode: 128,
                reason: "StartError",
                message: message,
                finishedAt: now
            )
            end(index, termination, runner, parts)
        case .runsUntilStopped:
            runner.containers[index].state = .running(since: now)
            record(runner, "Started", "Container started", container: container)
        case .exits(let code, let seconds):
            record(runner, "Started", "Container started", container: container)
            let time = configuration.timings.containerStart + .seconds(seconds * configuration.timings.sleepScale)
            guard time > .zero else {
                exit(index, code: code, since: now, runner, parts)
                return
            }
            runner.containers[index].state = .running(since: now)
            later(time, runner, parts) { kubelets, runner, parts in
                guard case .running = runner.containers[index].state else { return }
                kubelets.exit(index, code: code, since: now, runner, parts)
                kubelets.advance(runner, parts)
            }
        }
    }

    /// What the container's command does.
    private func outcome(
        _ container: PodRunner.Container,
        _ image: PulledImage,
        _ runner: PodRunner
    ) -> ContainerCommand {
        let isHelper = isHelper(container.image.reference)
        let command = (container.spec["command"]?.array ?? []).compactMap(\.string)
        let arguments = (container.spec["args"]?.array ?? []).compactMap(\.string)
        if command.isEmpty {
            // The image's own program is not interpreted: a server runs on, busybox's shell ends without input.
            if !isHelper { return image.command.isEmpty ? .startError("no command specified") : .runsUntilStopped }
            if arguments.isEmpty { return .exits(code: 0, seconds: 0) }
        }
        var copied: Set<String> = []
        let files = runner.visibleFiles(container, isHelper: isHelper)
        let result = ContainerCommand.interpret(command + arguments, files, copied: &copied)
        runner.keep(copied, from: container)
        return result
    }

    private func isHelper(_ reference: String) -> Bool {
        guard let name = ImageName(parsing: reference) else { return false }
        return name.canonical == ImageName(parsing: configuration.helperImage)?.canonical
            || name.path.split(separator: "/").last == "busybox"
    }

    /// The kubelet's check that `runAsNonRoot` is kept.
    private func rootFault(
        _ container: PodRunner.Container,
        _ image: PulledImage,
        _ runner: PodRunner
    ) -> String? {
        let own = container.spec["securityContext"] ?? [:]
        let shared = runner.spec["securityContext"] ?? [:]
        guard (own["runAsNonRoot"]?.bool ?? shared["runAsNonRoot"]?.bool) == true else { return nil }
        let place = "(pod: \"\(runner.key.name)_\(runner.key.namespace)(\(runner.uid))\", container: \(container.name))"
        if let user = own["runAsUser"]?.integer ?? shared["runAsUser"]?.integer {
            return user == 0 ? "container's runAsUser breaks non-root policy \(place)" : nil
        }
        let user = image.user.split(separator: ":").first.map(String.init) ?? ""
        if user.isEmpty || user == "0" || user == "root" {
            return "container has runAsNonRoot and image will run as root \(place)"
        }
        if Int(user) == nil {
            return
                "container has runAsNonRoot and image has non-numeric user (\(user)), cannot verify user is non-root \(place)"
        }
        return nil
    }

    // MARK: Ends

    private func exit(
        _ index: Int,
        code: Int,
        since: Timestamp,
        _ runner: PodRunner,
        _ parts: ControlPlane.Parts
    ) {
        let termination = PodRunner.Container.Termination(
            exitCode: code,
            reason: code == 0 ? "Completed" : "Error",
            startedAt: since,
            finishedAt: .now()
        )
        end(index, termination, runner, parts)
    }

    private func end(
        _ index: Int,
        _ termination: PodRunner.Container.Termination,
        _ runner: PodRunner,
        _ parts: ControlPlane.Parts
    ) {
        runner.containers[index].state = .terminated(termination)
        markDirty(runner)
        let isFailure = termination.exitCode != 0
        let restarts =
            switch runner.restartPolicy {
            case "Always": !runner.containers[index].isInit || isFailure
            case "OnFailure": isFailure
            default: false
            }
        guard restarts else { return }
        runner.containers[index].last = termination
        runner.containers[index].isBackingOff = true
        let delay = configuration.timings.pullBackOffInitial * (1 << min(runner.containers[index].restartCount, 5))
        later(delay, runner, parts) { kubelets, runner, parts in
            runner.containers[index].isBackingOff = false
            runner.containers[index].restartCount += 1
            runner.containers[index].state = .waiting
            kubelets.advance(runner, parts)
        }
    }
}
