package import WireFormats

/// What commands have asked of a running task: the fields of a PullTask's `spec` that are not part of the request.
package struct TaskControl: Sendable, Hashable, JSONDecodable, JSONEncodable {
    /// Whether the task is to be cancelled; it never becomes false again.
    package var cancelRequested: Bool
    /// Whether no further node is to be started.
    package var paused: Bool
    /// Counts the requests to try the failed nodes again.
    package var retryRequest: Int

    /// The names of the fields.
    package static let fields = ["cancelRequested", "paused", "retryRequest"]

    /// Makes a control.
    ///
    /// - Parameters:
    ///   - cancelRequested: Whether the task is to be cancelled.
    ///   - paused: Whether no further node is to be started.
    ///   - retryRequest: Counts the requests to try the failed nodes again.
    package init(cancelRequested: Bool = false, paused: Bool = false, retryRequest: Int = 0) {
        self.cancelRequested = cancelRequested
        self.paused = paused
        self.retryRequest = retryRequest
    }

    /// Reads the fields from a PullTask's `spec`; all others are ignored.
    ///
    /// - Parameter json: The `spec`.
    /// - Throws: `JSONMappingError` naming the member that is wrong.
    package init(json: JSONValue) throws(JSONMappingError) {
        cancelRequested = try json.optionalBool("cancelRequested") ?? false
        paused = try json.optionalBool("paused") ?? false
        retryRequest = try json.optionalInteger("retryRequest") ?? 0
    }

    /// The fields that differ from those of a new task.
    package var json: JSONValue {
        var json: JSONValue = [:]
        if cancelRequested { json["cancelRequested"] = true }
        if paused { json["paused"] = true }
        if retryRequest != 0 { json["retryRequest"] = .integer(Int64(retryRequest)) }
        return json
    }
}
