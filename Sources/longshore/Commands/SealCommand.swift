import ArgumentParser
import FoundationEssentials
import LongshoreDomain
import LongshoreMessages
import Redaction
import WireFormats

/// `longshore seal`: encrypts a credential to a cluster's executors, for requests that go through Kafka.
struct SealCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "seal",
        abstract: "Encrypt a credential to a cluster's executors, for one task and registry.",
        discussion: """
            Prints {"taskId": …, "credential": …}; the credential is an entry for registryCredentials.

            The result opens only for one task and registry. The task's id follows from the project and the idempotency key; for a
            request on Kafka that has no such key, from the CloudEvent's source and id.

            The password comes from --password-file, else from LONGSHORE_PASSWORD_<REGISTRY>, else from LONGSHORE_PASSWORD.
            """
    )

    @OptionGroup var connection: ConnectionOptions

    @Option(help: "The registry, or a part of one, that the credential is for.")
    var registry: String

    @Option(help: "The user name.")
    var username: String?

    @Option(
        help: ArgumentHelp("File with the password; - is standard input.", valueName: "path"),
        completion: Completions.file
    )
    var passwordFile: String?

    @Option(
        help: ArgumentHelp("File with an identity token, in the place of user name and password.", valueName: "path")
    )
    var identityTokenFile: String?

    @Option(help: "The project of the request.")
    var project = "default"

    @Option(help: "The cluster of the request.")
    var cluster = "default"

    @Option(help: ArgumentHelp("The request's idempotency key.", valueName: "key"))
    var idempotencyKey: String?

    @Option(
        help: ArgumentHelp("The CloudEvent's source, where the request has no idempotency key.", valueName: "source")
    )
    var eventSource: String?

    @Option(help: ArgumentHelp("The CloudEvent's id, where the request has no idempotency key.", valueName: "id"))
    var eventID: String?

    @Option(help: ArgumentHelp("Key to seal to, in the place of the one the service knows.", valueName: "keyid:base64"))
    var publicKey: String?

    func validate() throws {
        guard (idempotencyKey == nil) == (eventSource != nil && eventID != nil) else {
            throw ValidationError("give --idempotency-key, or --event-source and --event-id")
        }
        guard (username == nil) == (identityTokenFile != nil) else {
            throw ValidationError("give --username with a password, or --identity-token-file")
        }
    }

    func run() async throws {
        let source = try source(environment: ProcessInfo.processInfo.environment)
        var body: JSONValue = ["registry": .string(registry)]
        for (key, value) in source { body[key] = value }
        let credential: RegistryCredential?
        do {
            credential = try RegistryCredential.parse(body).first
        } catch {
            let lines = error.faults.map { "\(ProblemReport.field($0.pointer.description)): \($0.detail)" }
            throw CommandFailure.usage(lines.joined(separator: "\n"))
        }
        guard let credential else { throw CommandFailure.usage("there is no credential to seal") }
        let key = idempotencyKey ?? "\(eventSource ?? "")\n\(eventID ?? "")"
        let taskID = TaskIDs.derived(project: project, idempotencyKey: key)
        let entry = try RequestSealing.entry(credential, taskID: taskID, key: try await sealer())
        Console.print(JSONValue.object(["taskId": .string(taskID.text), "credential": entry]).text(pretty: true))
    }

    private func source(environment: [String: String]) throws -> [(String, JSONValue)] {
        if let identityTokenFile {
            return [("identityToken", .string(try SecretInput.file(identityTokenFile).exposeUTF8() ?? ""))]
        }
        let variable = SecretInput.variable(for: registry)
        let password: String
        if let passwordFile {
            password = try SecretInput.file(passwordFile).exposeUTF8() ?? ""
        } else if let text = environment[variable] ?? environment["LONGSHORE_PASSWORD"] {
            password = text
        } else {
            throw CommandFailure.usage("give --password-file PATH, or set \(variable) or LONGSHORE_PASSWORD")
        }
        return [("username", .string(username ?? "")), ("password", .string(password))]
    }

    private func sealer() async throws -> Sealer {
        guard let publicKey else {
            return try await RequestSealing(client: try connection.client()).newestKey(of: cluster)
        }
        let parts = publicKey.split(separator: ":", maxSplits: 1).map(String.init)
        guard parts.count == 2, let bytes = Base64.decode(parts[1]) else {
            throw CommandFailure.usage("--public-key: write KEYID:BASE64")
        }
        do {
            return try Sealer(publicKey: bytes, keyID: parts[0])
        } catch {
            throw CommandFailure.usage("--public-key: \(error.message)")
        }
    }
}
