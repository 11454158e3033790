package import WireFormats

/// One entry of `status.conditions`, as Jobs, Pods, Nodes and custom resources have them.
package struct Condition: Sendable, Hashable, JSONDecodable, JSONEncodable {
    /// Whether a condition holds.
    package enum Status: String, Sendable, Hashable {
        case `true` = "True"
        case `false` = "False"
        case unknown = "Unknown"
    }

    /// What the condition is about, for example `Ready`.
    package var type: String
    /// Whether it holds.
    package var status: Status
    /// Why, as a constant.
    package var reason: String?
    /// Why, for people.
    package var message: String?
    /// When ``status`` last changed.
    package var lastTransitionTime: Timestamp?
    /// The generation of the object that the condition was judged by.
    package var observedGeneration: Int?

    /// Creates a condition.
    package init(
        type: String,
        status: Status,
        reason: String? = nil,
        message: String? = nil,
        lastTransitionTime: Timestamp? = nil,
        observedGeneration: Int? = nil
    ) {
        self.type = type
        self.status = status
        self.reason = reason
        self.message = message
        self.lastTransitionTime = lastTransitionTime
        self.observedGeneration = observedGeneration
    }

    /// Reads a condition; an unheard-of status counts as unknown.
    package init(json: JSONValue) throws(JSONMappingError) {
        self.init(
            type: json["type"]?.string ?? "",
            status: json["status"]?.string.flatMap { Status(rawValue: $0) } ?? .unknown,
            reason: json["reason"]?.string,
            message: json["message"]?.string,
            lastTransitionTime: json.timestamp("lastTransitionTime"),
            observedGeneration: json["observedGeneration"]?.integer
        )
    }

    /// The condition as the API takes it.
    package var json: JSONValue {
        var object = JSONObject()
        object.set("type", type)
        object.set("status", status.rawValue)
        object.set("reason", reason)
        object.set("message", message)
        object.set("lastTransitionTime", lastTransitionTime?.rfc3339Seconds)
        object.set("observedGeneration", observedGeneration)
        return .object(object)
    }
}

extension [Condition] {
    /// The condition of a type, where it is there.
    package subscript(type: String) -> Condition? { first { $0.type == type } }

    /// Whether the condition of a type is there and holds.
    package func isTrue(_ type: String) -> Bool { self[type]?.status == .true }
}
