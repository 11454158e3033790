import ArgumentParser
import Glibc
import ServiceRuntime

/// The command `longshore`: the services, and the client that talks to them.
@main
struct Longshore: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "longshore",
        abstract: "Puts container images onto Kubernetes nodes before they are needed.",
        discussion: """
            Exit codes: 0 done; \(exitCodes).
            """,
        version: ProductVersion.text,
        groupedSubcommands: [
            CommandGroup(
                name: "Ask and follow",
                subcommands: [
                    SubmitCommand.self, WatchCommand.self, GetCommand.self, ListCommand.self, CancelCommand.self,
                    RetryCommand.self, PauseCommand.self, ResumeCommand.self, EditCommand.self,
                    WebhooksCommand.self, SealCommand.self,
                ]
            ),
            CommandGroup(
                name: "Set up",
                subcommands: [LoginCommand.self, ContextCommand.self, DoctorCommand.self]
            ),
            CommandGroup(
                name: "Run",
                subcommands: [
                    DevCommand.self, IntakeCommand.self, ExecutorCommand.self, NotifierCommand.self,
                    MigrateCommand.self, RebuildCommand.self,
                ]
            ),
        ]
    )

    private static var exitCodes: String {
        CommandFailure.Code.allCases.map { "\($0.rawValue) \($0.meaning)" }.joined(separator: "; ")
    }

    static func main() async {
        let code = await run(arguments: nil)
        // Threads of client libraries that a stop has left behind must not meet destructors; nothing is buffered here.
        Glibc._exit(code)
    }

    /// Runs a command line.
    ///
    /// - Parameter arguments: The words after the program's name; nothing means those of the process.
    /// - Returns: The exit code of the contract.
    static func run(arguments: [String]?) async -> Int32 {
        if let problem = UnknownCommand.problem(in: arguments ?? Array(CommandLine.arguments.dropFirst()), of: self) {
            Console.error(problem)
            return CommandFailure.Code.usage.rawValue
        }
        do {
            var command = try await asyncParseAsRoot(arguments)
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
            return 0
        } catch let failure as CommandFailure {
            Console.error(failure.message)
            return failure.code.rawValue
        } catch let error as SettingsError {
            Console.error(error.description)
            return CommandFailure.Code.usage.rawValue
        } catch {
            // Asking for help is an error to the argument parser, with a success code.
            let text = fullMessage(for: error)
            if exitCode(for: error).isSuccess {
                Console.print(text)
                return 0
            }
            if let code = error as? ExitCode { return code.rawValue }
            Console.error(text)
            return isUsage(error) ? CommandFailure.Code.usage.rawValue : CommandFailure.Code.taskFailed.rawValue
        }
    }

    private static func isUsage(_ error: any Error) -> Bool { exitCode(for: error) == .validationFailure }
}
