import ArgumentParser
import FoundationEssentials
import ServiceRuntime
import TestSupport
import Testing

@testable import longshore

/// What the documents name must exist, and what exists must be in the documents.
@Suite struct DocumentationTests {
    private let root = String(#filePath.split(separator: "/Tests/")[0])

    @Test func `the README lists every key of every service, with the name of its variable`() {
        let readme = readFile("\(root)/README.md")
        let commands: [any ServiceCommand.Type] = [
            IntakeCommand.self, ExecutorCommand.self, NotifierCommand.self, MigrateCommand.self, RebuildCommand.self,
        ]
        let flags = Set(commands.flatMap { command in command.keys.map { $0.isSecret ? $0.name + "-file" : $0.name } })
        #expect(flags.count > 50)
        // Not within the expectation, which would print the whole text.
        #expect(flags.filter { !readme.contains("| `--\($0)") }.sorted() == [], "keys that the README does not list")
        let listed = readme.split(separator: "\n").compactMap { line -> String? in
            guard line.hasPrefix("| `--") else { return nil }
            return String(line.dropFirst(5).prefix { $0 != " " && $0 != "`" })
        }
        // Of the settings' own: the file to read them from.
        #expect(Set(listed).subtracting(flags) == ["config"], "the README lists keys that do not exist")
    }

    @Test func `the README's table of exit codes is that of the command`() {
        let readme = readFile("\(root)/README.md")
        let rows = readme.matches(of: /\n\| ([0-9]+) \| ([^|]+) \|/).map { "\($0.output.1) \($0.output.2)" }
        #expect(rows == ["0 done"] + CommandFailure.Code.allCases.map { "\($0.rawValue) \($0.meaning)" })
    }

    @Test func `every metric and every flag of the operations guide exists`() throws {
        let guide = readFile("\(root)/docs/operations.md")
        let sources = try Self.text(of: "\(root)/Sources")
        let metrics = Set(guide.matches(of: /longshore_[a-z_]+[a-z]/).map { String($0.output) })
            .subtracting(["longshore_intake", "longshore_notifier"])
        #expect(metrics.count > 12)
        // Counters are shown with `_total`, whether or not their name has it. Not within the expectation, which would print all
        // sources.
        let unknown = metrics.filter { metric in
            let name = metric.hasSuffix("_total") ? String(metric.dropLast(6)) : metric
            return !sources.contains("\"\(metric)\"") && !sources.contains("\"\(name)\"")
        }
        #expect(unknown.sorted() == [], "no service has these metrics")
        let flags = Set(guide.matches(of: /`--([a-z-]+)/).map { String($0.output.1) })
        #expect(flags.count > 8)
        #expect(flags.filter { !sources.contains("\"\($0)\"") }.sorted() == [], "no command has these flags")
    }

    @Test func `every flag of a command that the documents show exists`() throws {
        let commands: [String: any ParsableCommand.Type] = [
            "submit": SubmitCommand.self, "watch": WatchCommand.self, "get": GetCommand.self, "list": ListCommand.self,
            "cancel": CancelCommand.self, "seal": SealCommand.self, "webhooks list": ListWebhooksCommand.self,
            "webhooks redeliver": RedeliverCommand.self, "retry": RetryCommand.self, "pause": PauseCommand.self,
            "resume": ResumeCommand.self, "edit": EditCommand.self, "doctor": DoctorCommand.self,
            "login": LoginCommand.self, "context list": ListContextsCommand.self, "context use": UseContextCommand.self,
            "dev": DevCommand.self,
        ]
        var seen = 0
        for document in ["README.md", "docs/operations.md", "docs/failure-modes.md", "docs/scale.md", "compose/demo"] {
            // A command goes on in the next line after a backslash, and ends with its code span or its line.
            let text = readFile("\(root)/\(document)").replacing("\\\n", with: " ")
            for shown in text.matches(
                of:
                    /(-n )?longshore (submit|watch|get|list|cancel|retry|pause|resume|edit|seal|doctor|login|dev|context [a-z]+|webhooks [a-z]+)([^`\n|>]*)/
            ) {
                // After -n it is a namespace.
                if shown.output.1 != nil { continue }
                let name = String(shown.output.2)
                let command = try #require(commands[name], "\(document): longshore \(name)")
                let help = Longshore.helpMessage(for: command, columns: 200)
                for flag in shown.output.3.matches(of: /--[a-z-]+/) {
                    seen += 1
                    let isThere = help.contains("\(flag.output) ") || help.contains("\(flag.output)\n")
                    #expect(isThere, "\(document): longshore \(name) \(flag.output)")
                }
            }
        }
        #expect(seen >= 6)
    }

    @Test func `the list of failure modes is complete and names tests that exist`() throws {
        let text = readFile("\(root)/docs/failure-modes.md")
        let numbers = text.matches(of: /\n\| ([0-9]+) \|/).compactMap { Int($0.output.1) }
        // A row keeps its number for good; a new one stands where it belongs and takes the next number.
        #expect(numbers.count >= 72)
        #expect(numbers.sorted() == Array(1...numbers.count))
        let files = try FileManager.default.subpathsOfDirectory(atPath: "\(root)/Tests")
        let cited = text.matches(of: /([A-Z][A-Za-z]+Tests)((?:\/[A-Z][A-Za-z]+)+)(?: `([^`]+)`)?/)
        #expect(cited.count > 90)
        var missing: Set<String> = []
        for citation in cited {
            let (all, target, path, name) = citation.output
            guard let file = files.first(where: { $0 == "\(target)\(path).swift" }) else {
                missing.insert(String(all))
                continue
            }
            guard let name else { continue }
            let source = readFile("\(root)/Tests/\(file)")
            let isThere = source.contains("func \(name)(") || source.contains("func `\(name)`(")
            if !isThere { missing.insert(String(all)) }
        }
        #expect(missing.sorted() == [])
    }

    private static func text(of folder: String) throws -> String {
        try FileManager.default.subpathsOfDirectory(atPath: folder).filter { $0.hasSuffix(".swift") }
            .map { readFile("\(folder)/\($0)") }.joined()
    }
}
