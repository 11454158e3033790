package import LongshoreDomain
package import WireFormats

/// Settings of a task that can be changed while it is there; nil leaves one as it is.
package struct TaskPatch: Sendable, Hashable, JSONDecodable, JSONEncodable {
    /// The most nodes in work at once.
    package var batchSize: Int?
    /// The time one node has for one attempt, in seconds.
    package var timeoutSeconds: Int?
    /// The priority, 1 to 10.
    package var priority: Int?
    /// The time the whole task has from its acceptance, in seconds.
    package var deadlineSeconds: Int?
    /// How many nodes may fail.
    package var failureTolerance: FailureTolerance?
    /// Further attempts for a node after the first.
    package var maxRetries: Int?
    /// How the delay between attempts grows.
    package var retryStrategy: RetryPolicy.Strategy?
    /// The first delay between attempts, in seconds.
    package var retryDelaySeconds: Int?
    /// The longest delay between attempts, in seconds.
    package var retryMaxDelaySeconds: Int?
    /// How long the finished task stays, in seconds.
    package var ttlSecondsAfterFinished: Int?

    /// Makes a patch.
    package init(
        batchSize: Int? = nil,
        timeoutSeconds: Int? = nil,
        priority: Int? = nil,
        deadlineSeconds: Int? = nil
    ) {
        self.batchSize = batchSize
        self.timeoutSeconds = timeoutSeconds
        self.priority = priority
        self.deadlineSeconds = deadlineSeconds
    }

    /// Whether nothing is changed.
    package var isEmpty: Bool { self == TaskPatch() }

    /// Reads a patch; every setting within its limits, unknown members ignored.
    package init(json: JSONValue) throws(JSONMappingError) {
        batchSize = try json.optionalInteger("batchSize", in: RequestLimits.batchSize)
        timeoutSeconds = try json.optionalInteger("timeoutSeconds", in: RequestLimits.timeoutSeconds)
        priority = try json.optionalInteger("priority", in: RequestLimits.priority)
        deadlineSeconds = try json.optionalInteger("deadlineSeconds", in: RequestLimits.deadlineSeconds)
        failureTolerance = try json.optional("failureTolerance")
        maxRetries = try json.optionalInteger("maxRetries", in: RequestLimits.maxRetries)
        if let text = try json.optionalString("retryStrategy") {
            guard let strategy = RetryPolicy.Strategy(rawValue: text) else {
                throw JSONMappingError(expected: "linear or exponential").below("retryStrategy")
            }
            retryStrategy = strategy
        }
        retryDelaySeconds = try json.optionalInteger("retryDelay", in: RequestLimits.retryDelaySeconds)
        retryMaxDelaySeconds = try json.optionalInteger("retryMaxDelaySeconds", in: RequestLimits.retryMaxDelaySeconds)
        ttlSecondsAfterFinished = try json.optionalInteger(
            "ttlSecondsAfterFinished",
            in: RequestLimits.ttlSecondsAfterFinished
        )
    }

    /// The settings that are changed, under the names they have in a PullTask's `spec`.
    package var json: JSONValue {
        var json: JSONValue = [:]
        json["batchSize"] = batchSize?.json
        json["timeoutSeconds"] = timeoutSeconds?.json
        json["priority"] = priority?.json
        json["deadlineSeconds"] = deadlineSeconds?.json
        json["failureTolerance"] = failureTolerance?.json
        json["maxRetries"] = maxRetries?.json
        json["retryStrategy"] = retryStrategy?.rawValue.json
        json["retryDelay"] = retryDelaySeconds?.json
        json["retryMaxDelaySeconds"] = retryMaxDelaySeconds?.json
        json["ttlSecondsAfterFinished"] = ttlSecondsAfterFinished?.json
        return json
    }
}
