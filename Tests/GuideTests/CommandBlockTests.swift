import DeploymentSupport
import FoundationEssentials
import TestSupport
import Testing

/// What the documents tell a reader to type.
@Suite("The commands of the documents", .timeLimit(.minutes(5))) struct CommandBlockTests {
    private static let root = String(#filePath.split(separator: "/Tests/")[0])

    /// The documents in the order in which a newcomer reads them.
    private static func documents() throws -> [String] {
        let rest = try FileManager.default.subpathsOfDirectory(atPath: "\(root)/docs").filter { $0.hasSuffix(".md") }
        let first = ["README.md", "docs/operations.md"]
        return first + (rest.map { "docs/\($0)" } + ["Benchmarks/README.md"]).filter { !first.contains($0) }.sorted()
    }

    private static func blocks() throws -> [CommandBlock] {
        try documents().flatMap { CommandBlock.all(in: readFile("\(root)/\($0)"), document: $0) }
    }

    private static var binary: String {
        TestTarget.binary.hasPrefix("/")
            ? TestTarget.binary : "\(FileManager.default.currentDirectoryPath)/\(TestTarget.binary)"
    }

    @Test("A block is known with its place, its reason not to run, and without the indentation of its list")
    func extraction() {
        let text = """
            ```sh
            a
            ```
            <!-- not run in tests: it needs a moon -->

            ```sh
            b   # c
            ```
            <!-- not run in tests: no block follows -->
            * item
              ```bash
              d \\
                e#f
              ```
            ```yaml
            g
            ```
            """
        let blocks = CommandBlock.all(in: text, document: "x.md")
        #expect(blocks.map(\.text) == ["a\n", "b   # c\n", "d \\\n  e#f\n"])
        #expect(blocks.map(\.reasonNotToRun) == [nil, "it needs a moon", nil])
        #expect(blocks.map(\.place) == ["x.md:2", "x.md:7", "x.md:12"])
        #expect(blocks.flatMap(\.commands) == ["a", "b   ", "d    e#f"])
    }

    @Test(
        "All of them run, in their order, as a reader types them",
        .tags(.integration),
        .needsSimulator("starts `longshore dev` with its simulated cluster, as the README does"),
        .needsEmbeddedBroker,
        .needsProgram("kubectl"),
        .needsProgram("kcat"),
        .needsProgram("jq")
    )
    func all() async throws {
        let blocks = try Self.blocks().filter { $0.reasonNotToRun == nil }
        #expect(blocks.count >= 12)
        let folder = try TemporaryDirectory(prefix: "guide")
        try FileManager.default.createDirectory(atPath: folder.appending("bin"), withIntermediateDirectories: true)
        // The documents' port may be taken on the machine of the tests; nothing else differs from what a reader does.
        let command = try folder.write(
            "bin/longshore",
            "#!/bin/sh\nif [ \"$1\" = dev ]; then shift; set -- dev --port 0 \"$@\"; fi\nexec '\(Self.binary)' \"$@\"\n"
        )
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: command)
        let place = folder.appending("place")
        var script = "set -eo pipefail\ntrap 'kill $(jobs -p) && wait' EXIT\n"
        for block in blocks { script += "echo '\(block.place)' > '\(place)'\n\(block.text)" }
        script += "curl -sS \"$HEALTH/metrics\" > '\(folder.appending("metrics"))'\n"
        let process = try TestProcess(
            "bash",
            [try folder.write("script.sh", script)],
            environment: [
                "PATH": "\(folder.appending("bin")):\(ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin")",
                "HOME": folder.path,
            ],
            workingDirectory: folder.path
        )
        let ended = try await process.waitForExit(timeout: .seconds(120))
        let log = readFile(folder.appending("dev.log")).split(separator: "\n").suffix(5).joined(separator: "\n")
        #expect(
            ended == .exited(0),
            "\(readFile(place))\(process.standardOutput.suffix(2_000))\n\(process.standardError.suffix(2_000))\n\(log)"
        )
        let missing = Self.watchedMetrics.filter { !readFile(folder.appending("metrics")).contains("\n\($0)") }
        #expect(missing.sorted() == [], "alarms watch these, and they are not there before something has happened")
    }

    /// The metrics of the guide's alarms, but for what only some brokers tell.
    private static var watchedMetrics: Set<String> {
        let guide = readFile("\(root)/docs/operations.md")
        let names = Set(guide.matches(of: /longshore_[a-z]+_[a-z_]*[a-z]/).map { String($0.output) })
        return names.subtracting(["longshore_kafka_topic_limit_too_small"])
    }

    @Test("Those that the tests cannot run give a reason, and programs, files and flags that exist")
    func notRun() async throws {
        let blocks = try Self.blocks().filter { $0.reasonNotToRun != nil }
        #expect(blocks.count <= 6, "each block more is one that nobody tries")
        let folder = try TemporaryDirectory(prefix: "guide")
        for block in blocks {
            #expect(block.reasonNotToRun.map { $0.count > 10 } == true, "\(block.place)")
            _ = try await TestProcess.run("bash", ["-n", try folder.write("block.sh", block.text)])
            for command in block.commands {
                let words = command.split(separator: " ").map(String.init)
                    .drop { $0.contains("=") && !$0.hasPrefix("-") }
                guard let program = words.first, program != "export" else { continue }
                try await Self.check(program, Array(words.dropFirst()), at: block.place)
            }
        }
    }

    private static func check(_ program: String, _ words: [String], at place: String) async throws {
        for path in [program] + words where path.hasPrefix("compose/") || path.hasPrefix("Benchmarks/") {
            #expect(FileManager.default.fileExists(atPath: "\(root)/\(path)"), "\(place): \(path)")
        }
        var help = ""
        switch program {
        case "longshore":
            let verb = words.prefix { !$0.hasPrefix("-") }
            help = try await TestProcess.run(binary, verb + ["--help"]).standardOutput
        case "kubectl":
            let verb = try #require(words.first { ["apply", "scale", "get", "delete"].contains($0) })
            help = try await TestProcess.run("kubectl", [verb, "--help"]).standardOutput
            help += try await TestProcess.run("kubectl", ["options"]).standardOutput
        case "swift": return
        default:
            #expect(program.hasPrefix("compose/"), "\(place): \(program) is checked by nobody")
            return
        }
        for flag in words.filter({ $0.hasPrefix("-") }).map({ $0.prefix { $0 != "=" } }) {
            let isThere = ["\(flag) ", "\(flag)=", "\(flag),", "\(flag)\n"].contains { help.contains($0) }
            #expect(isThere, "\(place): \(program) has no \(flag)")
        }
    }
}
