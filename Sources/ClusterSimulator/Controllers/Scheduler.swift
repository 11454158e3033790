import WireFormats

/// Puts Pods onto nodes: node selectors, affinity, taints, cordons, and the number of Pods a node takes.
final class Scheduler {
    private struct NodeView {
        var labels: JSONObject
        var taints: [JSONValue]
        var isUnschedulable: Bool
        var capacity: Int
        var pods = 0
    }

    private let objects: ObjectAPI
    private let events: EventRecorder
    private var nodes: [String: NodeView] = [:]
    /// Pods that found no node, tried again when something changes.
    private var waiting: Set<ObjectKey> = []

    init(objects: ObjectAPI, events: EventRecorder) {
        self.objects = objects
        self.events = events
    }

    // MARK: Changes

    func handleNode(_ event: StoreEvent, _ parts: ControlPlane.Parts) {
        let name = event.object.key.name
        if event.kind == .deleted {
            nodes[name] = nil
            return
        }
        let json = event.object.json
        let view = NodeView(
            labels: json[path: "metadata", "labels"]?.object ?? [:],
            taints: json[path: "spec", "taints"]?.array ?? [],
            isUnschedulable: json[path: "spec", "unschedulable"]?.bool ?? false,
            capacity: Int(json[path: "status", "allocatable", "pods"]?.string ?? "") ?? 110,
            pods: nodes[name]?.pods ?? 0
        )
        let old = nodes[name]
        nodes[name] = view
        let isSame =
            old.map {
                $0.labels == view.labels && $0.taints == view.taints && $0.isUnschedulable == view.isUnschedulable
                    && $0.capacity == view.capacity
            } ?? false
        if !isSame { retryWaiting() }
    }

    func handlePod(_ event: StoreEvent, _ parts: ControlPlane.Parts) {
        let key = event.object.key
        let before = event.previous.flatMap(Self.occupiedNode)
        let after = event.kind == .deleted ? nil : Self.occupiedNode(event.object)
        if before != after {
            if let before { nodes[before]?.pods -= 1 }
            if let after { nodes[after]?.pods += 1 }
            if before != nil { retryWaiting() }
        }
        if event.kind == .deleted || after != nil {
            waiting.remove(key)
        } else if event.kind == .added || waiting.contains(key) == false {
            schedule(key)
        }
    }

    /// The node a Pod takes room on.
    private static func occupiedNode(_ pod: StoredObject) -> String? {
        let phase = pod.json[path: "status", "phase"]?.string
        guard phase != "Succeeded", phase != "Failed" else { return nil }
        let node = pod.json[path: "spec", "nodeName"]?.string ?? ""
        return node.isEmpty ? nil : node
    }

    private func retryWaiting() {
        for key in waiting { schedule(key) }
    }

    // MARK: Decisions

    private func schedule(_ key: ObjectKey) {
        guard let pod = objects.store.get(.pods, key), !pod.isDeleting else { return }
        let spec = pod.json["spec"] ?? [:]
        let phase = pod.json[path: "status", "phase"]?.string
        guard (spec["nodeName"]?.string ?? "").isEmpty, phase == "Pending",
            spec["schedulerName"]?.string == "default-scheduler"
        else { return }
        var refusals: [String: Int] = [:]
        var best: (name: String, pods: Int)?
        let placement = PodPlacement(spec)
        let candidates = placement.pinnedNames.map(Array.init) ?? Array(nodes.keys)
        for name in candidates {
            guard let node = nodes[name] else { continue }
            if let reason = refusal(placement, name, node) {
                refusals[reason, default: 0] += 1
            } else if best.map({ node.pods < $0.pods || (node.pods == $0.pods && name < $0.name) }) ?? true {
                best = (name, node.pods)
            }
        }
        if placement.pinnedNames != nil {
            let others = nodes.count - candidates.count { nodes[$0] != nil }
            if others > 0 { refusals["node(s) didn't match Pod's node affinity/selector", default: 0] += others }
        }
        if let best { bind(pod, to: best.name) } else { refuse(pod, refusals) }
    }

    private func refusal(_ placement: PodPlacement, _ name: String, _ node: NodeView) -> String? {
        if node.isUnschedulable, !placement.toleratesCordon { return "node(s) were unschedulable" }
        let taint = node.taints.first { taint in
            taint["effect"]?.string != "PreferNoSchedule" && !placement.tolerates(taint)
        }
        if taint != nil { return "node(s) had untolerated taint(s)" }
        guard placement.accepts(name: name, labels: node.labels) else {
            return "node(s) didn't match Pod's node affinity/selector"
        }
        return node.pods >= node.capacity ? "Too many pods" : nil
    }

