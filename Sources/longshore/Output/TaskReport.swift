import LongshoreDomain
import WireFormats

/// What is shown of a task: its settings and counts, a table of nodes and images, and the causes of what failed.
struct TaskReport {
    private let task: JSONValue
    private let nodes: [JSONValue]
    private let hasMoreNodes: Bool
    private static let maximumColumns = 5

    /// - Parameters:
    ///   - task: The task as the API gives it.
    ///   - nodes: Its nodes as the API gives them.
    ///   - hasMoreNodes: Whether there are nodes that are not among them.
    init(task: JSONValue, nodes: [JSONValue], hasMoreNodes: Bool = false) {
        self.task = task
        self.nodes = nodes
        self.hasMoreNodes = hasMoreNodes
    }

    /// All lines.
    var lines: [String] {
        var lines = summary
        if !nodes.isEmpty { lines += [""] + table }
        if hasMoreNodes { lines.append("… and more nodes: --output json shows all") }
        let causes = causes
        if !causes.isEmpty { lines += [""] + causes }
        return lines
    }

    /// The task in a few lines.
    var summary: [String] {
        let counts = task["counts"]
        func count(_ key: String) -> Int { counts?[key]?.integer ?? 0 }
        let total = count("nodesTotal")
        var state = "\(task["id"]?.string ?? "?")  \(task["status"]?.string ?? "?")"
        if let cause = task["cause"]?.string { state += "  \(cause)" }
        if let reason = task["reason"]?.string { state += "  \(reason)" }
        var lines = [state]
        if let message = task["message"]?.string { lines.append("  \(message)") }
        lines.append(
            "  nodes: \(count("nodesSucceeded")) of \(total) succeeded, \(count("nodesFailed")) failed, "
                + "\(count("nodesSkipped")) skipped, \(count("nodesPulling")) in work"
        )
        let images = (task["images"]?.array ?? []).compactMap(\.string).map(ShortImage.name)
        lines.append("  images: \(images.joined(separator: ", "))")
        if let start = time("acceptedAt") {
            var text = "  accepted: \(start.rfc3339Seconds)"
            if let end = time("finishedAt") {
                text += ", finished after \(ProgressDisplay.text(end.duration(since: start)))"
            }
            lines.append(text)
        }
        return lines.map(Console.printable)
    }

    /// Nodes by images; one row for each image where there are too many for columns.
    var table: [String] {
        let images = imageNames
        guard images.count <= Self.maximumColumns else { return longTable }
        var table = TextTable(header: ["NODE", "STATE", "ATTEMPT"] + images.map(ShortImage.name))
        for node in nodes {
            let states = Dictionary(
                (node["images"]?.array ?? []).map { ($0["image"]?.string ?? "", $0) },
                uniquingKeysWith: { $1 }
            )
            table.add(Self.head(of: node) + images.map { states[$0].map(Self.state) ?? "-" })
        }
        return table.lines
    }

    private var longTable: [String] {
        var table = TextTable("NODE", "STATE", "ATTEMPT", "IMAGE", "IMAGE STATE")
        for node in nodes {
            let images = node["images"]?.array ?? []
            if images.isEmpty { table.add(Self.head(of: node)) }
            for image in images {
                table.add(Self.head(of: node) + [ShortImage.name(image["image"]?.string ?? "?"), Self.state(image)])
            }
        }
        return table.lines
    }

    /// Each cause with its message once, and on how many nodes it was met.
    var causes: [String] {
        struct Finding: Hashable {
            let subject: String
            let cause: String
            let message: String
        }
        var counts: [Finding: Int] = [:]
        var order: [Finding] = []
        func note(_ subject: String, _ cause: String, _ message: String?) {
            let finding = Finding(subject: subject, cause: cause, message: message ?? "")
            if counts.updateValue((counts[finding] ?? 0) + 1, forKey: finding) == nil { order.append(finding) }
        }
        for node in nodes {
            let failed = (node["images"]?.array ?? []).filter { $0["phase"]?.string == "failed" }
            for image in failed {
                note(
                    ShortImage.name(image["image"]?.string ?? "?"),
                    image["cause"]?.string ?? "Unknown",
                    image["message"]?.string
                )
            }
            if failed.isEmpty, let word = node["cause"]?.string ?? node["reason"]?.string {
                note("node \(node["node"]?.string ?? "?")", word, node["message"]?.string)
            }
        }
        guard !order.isEmpty else { return [] }
        return ["CAUSES"]
            + order.map { finding in
                let number = counts[finding] ?? 0
                let text = finding.message.isEmpty ? "" : ": \(finding.message)"
                let nodes = finding.subject.hasPrefix("node ") ? "" : " (\(number) \(number == 1 ? "node" : "nodes"))"
                return Console.printable("  \(finding.subject)  \(finding.cause)\(nodes)\(text)")
            }
    }

    private static func head(of node: JSONValue) -> [String] {
        [
            node["node"]?.string ?? "?", node["state"]?.string ?? node["phase"]?.string ?? "?",
            "\(node["attempt"]?.integer ?? 0)",
        ]
    }

    private static func state(_ image: JSONValue) -> String {
        let phase = image["phase"]?.string ?? "?"
        return image["cause"]?.string.map { "\(phase): \($0)" } ?? phase
    }

    /// The images in the request's order, then those that overrides have made.
    private var imageNames: [String] {
        var names: [String] = []
        var seen: Set<String> = []
        let onNodes = nodes.flatMap { $0["images"]?.array ?? [] }.compactMap { $0["image"]?.string }
        let asked = (task["images"]?.array ?? []).compactMap(\.string).filter(Set(onNodes).contains)
        for name in asked + onNodes where seen.insert(name).inserted { names.append(name) }
        return names
    }

    private func time(_ key: String) -> Timestamp? { task[key]?.string.flatMap { Timestamp(rfc3339: $0) } }
}
