import ArgumentParser
import FoundationEssentials
import Glibc
import Redaction
import WireFormats

/// `longshore login`: keeps a service's address and token in the client's file.
struct LoginCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "login",
        abstract: "Keep a service's address and token for the other commands.",
        discussion: """
            Both are written to ~/.config/longshore/client.json (mode 0600; below $XDG_CONFIG_HOME where that is set) under the name \
            that --context gives, once the service has taken the token. Without --token-file and LONGSHORE_TOKEN the token is asked \
            for on the terminal, or read from standard input.
            """
    )

    @OptionGroup var connection: ConnectionOptions

    func run() async throws {
        let environment = ProcessInfo.processInfo.environment
        let named = try connection.readyFile.map(ConnectionOptions.Target.read)
        guard let server = connection.server ?? named?["http"]?.string ?? environment["LONGSHORE_SERVER"] else {
            throw CommandFailure.usage("say where the service is: --server URL")
        }
        let token: SecretBytes
        if let path = connection.tokenFile {
            token = try SecretInput.file(path)
        } else if let text = named?["token"]?.string ?? environment["LONGSHORE_TOKEN"], !text.isEmpty {
            token = SecretBytes(utf8: text)
        } else {
            token = try Self.askForToken()
        }
        let caFile = connection.caFile ?? environment["LONGSHORE_CA_FILE"]
        let client = try IntakeClient(server: server, token: token, caPath: caFile)
        _ = try await client.send("GET", "/v1/tasks", query: [("limit", "1")])
        let name = connection.context ?? Self.host(of: server)
        var file = try ClientFile.read(environment: environment) ?? ClientFile()
        file.add(ClientFile.Context(name: name, server: server, token: token, caFile: caFile))
        let path = try file.write(environment: environment)
        Console.print(
            "Logged in to \(Console.printable(server)) as context “\(Console.printable(name))”, kept in \(path)"
        )
    }

    /// The host and port of a URL, as a context's name.
    static func host(of server: String) -> String {
        let rest = server.firstRange(of: "://").map { server[$0.upperBound...] } ?? server[...]
        return String(rest.prefix { $0 != "/" })
    }

    /// Asks without showing what is typed; a pipe is read to its first line's end.
    private static func askForToken() throws -> SecretBytes {
        var settings = termios()
        let known = unsafe tcgetattr(0, &settings)
        let isTerminal = isatty(0) == 1 && known == 0
        if isTerminal {
            Console.write("Token: ")
            var silent = settings
            silent.c_lflag &= ~tcflag_t(ECHO)
            _ = unsafe tcsetattr(0, TCSAFLUSH, &silent)
        }
        let line = readLine() ?? ""
        if isTerminal {
            _ = unsafe tcsetattr(0, TCSAFLUSH, &settings)
            Console.write("\n")
        }
        guard !line.isEmpty else { throw CommandFailure(.unauthorized, "no token was given") }
        return SecretBytes(utf8: line)
    }
}

/// `longshore context`: which of the services that one has logged in to is asked.
struct ContextCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "context",
        abstract: "Show the services that are known by login, and choose one.",
        subcommands: [ListContextsCommand.self, UseContextCommand.self]
    )
}

/// `longshore context list`: the contexts of the client's file.
struct ListContextsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "List the contexts.")

    @OptionGroup var output: OutputOptions
    @OptionGroup var table: TableOptions

    func run() async throws {
        let file = try ClientFile.read(environment: ProcessInfo.processInfo.environment) ?? ClientFile()
        switch output.output {
        case .json, .yaml:
            let items = file.contexts.map { context -> JSONValue in
                let isCurrent = context.name == file.current
                return ["name": .string(context.name), "http": .string(context.server), "current": .bool(isCurrent)]
            }
            output.print(["items": .array(items)])
        case .name: for context in file.contexts { Console.print(Console.printable(context.name)) }
        case .table, .wide:
            var rows = TextTable("CURRENT", "NAME", "SERVER")
            for context in file.contexts {
                rows.add(context.name == file.current ? "*" : "", context.name, context.server)
            }
            table.print(rows)
        }
    }
}

/// `longshore context use`: chooses the service that is asked from now on.
struct UseContextCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "use",
        abstract: "Choose the context that is asked from now on."
    )

    @Argument(help: "The context's name.", completion: Completions.contexts)
    var name: String

    func run() async throws {
        let environment = ProcessInfo.processInfo.environment
        var file = try ClientFile.read(environment: environment) ?? ClientFile()
        try file.use(name)
        try file.write(environment: environment)
        Console.print("Context “\(Console.printable(name))” is asked from now on")
    }
}
