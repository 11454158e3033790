package import WireFormats

// The fields have the names of the request's, so that a PullTask reads the same whoever made it. Readers ignore fields
// they do not know: an older service meets what a newer one has written.
extension TaskSpec: JSONDecodable, JSONEncodable {
    /// Reads a spec that another part of Longshore has written.
    ///
    /// - Parameter json: The JSON object.
    /// - Throws: `JSONMappingError` naming the member that is missing or wrong.
    package init(json: JSONValue) throws(JSONMappingError) {
        self.init(images: try json.required("images"))
        project = try json.optionalString("project") ?? project
        cluster = try json.optionalString("cluster") ?? cluster
        nodeSelection = try json.optional("nodes") ?? nodeSelection
        credentials = try json.optional("registryCredentials") ?? credentials
        overrides = try json.optional("overrides") ?? overrides
        priority = try json.optionalInteger("priority") ?? priority
        batchSize = try json.optionalInteger("batchSize") ?? batchSize
        failureTolerance = try json.optional("failureTolerance") ?? failureTolerance
        timeoutSeconds = try json.optionalInteger("timeoutSeconds") ?? timeoutSeconds
        deadlineSeconds = try json.optionalInteger("deadlineSeconds") ?? deadlineSeconds
        maxRetries = try json.optionalInteger("maxRetries") ?? maxRetries
        retryStrategy = try json.optionalChoice("retryStrategy") ?? retryStrategy
        retryDelaySeconds = try json.optionalInteger("retryDelay") ?? retryDelaySeconds
        retryMaxDelaySeconds = try json.optionalInteger("retryMaxDelaySeconds") ?? retryMaxDelaySeconds
        pullPolicy = try json.optionalChoice("pullPolicy")
        strategy = try json.optionalChoice("strategy") ?? strategy
        if let names: [String] = try json.optional("checks") { checks = Set(names.compactMap(TaskCheck.init)) }
        webhookURL = try json.optionalString("webhookUrl")
        webhookEvents = try json.optional("webhookEvents") ?? webhookEvents
        labels = try json.optional("labels") ?? labels
        ttlSecondsAfterFinished = try json.optionalInteger("ttlSecondsAfterFinished") ?? ttlSecondsAfterFinished
    }

    /// The JSON form as a text, with its members in order: the same for the same spec, whoever writes it.
    package var text: String { json.text(sortedKeys: true) }

    /// The JSON form: every setting, what is empty left out. The same spec always gives the same text.
    package var json: JSONValue {
        var json: JSONValue = [
            "project": .string(project), "cluster": .string(cluster), "images": images.json,
            "priority": .integer(Int64(priority)), "batchSize": .integer(Int64(batchSize)),
            "failureTolerance": failureTolerance.json, "timeoutSeconds": .integer(Int64(timeoutSeconds)),
            "deadlineSeconds": .integer(Int64(deadlineSeconds)), "maxRetries": .integer(Int64(maxRetries)),
            "retryStrategy": .string(retryStrategy.rawValue), "retryDelay": .integer(Int64(retryDelaySeconds)),
            "retryMaxDelaySeconds": .integer(Int64(retryMaxDelaySeconds)), "strategy": .string(strategy.rawValue),
            "checks": .array(checks.map(\.rawValue).sorted().map(JSONValue.string)),
            "ttlSecondsAfterFinished": .integer(Int64(ttlSecondsAfterFinished)),
        ]
        let nodes = nodeSelection.json
        if nodes != [:] { json["nodes"] = nodes }
        if !credentials.isEmpty { json["registryCredentials"] = credentials.json }
        if !overrides.isEmpty { json["overrides"] = overrides.json }
        if let pullPolicy { json["pullPolicy"] = .string(pullPolicy.rawValue) }
        if let webhookURL {
            json["webhookUrl"] = .string(webhookURL)
            json["webhookEvents"] = webhookEvents.json
        }
        if !labels.isEmpty { json["labels"] = labels.json }
        return json
    }
}

extension RequestedImage: JSONDecodable, JSONEncodable {
    /// Reads an image: its reference, or an object with its reference and a Secret.
    package init(json: JSONValue) throws(JSONMappingError) {
        let isText = json.string != nil
        let text = if let text = json.string { text } else { try json.requiredString("image") }
        do {
            reference = try ImageReference(parsing: text)
        } catch {
            let problem = JSONMappingError(expected: "an image reference")
            throw isText ? problem : problem.below("image")
        }
        secretName = isText ? nil : try json.optionalObject("secretRef")?.json.requiredString("name")
    }

    /// The reference alone where no Secret is named for it.
    package var json: JSONValue {
        let text = JSONValue.string(reference.canonical)
        return secretName.map { ["image": text, "secretRef": ["name": .string($0)]] } ?? text
    }
}

extension CredentialReference: JSONDecodable, JSONEncodable {
    /// Reads a reference.
    package init(json: JSONValue) throws(JSONMappingError) {
        let text = try json.requiredString("registry")
        do {
            scope = try RegistryScope(parsing: text)
        } catch {
            throw JSONMappingError(expected: "a registry").below("registry")
        }
        secretName = try json.requiredObject("secretRef").json.requiredString("name")
        isManaged = try json.optionalBool("managed") ?? false
    }

    /// The JSON form.
    package var json: JSONValue {
        var json: JSONValue = ["registry": .string(scope.key), "secretRef": ["name": .string(secretName)]]
        if isManaged { json["managed"] = true }
        return json
    }
}

extension FailureTolerance: JSONDecodable, JSONEncodable {
    /// Reads a share below 1 or a number of nodes.
    package init(json: JSONValue) throws(JSONMappingError) {
        guard let number = json.double, number >= 0 else { throw JSONMappingError(expected: "a number from 0") }
        if number < 1 {
            self = .ratio(number)
        } else {
            self = .count(Int(exactly: number.rounded(.down)) ?? Int.max)
        }
    }

    /// The JSON form.
    package var json: JSONValue {
        switch self {
        case .ratio(let ratio): ratio == 0 ? 0 : .number(ratio)
        case .count(let count): .integer(Int64(count))
        }
    }
}

extension JSONValue {
    /// The member `key`, one of an enumeration's texts; nil when it is missing or `null`.
    func optionalChoice<Choice: RawRepresentable<String> & CaseIterable>(
        _ key: String
    ) throws(JSONMappingError) -> Choice? {
        guard let text = try optionalString(key) else { return nil }
        guard let choice = Choice(rawValue: text) else {
            let names = Choice.allCases.map(\.rawValue).joined(separator: ", ")
            throw JSONMappingError(expected: "one of \(names)").below(key)
        }
        return choice
    }

    /// The member `key`, one of an enumeration's texts.
    func requiredChoice<Choice: RawRepresentable<String> & CaseIterable>(
        _ key: String
    ) throws(JSONMappingError) -> Choice {
        guard let choice: Choice = try optionalChoice(key) else {
            throw JSONMappingError(expected: "a value").below(key)
        }
        return choice
    }
}
