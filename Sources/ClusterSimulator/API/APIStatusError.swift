import WireFormats

/// A failure of an API call, sent as a Kubernetes `Status`.
struct APIStatusError: Error, Sendable {
    /// The HTTP status code.
    var code: Int
    /// The `reason` of the Status, for example `NotFound`.
    var reason: String
    var message: String
    var details: JSONValue?
    /// Sent as the header `Retry-After`, in seconds.
    var retryAfterSeconds: Int?

    init(code: Int, reason: String, message: String, details: JSONValue? = nil, retryAfterSeconds: Int? = nil) {
        self.code = code
        self.reason = reason
        self.message = message
        self.details = details
        self.retryAfterSeconds = retryAfterSeconds
    }

    /// The Status object.
    var json: JSONValue {
        var status: JSONValue = [
            "kind": "Status", "apiVersion": "v1", "metadata": [:], "status": "Failure",
            "message": .string(message), "reason": .string(reason),
        ]
        var details = details
        if let retryAfterSeconds {
            details = details ?? [:]
            details?["retryAfterSeconds"] = .integer(Int64(retryAfterSeconds))
        }
        status.setIfPresent("details", details)
        status["code"] = .integer(Int64(code))
        return status
    }
}

extension APIStatusError {
    private static func details(_ resource: GroupResource, _ name: String) -> JSONValue {
        var details: JSONValue = ["name": .string(name)]
        if !resource.group.isEmpty { details["group"] = .string(resource.group) }
        details["kind"] = .string(resource.resource)
        return details
    }

    static func notFound(_ resource: GroupResource, _ name: String) -> APIStatusError {
        APIStatusError(
            code: 404,
            reason: "NotFound",
            message: "\(resource) \"\(name)\" not found",
            details: details(resource, name)
        )
    }

    /// The path names nothing this server serves.
    static let unknownPath = APIStatusError(
        code: 404,
        reason: "NotFound",
        message: "the server could not find the requested resource",
        details: [:]
    )

    static func alreadyExists(_ resource: GroupResource, _ name: String) -> APIStatusError {
        APIStatusError(
            code: 409,
            reason: "AlreadyExists",
            message: "\(resource) \"\(name)\" already exists",
            details: details(resource, name)
        )
    }

    static func conflict(_ resource: GroupResource, _ name: String, _ why: String) -> APIStatusError {
        APIStatusError(
            code: 409,
            reason: "Conflict",
            message: "Operation cannot be fulfilled on \(resource) \"\(name)\": \(why)",
            details: details(resource, name)
        )
    }

    /// The conflict of a writer that has an old revision.
    static func stale(_ resource: GroupResource, _ name: String) -> APIStatusError {
        conflict(
            resource,
            name,
            "the object has been modified; please apply your changes to the latest version and try again"
        )
    }

    static func forbidden(_ resource: GroupResource, _ name: String, _ why: String) -> APIStatusError {
        APIStatusError(
            code: 403,
            reason: "Forbidden",
            message: "\(resource)\(name.isEmpty ? "" : " \"\(name)\"") is forbidden: \(why)",
            details: details(resource, name)
        )
    }

    /// The disk does not take the change, which was not made.
    static func notSaved(_ why: String) -> APIStatusError {
        APIStatusError(
            code: 500,
            reason: "InternalError",
            message: "Internal error occurred: the change could not be saved and was not made: \(why)"
        )
    }

    static func badRequest(_ message: String) -> APIStatusError {
        APIStatusError(code: 400, reason: "BadRequest", message: message)
    }

    static let unauthorized = APIStatusError(code: 401, reason: "Unauthorized", message: "Unauthorized")

    static func methodNotAllowed(_ method: String) -> APIStatusError {
        APIStatusError(
            code: 405,
            reason: "MethodNotAllowed",
            message: "the server does not allow this method on the requested resource",
            details: [:]
        )
    }

    static func unsupportedMediaType(_ type: String, accepted: String) -> APIStatusError {
        APIStatusError(
            code: 415,
            reason: "UnsupportedMediaType",
            message: "the body of the request was in an unknown format - accepted media types include: \(accepted)"
        )
    }

    static func expired(requested: UInt64, oldest: UInt64) -> APIStatusError {
        APIStatusError(
            code: 410,
            reason: "Expired",
            message: "too old resource version: \(requested) (\(oldest))"
        )
    }

    static func tooLargeResourceVersion(_ requested: UInt64, current: UInt64) -> APIStatusError {
        APIStatusError(
            code: 504,
            reason: "Timeout",
            message: "Timeout: Too large resource version: \(requested), current: \(current)",
            details: [
                "causes": [["reason": "ResourceVersionTooLarge", "message": "Too large resource version"]],
                "retryAfterSeconds": 1,
            ]
        )
    }

    /// `422` with every fault as a cause.
    static func invalid(kind: String, group: String, name: String, _ errors: [FieldError]) -> APIStatusError {
        let text =
            errors.count == 1 ? errors[0].description : "[\(errors.map(\.description).joined(separator: ", "))]"
        let qualified = group.isEmpty ? kind : "\(kind).\(group)"
        var details: JSONValue = ["name": .string(name)]
        if !group.isEmpty { details["group"] = .string(group) }
        details["kind"] = .string(kind)
        details["causes"] = .array(errors.map(\.cause))
        return APIStatusError(
            code: 422,
            reason: "Invalid",
            message: "\(qualified) \"\(name)\" is invalid: \(text)",
            details: details
        )
    }
}
