import LongshoreDomain
import WireFormats

/// Shows a task to a person: its settings and counts, a table of nodes and images, and the causes of what is not well.
struct TaskReport {
    /// How many nodes and columns are shown.
    struct Layout: Sendable, Hashable {
        /// Columns of the terminal; nil where lines may be of any length, as in a pipe.
        var width: Int?
        /// Whether every image of every node is shown, even where that takes a line each.
        var showsAll = false
    }

    private let task: JSONValue
    private let nodes: [JSONValue]
    private let layout: Layout
    private let images: [String]

    /// The most images that have a column of their own.
    static let maximumColumns = 5
    /// The most lines of causes.
    static let maximumCauses = 20
    /// The most images that the summary names.
    private static let maximumNamedImages = 5

    /// - Parameters:
    ///   - task: The task as the API gives it.
    ///   - nodes: Nodes of it as the API gives them, in any order.
    ///   - layout: How many nodes and columns are shown.
    init(task: JSONValue, nodes: [JSONValue], layout: Layout = Layout()) {
        self.task = task
        self.nodes = nodes.sorted { NaturalOrder.precedes(Self.name(of: $0), Self.name(of: $1)) }
        self.layout = layout
        images = Self.imageNames(task: task, nodes: nodes)
    }

    /// All lines.
    var lines: [String] {
        var lines = summary
        if !nodes.isEmpty { lines += [""] + table }
        if let hidden { lines.append(hidden) }
        let causes = causes
        if !causes.isEmpty { lines += [""] + causes }
        return lines
    }

    // MARK: - Summary

    /// The task in a few lines.
    var summary: [String] {
        var state = "\(task["id"]?.string ?? "?")  \(task["status"]?.string ?? "?")"
        if let cause = task["cause"]?.string { state += "  \(cause)" }
        if let reason = task["reason"]?.string { state += "  \(reason)" }
        var lines = [state]
        if let message = task["message"]?.string { lines.append("  \(message)") }
        lines.append(
            "  nodes: \(count("nodesSucceeded")) of \(count("nodesTotal")) succeeded, \(count("nodesFailed")) failed, "
                + "\(count("nodesSkipped")) skipped, \(count("nodesPulling")) in work"
        )
        let names = (task["images"]?.array ?? []).compactMap(\.string).map(ShortImage.name)
        let named = layout.showsAll ? names : Array(names.prefix(Self.maximumNamedImages))
        let more = names.count > named.count ? " and \(names.count - named.count) more" : ""
        lines.append("  images: \(named.joined(separator: ", "))\(more)")
        if let start = time("acceptedAt") {
            var text = "  accepted: \(start.rfc3339Seconds)"
            if let end = time("finishedAt") {
                text += ", finished after \(ProgressDisplay.text(end.duration(since: start)))"
            }
            lines.append(text)
        }
        return lines.map(Console.printable)
    }

    private func count(_ key: String) -> Int { task["counts"]?[key]?.integer ?? 0 }

    private func time(_ key: String) -> Timestamp? { task[key]?.string.flatMap { Timestamp(rfc3339: $0) } }

    /// Says how many nodes are not in the table, by what is known of them.
    private var hidden: String? {
        let total = count("nodesTotal")
        guard total > nodes.count else { return nil }
        func shown(_ state: String) -> Int { nodes.count { $0["state"]?.string == state } }
        let parts = [
            ("succeeded", count("nodesSucceeded")), ("failed", count("nodesFailed")),
            ("skipped", count("nodesSkipped")), ("pulling", count("nodesPulling")),
        ].compactMap { state, number in
            number > shown(state) ? "\(number - shown(state)) \(state)" : nil
        }
        let detail = parts.isEmpty ? "" : " (\(parts.joined(separator: ", ")))"
        let number = total - nodes.count
        return "… \(Plural.count(number, "node")) not shown\(detail): --all shows every node"
    }

    // MARK: - Nodes

    /// Nodes by images where there is room for that, else one line a node with what is not well on it.
    var table: [String] {
        if images.count <= Self.maximumColumns {
            let lines = columnTable.lines
            if layout.showsAll || fits(lines) { return lines }
        } else if layout.showsAll {
            return longTable.lines
        }
        let lines = compactTable.lines
        guard let width = layout.width else { return lines }
        return lines.map { $0.count > width ? $0.prefix(max(width - 1, 1)) + "…" : $0 }
    }

    private func fits(_ lines: [String]) -> Bool {
        guard let width = layout.width else { return true }
        return lines.allSatisfy { $0.count <= width }
    }

    private var columnTable: TextTable {
        var table = TextTable(header: ["NODE", "STATE", "ATTEMPT"] + images.map(ShortImage.name))
        for node in nodes {
            let states = Dictionary(
                (node["images"]?.array ?? []).map { ($0["image"]?.string ?? "", $0) },
                uniquingKeysWith: { $1 }
            )
            table.add(Self.head(of: node) + images.map { states[$0].map { Self.state($0, on: node) } ?? "-" })
        }
        return table
    }

