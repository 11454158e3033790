import Redaction
import WireFormats

/// Kubeconfig files, merged by kubectl's rule: whoever names something first wins.
struct Kubeconfig {
    /// An entry of a list with the folder that its relative paths start from.
    private struct Entry {
        var value: JSONValue
        var directory: String
    }

    private var clusters: [String: Entry] = [:]
    private var users: [String: Entry] = [:]
    private var contexts: [String: Entry] = [:]
    private var currentContext: String?
    private let description: String

    /// Reads one file.
    init(path: String) throws(KubernetesError) {
        try self.init(paths: [path])
    }

    /// Reads files and merges them.
    init(paths: [String]) throws(KubernetesError) {
        description = paths.joined(separator: ":")
        for path in paths {
            let document: JSONValue
            do {
                document = try YAMLDocument.parse(try LocalFile.text(path))
            } catch {
                throw KubernetesError(reason: .configuration, message: "\(path): \(error.message)")
            }
            guard document.object != nil || document.isNull else {
                throw KubernetesError(reason: .configuration, message: "\(path) is not a kubeconfig file")
            }
            let directory = LocalFile.directory(of: path)
            Self.merge(document, list: "clusters", member: "cluster", directory: directory, into: &clusters)
            Self.merge(document, list: "users", member: "user", directory: directory, into: &users)
            Self.merge(document, list: "contexts", member: "context", directory: directory, into: &contexts)
            if currentContext == nil, let name = document["current-context"]?.string, !name.isEmpty {
                currentContext = name
            }
        }
    }

    /// The configuration that a context stands for.
    ///
    /// - Parameter context: The context's name; `nil` for the current one.
    /// - Returns: The configuration, certificates read.
    /// - Throws: ``KubernetesError`` with reason `configuration`.
    func configuration(context: String?) throws(KubernetesError) -> KubernetesConfiguration {
        guard let contextName = context ?? currentContext else {
            throw fault("has no current-context")
        }
        guard let entry = contexts[contextName]?.value else {
            throw fault("has no context \"\(contextName)\"")
        }
        let clusterName = entry["cluster"]?.string ?? ""
        guard let cluster = clusters[clusterName] else {
            throw fault("has no cluster \"\(clusterName)\"")
        }
        guard let server = cluster.value["server"]?.string, !server.isEmpty else {
            throw fault("names no server for cluster \"\(clusterName)\"")
        }
        if let proxy = cluster.value["proxy-url"]?.string, !proxy.isEmpty {
            throw fault("asks for a proxy for cluster \"\(clusterName)\" (proxy-url), which is not supported")
        }
        var configuration = KubernetesConfiguration(
            server: server.contains("://") ? server : "https://\(server)",
            defaultNamespace: entry["namespace"]?.string.flatMap { $0.isEmpty ? nil : $0 } ?? "default",
            tls: KubernetesConfiguration.TLS(
                caPEM: try data(cluster, "certificate-authority"),
                skipsVerification: cluster.value["insecure-skip-tls-verify"]?.bool ?? false,
                serverName: cluster.value["tls-server-name"]?.string.flatMap { $0.isEmpty ? nil : $0 }
            )
        )
        if let userName = entry["user"]?.string, !userName.isEmpty {
            guard let user = users[userName] else { throw fault("has no user \"\(userName)\"") }
            configuration.authentication = try authentication(user, name: userName)
            configuration.tls.clientCertificate = try clientCertificate(user, name: userName)
        }
        return configuration
    }

    private func authentication(
        _ user: Entry,
        name: String
    ) throws(KubernetesError) -> KubernetesConfiguration.Authentication {
        let value = user.value
        // Where both are given, kubectl takes the file, which can be renewed.
        if let path = value["tokenFile"]?.string, !path.isEmpty {
            return .tokenFile(path: LocalFile.resolve(path, in: user.directory))
        }
        if let token = value["token"]?.string, !token.isEmpty { return .token(SecretBytes(utf8: token)) }
        if let username = value["username"]?.string, !username.isEmpty {
            return .basic(username: username, password: SecretBytes(utf8: value["password"]?.string ?? ""))
        }
        if let exec = value["exec"], !exec.isNull { return .exec(try plugin(exec, of: user, name: name)) }
        if let provider = value["auth-provider"], !provider.isNull {
            throw fault("has user \"\(name)\" authenticate by an auth-provider, which Kubernetes removed in 1.26")
        }
        return .none
    }

    private func plugin(
        _ exec: JSONValue,
        of user: Entry,
        name: String
    ) throws(KubernetesError) -> KubernetesConfiguration.ExecPlugin {
        guard let command = exec["command"]?.string, !command.isEmpty else {
            throw fault("names no command for user \"\(name)\"")
        }
        let apiVersion = exec["apiVersion"]?.string ?? ""
        guard ExecCredential.supportedVersions.contains(apiVersion) else {
            throw fault("asks for credential plugins of version \"\(apiVersion)\", which is not supported")
        }
        if exec["interactiveMode"]?.string == "Always" {
            throw fault("has user \"\(name)\" authenticate by a program that needs a terminal")
        }
        var environment: [String: String] = [:]
        for variable in exec["env"]?.array ?? [] {
            if let key = variable["name"]?.string { environment[key] = variable["value"]?.string ?? "" }
        }
        // A name without a slash is looked up on the PATH; a relative path starts at the file.
        let isRelativePath = command.contains("/") && !command.hasPrefix("/")
        return KubernetesConfiguration.ExecPlugin(
            command: isRelativePath ? LocalFile.resolve(command, in: user.directory) : command,
            arguments: exec.strings("args"),
            environment: environment,
            apiVersion: apiVersion,
            providesClusterInfo: exec["provideClusterInfo"]?.bool ?? false,
            installHint: exec["installHint"]?.string
        )
    }

    private func clientCertificate(
        _ user: Entry,
        name: String
    ) throws(KubernetesError) -> KubernetesConfiguration.ClientCertificate? {
        let certificate = try data(user, "client-certificate")
        let key = try data(user, "client-key")
        switch (certificate, key) {
        case (nil, nil): return nil
        case (let certificate?, let key?):
            return KubernetesConfiguration.ClientCertificate(certificatePEM: certificate, key: SecretBytes(key))
        default: throw fault("has a client certificate without a key, or the other way round, for user \"\(name)\"")
        }
    }

    /// Data in base64 under `key-data`, or in the file under `key`; the data wins.
    private func data(_ entry: Entry, _ key: String) throws(KubernetesError) -> [UInt8]? {
        if let text = entry.value["\(key)-data"]?.string, !text.isEmpty {
            guard let bytes = Base64.decode(String(text.filter { !$0.isWhitespace })) else {
                throw fault("has \(key)-data that is not base64")
            }
            return bytes
        }
        if let path = entry.value[key]?.string, !path.isEmpty {
            return try LocalFile.bytes(LocalFile.resolve(path, in: entry.directory))
        }
        return nil
    }

    private func fault(_ text: String) -> KubernetesError {
        KubernetesError(reason: .configuration, message: "\(description) \(text)")
    }

    private static func merge(
        _ document: JSONValue,
        list: String,
        member: String,
        directory: String,
        into entries: inout [String: Entry]
    ) {
        for item in document[list]?.array ?? [] {
            guard let name = item["name"]?.string, entries[name] == nil else { continue }
            entries[name] = Entry(value: item[member] ?? .null, directory: directory)
        }
    }
}
