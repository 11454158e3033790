import ArgumentParser
import LongshoreDomain
import LongshoreMessages
import ServiceRuntime
import WireFormats

/// `longshore list`: shows tasks, the newest first.
struct ListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List tasks, the newest first.",
        discussion: "longshore list --status queued -o name | xargs longshore cancel: stops what has not begun."
    )

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var table: TableOptions

    @Option(
        help: ArgumentHelp("Only tasks in this state; may be repeated.", valueName: "state"),
        completion: Completions.taskStates
    )
    var status: [String] = []

    @Option(help: "Only tasks of this project.")
    var project: String?

    @Option(help: "Only tasks of this cluster.")
    var cluster: String?

    @Option(
        name: [.short, .long],
        help: ArgumentHelp("Only tasks with this label; may be repeated.", valueName: "key=value")
    )
    var label: [String] = []

    @Option(help: "Only tasks with this image.")
    var image: String?

    @Option(
        help: ArgumentHelp(
            "Only tasks accepted since then: a duration such as 90s, 30m, 2h or 7d, or an RFC 3339 time.",
            valueName: "time"
        )
    )
    var since: String?

    @Option(help: "The most tasks to show.")
    var limit = 50

    @Flag(
        name: [.customShort("w"), .customLong("watch")],
        help: "Stay, and show each task again when something of it has changed; Ctrl-C ends that."
    )
    var watches = false

    func validate() throws {
        guard limit > 0 else { throw ValidationError("--limit must be 1 or more") }
        guard !watches || output.output == .table || output.output == .wide || output.output == .name else {
            throw ValidationError("--watch shows lines: it does not go with -o json or yaml")
        }
        if let since { _ = try Self.time(since, now: SystemWallClock().now()) }
    }

    func run() async throws {
        let now = SystemWallClock().now()
        var query = status.map { (name: "status", value: $0) }
        if let project { query.append((name: "project", value: project)) }
        if let cluster { query.append((name: "cluster", value: cluster)) }
        query += label.map { (name: "label", value: $0) }
        if let image { query.append((name: "image", value: image)) }
        if let since { query.append((name: "since", value: try Self.time(since, now: now).rfc3339)) }
        let client = try connection.client()
        let page = try await client.items("/v1/tasks", query: query, limit: limit)
        switch output.output {
        case .json, .yaml: output.print(["items": .array(page.items)])
        case .name: for task in page.items { Console.print(Console.printable(task["id"]?.string ?? "?")) }
        case .table, .wide:
            table.print(Self.table(page.items, isWide: output.output == .wide, now: now))
            if page.hasMore { Console.error("there are more: --limit \(limit * 2)") }
        }
        if watches { try await watch(client, query, from: page.items) }
    }

    /// Asks again and again, and prints the lines of tasks that are new or have changed.
    private func watch(
        _ client: IntakeClient,
        _ query: [(name: String, value: String)],
        from first: [JSONValue]
    ) async throws {
        var changes = ListChanges(first)
        var isAway = false
        while true {
            try await Task.sleep(for: Self.watchInterval)
            let items: [JSONValue]
            do {
                items = try await client.items("/v1/tasks", query: query, limit: limit).items
                isAway = false
            } catch let failure as CommandFailure where failure.code == .unreachable {
                if !isAway { Console.error("\(failure.message); asking again") }
                isAway = true
                continue
            }
            let changed = changes.take(items)
            if output.output == .name {
                for index in changed { Console.print(Console.printable(items[index]["id"]?.string ?? "?")) }
            } else {
                // Of all rows, so that the columns stand where those of the lines before stand.
                let rows = Self.table(items, isWide: output.output == .wide, now: SystemWallClock().now()).lines
                for index in changed { Console.print(rows[index + 1]) }
            }
        }
    }

    private static let watchInterval = Duration.seconds(2)

    /// The table of tasks as the API lists them.
    static func table(_ tasks: [JSONValue], isWide: Bool = false, now: Timestamp) -> TextTable {
        let header = ["ID", "STATUS", "NODES", "FAILED", "PRIORITY", "AGE", "PROJECT", "IMAGES"]
        var table = TextTable(header: isWide ? header.dropLast() + ["CLUSTER", "SOURCE", "REASON", "IMAGES"] : header)
        for task in tasks {
            let counts = task["counts"]
            let images = (task["images"]?.array ?? []).compactMap(\.string).map(ShortImage.name)
            let accepted = task["acceptedAt"]?.string.flatMap { Timestamp(rfc3339: $0) }
            let more = images.count > 2 ? ", +\(images.count - 2)" : ""
            var cells = [
                task["id"]?.string ?? "?",
                task["status"]?.string ?? "?",
                "\(counts?["nodesSucceeded"]?.integer ?? 0)/\(counts?["nodesTotal"]?.integer ?? 0)",
                "\(counts?["nodesFailed"]?.integer ?? 0)",
                "\(task["priority"]?.integer ?? 0)",
                accepted.map { ProgressDisplay.text(now.duration(since: $0)) } ?? "?",
                task["project"]?.string ?? "?",
            ]
            if isWide {
                cells += ["cluster", "source"].map { task[$0]?.string ?? "?" }
                cells.append(task["reason"]?.string ?? task["cause"]?.string ?? "-")
            }
            cells.append(isWide ? images.joined(separator: ", ") : images.prefix(2).joined(separator: ", ") + more)
            table.add(cells)
        }
        return table
    }

    /// The moment that a person means.
    ///
    /// - Parameters:
    ///   - text: A whole number with `s`, `m`, `h` or `d`, counted back from now, or an RFC 3339 time.
    ///   - now: The present.
    /// - Returns: The moment.
    /// - Throws: A validation error that names the text.
    static func time(_ text: String, now: Timestamp) throws -> Timestamp {
        if let time = Timestamp(rfc3339: text) { return time }
        let units: [Character: Int] = ["s": 1, "m": 60, "h": 3_600, "d": 86_400]
        guard let unit = text.last.flatMap({ units[$0] }), let number = Int(text.dropLast()),
            (1...100_000).contains(number)
        else {
            throw ValidationError(
                "--since: “\(Console.printable(text))” is neither a duration such as 2h nor an RFC 3339 time"
            )
        }
        return now - .seconds(number * unit)
    }
}

/// Tells which tasks of a list have changed since it was read last.
struct ListChanges: Sendable {
    /// What a line of the list shows of a task, but for its age.
    private struct Shown: Sendable, Hashable {
        let status: JSONValue?
        let counts: JSONValue?
        let priority: JSONValue?
    }

    private var known: [String: Shown] = [:]

    /// - Parameter tasks: The list as it was read first.
    init(_ tasks: [JSONValue]) { _ = take(tasks) }

    /// Takes the list as it is now.
    ///
    /// - Returns: The places of those that are new or have changed, the oldest first.
    mutating func take(_ tasks: [JSONValue]) -> [Int] {
        tasks.indices.reversed().filter { index in
            let task = tasks[index]
            guard let id = task["id"]?.string else { return false }
            let shown = Shown(status: task["status"], counts: task["counts"], priority: task["priority"])
            return known.updateValue(shown, forKey: id) != shown
        }
    }
}
