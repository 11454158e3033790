import FoundationEssentials
import Redaction
import WireFormats

extension KubernetesConfiguration {
    /// Finds the configuration as kubectl does.
    ///
    /// In this order: `kubeconfig` where it is given, the files of `KUBECONFIG` (separated by `:`, the first to name something
    /// wins), `~/.kube/config` where it exists, the service account of the Pod we run in.
    ///
    /// - Parameters:
    ///   - kubeconfig: The path of one kubeconfig file.
    ///   - context: The context to use instead of the current one; not for a service account.
    /// - Returns: The configuration.
    /// - Throws: ``KubernetesError`` with reason `configuration`, naming the file and what is wrong in it.
    package static func load(
        kubeconfig: String? = nil,
        context: String? = nil
    ) async throws(KubernetesError) -> KubernetesConfiguration {
        try load(
            kubeconfig: kubeconfig,
            context: context,
            environment: ProcessInfo.processInfo.environment,
            serviceAccountDirectory: "/var/run/secrets/kubernetes.io/serviceaccount"
        )
    }

    /// The same with the process's surroundings passed in.
    ///
    /// - Parameters:
    ///   - kubeconfig: The path of one kubeconfig file.
    ///   - context: The context to use instead of the current one.
    ///   - environment: The environment variables; `KUBECONFIG`, `HOME` and `KUBERNETES_SERVICE_…` are read.
    ///   - serviceAccountDirectory: Where a Pod has its token.
    /// - Returns: The configuration.
    /// - Throws: ``KubernetesError`` with reason `configuration`.
    static func load(
        kubeconfig: String?,
        context: String?,
        environment: [String: String],
        serviceAccountDirectory: String
    ) throws(KubernetesError) -> KubernetesConfiguration {
        if let kubeconfig {
            return try Kubeconfig(path: kubeconfig).configuration(context: context)
        }
        if let list = environment["KUBECONFIG"], !list.isEmpty {
            let paths = list.split(separator: ":").map(String.init).filter { LocalFile.exists($0) }
            guard !paths.isEmpty else {
                throw KubernetesError(reason: .configuration, message: "no file that KUBECONFIG names exists: \(list)")
            }
            return try Kubeconfig(paths: paths).configuration(context: context)
        }
        if let home = environment["HOME"], LocalFile.exists("\(home)/.kube/config") {
            return try Kubeconfig(path: "\(home)/.kube/config").configuration(context: context)
        }
        if environment["KUBERNETES_SERVICE_HOST"] != nil {
            return try inCluster(environment: environment, directory: serviceAccountDirectory)
        }
        throw KubernetesError(
            reason: .configuration,
            message:
                "no kubeconfig was given, KUBECONFIG is not set, ~/.kube/config does not exist, and this is not a Pod"
        )
    }

    /// The configuration of a Pod: its service account's token, which rotates, and the cluster's CA.
    static func inCluster(
        environment: [String: String],
        directory: String
    ) throws(KubernetesError) -> KubernetesConfiguration {
        guard let host = environment["KUBERNETES_SERVICE_HOST"], !host.isEmpty else {
            throw KubernetesError(reason: .configuration, message: "KUBERNETES_SERVICE_HOST is not set")
        }
        let port = environment["KUBERNETES_SERVICE_PORT"] ?? "443"
        // An IPv6 address stands in brackets in a URL.
        let authority = host.contains(":") ? "[\(host)]" : host
        let namespace = try? LocalFile.text("\(directory)/namespace")
        return KubernetesConfiguration(
            server: "https://\(authority):\(port)",
            defaultNamespace: namespace.flatMap { $0.isEmpty ? nil : $0 } ?? "default",
            authentication: .tokenFile(path: "\(directory)/token"),
            tls: TLS(caPEM: try LocalFile.bytes("\(directory)/ca.crt"))
        )
    }
}
