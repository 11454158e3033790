import ArgumentParser
import FoundationEssentials
import LongshoreDomain
import LongshoreMessages
import WireFormats

/// `longshore watch`: follows a task to its end.
struct WatchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch",
        abstract: "Follow a task: bars on a terminal, lines elsewhere, a table at the end.",
        discussion: "Exits with 0 when the task succeeded and 1 when it failed, was cancelled or was rejected."
    )

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    @Argument(help: "The task's id.")
    var id: String

    func run() async throws {
        try await TaskFollowing(client: connection.client(), id: id, format: output.output).run()
    }
}

/// Follows a task and shows it; what `watch` and `--wait` have in common.
struct TaskFollowing {
    let client: IntakeClient
    let id: String
    let format: OutputOptions.Format

    /// - Throws: ``CommandFailure``; with the code for a failed task when it did not succeed.
    func run() async throws {
        let environment = ProcessInfo.processInfo.environment
        if format == .table, Console.isTerminal, environment["TERM"] != "dumb" {
            try await followOnTerminal(environment)
        } else {
            try await TaskWatcher(client: client, id: id).follow { event in
                if format == .table {
                    Console.print(EventLine.text(event))
                } else {
                    // One event a line, as the stream has it.
                    Console.print(event.event.structuredJSON.text())
                }
            }
        }
        try await finish()
    }

    private func followOnTerminal(_ environment: [String: String]) async throws {
        let display = ProgressDisplay(
            id: id,
            width: environment["COLUMNS"].flatMap { Int($0) } ?? 100,
            usesColor: environment["NO_COLOR"] == nil
        )
        let screen = TerminalScreen(display: display, write: Console.write)
        try await screen.show {
            try await TaskWatcher(client: client, id: id).follow(screen.apply)
        }
        for fault in screen.faults {
            Console.print(Console.printable("  \(ProblemReport.field(fault.pointer)): \(fault.detail) (\(fault.code))"))
        }
    }

    private func finish() async throws {
        let task = try await client.send("GET", "/v1/tasks/\(IntakeClient.encode(id))").json
        if format == .table {
            let nodes = try await client.items("/v1/tasks/\(IntakeClient.encode(id))/nodes", limit: 1_000)
            Console.print("")
            for line in TaskReport(task: task, nodes: nodes.items, hasMoreNodes: nodes.hasMore).lines {
                Console.print(line)
            }
        }
        let status = task["status"]?.string ?? "unknown"
        guard status == TaskPhase.succeeded.rawValue else {
            throw CommandFailure(.taskFailed, "the task \(id) ended as \(Console.printable(status))")
        }
    }
}
