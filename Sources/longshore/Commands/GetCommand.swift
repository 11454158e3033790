import ArgumentParser
import WireFormats

/// `longshore get`: shows one task.
struct GetCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "get",
        abstract: "Show a task with its nodes, images and causes."
    )

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    @Argument(help: "The task's id.")
    var id: String

    @Option(help: ArgumentHelp("Only nodes in this state; may be repeated.", valueName: "state"))
    var state: [String] = []

    @Option(help: "The most nodes to show.")
    var limit = 1_000

    func validate() throws {
        guard limit > 0 else { throw ValidationError("--limit must be 1 or more") }
    }

    func run() async throws {
        let client = try connection.client()
        let path = "/v1/tasks/\(IntakeClient.encode(id))"
        var task = try await client.send("GET", path).json
        let query = state.map { (name: "state", value: $0) }
        let nodes = try await client.items("\(path)/nodes", query: query, limit: limit)
        switch output.output {
        case .json:
            task["nodes"] = .array(nodes.items)
            OutputOptions.print(task)
        case .table:
            for line in TaskReport(task: task, nodes: nodes.items, hasMoreNodes: nodes.hasMore).lines {
                Console.print(line)
            }
        }
    }
}
