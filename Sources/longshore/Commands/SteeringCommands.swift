import ArgumentParser
import WireFormats

/// `longshore retry`: begins finished tasks again for their failed nodes.
struct RetryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retry",
        abstract: "Try the failed nodes of finished tasks again, as further attempts of the same tasks."
    )

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    @Argument(help: "The tasks' ids, or their beginnings.", completion: Completions.taskIDs)
    var ids: [String]

    func run() async throws {
        try await steer(ids, "retry", connection, output, "is being tried again")
    }
}

/// `longshore pause`: holds tasks.
struct PauseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pause",
        abstract: "Start no further node of tasks; nodes in work go on."
    )

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    @Argument(help: "The tasks' ids, or their beginnings.", completion: Completions.unfinishedTaskIDs)
    var ids: [String]

    func run() async throws {
        try await steer(ids, "pause", connection, output, "is being paused")
    }
}

/// `longshore resume`: lets paused tasks go on.
struct ResumeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume",
        abstract: "Let paused tasks go on."
    )

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    @Argument(help: "The tasks' ids, or their beginnings.", completion: Completions.unfinishedTaskIDs)
    var ids: [String]

    func run() async throws {
        try await steer(ids, "resume", connection, output, "is being resumed")
    }
}

/// `longshore edit`: changes settings of tasks that have not ended.
struct EditCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "edit",
        abstract: "Change settings of tasks that have not ended; everything else takes a new task."
    )

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    @Option(help: "The most nodes in work at once.")
    var batchSize: Int?

    @Option(help: "Seconds for one attempt on one node.")
    var timeout: Int?

    @Option(help: "Seconds for the whole task, from its acceptance.")
    var deadline: Int?

    @Option(help: "Priority, 1 (last) to 10 (first).")
    var priority: Int?

    @Option(help: "How many nodes may fail: a share below 1 or a number.")
    var failureTolerance: Double?

    @Option(help: "Further attempts for a node after its first.")
    var maxRetries: Int?

    @Option(name: .customLong("ttl"), help: "Seconds that the finished task stays in its cluster.")
    var timeToLive: Int?

    @Argument(help: "The tasks' ids, or their beginnings.", completion: Completions.unfinishedTaskIDs)
    var ids: [String]

    /// The fields of the change.
    var body: JSONValue {
        var body: JSONValue = [:]
        body["batchSize"] = batchSize.map { .integer(Int64($0)) }
        body["timeoutSeconds"] = timeout.map { .integer(Int64($0)) }
        body["deadlineSeconds"] = deadline.map { .integer(Int64($0)) }
        body["priority"] = priority.map { .integer(Int64($0)) }
        body["failureTolerance"] = failureTolerance.map { .number($0) }
        body["maxRetries"] = maxRetries.map { .integer(Int64($0)) }
        body["ttlSecondsAfterFinished"] = timeToLive.map { .integer(Int64($0)) }
        return body
    }

    func validate() throws {
        guard body != [:] else {
            throw ValidationError("Nothing to change: give at least one of the options, such as --batch-size 20.")
        }
    }

    func run() async throws {
        let client = try connection.client()
        try await CommandFailure.collecting(of: ids) { name in
            let id = try await TaskReference.resolve(name, client)
            let task = try await client.send("PATCH", "/v1/tasks/\(IntakeClient.encode(id))", body: body).json
            output.printDone(task, id: id, "is being changed")
        }
    }
}

/// Sends a wish about each of several tasks.
private func steer(
    _ ids: [String],
    _ wish: String,
    _ connection: ConnectionOptions,
    _ output: OutputOptions,
    _ sentence: String
) async throws {
    let client = try connection.client()
    try await CommandFailure.collecting(of: ids) { name in
        let id = try await TaskReference.resolve(name, client)
        let task = try await client.send("POST", "/v1/tasks/\(IntakeClient.encode(id))/\(wish)").json
        output.printDone(task, id: id, sentence)
    }
}
