package import KubernetesAPI
package import Logging
import LongshoreMessages
import Redaction
import ServiceRuntime
import WireFormats

/// The secrets that webhooks are signed with: one for each project, in a Secret of its own, made when it is first needed.
package actor SigningSecrets {
    /// The key of the secret within its Secret.
    package static let currentKey = "secret"
    /// The key of the secret before the last rotation, which signs as well until it is removed.
    package static let previousKey = "previous"
    /// The label that says whose an object is.
    private static let managedByLabel = "app.kubernetes.io/managed-by"
    private static let managedBy = "longshore"
    private static let projectLabel = "longshore.dev/project"
    /// How long a secret is used before it is read again.
    private static let lifetime = Duration.seconds(60)
    private static let maximumCached = 10_000

    private let client: KubernetesClient
    private let namespace: String
    private let logger: Logger
    private var cached: [String: (secrets: [SigningSecret], readAt: ContinuousClock.Instant)] = [:]
    private var running: [String: Task<[SigningSecret], any Error>] = [:]

    /// Makes a store.
    ///
    /// - Parameters:
    ///   - client: may create and get Secrets in the namespace; nothing else is asked of it.
    ///   - namespace: where the Secrets are; it must exist.
    ///   - logger: told of Secrets that are made.
    package init(client: KubernetesClient, namespace: String, logger: Logger) {
        self.client = client
        self.namespace = namespace
        self.logger = logger
    }

    /// The secret of a project, made if there is none.
    ///
    /// - Parameter project: the project.
    /// - Returns: the secrets to sign with, the newest first.
    /// - Throws: `KubernetesError`, or `SigningSecretError` when the Secret is not ours or of no use.
    package func secrets(project: String) async throws -> [SigningSecret] {
        try await secrets(named: SecretNames.webhookSecret(project: project), project: project)
    }

    /// The secrets in the Secret of a name, made for the project if there is none.
    func secrets(named name: String, project: String) async throws -> [SigningSecret] {
        if let entry = cached[name], .now - entry.readAt < Self.lifetime { return entry.secrets }
        // Of many deliveries that need the same secret, one asks.
        if let task = running[name] { return try await task.value }
        let task = Task { try await self.read(name, project: project) }
        running[name] = task
        defer { running[name] = nil }
        let secrets = try await task.value
        if cached.count >= Self.maximumCached { cached = [:] }
        cached[name] = (secrets, .now)
        return secrets
    }

    private nonisolated func read(_ name: String, project: String) async throws -> [SigningSecret] {
        if let found = try await client.getIfPresent(Secret.self, name: name, namespace: namespace) {
            return try Self.secrets(in: found)
        }
        let secret = SigningSecret.generate()
        let object = Secret(
            metadata: ObjectMeta(
                name: name,
                namespace: namespace,
                labels: [Self.managedByLabel: Self.managedBy, Self.projectLabel: project]
            ),
            data: [Self.currentKey: secret.text]
        )
        do {
            let created = try await client.create(object)
            logger.info(
                "Made a signing secret",
                metadata: ["\(LogKey.project)": "\(project)", "\(LogKey.object)": "Secret/\(name)"]
            )
            return try Self.secrets(in: created)
        } catch let error as KubernetesError where error.reason == .alreadyExists {
            // Another notifier was quicker, or the answer to our own first try was lost.
            return try Self.secrets(in: try await client.get(Secret.self, name: name, namespace: namespace))
        }
    }

    private static func secrets(in secret: Secret) throws -> [SigningSecret] {
        guard secret.metadata.labels[managedByLabel] == managedBy else {
            throw SigningSecretError(code: .foreign, name: secret.metadata.name ?? "")
        }
        guard let current = secret.data[currentKey].flatMap(SigningSecret.init(text:)) else {
            throw SigningSecretError(code: .unusable, name: secret.metadata.name ?? "")
        }
        return [current] + [secret.data[previousKey].flatMap(SigningSecret.init(text:))].compactMap { $0 }
    }
}

/// A Secret that is there and cannot be signed with.
package struct SigningSecretError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What is wrong.
    package enum Code: String, Sendable, Hashable, CaseIterable {
        /// It does not carry our label: it is left alone.
        case foreign
        /// It holds no `whsec_` secret.
        case unusable
    }

    /// What is wrong.
    package let code: Code
    /// The Secret's name.
    package let name: String
    /// Only somebody who mends the Secret helps; it is looked at again all the same.
    package var isRetryable: Bool { true }
    /// One sentence.
    package var message: String {
        switch code {
        case .foreign: "the Secret \(name) is not managed by longshore"
        case .unusable: "the Secret \(name) holds no signing secret"
        }
    }

    package var description: String { "\(code.rawValue): \(message)" }
}
