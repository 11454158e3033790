package import WireFormats

/// Which nodes of a cluster the suite works on.
package struct NodeChoice: Sendable, Equatable {
    /// `LONGSHORE_TEST_NODE_SELECTOR`: labels as `key=value`, separated by commas.
    package var labels: [String: String] = [:]
    /// `LONGSHORE_TEST_TOLERATIONS`: as `key=value:Effect`, `key:Effect` or `key`, separated by commas.
    package var tolerations: [JSONValue] = []

    /// What the environment says.
    package static let chosen = NodeChoice(
        labels: TestTarget.environment("LONGSHORE_TEST_NODE_SELECTOR") ?? "",
        tolerations: TestTarget.environment("LONGSHORE_TEST_TOLERATIONS") ?? ""
    )

    /// Reads both lists.
    package init(labels: String = "", tolerations: String = "") {
        for pair in labels.split(separator: ",") {
            let parts = pair.split(separator: "=", maxSplits: 1).map(String.init)
            self.labels[parts[0]] = parts.count == 2 ? parts[1] : ""
        }
        self.tolerations = tolerations.split(separator: ",").map { text in
            let parts = text.split(separator: ":", maxSplits: 1)
            let taint = parts[0].split(separator: "=", maxSplits: 1).map(String.init)
            var toleration: JSONValue = ["key": .string(taint[0]), "operator": taint.count == 2 ? "Equal" : "Exists"]
            if taint.count == 2 { toleration["value"] = .string(taint[1]) }
            if parts.count == 2 { toleration["effect"] = .string(String(parts[1])) }
            return toleration
        }
    }

    /// The field `nodes` of requests and PullTasks; nil where all nodes are meant.
    package var nodes: JSONValue? {
        guard !labels.isEmpty || !tolerations.isEmpty else { return nil }
        var nodes: JSONValue = [:]
        if !labels.isEmpty {
            nodes["matchLabels"] = .object(.init(labels.sorted { $0.key < $1.key }.map { ($0, .string($1)) }))
        }
        if !tolerations.isEmpty { nodes["tolerations"] = .array(tolerations) }
        return nodes
    }

    /// A request on these nodes: those that name nodes themselves stay as they are.
    package func applied(to body: JSONValue) -> JSONValue {
        guard body["nodes"] == nil, let nodes else { return body }
        var body = body
        body["nodes"] = nodes
        return body
    }

    /// The nodes of a cluster that a task on these nodes works on, by `kubectl get nodes -o json`.
    package func nodes(among list: JSONValue) -> Set<String> {
        let names = (list["items"]?.array ?? []).compactMap { node -> String? in
            let has = node[path: "metadata", "labels"] ?? [:]
            let isReady = (node[path: "status", "conditions"]?.array ?? []).contains {
                $0["type"]?.string == "Ready" && $0["status"]?.string == "True"
            }
            let taints = (node[path: "spec", "taints"]?.array ?? []).filter {
                $0["effect"]?.string != "PreferNoSchedule"
            }
            guard labels.allSatisfy({ has[$0.key]?.string == $0.value }), isReady,
                node[path: "spec", "unschedulable"]?.bool != true, taints.allSatisfy(isTolerated)
            else { return nil }
            return node[path: "metadata", "name"]?.string
        }
        return Set(names)
    }

    private func isTolerated(_ taint: JSONValue) -> Bool {
        tolerations.contains { toleration in
            toleration["key"] == taint["key"]
                && (toleration["value"] == nil || toleration["value"]?.string == taint["value"]?.string ?? "")
                && (toleration["effect"] == nil || toleration["effect"] == taint["effect"])
        }
    }
}
