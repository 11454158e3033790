import DequeModule
import WireFormats

/// All kubelets of the cluster.
final class KubeletSet {
    let objects: ObjectAPI
    let events: EventRecorder
    let configuration: ClusterSimulator.Configuration
    let puller: any ImagePuller
    let pulls: PullTasks
    let faults = ImageFaultTable()
    private(set) var agents: [String: NodeAgent] = [:]
    private(set) var runners: [String: PodRunner] = [:]
    /// Pods whose status is to be written once nothing else is left to do.
    private var dirty: Set<String> = []
    private var generation = 0
    private var lastPullID = 0
    /// The node each running pull is for.
    var pullNodes: [Int: String] = [:]

    init(
        objects: ObjectAPI,
        events: EventRecorder,
        configuration: ClusterSimulator.Configuration,
        puller: any ImagePuller,
        pulls: PullTasks
    ) {
        self.objects = objects
        self.events = events
        self.configuration = configuration
        self.puller = puller
        self.pulls = pulls
    }

    /// Gives every node of the store a kubelet.
    func start(_ parts: ControlPlane.Parts) {
        let templates = Dictionary(configuration.nodes.map { ($0.name, $0) }) { $1 }
        for node in objects.store.list(.nodes, namespace: nil).objects where agents[node.key.name] == nil {
            attach(templates[node.key.name] ?? NodeTemplate(name: node.key.name))
            agents[node.key.name]?.content.restore(node.json[path: "status", "images"]?.array ?? [])
        }
        guard let interval = configuration.timings.nodeLeaseInterval, agents.count <= 200 else { return }
        renewLeases(every: interval, parts)
    }

    func attach(_ template: NodeTemplate) {
        agents[template.name] = NodeAgent(
            template: template,
            content: template.initialContent(helperImage: configuration.helperImage)
        )
    }

    func nextPullID() -> Int {
        lastPullID += 1
        return lastPullID
    }

    // MARK: Pods

    func handlePod(_ event: StoreEvent, _ parts: ControlPlane.Parts) {
        let pod = event.object
        if event.kind == .deleted {
            drop(uid: pod.uid, parts)
            return
        }
        guard let node = pod.json[path: "spec", "nodeName"]?.string, let agent = agents[node], !agent.isLost else {
            return
        }
        if pod.isDeleting {
            terminate(pod, parts)
        } else if runners[pod.uid] == nil, !Self.hasEnded(pod) {
            startPod(pod, agent, parts)
        }
    }

    private static func hasEnded(_ pod: StoredObject) -> Bool {
        let phase = pod.json[path: "status", "phase"]?.string
        return phase == "Succeeded" || phase == "Failed"
    }

    private func startPod(_ pod: StoredObject, _ agent: NodeAgent, _ parts: ControlPlane.Parts) {
        generation += 1
        let address = "10.\(244 + generation >> 16 & 7).\(generation >> 8 & 255).\(generation & 255)"
        let runner = PodRunner(pod: pod, generation: generation, address: address)
        runners[pod.uid] = runner
        if let seconds = runner.spec["activeDeadlineSeconds"]?.integer {
            let elapsed = Timestamp.now().duration(since: runner.startTime)
            later(.seconds(seconds) - elapsed, runner, parts) { kubelets, runner, parts in
                kubelets.fail(
                    runner,
                    reason: "DeadlineExceeded",
                    "Pod was active on the node longer than the specified deadline",
                    parts
                )
            }
        }
        advance(runner, parts)
    }

    /// Ends a Pod that is being deleted and lets go of its object.
    private func terminate(_ pod: StoredObject, _ parts: ControlPlane.Parts) {
        drop(uid: pod.uid, parts)
        guard let definition = objects.registry.definition(.pods) else { return }
        var options = DeleteOptions()
        options.gracePeriodSeconds = 0
        options.uid = pod.uid
        _ = try? objects.delete(definition, pod.key, options)
    }

    /// Forgets a Pod and stops its pull.
    private func drop(uid: String, _ parts: ControlPlane.Parts) {
        guard let runner = runners.removeValue(forKey: uid) else { return }
        dirty.remove(uid)
        abandonPull(runner, parts)
    }

    /// Ends a Pod in failure, for a deadline or an eviction.
    func fail(_ runner: PodRunner, reason: String, _ message: String, _ parts: ControlPlane.Parts) {
        guard !runner.hasEnded else { return }
        abandonPull(runner, parts)
        let now = Timestamp.now()
        for index in runner.containers.indices {
            guard case .running(let since) = runner.containers[index].state else { continue }
            runner.containers[index].state = .terminated(
                PodRunner.Container.Termination(exitCode: 137, reason: "Error", startedAt: since, finishedAt: now)
            )
        }
        runner.phase = "Failed"
        runner.reason = reason
        runner.message = message
        markDirty(runner)
    }

    func markDirty(_ runner: PodRunner) { dirty.insert(runner.uid) }

