import WireFormats

extension PodRunner {
    /// The phase that follows from the containers, as the kubelet's `getPhase` computes it.
    func computePhase() {
        guard !hasEnded else { return }
        let initial = containers.filter(\.isInit)
        let main = containers.filter { !$0.isInit }
        let isFinal = restartPolicy == "Never"
        if initial.contains(where: { $0.termination.map { $0.exitCode != 0 } ?? false }), isFinal {
            phase = "Failed"
            return
        }
        guard initial.allSatisfy({ $0.termination?.exitCode == 0 }) else {
            phase = "Pending"
            return
        }
        if main.contains(where: { $0.state == .waiting && $0.last == nil }) {
            phase = "Pending"
        } else if main.contains(where: { $0.isRunning || $0.state == .waiting }) {
            phase = "Running"
        } else if main.allSatisfy({ $0.termination?.exitCode == 0 }) {
            phase = restartPolicy == "Always" ? "Running" : "Succeeded"
        } else {
            phase = isFinal ? "Failed" : "Running"
        }
    }

    /// Writes this Pod's state into a status.
    func write(to status: inout JSONValue, now: Timestamp) {
        let text = now.rfc3339Seconds
        status["phase"] = .string(phase)
        status.setIfPresent("reason", reason.map { .string($0) })
        status.setIfPresent("message", message.map { .string($0) })
        status["hostIP"] = "127.0.0.1"
        status["hostIPs"] = [["ip": "127.0.0.1"]]
        status["podIP"] = .string(address)
        status["podIPs"] = [["ip": .string(address)]]
        status["startTime"] = .string(startTime.rfc3339Seconds)
        let isInitialized = containers.filter(\.isInit).allSatisfy { $0.termination?.exitCode == 0 }
        let main = containers.filter { !$0.isInit }
        let isReady = !main.isEmpty && main.allSatisfy(\.isRunning)
        let isDone = phase == "Succeeded"
        let notReady = isDone ? "PodCompleted" : "ContainersNotReady"
        let unready = main.filter { !$0.isRunning }.map(\.name).joined(separator: " ")
        let why = isDone || isReady ? nil : "containers with unready status: [\(unready)]"
        set(&status, "PodReadyToStartContainers", true, nil, nil, text)
        set(&status, "Initialized", isInitialized, isInitialized ? nil : "ContainersNotInitialized", nil, text)
        set(&status, "Ready", isReady, isReady ? nil : notReady, why, text)
        set(&status, "ContainersReady", isReady, isReady ? nil : notReady, why, text)
        set(&status, "PodScheduled", true, nil, nil, text)
        if containers.contains(where: \.isInit) {
            status["initContainerStatuses"] = .array(
                containers.filter(\.isInit).map { containerStatus($0, isInitialized) }
            )
        }
        status["containerStatuses"] = .array(main.map { containerStatus($0, isInitialized) })
    }

    private func set(
        _ status: inout JSONValue,
        _ type: String,
        _ value: Bool,
        _ reason: String?,
        _ message: String?,
        _ now: String
    ) {
        let text = value ? "True" : "False"
        Conditions.set(&status, type: type, status: text, reason: reason, message: message, now: now)
    }

    private func containerStatus(_ container: Container, _ isInitialized: Bool) -> JSONValue {
        let canonical = ImageName(parsing: container.image.reference)?.canonical
        let image = container.imageID.isEmpty ? container.image.reference : canonical ?? container.image.reference
        var status: JSONValue = [
            "name": .string(container.name), "state": state(container, isInitialized), "lastState": [:],
            "ready": .bool(container.isRunning || (container.isInit && container.termination?.exitCode == 0)),
            "restartCount": .integer(Int64(container.restartCount)), "image": .string(image),
            "imageID": .string(container.imageID), "started": .bool(container.isRunning),
        ]
        if let last = container.last { status["lastState"] = ["terminated": Self.json(last, container.containerID)] }
        if !container.containerID.isEmpty { status["containerID"] = .string(container.containerID) }
        let mounts = (container.spec["volumeMounts"]?.array ?? []).map(mountStatus)
        if !mounts.isEmpty { status["volumeMounts"] = .array(mounts) }
        return status
    }

    private func mountStatus(_ mount: JSONValue) -> JSONValue {
        let isReadOnly = mount["readOnly"]?.bool ?? false
        var status: JSONValue = ["name": mount["name"] ?? "", "mountPath": mount["mountPath"] ?? ""]
        if isReadOnly {
            status["readOnly"] = true
            status["recursiveReadOnly"] = "Disabled"
        }
        return status
    }

    private func state(_ container: Container, _ isInitialized: Bool) -> JSONValue {
        switch container.state {
        case .running(let since): return ["running": ["startedAt": .string(since.rfc3339Seconds)]]
        case .terminated(let termination): return ["terminated": Self.json(termination, container.containerID)]
        case .waiting:
            if let shown = waitingReason(container), isInitialized || container.isInit {
                return ["waiting": ["reason": .string(shown.reason), "message": .string(shown.message)]]
            }
            let usual = containers.contains(where: \.isInit) ? "PodInitializing" : "ContainerCreating"
            return ["waiting": ["reason": .string(usual)]]
        }
    }

    private static func json(_ termination: Container.Termination, _ containerID: String) -> JSONValue {
        let epoch = Timestamp(secondsSinceEpoch: 0)
        var json: JSONValue = [
            "exitCode": .integer(Int64(termination.exitCode)), "reason": .string(termination.reason),
            "startedAt": .string((termination.startedAt ?? epoch).rfc3339Seconds),
            "finishedAt": .string(termination.finishedAt.rfc3339Seconds),
        ]
        json.setIfPresent("message", termination.message.map { .string($0) })
        if !containerID.isEmpty { json["containerID"] = .string(containerID) }
        return json
    }
}
