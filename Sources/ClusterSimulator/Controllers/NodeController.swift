import WireFormats

/// Watches over nodes: taints those that are lost, evicts Pods from them, and removes Pods of nodes that are gone.
final class NodeController {
    private let objects: ObjectAPI
    private let events: EventRecorder
    private let configuration: ClusterSimulator.Configuration
    private var podsByNode: [String: Set<ObjectKey>] = [:]
    /// Evictions that are due, so that each is scheduled once.
    private var evictions: Set<String> = []

    init(objects: ObjectAPI, events: EventRecorder, configuration: ClusterSimulator.Configuration) {
        self.objects = objects
        self.events = events
        self.configuration = configuration
    }

    func pods(on node: String) -> Set<ObjectKey> { podsByNode[node] ?? [] }

    // MARK: Changes

    func handlePod(_ event: StoreEvent, _ parts: ControlPlane.Parts) {
        let key = event.object.key
        let before = event.previous?.json[path: "spec", "nodeName"]?.string ?? ""
        let after = event.kind == .deleted ? "" : event.object.json[path: "spec", "nodeName"]?.string ?? ""
        guard before != after else { return }
        if !before.isEmpty {
            podsByNode[before]?.remove(key)
            if podsByNode[before]?.isEmpty == true { podsByNode[before] = nil }
        }
        guard !after.isEmpty else { return }
        podsByNode[after, default: []].insert(key)
        guard let node = objects.store.get(.nodes, ObjectKey(namespace: "", name: after)) else {
            removeOrphans(of: after)
            return
        }
        evict(key, node, parts)
    }

    func handleNode(_ event: StoreEvent, _ parts: ControlPlane.Parts) {
        let name = event.object.key.name
        if event.kind == .deleted {
            removeOrphans(of: name)
            return
        }
        let taints = event.object.json[path: "spec", "taints"]
        guard taints != nil, taints != event.previous?.json[path: "spec", "taints"] else { return }
        for key in pods(on: name) { evict(key, event.object, parts) }
    }

    /// The Pod garbage collector: a Pod whose node is gone is removed at once.
    private func removeOrphans(of name: String) {
        guard let definition = objects.registry.definition(.pods) else { return }
        for key in pods(on: name) {
            let now = Timestamp.now().rfc3339Seconds
            objects.updateStatus(.pods, key) { status in
                let phase = status["phase"]?.string
                guard phase != "Succeeded", phase != "Failed" else { return }
                status["phase"] = "Failed"
                Conditions.set(
                    &status,
                    type: "DisruptionTarget",
                    status: "True",
                    reason: "DeletionByPodGC",
                    message: "PodGC: node no longer exists",
                    now: now
                )
            }
            var options = DeleteOptions()
            options.gracePeriodSeconds = 0
            _ = try? objects.delete(definition, key, options)
        }
    }

    /// Deletes the Pod when, or after the time, it no longer tolerates the node's `NoExecute` taints.
    private func evict(_ key: ObjectKey, _ node: StoredObject, _ parts: ControlPlane.Parts) {
        let taints = (node.json[path: "spec", "taints"]?.array ?? []).filter { $0["effect"]?.string == "NoExecute" }
        guard !taints.isEmpty, let pod = objects.store.get(.pods, key), !pod.isDeleting else { return }
        let placement = PodPlacement(pod.json["spec"] ?? [:])
        var shortest: Int?
        for taint in taints {
            guard let seconds = placement.tolerationSeconds(taint) else {
                shortest = 0
                break
            }
            if let seconds { shortest = min(shortest ?? seconds, seconds) }
        }
        guard let shortest, evictions.insert(pod.uid).inserted else { return }
        let uid = pod.uid
        let name = node.key.name
        parts.after(.seconds(Double(shortest) * configuration.timings.tolerationScale)) { parts in
            parts.nodes.carryOutEviction(key, uid: uid, node: name)
        }
    }

