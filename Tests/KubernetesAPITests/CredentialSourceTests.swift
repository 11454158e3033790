import Redaction
import TestSupport
import Testing
import WireFormats

@testable import KubernetesAPI

@Suite(.timeLimit(.minutes(2))) struct CredentialSourceTests {
    private func source(
        _ authentication: KubernetesConfiguration.Authentication,
        lifetime: Duration = .seconds(60)
    ) -> CredentialSource {
        CredentialSource(
            configuration: KubernetesConfiguration(server: "https://h", authentication: authentication),
            tokenFileLifetime: lifetime
        )
    }

    /// A plugin that counts its runs in a file and prints what it is told to.
    private func plugin(
        _ directory: TemporaryDirectory,
        printing output: String,
        before: String = ""
    ) throws -> KubernetesConfiguration.ExecPlugin {
        let script = try directory.write(
            "plugin",
            "#!/bin/sh\necho run >> \(directory.appending("runs"))\n\(before)\ncat <<'EOF'\n\(output)\nEOF\n",
            mode: 0o755
        )
        return KubernetesConfiguration.ExecPlugin(command: script)
    }

    private func runs(_ directory: TemporaryDirectory) -> Int {
        readFile(directory.appending("runs")).split(separator: "\n").count
    }

    private static func credential(_ status: String) -> String {
        #"{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":\#(status)}"#
    }

    @Test func `a token and a password become headers`() async throws {
        let bearer = try await source(.token(SecretBytes(utf8: "abc"))).current()
        #expect(bearer.authorization?.exposeUTF8() == "Bearer abc")
        let basic = try await source(.basic(username: "u", password: SecretBytes(utf8: "p"))).current()
        #expect(basic.authorization?.exposeUTF8() == "Basic dTpw")
        #expect(try await source(.none).current() == RequestCredential())
        #expect(!source(.none).invalidate(RequestCredential()))
    }

    @Test func `a token file is read again when its time is over, and after a refusal`() async throws {
        let directory = try TemporaryDirectory()
        let path = try directory.write("token", "one\n")
        let source = source(.tokenFile(path: path))
        let first = try await source.current()
        #expect(first.authorization?.exposeUTF8() == "Bearer one")
        try directory.write("token", "two\n")
        #expect(try await source.current() == first)
        #expect(source.invalidate(first))
        let second = try await source.current()
        #expect(second.authorization?.exposeUTF8() == "Bearer two")
        // A refusal of the old token says nothing about the new one.
        try directory.write("token", "three\n")
        #expect(source.invalidate(first))
        #expect(try await source.current() == second)

        let short = self.source(.tokenFile(path: path), lifetime: .zero)
        #expect(try await short.current().authorization?.exposeUTF8() == "Bearer three")
        try directory.write("token", "four\n")
        #expect(try await short.current().authorization?.exposeUTF8() == "Bearer four")
    }

    @Test func `a token file that is missing or empty is an error`() async throws {
        let directory = try TemporaryDirectory()
        let missing = await failure { _ = try await source(.tokenFile(path: "/nonexistent")).current() }
        #expect(missing?.reason == .configuration)
        let path = try directory.write("token", "\n")
        let empty = await failure { _ = try await source(.tokenFile(path: path)).current() }
        #expect(empty?.message.contains("empty") == true)
    }

    @Test func `a plugin runs once for all who wait and as long as its credential holds`() async throws {
        let directory = try TemporaryDirectory()
        let output = Self.credential(#"{"token":"abc","expirationTimestamp":"2999-01-01T00:00:00Z"}"#)
        let source = source(.exec(try plugin(directory, printing: output, before: "sleep 0.2")))
        try await withThrowingTaskGroup(of: RequestCredential.self) { group in
            for _ in 0..<20 { group.addTask { try await source.current() } }
            for try await credential in group { #expect(credential.authorization?.exposeUTF8() == "Bearer abc") }
        }
        #expect(runs(directory) == 1)
        let credential = try await source.current()
        #expect(runs(directory) == 1)
        #expect(source.invalidate(credential))
        _ = try await source.current()
        #expect(runs(directory) == 2)
    }

    @Test func `an expired credential is got again`() async throws {
        let directory = try TemporaryDirectory()
        let output = Self.credential(#"{"token":"abc","expirationTimestamp":"2000-01-01T00:00:00Z"}"#)
        let source = source(.exec(try plugin(directory, printing: output)))
        _ = try await source.current()
        _ = try await source.current()
        #expect(runs(directory) == 2)
    }

    @Test func `a plugin can print a client certificate`() async throws {
        let directory = try TemporaryDirectory()
        let output = Self.credential(#"{"clientCertificateData":"CERT","clientKeyData":"KEY"}"#)
        let credential = try await source(.exec(try plugin(directory, printing: output))).current()
        #expect(credential.authorization == nil)
        #expect(credential.certificate?.certificatePEM == Array("CERT".utf8))
        #expect(credential.certificate?.key.exposeUTF8() == "KEY")
    }

    @Test func `a plugin is told of the cluster where the file says so`() async throws {
        let directory = try TemporaryDirectory()
        let seen = directory.appending("seen")
        var plugin = try plugin(
            directory,
            printing: Self.credential(#"{"token":"a"}"#),
            before: "printf '%s|%s' \"$KUBERNETES_EXEC_INFO\" \"$EXTRA\" > \(seen)"
        )
        plugin.providesClusterInfo = true
        plugin.environment = ["EXTRA": "more"]
        _ = try await source(.exec(plugin)).current()
        let parts = readFile(seen).split(separator: "|").map(String.init)
        let information = try JSONValue(parsing: parts[0])
        #expect(information["kind"] == "ExecCredential")
        #expect(information["spec"]?["interactive"] == false)
        #expect(information["spec"]?["cluster"]?["server"] == "https://h")
        #expect(parts[1] == "more")
    }

    @Test(arguments: [
        "", "not json hunter2", "{}", #"{"kind":"ExecCredential"}"#,
        #"{"apiVersion":"client.authentication.k8s.io/v1beta1","kind":"ExecCredential","status":{"token":"hunter2"}}"#,
        credential("{}"), credential("null"), credential(#"{"token":""}"#),
        credential(#"{"clientKeyData":"hunter2"}"#), credential(#"{"token":"hunter2","expirationTimestamp":"soon"}"#),
    ])
    func `bad output of a plugin is an error that quotes nothing`(output: String) async throws {
        let error = #expect(throws: KubernetesError.self) {
            try ExecCredential(parsing: Array(output.utf8), apiVersion: "client.authentication.k8s.io/v1")
        }
        #expect(error?.reason == .configuration)
        #expect(error?.message.contains("hunter2") == false)
    }

    @Test func `a plugin that fails, is missing or hangs is an error, and is tried again`() async throws {
        let directory = try TemporaryDirectory()
        let source = source(.exec(try plugin(directory, printing: "", before: "echo hunter2 >&2; exit 3")))
        let failed = await failure { _ = try await source.current() }
        #expect(failed?.reason == .configuration)
        #expect(failed?.message.contains("hunter2") == false)
        _ = await failure { _ = try await source.current() }
        #expect(runs(directory) == 2)

        let absent = KubernetesConfiguration.ExecPlugin(command: "no-such-program-xyz", installHint: "get it there")
        let missing = await failure { _ = try await self.source(.exec(absent)).current() }
        #expect(missing?.message.contains("get it there") == true)

        let other = try TemporaryDirectory()
        var slow = try plugin(other, printing: "", before: "exec sleep 600")
        slow.timeout = .milliseconds(300)
        let late = await failure { _ = try await self.source(.exec(slow)).current() }
        #expect(late?.message.contains("longer") == true)
    }
}
