import ArgumentParser
import FoundationEssentials
import LongshoreDomain
import WireFormats

/// What shells are offered for the words of a command line.
enum Completions {
    /// The names of the contexts in the client's file.
    static let contexts = CompletionKind.custom { _, _, _ in
        let file = (try? ClientFile.read(environment: ProcessInfo.processInfo.environment)) ?? nil
        return file?.contexts.map(\.name) ?? []
    }

    /// The ids of the newest tasks, as the service that the command line names has them. Nothing when it does not answer at once.
    static let taskIDs = CompletionKind.custom { words, _, prefix in
        await tasks(words).map { $0["id"]?.string ?? "" }.filter { $0.hasPrefix(prefix) }
    }

    /// The ids of the newest tasks that have not ended.
    static let unfinishedTaskIDs = CompletionKind.custom { words, _, prefix in
        await tasks(words).filter { task in
            !(task["status"]?.string.flatMap(TaskPhase.init)?.isTerminal ?? false)
        }
        .map { $0["id"]?.string ?? "" }.filter { $0.hasPrefix(prefix) }
    }

    /// The states of a task.
    static let taskStates = CompletionKind.list(TaskPhase.allCases.map(\.rawValue))
    /// The states of a node.
    static let nodeStates = CompletionKind.list(NodePhase.allCases.map(\.rawValue) + ["unknown"])
    /// The states in which a delivery can be sent again.
    static let deliveryStates = CompletionKind.list(["delivered", "exhausted", "disabled"])
    /// A file.
    static let file = CompletionKind.file()

    private static func tasks(_ words: [String]) async -> [JSONValue] {
        // Only what says where the service is counts; the rest of the line is half written.
        let names = ["--server", "--token-file", "--ready-file", "--ca-file", "--context"]
        var arguments: [String] = []
        for (index, word) in words.enumerated() where names.contains(word) && index + 1 < words.count {
            arguments += [word, words[index + 1]]
        }
        guard let client = try? ConnectionOptions.parse(arguments).client(),
            let page = try? await client.send("GET", "/v1/tasks", query: [("limit", "50")], timeout: .seconds(2))
        else { return [] }
        return page.json["items"]?.array ?? []
    }
}
