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
        )
    )
    var tokenFile: String?

    @Option(
        help: ArgumentHelp(
            "File with address and token, as `longshore dev` writes it; LONGSHORE_READY_FILE, else ~/.config/longshore/client.json.",
            valueName: "path"
        )
    )
    var readyFile: String?

    @Option(
        help: ArgumentHelp("PEM certificates to trust instead of the system's; LONGSHORE_CA_FILE.", valueName: "path")
    )
    var caFile: String?

    /// Makes a client of what the flags, the environment and the file say, in that order.
    ///
    /// - Parameter environment: The process's environment.
    /// - Returns: The client.
    /// - Throws: ``CommandFailure`` naming what is missing.
    func client(environment: [String: String] = ProcessInfo.processInfo.environment) throws -> IntakeClient {
        let target = try Target(options: self, environment: environment)
        return try IntakeClient(
            server: target.server,
            token: target.token,
            caPath: caFile ?? environment["LONGSHORE_CA_FILE"]
        )
    }

    /// The resolved address and token.
    struct Target {
        let server: String
        let token: SecretBytes

        init(options: ConnectionOptions, environment: [String: String]) throws {
            let named = try options.readyFile.map(Self.read)
            let fallback =
                try environment["LONGSHORE_READY_FILE"].map(Self.read) ?? Self.readDefault(environment: environment)
            guard
                let server = options.server ?? named?["http"]?.string ?? environment["LONGSHORE_SERVER"]
                    ?? fallback?["http"]?.string
            else {
                throw CommandFailure.usage(
                    "say where the service is: --server URL, LONGSHORE_SERVER or --ready-file PATH"
                )
            }
            self.server = server
            if let path = options.tokenFile {
                token = try SecretInput.file(path)
            } else if let text = named?["token"]?.string ?? environment["LONGSHORE_TOKEN"] {
                token = SecretBytes(utf8: text)
            } else if let path = environment["LONGSHORE_TOKEN_FILE"] {
                token = try SecretInput.file(path)
            } else if let text = fallback?["token"]?.string {
                token = SecretBytes(utf8: text)
            } else {
                throw CommandFailure.usage(
                    "give a token: --token-file PATH, LONGSHORE_TOKEN, LONGSHORE_TOKEN_FILE or --ready-file PATH"
                )
            }
        }

        private static func read(_ path: String) throws -> JSONValue {
            guard let data = try? Data(contentsOf: URL(filePath: path)) else {
                throw CommandFailure.usage("the file \(path) cannot be read")
            }
            guard let json = try? JSONValue(parsing: [UInt8](data)), json.object != nil else {
                throw CommandFailure.usage("the file \(path) is not a JSON object with http and token")
            }
            return json
        }

        private static func readDefault(environment: [String: String]) throws -> JSONValue? {
            let folder = environment["XDG_CONFIG_HOME"] ?? environment["HOME"].map { "\($0)/.config" }
            guard let folder else { return nil }
            let path = "\(folder)/longshore/client.json"
            return FileManager.default.fileExists(atPath: path) ? try read(path) : nil
        }
    }
}
