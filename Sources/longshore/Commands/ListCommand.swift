import ArgumentParser
import ServiceRuntime
import WireFormats

/// `longshore list`: shows tasks, the newest first.
struct ListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List tasks, the newest first."
    )

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    @Option(help: ArgumentHelp("Only tasks in this state; may be repeated.", valueName: "state"))
    var status: [String] = []

    @Option(help: "Only tasks of this project.")
    var project: String?

    @Option(help: ArgumentHelp("Only tasks with this label; may be repeated.", valueName: "key=value"))
    var label: [String] = []

    @Option(help: "Only tasks with this image.")
    var image: String?

    @Option(help: "The most tasks to show.")
    var limit = 50

    func validate() throws {
        guard limit > 0 else { throw ValidationError("--limit must be 1 or more") }
    }

    func run() async throws {
        var query = status.map { (name: "status", value: $0) }
        if let project { query.append((name: "project", value: project)) }
        query += label.map { (name: "label", value: $0) }
        if let image { query.append((name: "image", value: image)) }
        let page = try await connection.client().items("/v1/tasks", query: query, limit: limit)
        switch output.output {
        case .json: OutputOptions.print(["items": .array(page.items)])
        case .table:
            for line in Self.table(page.items, now: SystemWallClock().now()).lines { Console.print(line) }
            if page.hasMore { Console.error("there are more: --limit \(limit * 2)") }
        }
    }

    /// The table of tasks as the API lists them.
    static func table(_ tasks: [JSONValue], now: Timestamp) -> TextTable {
        var table = TextTable("ID", "STATUS", "NODES", "FAILED", "PRIORITY", "AGE", "PROJECT", "IMAGES")
        for task in tasks {
            let counts = task["counts"]
            let images = (task["images"]?.array ?? []).compactMap(\.string).map(ShortImage.name)
            let accepted = task["acceptedAt"]?.string.flatMap { Timestamp(rfc3339: $0) }
            let more = images.count > 2 ? ", +\(images.count - 2)" : ""
            table.add(
                task["id"]?.string ?? "?",
                task["status"]?.string ?? "?",
                "\(counts?["nodesSucceeded"]?.integer ?? 0)/\(counts?["nodesTotal"]?.integer ?? 0)",
                "\(counts?["nodesFailed"]?.integer ?? 0)",
                "\(task["priority"]?.integer ?? 0)",
                accepted.map { ProgressDisplay.text(now.duration(since: $0)) } ?? "?",
                task["project"]?.string ?? "?",
                images.prefix(2).joined(separator: ", ") + more
            )
        }
        return table
    }
}
