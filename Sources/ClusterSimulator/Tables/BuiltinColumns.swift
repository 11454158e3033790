import WireFormats

/// The columns of the built-in resources, as `kubectl get` shows them on a real cluster.
enum BuiltinColumns {
    static let namespaces: [TableColumn] = [.name, .text("Status", "status", "phase"), .age]

    static let nodes: [TableColumn] = [
        .name,
        TableColumn(name: "Status") { node, _ in .string(nodeStatus(node)) },
        TableColumn(name: "Roles") { node, _ in
            let prefix = "node-role.kubernetes.io/"
            let labels = node[path: "metadata", "labels"]?.object ?? [:]
            let roles = labels.sortedKeys.filter { $0.hasPrefix(prefix) }.map { $0.dropFirst(prefix.count) }
            return .string(roles.isEmpty ? "<none>" : roles.joined(separator: ","))
        },
        .age,
        .text("Version", "status", "nodeInfo", "kubeletVersion"),
        TableColumn(name: "Internal-IP", priority: 1) { node, _ in address(node, "InternalIP") },
        TableColumn(name: "External-IP", priority: 1) { node, _ in address(node, "ExternalIP") },
        .text("OS-Image", priority: 1, "status", "nodeInfo", "osImage"),
        .text("Kernel-Version", priority: 1, "status", "nodeInfo", "kernelVersion"),
        .text("Container-Runtime", priority: 1, "status", "nodeInfo", "containerRuntimeVersion"),
    ]

    private static func nodeStatus(_ node: JSONValue) -> String {
        let conditions = node[path: "status", "conditions"]?.array ?? []
        let ready = conditions.first { $0["type"]?.string == "Ready" }?["status"]?.string
        var status = [ready == "True" ? "Ready" : ready == nil ? "Unknown" : "NotReady"]
        if node[path: "spec", "unschedulable"]?.bool == true { status.append("SchedulingDisabled") }
        return status.joined(separator: ",")
    }

    private static func address(_ node: JSONValue, _ type: String) -> JSONValue {
        let addresses = node[path: "status", "addresses"]?.array ?? []
        return addresses.first { $0["type"]?.string == type }?["address"] ?? "<none>"
    }

    static let pods: [TableColumn] = [
        .name,
        TableColumn(name: "Ready") { pod, _ in
            let statuses = pod[path: "status", "containerStatuses"]?.array ?? []
            let total = pod[path: "spec", "containers"]?.array?.count ?? 0
            return .string("\(statuses.count { $0["ready"]?.bool == true })/\(total)")
        },
        TableColumn(name: "Status") { pod, _ in .string(PodSummary.status(pod)) },
        TableColumn(name: "Restarts") { pod, _ in
            let statuses = pod[path: "status", "containerStatuses"]?.array ?? []
            return .string(String(statuses.reduce(0) { $0 + ($1["restartCount"]?.integer ?? 0) }))
        },
        .age,
        .text("IP", priority: 1, "status", "podIP"),
        .text("Node", priority: 1, "spec", "nodeName"),
        .text("Nominated Node", priority: 1, "status", "nominatedNodeName"),
        TableColumn(name: "Readiness Gates", priority: 1) { _, _ in "<none>" },
    ]

    static let secrets: [TableColumn] = [
        .name, .text("Type", "type"),
        TableColumn(name: "Data", type: "integer") { secret, _ in .integer(Int64(secret["data"]?.object?.count ?? 0)) },
        .age,
    ]

    static let configMaps: [TableColumn] = [
        .name,
        TableColumn(name: "Data", type: "integer") { map, _ in
            .integer(Int64((map["data"]?.object?.count ?? 0) + (map["binaryData"]?.object?.count ?? 0)))
        },
        .age,
    ]

    static let serviceAccounts: [TableColumn] = [
        .name,
        TableColumn(name: "Secrets", type: "integer") { account, _ in
            .integer(Int64(account["secrets"]?.array?.count ?? 0))
        },
        .age,
    ]

