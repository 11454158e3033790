import ArgumentParser
import WireFormats

/// `longshore cancel`: stops tasks.
struct CancelCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cancel",
        abstract: "Stop tasks: no further node is started, Jobs and Secrets go."
    )

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    @Argument(help: "The tasks' ids, or their beginnings.", completion: Completions.unfinishedTaskIDs)
    var ids: [String]

    func run() async throws {
        let client = try connection.client()
        try await CommandFailure.collecting(of: ids) { name in
            let id = try await TaskReference.resolve(name, client)
            let task = try await client.send("DELETE", "/v1/tasks/\(IntakeClient.encode(id))").json
            output.printDone(task, id: id, "is being cancelled")
        }
    }
}
