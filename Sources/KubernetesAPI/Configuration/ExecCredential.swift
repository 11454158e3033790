import Redaction
import Subprocess
import WireFormats

/// What a credential plugin printed (`client.authentication.k8s.io` `ExecCredential`).
struct ExecCredential: Sendable {
    /// The versions of the protocol that are spoken.
    static let supportedVersions: Set<String> = [
        "client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1",
    ]

    /// A bearer token.
    var token: SecretBytes?
    /// A client certificate.
    var certificate: KubernetesConfiguration.ClientCertificate?
    /// When both end; `nil` when they last as long as this process.
    var expiration: Timestamp?

    /// Reads what a plugin printed; no fault's text quotes any of it.
    init(parsing output: [UInt8], apiVersion: String) throws(KubernetesError) {
        guard let json = try? JSONValue(parsing: output), json["kind"]?.string == "ExecCredential" else {
            throw Self.fault("did not print an ExecCredential")
        }
        guard json["apiVersion"]?.string == apiVersion else {
            throw Self.fault("did not print the version that it was asked for, \(apiVersion)")
        }
        guard let status = json["status"], status.object != nil else { throw Self.fault("printed no status") }
        token = status["token"]?.string.flatMap { $0.isEmpty ? nil : SecretBytes(utf8: $0) }
        let certificateData = status["clientCertificateData"]?.string ?? ""
        let keyData = status["clientKeyData"]?.string ?? ""
        guard certificateData.isEmpty == keyData.isEmpty else {
            throw Self.fault("printed a client certificate without a key, or the other way round")
        }
        if !certificateData.isEmpty {
            certificate = KubernetesConfiguration.ClientCertificate(
                certificatePEM: Array(certificateData.utf8),
                key: SecretBytes(utf8: keyData)
            )
        }
        guard token != nil || certificate != nil else { throw Self.fault("printed neither a token nor a certificate") }
        if let text = status["expirationTimestamp"]?.string, !text.isEmpty {
            guard let time = Timestamp(rfc3339: text) else {
                throw Self.fault("printed an expirationTimestamp that is no time")
            }
            expiration = time
        }
    }

    private static func fault(_ text: String) -> KubernetesError {
        KubernetesError(reason: .configuration, message: "the credential plugin \(text)")
    }
}

// MARK: - Running the plugin

extension ExecCredential {
    /// Runs a plugin and reads what it prints.
    ///
    /// - Parameters:
    ///   - plugin: The program.
    ///   - configuration: The cluster that it may be told of.
    /// - Returns: What it printed.
    /// - Throws: ``KubernetesError`` with reason `configuration`; neither output of the program is quoted.
    static func run(
        _ plugin: KubernetesConfiguration.ExecPlugin,
        for configuration: KubernetesConfiguration
    ) async throws(KubernetesError) -> ExecCredential {
        let information = request(plugin, for: configuration).text()
        let output: [UInt8]
        do {
            output = try await withThrowingTaskGroup(of: [UInt8].self) { group in
                group.addTask { try await execute(plugin, information: information) }
                group.addTask {
                    try await Task.sleep(for: plugin.timeout)
                    throw Self.fault("took longer than \(plugin.timeout)")
                }
                defer { group.cancelAll() }
                return try await group.next() ?? []
            }
        } catch let error as KubernetesError {
            throw error
        } catch is CancellationError {
            throw KubernetesError(reason: .cancelled, message: "the call was cancelled")
        } catch {
            let hint = plugin.installHint.map { ". \($0)" } ?? ""
            throw fault("\"\(plugin.command)\" cannot be run\(hint)")
        }
        return try ExecCredential(parsing: output, apiVersion: plugin.apiVersion)
    }

    private static func execute(
        _ plugin: KubernetesConfiguration.ExecPlugin,
        information: String
    ) async throws -> [UInt8] {
        var environment: [Environment.Key: String?] = ["KUBERNETES_EXEC_INFO": information]
        for (name, value) in plugin.environment {
            if let key = Environment.Key(rawValue: name) { environment[key] = value }
        }
        let result = try await Subprocess.run(
            plugin.command.contains("/") ? .path(literal(plugin.command)) : .name(plugin.command),
            arguments: Arguments(plugin.arguments),
            environment: .inherit.updating(environment),
            output: .bytes(limit: 1 << 20)
        )
        guard result.terminationStatus.isSuccess else {
            throw fault("\"\(plugin.command)\" failed: \(result.terminationStatus)")
        }
        return result.standardOutput
    }

    /// The value of `KUBERNETES_EXEC_INFO`.
    static func request(
        _ plugin: KubernetesConfiguration.ExecPlugin,
        for configuration: KubernetesConfiguration
    ) -> JSONValue {
        var spec = JSONObject()
        spec["interactive"] = .bool(false)
        if plugin.providesClusterInfo {
            var cluster = JSONObject()
            cluster["server"] = .string(configuration.server)
            if let name = configuration.tls.serverName { cluster["tls-server-name"] = .string(name) }
            if configuration.tls.skipsVerification { cluster["insecure-skip-tls-verify"] = .bool(true) }
            if let ca = configuration.tls.caPEM {
                cluster["certificate-authority-data"] = .string(Base64.encode(ca))
            }
            spec["cluster"] = .object(cluster)
        }
        return .object([
            "apiVersion": .string(plugin.apiVersion), "kind": "ExecCredential", "spec": .object(spec),
        ])
    }

    /// Makes a value from text through its literal conformance: the path type of `Executable` belongs to a module that
    /// this one need not depend on for a single conversion.
    private static func literal<Value: ExpressibleByStringLiteral>(_ text: String) -> Value
    where Value.StringLiteralType == String {
        Value(stringLiteral: text)
    }
}
