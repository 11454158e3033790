import ArgumentParser

/// How a command shows a table.
struct TableOptions: ParsableArguments {
    @Flag(help: "Leave out the line with the columns' names.")
    var noHeaders = false

    /// Prints a table.
    func print(_ table: TextTable) {
        for line in table.lines.dropFirst(noHeaders ? 1 : 0) { Console.print(line) }
    }
}