    static let events: [TableColumn] = [
        TableColumn(name: "Last Seen") { event, now in
            let time = event[path: "series", "lastObservedTime"] ?? event["lastTimestamp"] ?? event["eventTime"]
            return .string(HumanDuration.since(time?.string ?? event["firstTimestamp"]?.string, now))
        },
        .text("Type", "type"), .text("Reason", "reason"),
        TableColumn(name: "Object") { event, _ in
            let object = event["involvedObject"] ?? [:]
            return .string("\((object["kind"]?.string ?? "").lowercased())/\(object["name"]?.string ?? "")")
        },
        .text("Subobject", priority: 1, "involvedObject", "fieldPath"),
        TableColumn(name: "Source", priority: 1) { event, _ in
            let source = event["source"] ?? [:]
            let parts = [source["component"]?.string, source["host"]?.string].compactMap { $0 }
            return .string(parts.joined(separator: ", "))
        },
        .text("Message", "message"),
        TableColumn(name: "Count", type: "integer", priority: 1) { event, _ in event["count"] ?? 1 },
        TableColumn(name: "Name", format: "name", priority: 1) { event, _ in event[path: "metadata", "name"] ?? "" },
    ]

    static let jobs: [TableColumn] = [
        .name,
        TableColumn(name: "Status") { job, _ in .string(jobStatus(job)) },
        TableColumn(name: "Completions") { job, _ in
            let done = job[path: "status", "succeeded"]?.integer ?? 0
            return .string("\(done)/\(job[path: "spec", "completions"]?.integer ?? 1)")
        },
        TableColumn(name: "Duration") { job, now in .string(jobDuration(job, now)) },
        .age,
        TableColumn(name: "Containers", priority: 1) { job, _ in .string(containers(job, "name")) },
        TableColumn(name: "Images", priority: 1) { job, _ in .string(containers(job, "image")) },
        TableColumn(name: "Selector", priority: 1) { job, _ in
            let labels = job[path: "spec", "selector", "matchLabels"]?.stringMembers ?? [:]
            return .string(labels.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ","))
        },
    ]

    private static func jobStatus(_ job: JSONValue) -> String {
        let conditions = job[path: "status", "conditions"]?.array ?? []
        func holds(_ type: String) -> Bool {
            conditions.contains { $0["type"]?.string == type && $0["status"]?.string == "True" }
        }
        if holds("Complete") { return "Complete" }
        if holds("Failed") { return "Failed" }
        if job[path: "metadata", "deletionTimestamp"] != nil { return "Terminating" }
        if holds("Suspended") { return "Suspended" }
        if holds("FailureTarget") { return "FailureTarget" }
        return "Running"
    }

    private static func jobDuration(_ job: JSONValue, _ now: Timestamp) -> String {
        guard let start = job[path: "status", "startTime"]?.string else { return "" }
        let end = job[path: "status", "completionTime"]?.string.flatMap { Timestamp(rfc3339: $0) }
        return HumanDuration.since(start, end ?? now)
    }

    private static func containers(_ job: JSONValue, _ field: String) -> String {
        let containers = job[path: "spec", "template", "spec", "containers"]?.array ?? []
        return containers.compactMap { $0[field]?.string }.joined(separator: ",")
    }

    static let leases: [TableColumn] = [.name, .text("Holder", "spec", "holderIdentity"), .age]

    static let priorityClasses: [TableColumn] = [
        .name,
        TableColumn(name: "Value", type: "integer") { item, _ in item["value"] ?? 0 },
        TableColumn(name: "Global-Default", type: "boolean") { item, _ in item["globalDefault"] ?? false },
        .age,
        .text("PreemptionPolicy", "preemptionPolicy"),
    ]

    static let customResourceDefinitions: [TableColumn] = [
        .name,
        TableColumn(name: "Created At", type: "date") { item, _ in
            item[path: "metadata", "creationTimestamp"] ?? ""
        },
    ]
}