    private func carryOutEviction(_ key: ObjectKey, uid: String, node name: String) {
        evictions.remove(uid)
        let node = objects.store.get(.nodes, ObjectKey(namespace: "", name: name))
        let taints = node?.json[path: "spec", "taints"]?.array ?? []
        guard taints.contains(where: { $0["effect"]?.string == "NoExecute" }),
            let definition = objects.registry.definition(.pods),
            let pod = objects.store.get(.pods, key), pod.uid == uid
        else { return }
        let now = Timestamp.now().rfc3339Seconds
        objects.updateStatus(.pods, key) { status in
            Conditions.set(
                &status,
                type: "DisruptionTarget",
                status: "True",
                reason: "DeletionByTaintManager",
                message: "Taint manager: deleting due to NoExecute taint",
                now: now
            )
        }
        events.record(
            .pod(pod),
            reason: "TaintManagerEviction",
            "Marking for deletion Pod \(key.namespace)/\(key.name)",
            component: "taint-eviction-controller"
        )
        _ = try? objects.delete(definition, key)
    }

    // MARK: Lost nodes

    /// The kubelet has been silent for too long.
    func markLost(_ name: String) {
        let now = Timestamp.now().rfc3339Seconds
        let key = ObjectKey(namespace: "", name: name)
        let node = objects.update(.nodes, key) { node in
            node.update("status") { status in
                for type in ["MemoryPressure", "DiskPressure", "PIDPressure", "Ready"] {
                    Conditions.set(
                        &status,
                        type: type,
                        status: "Unknown",
                        reason: "NodeStatusUnknown",
                        message: "Kubelet stopped posting node status.",
                        now: now
                    )
                }
            }
            Self.setTaints(&node, unreachable: true, now: now)
        }
        for pod in pods(on: name) {
            objects.updateStatus(.pods, pod) { status in
                guard status["phase"]?.string == "Running" else { return }
                Conditions.set(&status, type: "Ready", status: "False", reason: "NodeNotReady", now: now)
            }
        }
        guard let node else { return }
        events.record(
            EventRecorder.Subject("Node", "v1", node),
            reason: "NodeNotReady",
            "Node \(name) status is now: NodeNotReady",
            component: "node-controller"
        )
    }

    /// The kubelet is back.
    func markReady(_ name: String) {
        let now = Timestamp.now().rfc3339Seconds
        let node = objects.update(.nodes, ObjectKey(namespace: "", name: name)) { node in
            node.update("status") { status in
                let healthy = [
                    ("MemoryPressure", "False", "KubeletHasSufficientMemory"),
                    ("DiskPressure", "False", "KubeletHasNoDiskPressure"),
                    ("PIDPressure", "False", "KubeletHasSufficientPID"), ("Ready", "True", "KubeletReady"),
                ]
                for (type, value, reason) in healthy {
                    Conditions.set(
                        &status,
                        type: type,
                        status: value,
                        reason: reason,
                        message: "kubelet is well",
                        now: now
                    )
                }
            }
            Self.setTaints(&node, unreachable: false, now: now)
        }
        guard let node else { return }
        events.record(
            EventRecorder.Subject("Node", "v1", node),
            reason: "NodeReady",
            "Node \(name) status is now: NodeReady",
            component: "kubelet",
            host: name
        )
    }

    private static func setTaints(_ node: inout JSONValue, unreachable: Bool, now: String) {
        let key = "node.kubernetes.io/unreachable"
        setTaint(&node, key: key, effects: unreachable ? ["NoSchedule", "NoExecute"] : [], now: now)
    }

    /// Leaves exactly these effects of a taint on the node.
    static func setTaint(_ node: inout JSONValue, key: String, effects: [String], now: String) {
        var taints = (node[path: "spec", "taints"]?.array ?? []).filter { $0["key"]?.string != key }
        for effect in effects {
            taints.append(["key": .string(key), "effect": .string(effect), "timeAdded": .string(now)])
        }
        node.update("spec") { spec in
            if taints.isEmpty { spec.removeMember("taints") } else { spec["taints"] = .array(taints) }
        }
    }
}
