import ArgumentParser
import FoundationEssentials
import Redaction
import WireFormats

/// The credentials of a request. No secret is a flag's value.
struct CredentialOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            """
            Account for a registry or a part of one. The password comes from --password-file, else from \
            LONGSHORE_PASSWORD_<REGISTRY> (letters in upper case, the rest _), else from LONGSHORE_PASSWORD.
            """,
            valueName: "registry=user"
        )
    )
    var credential: [String] = []

    @Option(
        help: ArgumentHelp("File with the password of a --credential; - is standard input.", valueName: "registry=path")
    )
    var passwordFile: [String] = []

    @Option(help: ArgumentHelp("File with an identity token for a registry.", valueName: "registry=path"))
    var identityTokenFile: [String] = []

    @Option(help: ArgumentHelp("Secret in the executor's namespace to use for a registry.", valueName: "registry=name"))
    var secretRef: [String] = []

    @Option(
        help: ArgumentHelp("Docker configuration whose registries are used.", valueName: "path"),
        completion: Completions.file
    )
    var dockerConfig: [String] = []

    /// The entries for `registryCredentials`.
    ///
    /// - Parameter environment: The process's environment.
    /// - Returns: The entries, in the order of the flags' kinds.
    /// - Throws: ``CommandFailure`` naming the flag.
    func entries(environment: [String: String] = ProcessInfo.processInfo.environment) throws -> [JSONValue] {
        var entries: [JSONValue] = []
        let files = try Dictionary(
            passwordFile.map { try KeyValue.split($0, flag: "--password-file") },
            uniquingKeysWith: { $1 }
        )
        var unused = Set(files.keys)
        for text in credential {
            let (registry, user) = try KeyValue.split(text, flag: "--credential")
            unused.remove(registry)
            let password = try password(for: registry, file: files[registry], environment: environment)
            entries.append([
                "registry": .string(registry), "username": .string(user), "password": .string(password),
            ])
        }
        if let registry = unused.sorted().first {
            throw CommandFailure.usage("--password-file names \(registry), and no --credential does")
        }
        for text in identityTokenFile {
            let (registry, path) = try KeyValue.split(text, flag: "--identity-token-file")
            let token = try Self.text(SecretInput.file(path), of: path)
            entries.append(["registry": .string(registry), "identityToken": .string(token)])
        }
        for text in secretRef {
            let (registry, name) = try KeyValue.split(text, flag: "--secret-ref")
            entries.append(["registry": .string(registry), "secretRef": ["name": .string(name)]])
        }
        for path in dockerConfig {
            guard let json = try? JSONValue(parsing: SecretInput.content(of: path)) else {
                throw CommandFailure.usage("--docker-config: \(path) cannot be read as JSON")
            }
            entries.append(["dockerConfigJson": json])
        }
        return entries
    }

    private func password(
        for registry: String,
        file: String?,
        environment: [String: String]
    ) throws -> String {
        if let file { return try Self.text(SecretInput.file(file), of: file) }
        let variable = SecretInput.variable(for: registry)
        if let password = environment[variable] { return password }
        // One variable for several accounts would send one registry's password to another.
        if credential.count == 1, let password = environment["LONGSHORE_PASSWORD"] { return password }
        let general = credential.count == 1 ? ", LONGSHORE_PASSWORD" : ""
        throw CommandFailure.usage(
            "no password for \(registry): give --password-file \(registry)=PATH, or set \(variable)\(general)"
        )
    }

    private static func text(_ secret: SecretBytes, of path: String) throws -> String {
        guard let text = secret.exposeUTF8() else { throw CommandFailure.usage("the file \(path) is not UTF-8") }
        return text
    }
}

/// Reads `key=value` arguments.
enum KeyValue {
    /// Splits at the first `=`.
    ///
    /// - Parameters:
    ///   - text: The argument.
    ///   - flag: The flag it belongs to, for the error's text.
    /// - Returns: What stands before and behind the sign.
    /// - Throws: ``CommandFailure`` when there is no sign or nothing before it.
    static func split(_ text: String, flag: String) throws -> (String, String) {
        guard let equals = text.firstIndex(of: "="), equals != text.startIndex else {
            throw CommandFailure.usage("\(flag): write NAME=VALUE")
        }
        return (String(text[..<equals]), String(text[text.index(after: equals)...]))
    }
}
