/// What a task is to do, with every setting resolved and without any secret: this travels in Kafka messages and is the
/// `spec` of a PullTask.
package struct TaskSpec: Sendable, Hashable {
    /// The project that asked. Default: `default`.
    package var project: String
    /// The cluster that does the work. Default: `default`.
    package var cluster: String
    /// The images, each once; 1 to 100.
    package var images: [RequestedImage]
    /// The nodes.
    package var nodeSelection: NodeSelection
    /// The Secrets to pull with, each for a part of a registry.
    package var credentials: [CredentialReference]
    /// Changes by node label.
    package var overrides: [NodeOverride]
    /// 1 (last) to 10 (first). Default: 5.
    package var priority: Int
    /// The most nodes in work at once, 1 to 1000. Default: 10.
    package var batchSize: Int
    /// How many nodes may fail. Default: none.
    package var failureTolerance: FailureTolerance
    /// The time one node has for one attempt, in seconds, counted from the start of its pull. Default: 300.
    package var timeoutSeconds: Int
    /// The time the whole task has from its acceptance, in seconds. Default: 86400.
    package var deadlineSeconds: Int
    /// Further attempts for a node after the first, 0 to 10. Default: 0.
    package var maxRetries: Int
    /// How the delay between attempts grows. Default: linear.
    package var retryStrategy: RetryPolicy.Strategy
    /// The first delay between attempts, in seconds, 1 to 3600. Default: 30.
    package var retryDelaySeconds: Int
    /// The longest delay between attempts, in seconds. Default: 600, or the first delay where that is longer.
    package var retryMaxDelaySeconds: Int
    /// The pull policy of all images; nothing means each image's own default by its tag.
    package var pullPolicy: PullPolicy?
    /// How images get onto a node. Default: `auto`.
    package var strategy: PullStrategy
    /// What is checked first. Default: everything.
    package var checks: Set<TaskCheck>
    /// Where to tell about the task.
    package var webhookURL: String?
    /// The events to tell there, by short name. Default: the task's end in each of its forms.
    package var webhookEvents: [String]
    /// The caller's own labels, at most 32.
    package var labels: [String: String]
    /// How long the finished PullTask stays, in seconds. Default: 3600.
    package var ttlSecondsAfterFinished: Int

    /// Makes a spec with the contract's defaults.
    ///
    /// - Parameters:
    ///   - images: The images.
    ///   - project: The project that asks.
    ///   - cluster: The cluster that does the work.
    package init(images: [RequestedImage], project: String = "default", cluster: String = "default") {
        self.project = project
        self.cluster = cluster
        self.images = images
        self.nodeSelection = NodeSelection()
        self.credentials = []
        self.overrides = []
        self.priority = 5
        self.batchSize = 10
        self.failureTolerance = .ratio(0)
        self.timeoutSeconds = 300
        self.deadlineSeconds = 86_400
        self.maxRetries = 0
        self.retryStrategy = .linear
        self.retryDelaySeconds = 30
        self.retryMaxDelaySeconds = 600
        self.pullPolicy = nil
        self.strategy = .auto
        self.checks = Set(TaskCheck.allCases)
        self.webhookURL = nil
        self.webhookEvents = WebhookEventNames.defaults
        self.labels = [:]
        self.ttlSecondsAfterFinished = 3_600
    }

    /// Makes the spec of a request, with a reference in the place of each credential.
    ///
    /// - Parameters:
    ///   - request: The request.
    ///   - secretName: The name of the Secret that an executor will make for a credential of this scope.
    package init(request: TaskRequest, secretName: (RegistryScope) -> String) {
        self = request.spec
        credentials = request.credentials.map { credential in
            switch credential.source {
            case .secretRef(let name):
                CredentialReference(scope: credential.scope, secretName: name, isManaged: false)
            case .basic, .identityToken, .dockerConfigJSON, .sealed:
                CredentialReference(scope: credential.scope, secretName: secretName(credential.scope), isManaged: true)
            }
        }
    }

    /// The policy for the delay between a node's attempts.
    package var retryPolicy: RetryPolicy {
        RetryPolicy(strategy: retryStrategy, base: .seconds(retryDelaySeconds), cap: .seconds(retryMaxDelaySeconds))
    }

    /// The pull policy of one image: the task's, or what Kubernetes would choose by the tag.
    ///
    /// - Parameter image: The image.
    /// - Returns: The effective policy.
    package func effectivePullPolicy(for image: ImageReference) -> PullPolicy { pullPolicy ?? image.defaultPullPolicy }
}

/// A Secret to pull with, and the part of a registry that it is for.
package struct CredentialReference: Sendable, Hashable {
    /// The images it may be used for.
    package let scope: RegistryScope
    /// The Secret's name, in the executor's namespace.
    package let secretName: String
    /// Whether the Secret is the task's own, made by an executor from a sealed credential and removed with the task.
    package let isManaged: Bool

    /// Makes a reference.
    ///
    /// - Parameters:
    ///   - scope: The images it may be used for.
    ///   - secretName: The Secret's name.
    ///   - isManaged: Whether the Secret is the task's own.
    package init(scope: RegistryScope, secretName: String, isManaged: Bool) {
        self.scope = scope
        self.secretName = secretName
        self.isManaged = isManaged
    }
}

extension [CredentialReference] {
    /// The Secret for an image: the one with the most specific scope among those that cover it.
    ///
    /// - Parameter image: The image to be pulled.
    /// - Returns: Nothing when no scope covers the image; then it is pulled without a credential.
    package func reference(for image: ImageReference) -> CredentialReference? {
        self.filter { $0.scope.matches(image) }.max { $0.scope.specificity < $1.scope.specificity }
    }
}

/// The short names of the events that a webhook can ask for.
package enum WebhookEventNames {
    /// Every event.
    package static let all: [String] =
        ["queued", "checking", "pulling", "progress", "paused", "succeeded", "failed", "cancelled", "rejected"]
        .map { "task.\($0)" } + ["pulling", "succeeded", "failed", "skipped"].map { "node.\($0)" }
    /// What is told when a request names no events: every way in which a task ends.
    package static let defaults = ["task.succeeded", "task.failed", "task.cancelled", "task.rejected"]
}
