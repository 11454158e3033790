import ArgumentParser
import WireFormats

/// How a command shows what it got.
struct OutputOptions: ParsableArguments {
    enum Format: String, ExpressibleByArgument, CaseIterable {
        case table
        case json
    }

    @Option(name: [.short, .long], help: "Form of the output: table or json.")
    var output: Format = .table

    /// Prints JSON for people: indented.
    static func print(_ json: JSONValue) { Console.print(json.text(pretty: true)) }
}
