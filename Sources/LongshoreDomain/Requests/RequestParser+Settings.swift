import WireFormats

extension RequestParser {
    mutating func readSettings(into spec: inout TaskSpec) {
        spec.project = readName("project") ?? spec.project
        spec.cluster = readName("cluster") ?? spec.cluster
        spec.priority = integer(root, "priority", at: .root, in: RequestLimits.priority) ?? spec.priority
        spec.batchSize = integer(root, "batchSize", at: .root, in: RequestLimits.batchSize) ?? spec.batchSize
        spec.failureTolerance = readFailureTolerance() ?? spec.failureTolerance
        readTimes(into: &spec)
        readRetries(into: &spec)
        spec.pullPolicy = choice(root, "pullPolicy", at: .root, of: PullPolicy.self)
        spec.strategy = readStrategy() ?? spec.strategy
        spec.checks = readChecks() ?? spec.checks
        spec.webhookURL = readWebhookURL()
        spec.webhookEvents = readWebhookEvents() ?? spec.webhookEvents
        if let labels = root["labels"] { spec.labels = readTaskLabels(labels) }
    }

    /// The name of a project or a cluster: it becomes part of topic names and a label's value.
    private mutating func readName(_ key: String) -> String? {
        guard let text = string(root, key, at: .root, maximum: 63) else { return nil }
        guard KubernetesNames.isLabel(text.utf8) else {
            fault(JSONPointer.root.appending(key), .invalidValue, KubernetesNames.labelRule)
            return nil
        }
        return text
    }

    private mutating func readTimes(into spec: inout TaskSpec) {
        spec.timeoutSeconds =
            integer(root, "timeoutSeconds", at: .root, in: RequestLimits.timeoutSeconds) ?? spec.timeoutSeconds
        spec.deadlineSeconds =
            integer(root, "deadlineSeconds", at: .root, in: RequestLimits.deadlineSeconds) ?? spec.deadlineSeconds
        spec.ttlSecondsAfterFinished =
            integer(root, "ttlSecondsAfterFinished", at: .root, in: RequestLimits.ttlSecondsAfterFinished)
            ?? spec.ttlSecondsAfterFinished
    }

    private mutating func readRetries(into spec: inout TaskSpec) {
        spec.maxRetries = integer(root, "maxRetries", at: .root, in: RequestLimits.maxRetries) ?? spec.maxRetries
        // Clients that always send the field leave it empty for the default.
        if root["retryStrategy"]?.string != "" {
            spec.retryStrategy =
                choice(root, "retryStrategy", at: .root, of: RetryPolicy.Strategy.self) ?? spec.retryStrategy
        }
        spec.retryDelaySeconds =
            integer(root, "retryDelay", at: .root, in: RequestLimits.retryDelaySeconds) ?? spec.retryDelaySeconds
        let longest = integer(root, "retryMaxDelaySeconds", at: .root, in: RequestLimits.retryMaxDelaySeconds)
        if let longest, longest < spec.retryDelaySeconds {
            fault(JSONPointer.root.appending("retryMaxDelaySeconds"), .conflict, "must not be less than retryDelay")
        }
        spec.retryMaxDelaySeconds = longest ?? max(spec.retryMaxDelaySeconds, spec.retryDelaySeconds)
    }

    private mutating func readFailureTolerance() -> FailureTolerance? {
        guard let value = root["failureTolerance"] else { return nil }
        let pointer = JSONPointer.root.appending("failureTolerance")
        guard let number = value.double else {
            fault(pointer, .wrongType, "expected a number, found \(value.kindName)")
            return nil
        }
        if number >= 0, number < 1 { return .ratio(number) }
        guard let count = value.integer, (1...RequestLimits.toleratedNodes).contains(count) else {
            fault(
                pointer,
                .outOfRange,
                "must be a share from 0 up to, not including, 1, or a number of nodes up to \(RequestLimits.toleratedNodes)"
            )
            return nil
        }
        return .count(count)
    }

    private mutating func readStrategy() -> PullStrategy? {
        if root["strategy"]?.string == "cri" {
            fault(
                JSONPointer.root.appending("strategy"),
                .notSupported,
                "the strategy cri is not part of this release; use auto, imageVolume or kubelet"
            )
            return nil
        }
        return choice(root, "strategy", at: .root, of: PullStrategy.self)
    }

    private mutating func readChecks() -> Set<TaskCheck>? {
        guard root["checks"] != nil else { return nil }
        var checks: Set<TaskCheck> = []
        for (index, value) in array(root, "checks", at: .root, maximum: 16).enumerated() {
            let place = JSONPointer.root.appending("checks").appending(index)
            guard let text = string(value, at: place, maximum: 256) else { continue }
            guard let check = TaskCheck(rawValue: text) else {
                let names = TaskCheck.allCases.map(\.rawValue).joined(separator: ", ")
                fault(place, .invalidValue, "must be one of \(names)")
                continue
            }
            if !checks.insert(check).inserted { fault(place, .duplicate, "the same check is in the list before") }
        }
        return checks
    }

    private mutating func readWebhookURL() -> String? {
        let pointer = JSONPointer.root.appending("webhookUrl")
        guard let text = string(root, "webhookUrl", at: .root, maximum: RequestLimits.webhookURLBytes),
            !text.isEmpty
        else { return nil }
        if let problem = WebhookURL.problem(with: text) { fault(pointer, .invalidURL, problem) }
        return text
    }

    private mutating func readWebhookEvents() -> [String]? {
        guard root["webhookEvents"] != nil else { return nil }
        var events: [String] = []
        for (index, value) in array(root, "webhookEvents", at: .root, maximum: 32).enumerated() {
            let place = JSONPointer.root.appending("webhookEvents").appending(index)
            guard let text = string(value, at: place, maximum: 256) else { continue }
            if !WebhookEventNames.all.contains(text) {
                fault(place, .invalidValue, "must be one of \(WebhookEventNames.all.joined(separator: ", "))")
            } else if events.contains(text) {
                fault(place, .duplicate, "the same event is in the list before")
            } else {
                events.append(text)
            }
        }
        if root["webhookEvents"]?.array?.isEmpty == true {
            fault(JSONPointer.root.appending("webhookEvents"), .required, "at least one event is required")
        }
        return events
    }

    private mutating func readTaskLabels(_ value: JSONValue) -> [String: String] {
        let pointer = JSONPointer.root.appending("labels")
        let labels = readLabels(value, at: pointer)
        for key in labels.keys.sorted() where key.hasPrefix("longshore.dev/") || key.contains(".longshore.dev/") {
            fault(pointer.appending(key), .conflict, "labels under longshore.dev are Longshore's own")
        }
        return labels
    }
}
