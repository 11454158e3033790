import Configuration
import FoundationEssentials
package import Redaction
import SystemPackage

/// A service's configuration, read once at start: flags before environment variables before a file.
///
/// Everything is checked when it is made, so that a service that starts has a configuration that can be used; the
/// faults of all keys are reported together.
package struct Settings: Sendable {
    private let values: [String: String]
    private let secrets: [String: SecretBytes]
    /// What was found wrong when the settings were read, where that is told together with the faults of their values.
    private let pending: [String]
    /// Takes the faults of values in the place of an error for the first of them.
    private var collector: SettingsFaults?

    /// Reads and checks the configuration.
    ///
    /// - Parameters:
    ///   - keys: The keys that the service knows; a flag or a file key outside them is a fault.
    ///   - arguments: The command line after the subcommand's name.
    ///   - environment: The process's environment.
    /// - Throws: ``SettingsError`` with every unknown flag, unreadable file, missing and malformed value.
    package init(keys: [SettingKey], arguments: [String], environment: [String: String]) async throws {
        self = await Settings.reading(keys: keys, arguments: arguments, environment: environment)
        guard pending.isEmpty else { throw SettingsError(pending) }
    }

    /// Reads the configuration without telling yet what is wrong with it: ``collecting(_:)`` tells all of it at once.
    ///
    /// - Parameters:
    ///   - keys: The keys that the service knows; a flag or a file key outside them is a fault.
    ///   - arguments: The command line after the subcommand's name.
    ///   - environment: The process's environment.
    /// - Returns: The settings, to be used in ``collecting(_:)``.
    package static func reading(
        keys: [SettingKey],
        arguments: [String],
        environment: [String: String]
    ) async -> Settings {
        let allKeys = [Self.configurationFileKey] + keys
        var faults = Self.faultsOfFlags(in: arguments, keys: allKeys)
        // The provider keeps a first word that starts with dashes; a program name before it is what it expects.
        let flags = ConfigReader(provider: CommandLineArgumentsProvider(arguments: ["longshore"] + arguments))
        let variables = ConfigReader(
            provider: EnvironmentVariablesProvider(environmentVariables: environment).prefixKeys(with: "longshore")
        )
        let layers = Layers(flags: flags, variables: variables, file: nil)
        var file: ConfigReader?
        if let path = layers.text(Self.configurationFileKey) {
            do {
                faults += try SettingsFile.faults(at: path, keys: allKeys)
                file = ConfigReader(provider: try await FileProvider<YAMLSnapshot>(filePath: FilePath(path)))
            } catch {
                faults.append("--config: the file \(path) cannot be read as YAML or JSON: \(error)")
            }
        }
        let resolved = Layers(flags: flags, variables: variables, file: file)
        var values: [String: String] = [:]
        var secrets: [String: SecretBytes] = [:]
        for key in keys {
            if key.isSecret {
                do throws(UnreadableSecret) {
                    secrets[key.name] = try resolved.secret(key)
                } catch {
                    faults.append(error.message)
                }
            } else {
                values[key.name] = resolved.text(key) ?? key.defaultValue
                if key.name.hasSuffix("-file"), let path = values[key.name], !path.isEmpty {
                    faults += Self.faultsOfContent(of: path, key)
                }
            }
            if key.isRequired, values[key.name] == nil, secrets[key.name] == nil {
                faults.append(
                    "\(key.isSecret ? "\(key.flag)-file" : key.flag) is required: give it, or set "
                        + "\(key.environmentVariable) (\(key.documentation))"
                )
            }
        }
        return Settings(values: values, secrets: secrets, pending: faults)
    }

    private init(values: [String: String], secrets: [String: SecretBytes], pending: [String]) {
        self.values = values
        self.secrets = secrets
        self.pending = pending
    }

    /// Makes a configuration of given values, for services that are started inside another process.
    ///
    /// - Parameters:
    ///   - values: Values by key name; keys that are missing take their default.
    ///   - keys: The keys whose defaults hold.
    package init(values: [SettingKey: String], keys: [SettingKey]) {
        var texts: [String: String] = [:]
        var secrets: [String: SecretBytes] = [:]
        for key in keys {
            let value = values[key] ?? key.defaultValue
            if key.isSecret {
                secrets[key.name] = value.map { SecretBytes(utf8: $0) }
            } else {
                texts[key.name] = value
            }
        }
        self.init(values: texts, secrets: secrets, pending: [])
    }

    // MARK: - Faults of values

    /// Reads everything that a service needs, and tells every fault at once.
    ///
    /// - Parameter read: Reads values of the settings it is given. A value that is malformed counts as its default there, so that
    ///   those after it are looked at too.
    /// - Returns: What was read.
    /// - Throws: ``SettingsError`` with all that is wrong: unknown keys, what is missing, and each malformed value.
    package func collecting<Value>(
        _ read: (Settings) throws(SettingsError) -> Value
    ) throws(SettingsError) -> Value {
        var settings = self
        let collector = SettingsFaults(pending)
        settings.collector = collector
        let value: Value
        do throws(SettingsError) {
            value = try read(settings)
        } catch {
            collector.add(error.faults)
            throw SettingsError(collector.all)
        }
        guard collector.all.isEmpty else { throw SettingsError(collector.all) }
        return value
    }

    /// Tells of a fault: at once, or together with the others where they are collected.
    package func report(_ fault: String) throws(SettingsError) {
        guard let collector else { throw SettingsError([fault]) }
        collector.add([fault])
    }

    /// Does something whose faults are collected like those of values.
    package func attempt(_ body: () throws(SettingsError) -> Void) throws(SettingsError) {
        do throws(SettingsError) {
            try body()
        } catch {
            guard let collector else { throw error }
            collector.add(error.faults)
        }
    }

    /// The key of the configuration file itself.
    package static let configurationFileKey = SettingKey(
        "config",
        form: "PATH",
        "YAML or JSON file with any of the keys"
    )

    /// The value of a key as text; `nil` when there is none and no default.
    package func text(_ key: SettingKey) -> String? {
        values[key.name].flatMap { $0.isEmpty ? nil : $0 }
    }

    /// The value of a key that has a default or is required.
    ///
    /// - Throws: ``SettingsError`` when there is no value.
    package func required(_ key: SettingKey) throws(SettingsError) -> String {
        guard let value = text(key) else {
            // That a required key is missing was found when the settings were read.
            if collector == nil || !key.isRequired {
                try report("\(key.flag) has no value: set it or \(key.environmentVariable)")
            }
            return ""
        }
        return value
    }

    /// The value of a secret key.
    package func secret(_ key: SettingKey) -> SecretBytes? {
        secrets[key.name]
    }

    /// The value as a whole number.
    ///
    /// - Throws: ``SettingsError`` with the key and the value when it is none or outside `range`.
    package func integer(_ key: SettingKey, in range: ClosedRange<Int> = 0...Int.max) throws(SettingsError) -> Int {
        let value = try required(key)
        guard let number = Int(value), range.contains(number) else {
            let bounds =
                range.upperBound == Int.max
                ? "\(range.lowerBound) or more" : "\(range.lowerBound) to \(range.upperBound)"
            if !value.isEmpty { try report("\(key.flag): “\(value)” is not a whole number of \(bounds)") }
            return key.defaultValue.flatMap { Int($0) }.flatMap { range.contains($0) ? $0 : nil } ?? range.lowerBound
        }
        return number
    }

    /// The value as a whole number of seconds.
    ///
    /// - Throws: ``SettingsError`` with the key and the value when it is none or outside `range`.
    package func seconds(
        _ key: SettingKey,
        in range: ClosedRange<Int> = 0...31_536_000
    ) throws(SettingsError) -> Duration {
        .seconds(try integer(key, in: range))
    }

    /// The value as `true` or `false`.
    ///
    /// - Throws: ``SettingsError`` with the key and the value when it is neither.
    package func bool(_ key: SettingKey) throws(SettingsError) -> Bool {
        guard let value = values[key.name] else { return false }
        switch value.lowercased() {
        case "true", "yes", "1", "": return true
        case "false", "no", "0": return false
        default:
            try report("\(key.flag): “\(value)” is neither true nor false")
            return false
        }
    }

    /// The value as a list: its parts between commas, without white space around them.
    package func list(_ key: SettingKey) -> [String] {
        (text(key) ?? "").split(separator: ",").map { part in
            String(part.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
        }.filter { !$0.isEmpty }
    }

    /// The value as a list of what its parts stand for.
    ///
    /// - Parameters:
    ///   - key: The key.
    ///   - kind: What a part is to be, for people: `network such as 10.1.0.0/16`.
    ///   - read: Reads a part; nil when it is something else.
    /// - Returns: What was read.
    /// - Throws: ``SettingsError`` with the key and the first part that cannot be read.
    package func list<Element>(
        _ key: SettingKey,
        of kind: String,
        _ read: (String) -> Element?
    ) throws(SettingsError) -> [Element] {
        var elements: [Element] = []
        for text in list(key) {
            guard let element = read(text) else {
                try report("\(key.flag): “\(text)” is no \(kind)")
                continue
            }
            elements.append(element)
        }
        return elements
    }

    // MARK: - Checks

    private static func faultsOfFlags(in arguments: [String], keys: [SettingKey]) -> [String] {
        var known = Set(keys.filter { !$0.isSecret }.map(\.flag))
        known.formUnion(keys.compactMap { $0.fileReference?.flag })
        let secretFlags = Set(keys.filter(\.isSecret).map(\.flag))
        var faults: [String] = []
        var expectsValue = false
        for argument in arguments {
            guard argument.hasPrefix("--") else {
                if !expectsValue {
                    faults.append("“\(argument)” is not expected here: values follow their flag")
                }
                expectsValue = false
                continue
            }
            let flag = String(argument.prefix { $0 != "=" })
            expectsValue = !argument.contains("=")
            if secretFlags.contains(flag) {
                faults.append(
                    "\(flag) is a secret and has no flag: give \(flag)-file PATH or set the environment variable"
                )
            } else if !known.contains(flag) {
                let nearest = known.min { distance($0, flag) < distance($1, flag) }
                faults.append("\(flag) is not known" + (nearest.map { "; did you mean \($0)?" } ?? ""))
            }
        }
        return faults
    }

    /// A file that a setting names and that has nothing in it: what reads it later would not know the setting.
    private static func faultsOfContent(of path: String, _ key: SettingKey) -> [String] {
        guard let data = try? Data(contentsOf: URL(filePath: path)) else {
            return ["\(key.flag): the file \(path) cannot be read"]
        }
        return data.isBlank ? ["\(key.flag): the file \(path) is empty"] : []
    }

    /// The Levenshtein distance of two flags, for the suggestion after a typing error.
    private static func distance(_ first: String, _ second: String) -> Int {
        let target = Array(second)
        var row = Array(0...target.count)
        for (index, character) in first.enumerated() {
            var previous = row[0]
            row[0] = index + 1
            for column in target.indices {
                let substituted = previous + (character == target[column] ? 0 : 1)
                previous = row[column + 1]
                row[column + 1] = min(substituted, previous + 1, row[column] + 1)
            }
        }
        return row[target.count]
    }
}

// MARK: - Precedence

/// The three places a value can come from, asked in order of precedence.
private struct Layers {
    let flags: ConfigReader
    let variables: ConfigReader
    let file: ConfigReader?

    /// The key's value from the first place that has one.
    func text(_ key: SettingKey) -> String? {
        let name = ConfigKey([key.fileKey])
        // Flags are read as lists because the provider splits at commas, which addresses contain.
        if let parts = flags.stringArray(forKey: name), !key.isSecret {
            return parts.joined(separator: ",")
        }
        if let value = variables.string(forKey: name) {
            return value
        }
        return file?.string(forKey: name) ?? file?.stringArray(forKey: name)?.joined(separator: ",")
    }

    /// A secret: from its environment variable, else from the file that the `-file` key names, else from the file.
    func secret(_ key: SettingKey) throws(UnreadableSecret) -> SecretBytes? {
        let name = ConfigKey([key.fileKey])
        // A variable that is empty counts as not set, as for every other key.
        if let value = variables.string(forKey: name), !value.isEmpty {
            return SecretBytes(utf8: value)
        }
        if let reference = key.fileReference, let path = text(reference) {
            guard let data = try? Data(contentsOf: URL(filePath: path)) else {
                throw UnreadableSecret(message: "\(reference.flag): the file \(path) cannot be read")
            }
            guard !data.isBlank else {
                throw UnreadableSecret(message: "\(reference.flag): the file \(path) is empty")
            }
            var bytes = [UInt8](data)
            while let last = bytes.last, last == UInt8(ascii: "\n") || last == UInt8(ascii: "\r") {
                bytes.removeLast()
            }
            return SecretBytes(bytes)
        }
        return file?.string(forKey: name).flatMap { $0.isEmpty ? nil : SecretBytes(utf8: $0) }
    }
}

extension Data {
    /// Whether there is nothing but white space.
    fileprivate var isBlank: Bool {
        let blank: Set<UInt8> = [UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\n"), UInt8(ascii: "\r")]
        return allSatisfy { blank.contains($0) }
    }
}

/// A secret's file that cannot be read.
private struct UnreadableSecret: Error {
    let message: String
}