    private var longTable: TextTable {
        var table = TextTable("NODE", "STATE", "ATTEMPT", "IMAGE", "IMAGE STATE")
        for node in nodes {
            let images = node["images"]?.array ?? []
            if images.isEmpty { table.add(Self.head(of: node)) }
            for image in images {
                let name = ShortImage.name(image["image"]?.string ?? "?")
                table.add(Self.head(of: node) + [name, Self.state(image, on: node)])
            }
        }
        return table
    }

    private var compactTable: TextTable {
        var table = TextTable("NODE", "STATE", "ATTEMPT", "IMAGES", "NOT WELL")
        for node in nodes {
            let states = node["images"]?.array ?? []
            let done = states.count { ["present", "pulled"].contains($0["phase"]?.string) }
            table.add(Self.head(of: node) + ["\(done)/\(images.count)", Self.problem(of: node, states)])
        }
        return table
    }

    /// What is not well on a node: its first failed image and how many more there are, else why the node ended.
    private static func problem(of node: JSONValue, _ images: [JSONValue]) -> String {
        let failed = images.filter { $0["phase"]?.string == "failed" }
        guard let first = failed.first else { return node["reason"]?.string ?? node["cause"]?.string ?? "" }
        let more = failed.count > 1 ? " and \(failed.count - 1) more" : ""
        return "\(ShortImage.name(first["image"]?.string ?? "?")): \(first["cause"]?.string ?? "Unknown")\(more)"
    }

    private static func name(of node: JSONValue) -> String { node["node"]?.string ?? "?" }

    private static func head(of node: JSONValue) -> [String] {
        [
            name(of: node), node["state"]?.string ?? node["phase"]?.string ?? "?",
            "\(node["attempt"]?.integer ?? 0)",
        ]
    }

    /// The state of an image; what was under way when its node ended is not under way any more.
    private static func state(_ image: JSONValue, on node: JSONValue) -> String {
        let phase = image["phase"]?.string ?? "?"
        if let cause = image["cause"]?.string { return "\(phase): \(cause)" }
        if node["state"] == "unknown", ["pending", "pulling"].contains(phase) { return "unknown" }
        let isOver = node["state"]?.string.flatMap(NodePhase.init)?.isTerminal ?? false
        return isOver && ["pending", "pulling"].contains(phase) ? "not pulled" : phase
    }

    /// The images in the request's order, then those that overrides have made.
    private static func imageNames(task: JSONValue, nodes: [JSONValue]) -> [String] {
        var names: [String] = []
        var seen: Set<String> = []
        let onNodes = nodes.flatMap { $0["images"]?.array ?? [] }.compactMap { $0["image"]?.string }
        let asked = (task["images"]?.array ?? []).compactMap(\.string).filter(Set(onNodes).contains)
        for name in asked + onNodes where seen.insert(name).inserted { names.append(name) }
        return names
    }

    // MARK: - Causes

    /// Each cause with the image that it concerns, on how many of the nodes shown it was met, and what was said first.
    var causes: [String] {
        var findings = Findings()
        for node in nodes {
            let failed = (node["images"]?.array ?? []).filter { $0["phase"]?.string == "failed" }
            for image in failed {
                findings.add(
                    image["cause"]?.string ?? "Unknown",
                    of: ShortImage.name(image["image"]?.string ?? "?"),
                    message: image["message"]?.string
                )
            }
            if failed.isEmpty, let word = node["cause"]?.string ?? node["reason"]?.string {
                findings.add(word, of: "-", message: node["message"]?.string)
            }
        }
        guard !findings.rows.isEmpty else { return [] }
        var table = TextTable("CAUSE", "NODES", "IMAGE", "MESSAGE")
        for row in findings.rows.prefix(Self.maximumCauses) {
            let others = row.messages.count > 1 ? " (and \(Plural.count(row.messages.count - 1, "other message")))" : ""
            table.add([row.cause, "\(row.count)", row.image, row.message + others])
        }
        let more = findings.rows.count - Self.maximumCauses
        return ["CAUSES"] + table.lines.map { "  \($0)" }
            + (more > 0 ? ["  and \(Plural.count(more, "more row"))"] : [])
    }
}

/// Counts what was met on nodes, by cause and image.
private struct Findings {
    struct Row {
        let cause: String
        let image: String
        /// What was said first.
        let message: String
        var count = 0
        var messages: Set<String> = []
    }

    private struct Key: Hashable {
        let cause: String
        let image: String
    }

    private var indices: [Key: Int] = [:]
    private var found: [Row] = []

    mutating func add(_ cause: String, of image: String, message: String?) {
        let key = Key(cause: cause, image: image)
        let index = indices[key] ?? found.count
        if index == found.count {
            indices[key] = index
            found.append(Row(cause: cause, image: image, message: message ?? ""))
        }
        found[index].count += 1
        found[index].messages.insert(message ?? "")
    }

    /// The rows, the most frequent first; those that are as frequent in the order in which they were met.
    var rows: [Row] {
        found.enumerated().sorted { ($1.element.count, $0.offset) < ($0.element.count, $1.offset) }.map(\.element)
    }
}
