import FoundationEssentials
import KubernetesManifests
package import TestSupport
import WireFormats

/// A place of the run's own in a cluster that others use too: namespaces, the services' accounts with exactly the rights of
/// the manifests, and a token for each. It is gone after the run, however the run ends.
package final class ExternalCluster: Sendable {
    /// The namespace of PullTasks, pull Secrets and Jobs.
    package let namespace: String
    /// The namespace of signing Secrets.
    package let webhookNamespace: String
    /// A kubeconfig for the executor's account.
    package let executorKubeconfig: String
    /// A kubeconfig for the notifier's account.
    package let notifierKubeconfig: String

    private let kubeconfig: String
    private let system: String

    private static let executor = "longshore-executor"
    private static let notifier = "longshore-notifier"

    /// Makes it.
    ///
    /// - Parameters:
    ///   - kubeconfig: An administrator's.
    ///   - folder: Where the accounts' kubeconfigs are written.
    package init(kubeconfig: String, folder: TemporaryDirectory) async throws {
        self.kubeconfig = kubeconfig
        namespace = "longshore-test-\(String(UInt32.random(in: 0...UInt32.max), radix: 36))"
        webhookNamespace = "\(namespace)-webhooks"
        system = "\(namespace)-system"
        let kubectl = Kubectl(kubeconfig: kubeconfig)
        let isInstalled = try await kubectl.has("crd/pulltasks.longshore.dev")
        try await Self.leaveNothing(kubeconfig, namespace, removesDefinition: !isInstalled)
        if !isInstalled {
            try await kubectl.apply(KubernetesManifests.customResourceDefinition, in: folder)
            try await kubectl.run(["wait", "--for=condition=Established", "crd/pulltasks.longshore.dev"])
        }
        if try await !kubectl.has("priorityclass/longshore-puller") {
            try await kubectl.apply(KubernetesManifests.priorityClass, in: folder)
        }
        try await kubectl.run(["create", "namespace", system])
        try await kubectl.apply(Self.renamed(KubernetesManifests.namespaces, to: namespace), in: folder)
        try await kubectl.apply(Self.renamed(KubernetesManifests.accessControl, to: namespace), in: folder)
        let admin = try JSONValue(
            parsing: Array(
                try await kubectl.run(["config", "view", "--raw", "--minify", "--flatten", "-o", "json"]).utf8
            )
        )
        let suffix = namespace
        func configuration(_ account: String, in namespace: String) async throws -> String {
            let name = account.replacing("longshore-", with: "\(suffix)-")
            let token = try await kubectl.run(["create", "token", name, "-n", namespace, "--duration", "4h"])
            var config = admin
            let user: JSONValue = admin["contexts"]?[0]?[path: "context", "user"] ?? "user"
            let shown = String(token.prefix { $0 != "\n" })
            config["users"] = [["name": user, "user": ["token": .string(shown)]]]
            return try folder.write("\(account)-kubeconfig", config.text(), mode: 0o600)
        }
        executorKubeconfig = try await configuration(Self.executor, in: namespace)
        notifierKubeconfig = try await configuration(Self.notifier, in: system)
    }

    /// The manifests with the run's own names, but for the roles of people.
    private static func renamed(_ manifests: String, to run: String) -> String {
        let documents = manifests.split(separator: "\n---\n").filter { !$0.contains("longshore-tasks-") }
        var text = documents.joined(separator: "\n---\n")
        for name in ["executor", "notifier", "intake", "webhooks", "system"] {
            text = text.replacing("longshore-\(name)", with: "\(run)-\(name)")
        }
        return text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            line.hasSuffix("name: longshore") || line.hasSuffix("namespace: longshore")
                ? "\(line.dropLast("longshore".count))\(run)" : String(line)
        }.joined(separator: "\n")
    }

    /// Starts a shell that outlives the tests and then removes what they made: they may end without a word.
    private static func leaveNothing(_ kubeconfig: String, _ run: String, removesDefinition: Bool) async throws {
        let definition =
            removesDefinition
            ? """
            [ -n "$(kubectl get pulltasks -A -o name)" ] ||
                kubectl delete crd/pulltasks.longshore.dev priorityclass/longshore-puller --ignore-not-found
            """ : ""
        let script = """
            export KUBECONFIG=\(kubeconfig)
            while kill -0 \(ProcessInfo.processInfo.processIdentifier) 2>/dev/null; do sleep 1; done
            kubectl delete clusterrole/\(run)-executor clusterrolebinding/\(run)-executor --ignore-not-found
            kubectl delete namespace \(run) \(run)-webhooks \(run)-system --ignore-not-found --timeout=120s
            \(definition)
            """
        try await TestProcess.run("bash", ["-c", "setsid bash -c \"$0\" >/dev/null 2>&1 </dev/null &", script])
    }

    /// Removes the namespaces and roles.
    package func remove() async {
        let kubectl = Kubectl(kubeconfig: kubeconfig)
        let role = ["clusterrole/\(namespace)-executor", "clusterrolebinding/\(namespace)-executor"]
        // What is not removed now, the shell removes after the run.
        _ = try? await kubectl.run(["delete"] + role + ["--ignore-not-found"])
        let namespaces = [namespace, webhookNamespace, system]
        _ = try? await kubectl.run(["delete", "namespace"] + namespaces + ["--ignore-not-found", "--wait=false"])
    }

    /// The secret that webhooks of the project `default` are signed with, once the notifier has made it.
    func webhookSecret() async throws -> String {
        let kubectl = Kubectl(kubeconfig: kubeconfig)
        let list = try await kubectl.run(["get", "secrets", "-n", webhookNamespace, "-o", "json"])
        let secrets = try JSONValue(parsing: Array(list.utf8))["items"]?.array ?? []
        let current = secrets.lazy.compactMap { $0[path: "data", "secret"]?.string }.first
        guard let current, let bytes = Base64.decode(current) else {
            throw TestSupportError("no signing secret in \(webhookNamespace)")
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// kubectl with a kubeconfig.
struct Kubectl {
    let kubeconfig: String

    @discardableResult
    func run(_ arguments: [String]) async throws -> String {
        try await TestProcess.run("kubectl", ["--kubeconfig", kubeconfig] + arguments, check: true).standardOutput
    }

    func has(_ object: String) async throws -> Bool {
        try await !run(["get", object, "--ignore-not-found", "-o", "name"]).isEmpty
    }

    func apply(_ manifest: String, in folder: TemporaryDirectory) async throws {
        let file = try folder.write("manifest-\(UInt64.random(in: 0...UInt64.max)).yaml", manifest)
        try await run(["apply", "--server-side", "-f", file])
    }
}