    /// Does something for a Pod later, unless it has gone by then.
    func later(
        _ delay: Duration,
        _ runner: PodRunner,
        _ parts: ControlPlane.Parts,
        _ action: @escaping (KubeletSet, PodRunner, ControlPlane.Parts) -> Void
    ) {
        let uid = runner.uid
        let generation = runner.generation
        parts.after(delay) { parts in
            guard let runner = parts.kubelets.runners[uid], runner.generation == generation else { return }
            action(parts.kubelets, runner, parts)
        }
    }

    /// Writes the statuses that have changed: what happened to a Pod in one go is one write.
    func flush(_ parts: ControlPlane.Parts) {
        let changed = dirty
        dirty = []
        let now = Timestamp.now()
        for uid in changed {
            guard let runner = runners[uid] else { continue }
            objects.updateStatus(.pods, runner.key) { runner.write(to: &$0, now: now) }
        }
    }

    // MARK: Nodes

    func handleNode(_ event: StoreEvent, _ parts: ControlPlane.Parts) {
        guard event.kind == .deleted else { return }
        let name = event.object.key.name
        dropPods(of: name, parts)
        agents[name] = nil
    }

    private func dropPods(of node: String, _ parts: ControlPlane.Parts) {
        for runner in runners.values where runner.node == node { drop(uid: runner.uid, parts) }
    }

    /// The kubelet falls silent: nothing more happens on the node, and after a while the control plane notices.
    func lose(_ name: String, _ parts: ControlPlane.Parts) {
        guard let agent = agents[name], !agent.isLost else { return }
        agent.isLost = true
        dropPods(of: name, parts)
        agent.waitingPulls = []
        agent.runningPull = nil
        parts.after(configuration.timings.nodeMonitorGracePeriod) { parts in
            guard parts.kubelets.agents[name]?.isLost == true else { return }
            parts.nodes.markLost(name)
        }
    }

    func restore(_ name: String, _ parts: ControlPlane.Parts) {
        guard let agent = agents[name], agent.isLost else { return }
        agent.isLost = false
        parts.nodes.markReady(name)
        for key in parts.nodes.pods(on: name) {
            guard let pod = objects.store.get(.pods, key) else { continue }
            handlePod(StoreEvent(kind: .modified, resource: .pods, object: pod, previous: pod), parts)
        }
    }

    /// Fills or frees the disk: pulls fail, and the node reports pressure and is tainted.
    func setDiskFull(_ name: String, _ isFull: Bool) {
        guard let agent = agents[name] else { return }
        agent.isDiskFull = isFull
        let now = Timestamp.now().rfc3339Seconds
        objects.update(.nodes, ObjectKey(namespace: "", name: name)) { node in
            node.update("status") { status in
                Conditions.set(
                    &status,
                    type: "DiskPressure",
                    status: isFull ? "True" : "False",
                    reason: isFull ? "KubeletHasDiskPressure" : "KubeletHasNoDiskPressure",
                    message: isFull ? "kubelet has disk pressure" : "kubelet has no disk pressure",
                    now: now
                )
            }
            let key = "node.kubernetes.io/disk-pressure"
            NodeController.setTaint(&node, key: key, effects: isFull ? ["NoSchedule"] : [], now: now)
        }
    }

    func evictPods(_ name: String, _ parts: ControlPlane.Parts) {
        for runner in runners.values where runner.node == name {
            fail(runner, reason: "Evicted", "The node was low on resource: ephemeral-storage. ", parts)
        }
    }

    /// Reports the node's images, soon and once for many changes.
    func reportImages(_ agent: NodeAgent, _ parts: ControlPlane.Parts) {
        guard !agent.reportsStatus else { return }
        agent.reportsStatus = true
        let name = agent.name
        parts.after(configuration.timings.nodeStatusInterval) { parts in
            guard let agent = parts.kubelets.agents[name] else { return }
            agent.reportsStatus = false
            guard !agent.isLost else { return }
            let images = agent.content.statusImages
            parts.objects.updateStatus(.nodes, ObjectKey(namespace: "", name: name)) { $0["images"] = .array(images) }
        }
    }

    private func renewLeases(every interval: Duration, _ parts: ControlPlane.Parts) {
        let now = Timestamp.now().rfc3339Micro
        for agent in agents.values where !agent.isLost {
            let key = ObjectKey(namespace: "kube-node-lease", name: agent.name)
            if objects.update(.leases, key, { $0.update("spec") { $0["renewTime"] = .string(now) } }) != nil {
                continue
            }
            guard let node = objects.store.get(.nodes, ObjectKey(namespace: "", name: agent.name)),
                let definition = objects.registry.definition(.leases)
            else { continue }
            let lease: JSONValue = [
                "metadata": [
                    "name": .string(agent.name),
                    "ownerReferences": [
                        ["apiVersion": "v1", "kind": "Node", "name": .string(agent.name), "uid": .string(node.uid)]
                    ],
                ],
                "spec": [
                    "holderIdentity": .string(agent.name), "leaseDurationSeconds": 40, "renewTime": .string(now),
                ],
            ]
            _ = try? objects.create(definition, namespace: key.namespace, lease)
        }
        parts.after(interval) { parts in parts.kubelets.renewLeases(every: interval, parts) }
    }
}
