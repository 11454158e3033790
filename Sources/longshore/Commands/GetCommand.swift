import ArgumentParser
import WireFormats

/// `longshore get`: shows one task.
struct GetCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "get",
        abstract: "Show a task with its nodes, images and causes.",
        discussion: """
            Of a task with many nodes the table has those that are not well and those in work; --all shows every node. JSON and \
            YAML always have every node, unless --limit or --state narrows them down.
            """
    )

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    @Argument(help: "The task's id, or its beginning.", completion: Completions.taskIDs)
    var id: String

    @Option(
        help: ArgumentHelp("Only nodes in this state; may be repeated.", valueName: "state"),
        completion: Completions.nodeStates
    )
    var state: [String] = []

    @Option(help: "The most nodes to show; without it 50 in the table, else all.")
    var limit: Int?

    @Flag(help: "Show every node, and every image of it.")
    var all = false

    func validate() throws {
        guard limit.map({ $0 > 0 }) ?? true else { throw ValidationError("--limit must be 1 or more") }
    }

    func run() async throws {
        let format = output.output
        let isStructured = format == .json || format == .yaml
        let client = try connection.client()
        let reading = TaskReading(client: client, id: try await TaskReference.resolve(id, client))
        var (task, nodes) = try await reading.read(
            TaskReading.Selection(isWhole: all || isStructured, states: state, limit: limit)
        )
        switch format {
        case .json, .yaml:
            task["nodes"] = .array(nodes)
            output.print(task)
        case .name: Console.print(Console.printable(task["id"]?.string ?? id))
        case .table, .wide:
            let layout = TaskReport.Layout(width: format == .wide ? nil : Console.width, showsAll: all)
            for line in TaskReport(task: task, nodes: nodes, layout: layout).lines { Console.print(line) }
        }
    }
}
