import ArgumentParser
import LongshoreDomain

/// Finds words that stand where a command's name belongs and are none.
///
/// The argument parser takes such a word for an argument, and where `--help` follows it shows the help of the command above
/// as if all were well.
enum UnknownCommand {
    /// How the words begin with which shells set up and ask for completions.
    private static let shellRequests = ["--generate-completion-script", "---completion"]

    /// Looks for a wrong name.
    ///
    /// - Parameters:
    ///   - arguments: The words after the program's name.
    ///   - root: The command that they are for.
    /// - Returns: A sentence that names the word, the nearest command where one is near, and how to see them all; nil when all
    ///   names are right.
    static func problem(in arguments: [String], of root: any ParsableCommand.Type) -> String? {
        var path = [root.configuration.commandName ?? ""]
        var command = root
        var words = arguments[...]
        // The parser's own requests for shells take words that are no commands: a shell's name, or the line to complete.
        if let first = words.first, Self.shellRequests.contains(where: { first.hasPrefix($0) }) { return nil }
        if words.first == "help" { words = words.dropFirst() }
        for word in words {
            // Flags of a command that only groups others are --help and --version, and take no value.
            if word == "--" || command.configuration.subcommands.isEmpty { return nil }
            if word.hasPrefix("-") { continue }
            let subcommands = command.configuration.subcommands
            if let next = subcommands.first(where: { names(of: $0).contains(word) }) {
                command = next
                path.append(word)
                continue
            }
            let whole = path.joined(separator: " ")
            let near = Spelling.nearest(to: word, in: subcommands.flatMap(names))
            let hint = near.map { "did you mean “\(whole) \($0)”?" } ?? "see “\(whole) --help” for what there is"
            return "there is no command “\(whole) \(Console.printable(word))”: \(hint)"
        }
        return nil
    }

    private static func names(of command: any ParsableCommand.Type) -> [String] {
        [command.configuration.commandName].compactMap { $0 } + command.configuration.aliases
    }
}
