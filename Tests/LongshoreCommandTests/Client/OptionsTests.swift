import ArgumentParser
import FoundationEssentials
import Redaction
import TestSupport
import Testing
import WireFormats

@testable import longshore

@Suite("Options") struct OptionsTests {
    @Test("of a request become its fields, on top of those of a file")
    func request() throws {
        let folder = try TemporaryDirectory()
        let path = try folder.write(
            "request.json",
            #"{"images": ["a:1"], "priority": 2, "nodes": {"names": ["n1"]}, "labels": {"x": "1"}, "batchSize": 7}"#
        )
        let options = try SubmitOptions.parse([
            "b:2", "c:3", "--request", path, "--node", "n2", "--selector", "gpu=a100,!old", "--include-cordoned",
            "--toleration", "gpu=yes:NoSchedule", "--toleration", "spot", "--toleration", "k:NoExecute", "--priority",
            "9",
            "--failure-tolerance", "0.1", "--timeout", "60", "--deadline", "600", "--max-retries", "3",
            "--retry-strategy",
            "exponential", "--retry-delay", "5", "--retry-max-delay", "50", "--pull-policy", "Always", "--strategy",
            "kubelet", "--check", "disk", "--webhook-url", "https://h/", "--webhook-event", "task.failed", "--project",
            "p",
            "--cluster", "c", "--label", "y=2", "--ttl", "9",
        ])
        #expect(
            try options.json(credentials: [["registry": "h.io"]]) == [
                "images": ["a:1", "b:2", "c:3"], "priority": 9, "labels": ["x": "1", "y": "2"], "batchSize": 7,
                "registryCredentials": [["registry": "h.io"]],
                "nodes": [
                    "names": ["n1", "n2"], "matchLabels": ["gpu": "a100"],
                    "matchExpressions": [["key": "old", "operator": "DoesNotExist"]], "includeCordoned": true,
                    "tolerations": [
                        ["key": "gpu", "operator": "Equal", "value": "yes", "effect": "NoSchedule"],
                        ["key": "spot", "operator": "Exists"],
                        ["key": "k", "operator": "Exists", "effect": "NoExecute"],
                    ],
                ],
                "failureTolerance": 0.1, "timeoutSeconds": 60, "deadlineSeconds": 600, "maxRetries": 3,
                "retryStrategy": "exponential", "retryDelay": 5, "retryMaxDelaySeconds": 50, "pullPolicy": "Always",
                "strategy": "kubelet", "checks": ["disk"], "webhookUrl": "https://h/", "webhookEvents": ["task.failed"],
                "project": "p", "cluster": "c", "ttlSecondsAfterFinished": 9,
            ]
        )
    }

    @Test("of a request that name a bad file are wrong usage", arguments: ["", "[]", "{", "\u{0}"])
    func badFiles(content: String) throws {
        let path = try TemporaryDirectory().write("r.json", content)
        let options = try SubmitOptions.parse(["--request", path])
        let failure = #expect(throws: CommandFailure.self) { try options.json(credentials: []) }
        #expect(failure?.code == .usage)
    }

    @Test("for credentials take secrets from files and the environment")
    func credentials() throws {
        let folder = try TemporaryDirectory()
        let password = try folder.write("password", "from file\n")
        let token = try folder.write("token", "tok\r\n")
        let config = try folder.write("config.json", #"{"auths":{"z.io":{"auth":"dTpw"}}}"#)
        let options = try CredentialOptions.parse([
            "--credential", "a.io/x=robot", "--password-file", "a.io/x=\(password)", "--credential", "b.io:5000=u=v",
            "--identity-token-file", "c.io=\(token)", "--secret-ref", "d.io=pull", "--docker-config", config,
        ])
        let entries = try options.entries(environment: ["LONGSHORE_PASSWORD_B_IO_5000": "from variable"])
        #expect(
            JSONValue.array(entries) == [
                ["registry": "a.io/x", "username": "robot", "password": "from file"],
                ["registry": "b.io:5000", "username": "u=v", "password": "from variable"],
                ["registry": "c.io", "identityToken": "tok"], ["registry": "d.io", "secretRef": ["name": "pull"]],
                ["dockerConfigJson": ["auths": ["z.io": ["auth": "dTpw"]]]],
            ]
        )
    }

    @Test("for credentials use the general variable for one account only")
    func generalVariable() throws {
        let environment = ["LONGSHORE_PASSWORD": "p"]
        let one = try CredentialOptions.parse(["--credential", "a.io=u"])
        #expect(try one.entries(environment: environment).first?["password"] == "p")
        let two = try CredentialOptions.parse(["--credential", "a.io=u", "--credential", "b.io=u"])
        let failure = #expect(throws: CommandFailure.self) { try two.entries(environment: environment) }
        #expect(failure?.message.contains("LONGSHORE_PASSWORD_A_IO") == true)
    }

    @Test(
        "for credentials that do not go together are wrong usage",
        arguments: [
            ["--credential", "a.io"], ["--credential", "=u"], ["--password-file", "a.io=/dev/null"],
            ["--credential", "a.io=u", "--password-file", "a.io=/does/not/exist"],
            ["--credential", "a.io=u", "--password-file", "a.io=/dev/null"], ["--secret-ref", "x"],
            ["--docker-config", "/does/not/exist"],
        ]
    )
    func badCredentials(arguments: [String]) throws {
        let options = try CredentialOptions.parse(arguments)
        let failure = #expect(throws: CommandFailure.self) { try options.entries(environment: [:]) }
        #expect(failure?.code == .usage)
    }

    @Test("for the connection are looked for in flags, then the environment, then the file")
    func connection() throws {
        let folder = try TemporaryDirectory()
        let token = try folder.write("token", "file-token\n")
        let ready = try folder.write("ready.json", #"{"http": "http://ready:1", "token": "ready-token"}"#)
        let config = try folder.write("client.json", #"{"http": "http://config:1", "token": "config-token"}"#)
        func target(_ flags: [String], _ environment: [String: String]) throws -> String {
            let options = try ConnectionOptions.parse(flags)
            let target = try ConnectionOptions.Target(options: options, environment: environment)
            return "\(target.server) \(target.token.exposeUTF8() ?? "")"
        }
        let variables = [
            "LONGSHORE_SERVER": "http://variable:1", "LONGSHORE_TOKEN": "variable-token",
            "LONGSHORE_READY_FILE": config,
        ]
        #expect(try target([], variables) == "http://variable:1 variable-token")
        #expect(try target(["--ready-file", ready], variables) == "http://ready:1 ready-token")
        #expect(
            try target(["--server", "http://flag:1", "--token-file", token], variables) == "http://flag:1 file-token"
        )
        #expect(try target(["--server", "http://flag:1"], variables) == "http://flag:1 variable-token")
        #expect(try target([], ["LONGSHORE_READY_FILE": config]) == "http://config:1 config-token")
        #expect(
            try target([], ["LONGSHORE_READY_FILE": config, "LONGSHORE_TOKEN_FILE": token])
                == "http://config:1 file-token"
        )
        for (flags, environment) in [
            ([], [:]), ([], ["LONGSHORE_TOKEN": "t"]), (["--ready-file", token], [:]),
            (["--ready-file", "/does/not/exist"], [:]),
        ] as [([String], [String: String])] {
            let failure = #expect(throws: CommandFailure.self) { try target(flags, environment) }
            #expect(failure?.code == .usage)
        }
    }

    @Test("for the connection tell a missing token from a missing address")
    func missingToken() throws {
        let options = try ConnectionOptions.parse(["--server", "http://x"])
        let failure = #expect(throws: CommandFailure.self) {
            try ConnectionOptions.Target(options: options, environment: [:])
        }
        #expect(failure?.code == .unauthorized && failure?.message.hasPrefix("no token") == true)
    }

    @Test("for the connection take a service of the client's file by its name, else the current one")
    func contexts() throws {
        let folder = try TemporaryDirectory()
        let environment = ["XDG_CONFIG_HOME": folder.path]
        var file = ClientFile()
        file.add(ClientFile.Context(name: "b", server: "http://b:1", token: SecretBytes(utf8: "tb"), caFile: "/ca"))
        file.add(ClientFile.Context(name: "a", server: "http://a:1", token: SecretBytes(utf8: "ta")))
        try file.use("b")
        let path = try file.write(environment: environment)
        #expect(try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? UInt16 == 0o600)
        func target(_ flags: [String], _ more: [String: String] = [:]) throws -> String {
            let options = try ConnectionOptions.parse(flags)
            let all = environment.merging(more) { $1 }
            let target = try ConnectionOptions.Target(options: options, environment: all)
            return "\(target.server) \(target.token.exposeUTF8() ?? "") \(target.caFile ?? "-") \(target.origin)"
        }
        #expect(try target([]) == "http://b:1 tb /ca the context “b”")
        #expect(try target(["--context", "a"]) == "http://a:1 ta - the context “a”")
        #expect(try target([], ["LONGSHORE_CONTEXT": "a"]) == "http://a:1 ta - the context “a”")
        #expect(try target(["--context", "a"], ["LONGSHORE_TOKEN": "x"]) == "http://a:1 ta - the context “a”")
        let failure = #expect(throws: CommandFailure.self) { try target(["--context", "c"]) }
        #expect(failure?.code == .notFound && failure?.message.contains("there are a, b") == true)
        #expect(throws: (any Error).self) { try ConnectionOptions.parse(["--context", "a", "--ready-file", "x"]) }
        // The older form is one service.
        let older = try #require(ClientFile(["http": "http://o:1", "token": "to"]))
        #expect(older.currentContext?.server == "http://o:1" && older.current == "default")
    }

    @Test("for the connection refuse what is no URL", arguments: ["localhost:8080", "ftp://h", "http://u:p@h", ""])
    func badServers(server: String) {
        let failure = #expect(throws: CommandFailure.self) {
            try IntakeClient(server: server, token: SecretBytes(utf8: "t"))
        }
        #expect(failure?.code == .usage)
    }
}
