import Glibc
import TestSupport
import Testing
import WireFormats

/// How a service ends that cannot start: at once, with one sentence that names what to change.
@Suite("A service that cannot start", .timeLimit(.minutes(5))) struct StartTests {
    private static var binary: String {
        get throws {
            let process = try #require(CommandLine.arguments.first.flatMap { _ in readLink("/proc/self/exe") })
            return "\(process.split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" })/longshore"
        }
    }

    private static func readLink(_ path: String) -> String? {
        var buffer = [CChar](repeating: 0, count: 4_096)
        let count = unsafe readlink(path, &buffer, buffer.count - 1)
        guard count > 0 else { return nil }
        return String(decoding: buffer.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Everything that a service needs, with nobody behind it.
    private static func arguments(of service: String, in folder: TemporaryDirectory) throws -> [String] {
        var all = [service, "--kafka-bootstrap-servers", "127.0.0.1:1"]
        if service != "executor" {
            all += ["--postgres-url-file", try folder.write("url", "postgres://longshore@127.0.0.1:1/postgres")]
        }
        if service == "intake" {
            all += ["--auth-file", try folder.write("auth.json", #"{"tokens": []}"#)]
        } else {
            let kubeconfig = """
                {apiVersion: v1, kind: Config, current-context: c, contexts: [{name: c, context: {cluster: c, user: u}}],
                clusters: [{name: c, cluster: {server: "http://127.0.0.1:1"}}], users: [{name: u, user: {token: t}}]}
                """
            all += ["--kubeconfig", try folder.write("kubeconfig", kubeconfig)]
        }
        return all
    }

    private static func port(of server: ScriptedHTTPServer) throws -> String {
        String(try #require(server.url("").split(separator: ":").last).prefix { $0.isNumber })
    }

    @Test(
        "A health port that is taken ends it with 1 and names the flag",
        arguments: ["intake", "executor", "notifier"]
    )
    func healthPort(_ service: String) async throws {
        let folder = try TemporaryDirectory(prefix: "start")
        let other = try ScriptedHTTPServer()
        let address = "127.0.0.1:\(try Self.port(of: other))"
        let process = try TestProcess(
            try Self.binary,
            try Self.arguments(of: service, in: folder) + ["--health-address", address]
                + (service == "intake" ? ["--listen", "127.0.0.1:0"] : [])
        )
        #expect(try await process.waitForExit() == .exited(1))
        let text = process.standardError
        #expect(text.contains("--health-address: cannot listen on \(address): the port is taken"), "\(text)")
        #expect(!text.contains(#""message":"Listening""#))
    }

    @Test("Intake ends with 1 when its own port is taken, and says nothing of being ready")
    func intakePort() async throws {
        let folder = try TemporaryDirectory(prefix: "start")
        let other = try ScriptedHTTPServer()
        let address = "127.0.0.1:\(try Self.port(of: other))"
        let process = try TestProcess(
            try Self.binary,
            try Self.arguments(of: "intake", in: folder) + ["--health-address", "127.0.0.1:0", "--listen", address]
        )
        #expect(try await process.waitForExit() == .exited(1))
        let text = process.standardError
        #expect(text.contains("--listen: cannot listen on \(address): the port is taken"), "\(text)")
        #expect(!text.contains(#""message":"Ready""#))
    }

    @Test(
        "A file of a setting that is empty is refused, with its flag",
        arguments: [
            "--postgres-url-file", "--auth-file", "--kafka-ca-file", "--kafka-certificate-file", "--kafka-key-file",
            "--kafka-sasl-password-file",
        ],
        ["", " \n"]
    )
    func emptyFile(_ flag: String, _ content: String) async throws {
        let folder = try TemporaryDirectory(prefix: "start")
        let empty = try folder.write("empty", content)
        var arguments = try Self.arguments(of: "intake", in: folder)
        if let index = arguments.firstIndex(of: flag) {
            arguments[index + 1] = empty
        } else {
            arguments += [flag, empty]
        }
        let process = try TestProcess(try Self.binary, arguments)
        #expect(try await process.waitForExit() == .exited(2))
        #expect(process.standardError.contains("\(flag): the file \(empty) is empty"), "\(process.standardError)")
    }
}
