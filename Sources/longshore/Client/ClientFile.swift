import ClusterSimulator
import FoundationEssentials
import Redaction
import WireFormats

/// The client's file, `~/.config/longshore/client.json`: the services that a person has logged in to, and which of them is asked.
///
/// It holds tokens and is for its owner alone (mode 0600). The form that has one address and token at its top, as a ready file
/// has, is read too.
struct ClientFile: Sendable {
    /// A service and the token for it.
    struct Context: Sendable {
        let name: String
        let server: String
        let token: SecretBytes
        /// PEM certificates to trust instead of the system's.
        var caFile: String?
    }

    /// The name of the only context in the older form.
    static let defaultName = "default"

    /// The contexts, by their names.
    private(set) var contexts: [Context] = []
    /// The name of the context that is asked where none is named.
    private(set) var current: String?

    /// Where the file is: below `XDG_CONFIG_HOME`, else below `HOME/.config`; nil where neither is set.
    static func path(environment: [String: String]) -> String? {
        let folder = environment["XDG_CONFIG_HOME"] ?? environment["HOME"].map { "\($0)/.config" }
        return folder.map { "\($0)/longshore/client.json" }
    }

    /// An empty file.
    init() {}

    /// Reads the file.
    ///
    /// - Parameter environment: The process's environment.
    /// - Returns: What it holds; nil when there is none.
    /// - Throws: ``CommandFailure`` when it cannot be read or holds something else.
    static func read(environment: [String: String]) throws -> ClientFile? {
        guard let path = path(environment: environment), FileManager.default.fileExists(atPath: path) else {
            return nil
        }
        guard let json = try? JSONValue(parsing: SecretInput.content(of: path)), let file = ClientFile(json) else {
            throw CommandFailure.usage("the file \(path) is not one that longshore login has written: log in again")
        }
        return file
    }

    /// Takes the file's content; nil when it is something else.
    init?(_ json: JSONValue) {
        guard let items = json["contexts"]?.array else {
            guard let server = json["http"]?.string, let token = json["token"]?.string else { return nil }
            contexts = [Context(name: Self.defaultName, server: server, token: SecretBytes(utf8: token))]
            current = Self.defaultName
            return
        }
        for item in items {
            guard let name = item["name"]?.string, let server = item["http"]?.string,
                let token = item["token"]?.string
            else { return nil }
            contexts.append(
                Context(name: name, server: server, token: SecretBytes(utf8: token), caFile: item["caFile"]?.string)
            )
        }
        current = json["current"]?.string
    }

    /// The context of a name.
    ///
    /// - Throws: ``CommandFailure`` that names the nearest one.
    func context(named name: String) throws -> Context {
        if let found = contexts.first(where: { $0.name == name }) { return found }
        let names = contexts.map(\.name)
        let hint =
            names.isEmpty ? "log in first, with longshore login" : "there are \(names.sorted().joined(separator: ", "))"
        throw CommandFailure(.notFound, "there is no context “\(Console.printable(name))”: \(hint)")
    }

    /// The context that is asked where none is named.
    var currentContext: Context? { contexts.first { $0.name == current } }

    /// Adds a context, or puts it in the place of the one with its name, and makes it the current one.
    mutating func add(_ context: Context) {
        contexts.removeAll { $0.name == context.name }
        contexts.append(context)
        contexts.sort { NaturalOrder.precedes($0.name, $1.name) }
        current = context.name
    }

    /// Makes another context the current one.
    ///
    /// - Throws: ``CommandFailure`` when there is none of that name.
    mutating func use(_ name: String) throws { current = try context(named: name).name }

    /// Writes the file, for its owner alone.
    ///
    /// - Returns: Its path.
    /// - Throws: ``CommandFailure`` when there is no place for it or it cannot be written.
    @discardableResult
    func write(environment: [String: String]) throws -> String {
        guard let path = Self.path(environment: environment) else {
            throw CommandFailure.usage("there is no place for the client's file: set HOME or XDG_CONFIG_HOME")
        }
        var json: JSONValue = ["contexts": .array(contexts.map(Self.json))]
        json["current"] = current.map(JSONValue.string)
        do {
            let folder = path.split(separator: "/", omittingEmptySubsequences: false).dropLast()
            try PrivateFile.makeDirectory(folder.joined(separator: "/"))
            try PrivateFile.write(Array((json.text(pretty: true) + "\n").utf8), to: path)
        } catch {
            throw CommandFailure.usage("the file \(path) cannot be written: \(error)")
        }
        return path
    }

    private static func json(_ context: Context) -> JSONValue {
        var json: JSONValue = [
            "name": .string(context.name), "http": .string(context.server),
            "token": .string(context.token.exposeUTF8() ?? ""),
        ]
        json["caFile"] = context.caFile.map(JSONValue.string)
        return json
    }
}
