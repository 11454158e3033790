import ArgumentParser
import FoundationEssentials
import LongshoreMessages
import WireFormats

/// `longshore submit`: asks for images to be pulled.
struct SubmitCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "submit",
        abstract: "Ask for images to be pulled onto nodes.",
        discussion: """
            longshore submit nginx:1.27 harbor.example.com/ml/train:v3 --selector workload=gpu \\
                --credential harbor.example.com/ml=robot --password-file harbor.example.com/ml=/run/secrets/harbor --wait

            Passwords and tokens come from files and the environment, never from flags. A repeated command is another task unless
            --idempotency-key says that it is the same.
            """
    )

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup(title: "Request") var options: SubmitOptions
    @OptionGroup(title: "Credentials") var credentials: CredentialOptions

    @Option(
        help: ArgumentHelp(
            "Name for this wish: the same key is the same task, however often it is sent.",
            valueName: "key"
        )
    )
    var idempotencyKey: String?

    @Flag(help: "Seal credentials here, to the cluster's key, so that not even intake sees them.")
    var seal = false

    @Flag(help: "Follow the task to its end; then exit with 1 if it failed.")
    var wait = false

    func run() async throws {
        let client = try connection.client()
        var body = try options.json(credentials: credentials.entries())
        guard body["images"] != nil else {
            throw CommandFailure.usage("name at least one image, or a file with --request")
        }
        // With a key of its own, a request whose answer was lost can be sent again without becoming two tasks.
        let key = idempotencyKey ?? "cli-\(UUID().uuidString.lowercased())"
        if seal { body = try await RequestSealing(client: client).seal(body, idempotencyKey: key) }
        let task = try await send(body, key: key, to: client)
        for warning in task["warnings"]?.array ?? [] { ProblemReport.warn(warning) }
        let id = task["id"]?.string ?? ""
        guard !wait else {
            if output.output == .table || output.output == .wide, !Console.isTerminal {
                Console.print("\(Console.printable(id)) accepted")
            }
            try await TaskFollowing(client: client, id: id, output: output).run()
            return
        }
        switch output.output {
        case .json, .yaml: output.print(task)
        case .name: Console.print(Console.printable(id))
        case .table, .wide: Console.print("\(Console.printable(id)) \(Console.printable(task["status"]?.string ?? ""))")
        }
    }

    /// Sends the request, again for a while when the service cannot take it just now.
    private func send(_ body: JSONValue, key: String, to client: IntakeClient) async throws -> JSONValue {
        var delay = Duration.seconds(1)
        for attempt in 1... {
            do {
                return try await client.send(
                    "POST",
                    "/v1/tasks",
                    headers: [(name: "Idempotency-Key", value: key)],
                    body: body
                ).json
            } catch let failure as CommandFailure where failure.code == .unreachable && attempt < 4 {
                let first = failure.message.split(separator: "\n").first.map(String.init) ?? ""
                Console.error("\(first); trying again in \(ProgressDisplay.text(delay)) (attempt \(attempt + 1) of 4)")
                try await Task.sleep(for: delay)
                delay = delay * 2
            }
        }
        throw CommandFailure.unreachable("the service could not be reached")
    }
}
