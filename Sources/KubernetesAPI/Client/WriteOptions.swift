package import WireFormats

/// How an object is to be deleted.
package struct DeleteOptions: Sendable, Hashable {
    /// What happens to the objects that it owns.
    package enum Propagation: String, Sendable, Hashable {
        /// They are deleted after it, by the garbage collector.
        case background = "Background"
        /// They are deleted before it.
        case foreground = "Foreground"
        /// They stay.
        case orphan = "Orphan"
    }

    /// What happens to the objects that it owns; the server's default when `nil`.
    package var propagation: Propagation?
    /// Only this incarnation is to be deleted; another one is a conflict.
    package var uid: String?
    /// Only this version is to be deleted; another one is a conflict.
    package var resourceVersion: String?
    /// How long the object has to end, in seconds; the server's default when `nil`.
    package var gracePeriodSeconds: Int?

    /// Creates options.
    package init(
        propagation: Propagation? = .background,
        uid: String? = nil,
        resourceVersion: String? = nil,
        gracePeriodSeconds: Int? = nil
    ) {
        self.propagation = propagation
        self.uid = uid
        self.resourceVersion = resourceVersion
        self.gracePeriodSeconds = gracePeriodSeconds
    }

    /// The options as the body of the request.
    var json: JSONValue {
        var object: JSONObject = ["apiVersion": "v1", "kind": "DeleteOptions"]
        object.set("propagationPolicy", propagation?.rawValue)
        object.set("gracePeriodSeconds", gracePeriodSeconds)
        var preconditions = JSONObject()
        preconditions.set("uid", uid)
        preconditions.set("resourceVersion", resourceVersion)
        if !preconditions.isEmpty { object["preconditions"] = .object(preconditions) }
        return .object(object)
    }
}

/// A change of an object, in one of the forms that the API knows.
package enum PatchBody: Sendable, Hashable {
    /// RFC 7386: members replace members, `null` removes one, lists are replaced as a whole.
    case merge(JSONValue)
    /// RFC 6902: a list of operations.
    case json(JSONValue)
    /// Lists are merged by their keys; not for custom resources.
    case strategic(JSONValue)
    /// Server-side apply: the fields that `fieldManager` wants, all of them; `force` takes them from other managers.
    case apply(JSONValue, fieldManager: String, force: Bool)

    /// The media type.
    var contentType: String {
        switch self {
        case .merge: "application/merge-patch+json"
        case .json: "application/json-patch+json"
        case .strategic: "application/strategic-merge-patch+json"
        case .apply: "application/apply-patch+yaml"
        }
    }

    /// The body; JSON is YAML.
    var body: JSONValue {
        switch self {
        case .merge(let value), .json(let value), .strategic(let value), .apply(let value, _, _): value
        }
    }

    /// What goes into the query.
    var query: [(name: String, value: String)] {
        guard case .apply(_, let fieldManager, let force) = self else { return [] }
        return [("fieldManager", fieldManager), ("force", force ? "true" : "false")]
    }

    /// Whether applying it twice does no more than applying it once: a list of operations can append.
    var isRepeatable: Bool {
        if case .json = self { false } else { true }
    }
}
