import ArgumentParser
import ExecutorService
import FoundationEssentials
import KubernetesAPI
import LongshoreMessages
import ServiceRuntime
import TestSupport
import Testing
import WireFormats

@testable import longshore

/// Nothing is accepted that does nothing: every field, flag and setting stands in docs/inventory.md beside a test that shows its
/// effect, or the reason why there is none. What is new is found from its declaration and must be added there.
@Suite struct InventoryTests {
    private static let root = String(#filePath.split(separator: "/Tests/")[0])

    /// A row of the document: what of which kind, and what shows it.
    private struct Row {
        var kind: String
        var names: [String]
        var proof: String
    }

    private func rows() -> [Row] {
        readFile("\(Self.root)/docs/inventory.md").split(separator: "\n").compactMap { line in
            let cells = line.split(separator: "|").map { $0.trimmed }
            guard cells.count == 3, cells[1].hasPrefix("`") else { return nil }
            let names = cells[1].split(separator: "`").map(String.init).filter { $0 != ", " }
            return Row(kind: cells[0], names: names, proof: cells[2])
        }
    }

    @Test func `every field, flag and setting has a test that shows its effect, or a reason`() throws {
        let declared: [String: Set<String>] = [
            "request": Self.requestFields(), "PullTask": try Self.pullTaskFields(), "setting": Self.settings(),
            "command": try Self.commandArguments(),
        ]
        let rows = rows()
        #expect(Set(rows.map(\.kind)) == Set(declared.keys))
        for (kind, names) in declared {
            #expect(names.count >= 4, "\(kind)")
            let listed = rows.filter { $0.kind == kind }.flatMap(\.names)
            #expect(names.subtracting(listed).sorted() == [], "add these of the kind \(kind) to docs/inventory.md")
            #expect(Set(listed).subtracting(names).sorted() == [], "docs/inventory.md lists these, which are not there")
            #expect(Set(listed).count == listed.count, "docs/inventory.md lists something twice of the kind \(kind)")
        }
    }

    @Test func `every test that the inventory names exists, and every reason says something`() throws {
        let rows = rows()
        #expect(rows.count > 40)
        var missing: [String] = []
        for row in rows {
            if row.proof.hasPrefix("none: ") {
                #expect(row.proof.count > 20, "\(row.names)")
                continue
            }
            for citation in row.proof.split(separator: "<br>") {
                let parts = citation.split(separator: "`")
                let path = "\(Self.root)/Tests/\(parts[0].trimmed).swift"
                guard parts.count == 2, FileManager.default.fileExists(atPath: path) else {
                    missing.append(String(citation))
                    continue
                }
                let source = readFile(path)
                if !source.contains("func \(parts[1])("), !source.contains("func `\(parts[1])`(") {
                    missing.append(String(citation))
                }
            }
        }
        #expect(missing == [])
    }

    // MARK: - What is declared

    /// The fields of a request at every depth, as `nodes.tolerations[].key`.
    private static func requestFields() -> Set<String> {
        var found: Set<String> = []
        collect(JSONSchemas.all["task-request"] ?? .null, of: "task-request", "", &found)
        return found
    }

    /// Those of a PullTask's spec that a request does not have; the others are read by the same parser.
    private static func pullTaskFields() throws -> Set<String> {
        let definition = try YAMLDocument.parse(readFile("\(root)/compose/kubernetes/base/crd.yaml"))
        let schema = definition["spec"]?["versions"]?[0]?["schema"]?["openAPIV3Schema"]?["properties"]?["spec"]
        var found: Set<String> = []
        collect(schema ?? .null, of: "", "", &found)
        return found.subtracting(requestFields())
    }

    private static func collect(_ schema: JSONValue, of document: String, _ path: String, _ found: inout Set<String>) {
        if let reference = schema["$ref"]?.string {
            let parts = reference.split(separator: "#", omittingEmptySubsequences: false).map(String.init)
            let other = parts[0].isEmpty ? document : String(parts[0].dropLast(".json".count))
            var target = JSONSchemas.all[other] ?? .null
            for key in parts[1].split(separator: "/") { target = target[String(key)] ?? .null }
            collect(target, of: other, path, &found)
        }
        for key in ["allOf", "anyOf", "oneOf"] {
            for part in schema[key]?.array ?? [] { collect(part, of: document, path, &found) }
        }
        for (name, member) in schema["properties"]?.object ?? [:] {
            let whole = path.isEmpty ? name : "\(path).\(name)"
            found.insert(whole)
            collect(member, of: document, whole, &found)
        }
        if let items = schema["items"] { collect(items, of: document, "\(path)[]", &found) }
    }

    /// The keys of every service.
    private static func settings() -> Set<String> {
        let commands: [any ServiceCommand.Type] = [
            IntakeCommand.self, ExecutorCommand.self, NotifierCommand.self, MigrateCommand.self, RebuildCommand.self,
        ]
        return Set(commands.flatMap { $0.keys.map(\.name) })
    }

    /// An argument of a command: the command's words, the argument's name, and what the help says of it.
    private struct CommandArgument {
        var path: [String]
        var name: String
        var about: String
    }

    /// The arguments of every other command, as `submit --wait` and `get <id>`, from what the parser says of itself; `* --server` for
    /// one that several commands have in common.
    private static func commandArguments() throws -> Set<String> {
        let help = try JSONValue(parsing: Array(Longshore._dumpHelp().utf8))
        let found = arguments(of: help["command"] ?? .null, [])
        return Set(
            Dictionary(grouping: found) { "\($0.name) \($0.about)" }.values.map { same in
                let path = same.count > 1 ? ["*"] : same[0].path
                return (path + [same[0].name]).joined(separator: " ")
            }
        )
    }

    private static func arguments(of command: JSONValue, _ path: [String]) -> [CommandArgument] {
        var found: [CommandArgument] = []
        for argument in command["arguments"]?.array ?? [] {
            guard argument["shouldDisplay"]?.bool == true else { continue }
            let flag = argument["names"]?.array?.first { $0["kind"]?.string == "long" }?["name"]?.string
            let name = flag.map { "--\($0)" } ?? "<\(argument["valueName"]?.string ?? "")>"
            // The parser's own.
            if ["--help", "--version"].contains(name) { continue }
            found.append(CommandArgument(path: path, name: name, about: argument["abstract"]?.string ?? ""))
        }
        for subcommand in command["subcommands"]?.array ?? [] {
            guard let name = subcommand["commandName"]?.string, name != "help" else { continue }
            found += arguments(of: subcommand, path + [name])
        }
        return found
    }
}

extension Substring {
    /// Without spaces at its ends.
    fileprivate var trimmed: String {
        var text = self
        while text.first == " " { text.removeFirst() }
        while text.last == " " { text.removeLast() }
        return String(text)
    }
}
