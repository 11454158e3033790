/// One configuration key: what it is called on the command line, in the environment and in a file, and what it means.
///
/// `kafka-bootstrap-servers` is the flag `--kafka-bootstrap-servers`, the variable
/// `LONGSHORE_KAFKA_BOOTSTRAP_SERVERS` and the file key `kafkaBootstrapServers`, in that order of precedence.
package struct SettingKey: Sendable, Hashable {
    /// The key's words joined by `-`, as in the flag without its dashes.
    package let name: String
    /// What the value decides, as one sentence without a full stop.
    package let documentation: String
    /// The value that holds when none is given; `nil` when the key is optional or required.
    package let defaultValue: String?
    /// The unit or the form of the value, such as `seconds` or `HOST:PORT`; shown in the help.
    package let form: String
    /// Whether a service refuses to start without a value.
    package let isRequired: Bool
    /// Whether the value is a secret: then there is no flag for it, but a flag `--NAME-file` that names a file.
    package let isSecret: Bool

    /// Describes a key.
    ///
    /// - Parameters:
    ///   - name: The key's words joined by `-`.
    ///   - form: The unit or the form of the value.
    ///   - documentation: What the value decides.
    ///   - defaultValue: The value that holds when none is given.
    ///   - isRequired: Whether a value must be given.
    ///   - isSecret: Whether the value must stay off the command line.
    package init(
        _ name: String,
        form: String,
        _ documentation: String,
        default defaultValue: String? = nil,
        isRequired: Bool = false,
        isSecret: Bool = false
    ) {
        self.name = name
        self.documentation = documentation
        self.defaultValue = defaultValue
        self.form = form
        self.isRequired = isRequired
        self.isSecret = isSecret
    }

    /// The flag, with its dashes.
    package var flag: String { "--\(name)" }

    /// The environment variable.
    package var environmentVariable: String {
        "LONGSHORE_" + String(name.map { $0 == "-" ? "_" : $0 }).uppercased()
    }

    /// The key in a configuration file: the same words in camel case.
    package var fileKey: String {
        let words = name.split(separator: "-")
        return words.enumerated().map { index, word in
            index == 0 ? String(word) : word.prefix(1).uppercased() + word.dropFirst()
        }.joined()
    }

    /// For a secret: the key that names a file with the value. Its content is taken without a trailing line feed.
    package var fileReference: SettingKey? {
        guard isSecret else { return nil }
        return SettingKey("\(name)-file", form: "PATH", "file that holds \(documentation)")
    }
}
