import ArgumentParser
import FoundationEssentials
import LongshoreDomain
import LongshoreMessages
import UnixSignals
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

    @Argument(help: "The task's id, or its beginning.", completion: Completions.taskIDs)
    var id: String

    @Option(
        help: ArgumentHelp(
            "How long to wait for a task that the service does not know yet, such as one asked for over Kafka.",
            valueName: "seconds"
        )
    )
    var appearSeconds = 30

    func validate() throws {
        guard (0...86_400).contains(appearSeconds) else {
            throw ValidationError("--appear-seconds must be from 0 to 86400")
        }
    }

    func run() async throws {
        let client = try connection.client()
        let id = try await TaskReference.resolve(id, client)
        var following = TaskFollowing(client: client, id: id, output: output)
        following.appearance = .seconds(appearSeconds)
        try await following.run()
    }
}

/// Follows a task and shows it; what `watch` and `--wait` have in common.
struct TaskFollowing: Sendable {
    let client: IntakeClient
    let id: String
    let output: OutputOptions
    /// How long a task that the service does not know is waited for.
    var appearance = Duration.zero

    private var showsTable: Bool { output.output == .table || output.output == .wide }

    /// - Throws: ``CommandFailure``; with the code for a failed task when it did not succeed.
    func run() async throws {
        let environment = ProcessInfo.processInfo.environment
        try await untilInterrupted {
            if showsTable, Console.isTerminal, environment["TERM"] != "dumb" {
                try await followOnTerminal(environment)
            } else {
                try await watcher(notify: Console.error).follow { event in
                    switch output.output {
                    case .table, .wide: Console.print(EventLine.text(event))
                    case .name: break
                    // One event a line, as the stream has it.
                    case .json: Console.print(event.event.structuredJSON.text())
                    // One event a document.
                    case .yaml: Console.write("---\n\(OutputOptions.yaml(event.event.structuredJSON))")
                    }
                }
            }
        }
        try await finish()
    }

    /// Ctrl-C ends the command and not the task, and a person must know that.
    private func untilInterrupted(_ operation: @escaping @Sendable () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { [id] in
                let signals = await UnixSignalsSequence(trapping: .sigint)
                for await _ in signals {
                    throw CommandFailure(
                        .interrupted,
                        "The task \(id) goes on. See it again with: longshore watch \(id); stop it with: longshore cancel \(id)"
                    )
                }
            }
            group.addTask { try await operation() }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    private func watcher(notify: @escaping @Sendable (String) -> Void) -> TaskWatcher {
        TaskWatcher(client: client, id: id, appearance: appearance) { notify(Console.printable($0)) }
    }

    private func followOnTerminal(_ environment: [String: String]) async throws {
        let display = ProgressDisplay(id: id, width: Console.width ?? 100, usesColor: environment["NO_COLOR"] == nil)
        let screen = TerminalScreen(display: display, write: Console.write)
        try await screen.show {
            try await watcher(notify: screen.note).follow(screen.apply)
        }
        for fault in screen.faults {
            Console.print(Console.printable("  \(ProblemReport.field(fault.pointer)): \(fault.detail) (\(fault.code))"))
        }
    }

    private func finish() async throws {
        let selection = TaskReading.Selection()
        let (task, nodes) = try await TaskReading(client: client, id: id).read(selection)
        if showsTable {
            let layout = TaskReport.Layout(width: output.output == .wide ? nil : Console.width)
            Console.print("")
            for line in TaskReport(task: task, nodes: nodes, layout: layout).lines { Console.print(line) }
        }
        let status = task["status"]?.string ?? "unknown"
        guard status == TaskPhase.succeeded.rawValue else {
            throw CommandFailure(.taskFailed, "the task \(id) ended as \(Console.printable(status))")
        }
    }
}
