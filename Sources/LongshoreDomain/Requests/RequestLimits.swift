/// The limits of a request, in one place for the parser, the schemas and the documentation.
package enum RequestLimits {
    /// Images of a task.
    package static let images = 100
    /// Credentials of a task, those inside a dockerconfigjson counted one by one.
    package static let credentials = 64
    /// Bytes of a request's body.
    package static let bodyBytes = 1 << 20
    /// Nodes in work at once.
    package static let batchSize = 1...1_000
    /// Priorities; ten is first.
    package static let priority = 1...10
    /// Further attempts for a node.
    package static let maxRetries = 0...10
    /// The first delay between attempts, in seconds.
    package static let retryDelaySeconds = 1...3_600
    /// The longest delay between attempts, in seconds.
    package static let retryMaxDelaySeconds = 1...86_400
    /// The time for one attempt on one node, in seconds.
    package static let timeoutSeconds = 1...86_400
    /// The time for the whole task, in seconds: at most as long as topics keep its message.
    package static let deadlineSeconds = 1...604_800
    /// How long a finished PullTask stays, in seconds.
    package static let ttlSecondsAfterFinished = 0...2_592_000
    /// Nodes asked for by name.
    package static let nodeNames = 5_000
    /// Labels in a selector or on a task.
    package static let labels = 64
    /// Expressions in a selector.
    package static let expressions = 32
    /// Values in one expression.
    package static let expressionValues = 100
    /// Tolerations of a task.
    package static let tolerations = 32
    /// Overrides of a task.
    package static let overrides = 32
    /// Image rules of an override.
    package static let overrideRules = 8
    /// Bytes of a user name.
    package static let usernameBytes = 255
    /// Bytes of a password.
    package static let passwordBytes = 8 << 10
    /// Bytes of an identity token or a registry token.
    package static let tokenBytes = 16 << 10
    /// Bytes of a webhook's URL.
    package static let webhookURLBytes = 2_048
    /// Failed nodes that a count of tolerated failures may name.
    package static let toleratedNodes = 1_000_000
}
