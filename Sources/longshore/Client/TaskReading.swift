import WireFormats

/// Reads what a report of a task shows: the task, and of its nodes no more than a person can take in.
struct TaskReading {
    /// What is asked for.
    struct Selection: Sendable, Hashable {
        /// Whether all nodes are read, up to the limit where there is one.
        var isWhole = false
        /// Only nodes in one of these states; empty for all.
        var states: [String] = []
        /// The most nodes; nil for ``TaskReading/shownNodes`` in a selection that is not whole, else for no limit.
        var limit: Int?
    }

    /// The most nodes of a report that nobody has asked to be whole.
    static let shownNodes = 50

    let client: IntakeClient
    let id: String

    /// Reads the task and nodes of it.
    ///
    /// Of a task with more nodes than the limit, those that are not well come first, then those in work; succeeded ones are
    /// left to the counts.
    ///
    /// - Parameter selection: Which nodes.
    /// - Returns: The task and the nodes, as the API gives them.
    /// - Throws: ``CommandFailure``.
    func read(_ selection: Selection) async throws -> (task: JSONValue, nodes: [JSONValue]) {
        let path = "/v1/tasks/\(IntakeClient.encode(id))"
        let task = try await client.send("GET", path).json
        func nodes(_ states: [String], _ limit: Int) async throws -> [JSONValue] {
            guard limit > 0 else { return [] }
            let query = states.map { (name: "state", value: $0) }
            return try await client.items("\(path)/nodes", query: query, limit: limit).items
        }
        let limit = selection.limit ?? (selection.isWhole ? Int.max : Self.shownNodes)
        let total = task["counts"]?["nodesTotal"]?.integer ?? 0
        guard selection.states.isEmpty, !selection.isWhole, total > limit else {
            return (task, try await nodes(selection.states, limit))
        }
        var found = try await nodes(["failed", "skipped"], limit)
        found += try await nodes(["pulling"], limit - found.count)
        return (task, found)
    }
}
