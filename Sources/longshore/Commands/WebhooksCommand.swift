import ArgumentParser
import ServiceRuntime
import WireFormats

/// `longshore webhooks`: what was sent about tasks, and sending it again.
struct WebhooksCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "webhooks",
        abstract: "Show what was sent by webhook, and send it again.",
        subcommands: [ListWebhooksCommand.self, RedeliverCommand.self]
    )
}

/// `longshore webhooks list`: the deliveries of a task.
struct ListWebhooksCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List what was sent, or is to be sent, about a task."
    )

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var table: TableOptions

    @Argument(help: "The task's id, or its beginning.", completion: Completions.taskIDs)
    var task: String

    func run() async throws {
        let client = try connection.client()
        let id = try await TaskReference.resolve(task, client)
        let json = try await client.send("GET", "/v1/tasks/\(IntakeClient.encode(id))/deliveries").json
        let deliveries = json["items"]?.array ?? []
        switch output.output {
        case .json, .yaml: output.print(json)
        case .name: for delivery in deliveries { Console.print(Console.printable(delivery["id"]?.string ?? "?")) }
        case .table, .wide: table.print(Self.table(deliveries, now: SystemWallClock().now()))
        }
    }

    /// The table of deliveries as the API lists them.
    static func table(_ deliveries: [JSONValue], now: Timestamp) -> TextTable {
        var table = TextTable("ID", "STATE", "ATTEMPTS", "LAST ANSWER", "NEXT ATTEMPT", "URL")
        for delivery in deliveries {
            let next = delivery["nextAttemptAt"]?.string.flatMap { Timestamp(rfc3339: $0) }
            let wait = next.map { $0 > now ? "in \(ProgressDisplay.text($0.duration(since: now)))" : "now" }
            table.add(
                delivery["id"]?.string ?? "?",
                delivery["state"]?.string ?? "?",
                "\(delivery["attempt"]?.integer ?? 0)",
                delivery["lastError"]?.string ?? delivery["lastStatus"]?.integer.map { "\($0)" } ?? "-",
                wait ?? "-",
                delivery["url"]?.string ?? "?"
            )
        }
        return table
    }
}

/// `longshore webhooks redeliver`: sends deliveries again, by id or by range.
struct RedeliverCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "redeliver",
        abstract: "Send webhooks again: those named, or those of a task or a time.",
        discussion: "Without ids, what was given up since --since, or of --task, is sent again."
    )

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    @Argument(help: "The deliveries' ids, as longshore webhooks list shows them.")
    var ids: [String] = []

    @Option(help: ArgumentHelp("Of events from this time on.", valueName: "RFC 3339 time"))
    var since: String?

    @Option(help: ArgumentHelp("Of events before this time.", valueName: "RFC 3339 time"))
    var until: String?

    @Option(help: "Of this task, named by its id or the id's beginning.", completion: Completions.taskIDs)
    var task: String?

    @Option(help: "Of this project.")
    var project: String?

    @Option(
        help: ArgumentHelp(
            "In this state: delivered, exhausted or disabled; may be repeated. Default: exhausted and disabled.",
            valueName: "state"
        ),
        completion: Completions.deliveryStates
    )
    var state: [String] = []

    @Flag(help: "Only count them.")
    var dryRun = false

    func validate() throws {
        let isRange = since != nil || until != nil || task != nil || project != nil || !state.isEmpty || dryRun
        guard ids.isEmpty == isRange else {
            throw ValidationError("give either ids, or a range by --since or --task")
        }
        guard !ids.isEmpty || since != nil || task != nil else {
            throw ValidationError("say from when on with --since, or of which task with --task")
        }
    }

    func run() async throws {
        let client = try connection.client()
        if ids.isEmpty {
            try await sendRange(client)
        } else {
            try await sendEach(client)
        }
    }

    private func sendEach(_ client: IntakeClient) async throws {
        try await CommandFailure.collecting(of: ids) { id in
            let path = "/v1/deliveries/\(IntakeClient.encode(id))/redeliver"
            let delivery = try await client.send("POST", path).json
            output.printDone(delivery, id: id, "is sent again")
        }
    }

    private func sendRange(_ client: IntakeClient) async throws {
        var body: JSONObject = [:]
        body["since"] = since.map(JSONValue.string)
        body["until"] = until.map(JSONValue.string)
        if let task { body["taskId"] = .string(try await TaskReference.resolve(task, client)) }
        body["project"] = project.map(JSONValue.string)
        if !state.isEmpty { body["states"] = .array(state.map(JSONValue.string)) }
        if dryRun { body["dryRun"] = true }
        let json = try await client.send("POST", "/v1/deliveries/redeliver", body: .object(body)).json
        switch output.output {
        case .json, .yaml: output.print(json)
        case .table, .wide, .name:
            let (count, remaining) = (json["count"]?.integer ?? 0, json["remaining"]?.integer ?? 0)
            if dryRun {
                Console.print("\(Plural.count(remaining, "webhook")) would be sent again")
            } else {
                Console.print("\(Plural.count(count, "webhook")) \(count == 1 ? "is" : "are") sent again")
                if remaining > 0 { Console.error("\(remaining) \(remaining == 1 ? "is" : "are") left: run it again") }
            }
        }
    }
}