    private func bind(_ pod: StoredObject, to node: String) {
        waiting.remove(pod.key)
        guard Binding.bind(objects, pod.key, to: node) != nil else { return }
        let message = "Successfully assigned \(pod.key.namespace)/\(pod.key.name) to \(node)"
        events.record(.pod(pod), reason: "Scheduled", message, component: "default-scheduler")
    }

    private func refuse(_ pod: StoredObject, _ refusals: [String: Int]) {
        let isNew = waiting.insert(pod.key).inserted
        let list = refusals.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
        let message =
            nodes.isEmpty
            ? "no nodes available to schedule pods"
            : "0/\(nodes.count) nodes are available: \(list). preemption: 0/\(nodes.count) nodes are available: \(nodes.count) Preemption is not helpful for scheduling."
        let now = Timestamp.now().rfc3339Seconds
        let updated = objects.updateStatus(.pods, pod.key) { status in
            Conditions.set(
                &status,
                type: "PodScheduled",
                status: "False",
                reason: "Unschedulable",
                message: message,
                now: now
            )
        }
        guard isNew || updated?.resourceVersion != pod.resourceVersion else { return }
        events.record(
            .pod(pod),
            reason: "FailedScheduling",
            message,
            component: "default-scheduler",
            isWarning: true
        )
    }
}

/// Where a Pod may go, read from its specification.
struct PodPlacement {
    private struct Term {
        var labels: [LabelSelector.Requirement]
        var fields: [LabelSelector.Requirement]
    }

    private let nodeSelector: [String: String]
    private let terms: [Term]?
    private let tolerations: [JSONValue]

    init(_ spec: JSONValue) {
        nodeSelector = spec["nodeSelector"]?.stringMembers ?? [:]
        tolerations = spec["tolerations"]?.array ?? []
        let required = spec[
            path: "affinity",
            "nodeAffinity",
            "requiredDuringSchedulingIgnoredDuringExecution",
            "nodeSelectorTerms"
        ]
        terms = required?.array?.map { term in
            Term(
                labels: (term["matchExpressions"]?.array ?? []).map(LabelSelector.Requirement.init(json:)),
                fields: (term["matchFields"]?.array ?? []).map(LabelSelector.Requirement.init(json:))
            )
        }
    }

    /// The only nodes worth a look when every term names nodes; nil when any node may do.
    var pinnedNames: Set<String>? {
        guard let terms, !terms.isEmpty else { return nil }
        var names: Set<String> = []
        for term in terms {
            guard let field = term.fields.first(where: { $0.key == "metadata.name" && $0.comparison == .isIn }) else {
                return nil
            }
            names.formUnion(field.values)
        }
        return names
    }

    func accepts(name: String, labels: JSONObject) -> Bool {
        guard nodeSelector.allSatisfy({ labels[$0.key]?.string == $0.value }) else { return false }
        guard let terms else { return true }
        // A term without requirements matches nothing.
        return terms.contains { term in
            (!term.labels.isEmpty || !term.fields.isEmpty)
                && term.labels.allSatisfy { $0.matches(labels[$0.key]?.string) }
                && term.fields.allSatisfy { $0.matches($0.key == "metadata.name" ? name : nil) }
        }
    }

    var toleratesCordon: Bool {
        tolerates(["key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"])
    }

    func tolerates(_ taint: JSONValue) -> Bool { tolerations.contains { Self.tolerates($0, taint) } }

    /// How long a `NoExecute` taint is tolerated: nil for not at all, `.some(nil)` for ever.
    func tolerationSeconds(_ taint: JSONValue) -> Int?? {
        let matching = tolerations.filter { Self.tolerates($0, taint) }
        guard !matching.isEmpty else { return nil }
        let seconds = matching.map { $0["tolerationSeconds"]?.integer }
        return seconds.contains(nil) ? .some(nil) : .some(seconds.compactMap(\.self).min())
    }

    private static func tolerates(_ toleration: JSONValue, _ taint: JSONValue) -> Bool {
        let effect = toleration["effect"]?.string ?? ""
        if !effect.isEmpty, effect != taint["effect"]?.string { return false }
        let key = toleration["key"]?.string ?? ""
        if !key.isEmpty, key != taint["key"]?.string { return false }
        if toleration["operator"]?.string == "Exists" { return true }
        return !key.isEmpty && (toleration["value"]?.string ?? "") == (taint["value"]?.string ?? "")
    }
}
