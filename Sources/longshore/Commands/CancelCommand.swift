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

    @Argument(help: "The tasks' ids.")
    var ids: [String]

    func run() async throws {
        let client = try connection.client()
        var failures: [CommandFailure] = []
        for id in ids {
            do {
                let task = try await client.send("DELETE", "/v1/tasks/\(IntakeClient.encode(id))").json
                switch output.output {
                case .json: OutputOptions.print(task)
                case .table: Console.print("\(Console.printable(id)) is being cancelled")
                }
            } catch let failure as CommandFailure {
                failures.append(CommandFailure(failure.code, "\(Console.printable(id)): \(failure.message)"))
            }
        }
        guard let worst = failures.max(by: { $0.code.rawValue < $1.code.rawValue }) else { return }
        throw CommandFailure(worst.code, failures.map(\.message).joined(separator: "\n"))
    }
}
