import KubernetesAPI
import Logging
import LongshoreDomain
import OCIRegistry
import ServiceRuntime

/// Asks the helper image's registry for it now and then, so that its absence is known before a task needs it.
struct HelperWatch: Sendable {
    let configuration: ExecutorConfiguration
    let registry: RegistryClient
    let secret: HelperSecret
    let health: HelperHealth
    let logger: Logger

    /// Asks until cancelled.
    func run() async {
        guard let interval = configuration.helperCheckInterval else { return }
        var told: String?
        while !Task.isCancelled {
            let problem = await look()
            if Task.isCancelled { return }
            health.noteRegistry(problem)
            if let problem, problem != told {
                logger.warning("The helper image may not be there for nodes", metadata: [LogKey.error: "\(problem)"])
            }
            told = problem
            try? await Task.sleep(for: interval)
        }
    }

    /// Why the registry would not give the image to a node. A registry that cannot be reached from here says nothing: nodes
    /// have ways of their own.
    func look() async -> String? {
        guard let image = try? ImageReference(parsing: configuration.helperImage) else {
            return "the helper image \(configuration.helperImage) is no image's name"
        }
        var credential = OCIRegistry.RegistryCredential.anonymous
        do throws(KubernetesError) {
            let (secret, problem) = try await secret.current()
            if let problem { return problem }
            if let secret {
                var keyring = KubeletKeyring()
                try? keyring.add(secret)
                if let found = keyring.credentials(for: "\(image.domain)/\(image.path)").first {
                    credential = .basic(username: found.username, password: found.password)
                }
            }
        } catch {
            return nil
        }
        do {
            _ = try await withTimeout(configuration.registryCheckTimeout) { [registry, credential] in
                try await registry.resolve(
                    host: image.registryHost,
                    repository: image.path,
                    reference: image.manifestReference,
                    credential: credential
                )
            }
            return nil
        } catch let error as RegistryError {
            let isRefused = error.code == .unauthorized || error.code == .forbidden
            // Nodes may have credentials of their own.
            if isRefused, credential == .anonymous { return nil }
            switch error.code {
            case .unauthorized, .forbidden, .notFound, .policyDenied, .invalidReference:
                return "the registry refuses the helper image \(configuration.helperImage): \(error.message)"
            default: return nil
            }
        } catch {
            return nil
        }
    }
}
