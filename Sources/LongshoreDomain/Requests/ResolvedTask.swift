package import WireFormats

/// What a task does, as it was found when an executor took it: kept in the PullTask's status, so that whoever works on the task
/// later does the same, whatever the `spec` says by then.
///
/// Names of nodes are kept as a list that is a fraction of their length; their order says nothing.
package struct ResolvedTask: Sendable, Hashable {
    /// The spec with its defaults, its nodes' names in `nodeNames`.
    package let json: JSONValue

    /// The fields of a spec that can be changed later, beside those of ``TaskControl``. All others are settled.
    package static let changeableFields = [
        "priority", "batchSize", "failureTolerance", "timeoutSeconds", "deadlineSeconds", "maxRetries", "retryStrategy",
        "retryDelay", "retryMaxDelaySeconds", "ttlSecondsAfterFinished",
    ]

    /// The most bytes of one: beyond that nothing is kept, and the API server's rules alone keep the spec as it was.
    package static let maximumBytes = 256 << 10

    /// Takes what was kept.
    package init(json: JSONValue) {
        self.json = json
    }

    /// Settles a spec.
    package init(_ spec: TaskSpec) {
        var json = spec.json
        let names = Set(spec.nodeSelection.names).sorted()
        if !names.isEmpty, let list = NodeNameList(names) {
            var selection = spec.nodeSelection
            selection.names = []
            json["nodes"] = selection.json == [:] ? nil : selection.json
            json["nodeNames"] = ["suffix": .string(list.suffix), "text": .string(list.text)]
        }
        self.json = json
    }

    /// Whether it is small enough to be kept.
    package var isKept: Bool { json.text().utf8.count <= Self.maximumBytes }

    /// The spec.
    ///
    /// - Throws: `JSONMappingError` for what no version of this type has written.
    package func spec() throws(JSONMappingError) -> TaskSpec {
        var spec = try TaskSpec(json: json)
        if let list = try json.optionalObject("nodeNames")?.json {
            let names = NodeNameList(suffix: try list.requiredString("suffix"), text: try list.requiredString("text"))
            guard let names = names.names else {
                throw JSONMappingError(expected: "a list of names").below("nodeNames")
            }
            spec.nodeSelection.names = names
        }
        return spec
    }

    /// What is worked on when the spec reads `current` now: the settled part of this one, and the rest of that.
    ///
    /// - Returns: The spec, and the settled fields that differ, under the names they have in a spec.
    /// - Throws: `JSONMappingError` for what no version of this type has written.
    package func applied(to current: TaskSpec) throws(JSONMappingError) -> (spec: TaskSpec, ignored: [String]) {
        var result = try spec()
        result.priority = current.priority
        result.batchSize = current.batchSize
        result.failureTolerance = current.failureTolerance
        result.timeoutSeconds = current.timeoutSeconds
        result.deadlineSeconds = current.deadlineSeconds
        result.maxRetries = current.maxRetries
        result.retryStrategy = current.retryStrategy
        result.retryDelaySeconds = current.retryDelaySeconds
        result.retryMaxDelaySeconds = current.retryMaxDelaySeconds
        result.ttlSecondsAfterFinished = current.ttlSecondsAfterFinished
        return (result, differences(from: Self(current)))
    }

    private func differences(from other: Self) -> [String] {
        let fields = Set((json.object?.keys ?? []) + (other.json.object?.keys ?? [])).subtracting(Self.changeableFields)
        let differing = fields.filter { json[$0] != other.json[$0] }.map { $0 == "nodeNames" ? "nodes" : $0 }
        return Set(differing).sorted()
    }
}

extension TaskSpec {
    /// The settings that can be changed while the task is there, under their names in a spec.
    package var changeableSettings: JSONValue {
        let json = json
        return .object(JSONObject(ResolvedTask.changeableFields.compactMap { key in json[key].map { (key, $0) } }))
    }
}
