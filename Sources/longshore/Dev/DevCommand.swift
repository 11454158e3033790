import ArgumentParser

/// `longshore dev`: everything on this machine.
struct DevCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dev",
        abstract: "Run everything on this machine: database, broker, cluster, intake, executors and notifier.",
        discussion: """
            What is not given is embedded: a PostgreSQL of its own in the data folder, librdkafka's mock cluster as the broker
            (topics in memory, 5 MiB for each partition, no TLS) and a simulated cluster whose nodes really pull from
            registries. It listens on loopback only, allows webhooks to loopback, and makes a random token. Ctrl-C stops all of it;
            started again with the same folder it goes on where it stopped. Addresses and the token are in ready.json in the folder.
            """
    )

    @Option(
        help: ArgumentHelp("Where the database, the cluster's objects and the token live.", valueName: "dir"),
        completion: .directory
    )
    var dataDir = "longshore-dev"

    @Option(help: "Port of the HTTP API on 127.0.0.1; 0 takes a free one.")
    var port = 8080

    @Option(help: "Simulated nodes, 1 to 10000.")
    var nodes = 5

    @Flag(help: "Simulated nodes have every image at once and ask no registry: for trying schedules and scale.")
    var instantPulls = false

    @Option(
        help: ArgumentHelp(
            "File that is written once everything is ready: addresses and the token.",
            valueName: "file"
        ),
        completion: Completions.file
    )
    var readyFile: String?

    @Option(
        help: """
            Executors, 0 to 64. With 0, run `longshore executor` yourself against the addresses of the ready file, with \
            --kafka-session-timeout-seconds 6: the embedded broker waits that long at each change of a group's members.
            """
    )
    var executors = 1

    @Option(help: ArgumentHelp("Database to use instead of an own one.", valueName: "url"))
    var postgres: String?

    @Option(help: ArgumentHelp("Broker to use instead of the embedded one.", valueName: "host:port"))
    var kafka: String?

    @Option(
        help: ArgumentHelp("Cluster to use instead of the simulated one.", valueName: "file"),
        completion: Completions.file
    )
    var kubeconfig: String?

    @Option(
        help: ArgumentHelp(
            "Services to leave out, so that they can run as processes of their own: intake, notifier.",
            valueName: "names"
        ),
        completion: .list(["intake", "notifier"])
    )
    var without: [String] = []

    @Option(
        help: "Image that the puller Pods run; it must be reachable from the nodes. Simulated nodes have the default."
    )
    var helperImage: String?

    @Option(
        help: "Least severe level that is logged: trace, debug, info, notice, warning, error.",
        completion: .list(["trace", "debug", "info", "notice", "warning", "error"])
    )
    var logLevel = "info"

    func validate() throws {
        guard (0...65_535).contains(port) else { throw ValidationError("--port: \(port) is not 0 to 65535") }
        guard (1...10_000).contains(nodes) else { throw ValidationError("--nodes: \(nodes) is not 1 to 10000") }
        guard (0...64).contains(executors) else { throw ValidationError("--executors: \(executors) is not 0 to 64") }
        for name in without where !["intake", "notifier"].contains(name) {
            throw ValidationError("--without: “\(name)” is neither intake nor notifier")
        }
    }

    func run() async throws {
        try await DevEnvironment(options: self).run()
    }
}
