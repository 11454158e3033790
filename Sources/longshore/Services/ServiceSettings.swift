import ArgumentParser
import FoundationEssentials
import KubernetesAPI
import LibPQ
import Logging
import Redaction
import ServiceRuntime

/// What the commands that run a service have in common: they hand their command line to the service's own keys.
protocol ServiceCommand: AsyncParsableCommand {
    /// Every configuration key of the service.
    static var keys: [SettingKey] { get }
    /// The command line behind the subcommand's name.
    var arguments: [String] { get }
}

extension ServiceCommand {
    /// The help's second part: each key with its default and unit.
    static var keysHelp: String {
        """
        Each key is a flag, an environment variable and a key of the file, in that order of precedence. Secrets are taken from
        files and the environment only.

        \(SettingsHelp.text(for: keys))
        """
    }

    private static var usageText: String { configuration.usage ?? "" }

    /// Reads the service's configuration; what is wrong with it is told by `Settings.collecting`, together with the faults of values.
    ///
    /// - Throws: The request for help where there is one.
    func readSettings() async throws -> Settings {
        if arguments.contains(where: { ["--help", "-h", "-help"].contains($0) }) {
            // Not the argument parser's own help: it would break the lines of the list of keys.
            throw CleanExit.message("\(Self.configuration.abstract)\n\nUSAGE: \(Self.usageText)\n\n\(Self.keysHelp)")
        }
        return await Settings.reading(
            keys: Self.keys,
            arguments: arguments,
            environment: ProcessInfo.processInfo.environment
        )
    }
}

extension Settings {
    /// Looks at the values that every service has in common, for `Settings.collecting`.
    ///
    /// - Throws: `SettingsError` where faults are not collected.
    func checkCommon() throws(SettingsError) {
        try ServiceProcess.check(self)
        try attempt { () throws(SettingsError) in _ = try KafkaSettings.configuration(self, clientID: "longshore") }
        _ = try KafkaSettings.consumerOptions(self)
        if secret(SettingKeys.postgresURL) != nil { _ = try integer(SettingKeys.postgresConnections, in: 1...1_000) }
    }

    /// A pool of connections to the configured database.
    ///
    /// - Parameters:
    ///   - service: The service's name, as the database shows it.
    ///   - maximumConnections: How many connections there may be; as configured by default.
    /// - Returns: The pool; nothing is connected yet.
    /// - Throws: `SettingsError` when a key is malformed.
    func postgresPool(service: String, maximumConnections: Int? = nil) throws -> PQPool {
        PQPool(
            configuration: PQConfiguration(
                url: secret(SettingKeys.postgresURL) ?? SecretBytes([]),
                maximumConnections: try maximumConnections ?? integer(SettingKeys.postgresConnections, in: 1...1_000),
                applicationName: "longshore-\(service)"
            )
        )
    }

    /// How to reach the configured Kubernetes API server.
    ///
    /// - Parameter service: The service's name, as the cluster's audit log shows it.
    /// - Returns: The configuration, with the service's own user agent.
    /// - Throws: `KubernetesError` when there is no usable configuration.
    func kubernetesConfiguration(service: String) async throws -> KubernetesConfiguration {
        var configuration = try await KubernetesConfiguration.load(
            kubeconfig: text(SettingKeys.kubeconfig),
            context: text(SettingKeys.kubeContext)
        )
        // A cluster's audit log tells the services apart by it.
        configuration.userAgent = "longshore-\(service)"
        return configuration
    }
}
