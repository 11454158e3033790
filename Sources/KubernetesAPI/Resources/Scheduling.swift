package import WireFormats

/// Which nodes qualify for a Pod; only required node affinity is mapped.
package struct Affinity: Sendable, Hashable, JSONDecodable, JSONEncodable {
    /// A node qualifies when one of the terms matches (`requiredDuringSchedulingIgnoredDuringExecution`).
    package var requiredNodeTerms: [NodeSelectorTerm]

    /// Creates an affinity.
    package init(requiredNodeTerms: [NodeSelectorTerm]) {
        self.requiredNodeTerms = requiredNodeTerms
    }

    /// The affinity that allows one node: by its name, since the label `kubernetes.io/hostname` can differ from it.
    package static func node(named name: String) -> Affinity {
        let name = NodeSelectorRequirement(key: "metadata.name", operator: "In", values: [name])
        return Affinity(requiredNodeTerms: [NodeSelectorTerm(matchFields: [name])])
    }

    /// Reads an affinity.
    package init(json: JSONValue) throws(JSONMappingError) {
        let required = json["nodeAffinity"]?["requiredDuringSchedulingIgnoredDuringExecution"] ?? .null
        requiredNodeTerms = try required.list("nodeSelectorTerms")
    }

    /// The affinity as the API takes it.
    package var json: JSONValue {
        guard !requiredNodeTerms.isEmpty else { return .object(JSONObject()) }
        var required = JSONObject()
        required.set("nodeSelectorTerms", requiredNodeTerms)
        return .object([
            "nodeAffinity": .object(["requiredDuringSchedulingIgnoredDuringExecution": .object(required)])
        ])
    }
}

/// Requirements that a node must meet all of.
package struct NodeSelectorTerm: Sendable, Hashable, JSONDecodable, JSONEncodable {
    /// Requirements on labels.
    package var matchExpressions: [NodeSelectorRequirement]
    /// Requirements on fields; `metadata.name` is the only one that the API knows.
    package var matchFields: [NodeSelectorRequirement]

    /// Creates a term.
    package init(matchExpressions: [NodeSelectorRequirement] = [], matchFields: [NodeSelectorRequirement] = []) {
        self.matchExpressions = matchExpressions
        self.matchFields = matchFields
    }

    /// Reads a term.
    package init(json: JSONValue) throws(JSONMappingError) {
        matchExpressions = try json.list("matchExpressions")
        matchFields = try json.list("matchFields")
    }

    /// The term as the API takes it.
    package var json: JSONValue {
        var object = JSONObject()
        object.set("matchExpressions", matchExpressions)
        object.set("matchFields", matchFields)
        return .object(object)
    }
}

/// One requirement on a label or field.
package struct NodeSelectorRequirement: Sendable, Hashable, JSONDecodable, JSONEncodable {
    /// The label or field.
    package var key: String
    /// `In`, `NotIn`, `Exists`, `DoesNotExist`, `Gt` or `Lt`.
    package var `operator`: String
    /// The values that the operator compares with.
    package var values: [String]

    /// Creates a requirement.
    package init(key: String, operator: String, values: [String] = []) {
        self.key = key
        self.operator = `operator`
        self.values = values
    }

    /// Reads a requirement.
    package init(json: JSONValue) throws(JSONMappingError) {
        key = json["key"]?.string ?? ""
        self.operator = json["operator"]?.string ?? ""
        values = json.strings("values")
    }

    /// The requirement as the API takes it.
    package var json: JSONValue {
        var object = JSONObject()
        object.set("key", key)
        object.set("operator", self.operator)
        object.set("values", values)
        return .object(object)
    }
}

/// A taint, or a family of taints, that a Pod may ignore.
package struct Toleration: Sendable, Hashable, JSONDecodable, JSONEncodable {
    /// The taint's key; `nil` with `Exists` for all taints.
    package var key: String?
    /// `Equal` (the default) or `Exists`.
    package var `operator`: String?
    /// The taint's value for `Equal`.
    package var value: String?
    /// The effect; `nil` for all.
    package var effect: String?
    /// How long a `NoExecute` taint is ignored, in seconds; `nil` for ever.
    package var tolerationSeconds: Int?

    /// Creates a toleration.
    package init(
        key: String? = nil,
        operator: String? = nil,
        value: String? = nil,
        effect: String? = nil,
        tolerationSeconds: Int? = nil
    ) {
        self.key = key
        self.operator = `operator`
        self.value = value
        self.effect = effect
        self.tolerationSeconds = tolerationSeconds
    }

    /// Reads a toleration.
    package init(json: JSONValue) throws(JSONMappingError) {
        self.init(
            key: json["key"]?.string,
            operator: json["operator"]?.string,
            value: json["value"]?.string,
            effect: json["effect"]?.string,
            tolerationSeconds: json["tolerationSeconds"]?.integer
        )
    }

    /// The toleration as the API takes it.
    package var json: JSONValue {
        var object = JSONObject()
        object.set("key", key)
        object.set("operator", self.operator)
        object.set("value", value)
        object.set("effect", effect)
        object.set("tolerationSeconds", tolerationSeconds)
        return .object(object)
    }

    /// Whether the toleration covers a taint, by the scheduler's rules.
    package func tolerates(_ taint: Taint) -> Bool {
        if let effect, !effect.isEmpty, effect != taint.effect { return false }
        let key = key ?? ""
        if self.operator == "Exists" { return key.isEmpty || key == taint.key }
        return key == taint.key && (value ?? "") == taint.value
    }
}
