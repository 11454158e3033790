import ArgumentParser
import FoundationEssentials
import Redaction
import WireFormats

/// Where the service is and who asks.
struct ConnectionOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The API's URL; LONGSHORE_SERVER.", valueName: "url"))
    var server: String?

    @Option(
        help: ArgumentHelp(
            "File with the bearer token; LONGSHORE_TOKEN_FILE, or the token in LONGSHORE_TOKEN.",
            valueName: "path"
        ),
        completion: Completions.file
    )
    var tokenFile: String?

    @Option(
        help: ArgumentHelp(
            "File with address and token, as `longshore dev` writes it; LONGSHORE_READY_FILE.",
            valueName: "path"
        ),
        completion: Completions.file
    )
    var readyFile: String?

    @Option(
        help: ArgumentHelp(
            "Service of the client's file, as `longshore context list` shows them; LONGSHORE_CONTEXT, else the current one.",
            valueName: "name"
        ),
        completion: Completions.contexts
    )
    var context: String?

    @Option(
        help: ArgumentHelp("PEM certificates to trust instead of the system's; LONGSHORE_CA_FILE.", valueName: "path"),
        completion: Completions.file
    )
    var caFile: String?

    func validate() throws {
        guard context == nil || readyFile == nil || server != nil else {
            throw ValidationError("--context and --ready-file both say where the service is: give one of them")
        }
    }

    /// Makes a client of what the flags, the environment and the files say, in that order.
    ///
    /// - Parameter environment: The process's environment.
    /// - Returns: The client.
    /// - Throws: ``CommandFailure`` naming what is missing.
    func client(environment: [String: String] = ProcessInfo.processInfo.environment) throws -> IntakeClient {
        let target = try Target(options: self, environment: environment)
        return try IntakeClient(server: target.server, token: target.token, caPath: target.caFile)
    }

    /// The resolved address and token.
    struct Target {
        let server: String
        let token: SecretBytes
        let caFile: String?
        /// What has named the server: a flag, a variable, a file or a context.
        let origin: String

        /// A place that names a service.
        private struct Source {
            let origin: String
            let server: String?
            let token: SecretBytes?
            var caFile: String?

            init(origin: String, _ json: JSONValue) {
                self.origin = origin
                server = json["http"]?.string
                token = json["token"]?.string.map { SecretBytes(utf8: $0) }
            }

            init(_ context: ClientFile.Context) {
                origin = "the context “\(context.name)”"
                server = context.server
                token = context.token
                caFile = context.caFile
            }
        }

        init(options: ConnectionOptions, environment: [String: String]) throws {
            let named = try Self.named(options, environment)
            let fallback = named == nil ? try Self.fallback(environment) : nil
            let places = [
                options.server.map { ("--server", $0) },
                named.flatMap { place in place.server.map { (place.origin, $0) } },
                environment["LONGSHORE_SERVER"].map { ("LONGSHORE_SERVER", $0) },
                fallback.flatMap { place in place.server.map { (place.origin, $0) } },
            ]
            guard let (origin, server) = places.compactMap({ $0 }).first else {
                throw CommandFailure.usage(
                    "say where the service is: --server URL, LONGSHORE_SERVER or --ready-file PATH, or log in with longshore login"
                )
            }
            self.server = server
            self.origin = origin
            caFile = options.caFile ?? named?.caFile ?? environment["LONGSHORE_CA_FILE"] ?? fallback?.caFile
            if let path = options.tokenFile {
                token = try SecretInput.file(path)
            } else if let secret = named?.token {
                token = secret
            } else if let text = environment["LONGSHORE_TOKEN"] {
                token = SecretBytes(utf8: text)
            } else if let path = environment["LONGSHORE_TOKEN_FILE"] {
                token = try SecretInput.file(path)
            } else if let secret = fallback?.token {
                token = secret
            } else {
                throw CommandFailure(
                    .unauthorized,
                    "no token: give --token-file PATH, LONGSHORE_TOKEN, LONGSHORE_TOKEN_FILE or --ready-file PATH"
                )
            }
        }

        /// What a flag names.
        private static func named(_ options: ConnectionOptions, _ environment: [String: String]) throws -> Source? {
            if let path = options.readyFile { return Source(origin: "--ready-file", try read(path)) }
            guard let name = options.context else { return nil }
            return Source(try (ClientFile.read(environment: environment) ?? ClientFile()).context(named: name))
        }

        /// What the environment and the client's file name.
        private static func fallback(_ environment: [String: String]) throws -> Source? {
            if let path = environment["LONGSHORE_READY_FILE"] {
                return Source(origin: "LONGSHORE_READY_FILE", try read(path))
            }
            let file = try ClientFile.read(environment: environment)
            if let name = environment["LONGSHORE_CONTEXT"], !name.isEmpty {
                return Source(try (file ?? ClientFile()).context(named: name))
            }
            return file?.currentContext.map(Source.init)
        }

        static func read(_ path: String) throws -> JSONValue {
            guard let data = try? Data(contentsOf: URL(filePath: path)) else {
                throw CommandFailure.usage("the file \(path) cannot be read")
            }
            guard let json = try? JSONValue(parsing: [UInt8](data)), json.object != nil else {
                throw CommandFailure.usage("the file \(path) is not a JSON object with http and token")
            }
            return json
        }
    }
}
