import ArgumentParser
import WireFormats
import Yams

/// The form in which a command shows what it got.
struct OutputOptions: ParsableArguments {
    /// The forms of the output, named as kubectl names them.
    enum Format: String, ExpressibleByArgument, CaseIterable {
        case table
        /// A table with more columns, which is not cut to the terminal's width.
        case wide
        case json
        case yaml
        /// Only ids, one a line, for the arguments of another command.
        case name
    }

    @Option(name: [.short, .long], help: "Form of the output.")
    var output: Format = .table

    /// Prints a value as JSON, or as YAML where that was asked for.
    ///
    /// - Parameters:
    ///   - json: The value.
    ///   - isOneOfSeveral: Whether further values may follow, which makes each a YAML document of its own.
    func print(_ json: JSONValue, isOneOfSeveral: Bool = false) {
        guard output == .yaml else {
            Console.print(json.text(pretty: true))
            return
        }
        Console.write((isOneOfSeveral ? "---\n" : "") + Self.yaml(json))
    }

    /// Prints what was done to one of several things in the form that was asked for.
    ///
    /// - Parameters:
    ///   - json: What the service answered.
    ///   - id: The thing's id.
    ///   - sentence: What to say to a person, without the id.
    func printDone(_ json: JSONValue, id: String, _ sentence: String) {
        switch output {
        case .json, .yaml: print(json, isOneOfSeveral: true)
        case .name: Console.print(Console.printable(id))
        case .table, .wide: Console.print("\(Console.printable(id)) \(sentence)")
        }
    }

    /// A value as a YAML 1.1 document.
    static func yaml(_ json: JSONValue) -> String {
        // What comes from JSON can be written; should a newer Yams disagree, JSON is YAML too.
        (try? Yams.serialize(node: node(json))) ?? json.text(pretty: true) + "\n"
    }

    private static func node(_ json: JSONValue) -> Node {
        switch json {
        case .null: Node("null")
        case .bool(let value): Node(value ? "true" : "false")
        case .integer(let value): Node("\(value)")
        case .number(let value): Node("\(value)")
        case .string(let text):
            // A text that YAML would read as a number, a time or a truth value stands in quotes.
            Node(text, .implicit, Resolver.default.resolveTag(of: Node(text)) == .str ? .any : .doubleQuoted)
        case .array(let items): Node(items.map(node))
        case .object(let object): Node(object.map { (Node($0.key), node($0.value)) })
        }
    }
}
