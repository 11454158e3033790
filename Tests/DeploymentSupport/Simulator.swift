import TestSupport
package import WireFormats

/// The knobs of a deployment's simulated cluster, turned from outside.
package struct Simulator: Sendable {
    private let client: APIClient

    /// The knobs of a deployment's cluster.
    package init(_ deployment: Deployment) throws {
        // The kubeconfig's server holds the simulator's token in its path, which `kubectl --raw` would drop.
        let lines = readFile(deployment.kubeconfig).split(separator: "\n")
        guard let server = lines.first(where: { $0.contains("server:") })?.split(separator: " ").last else {
            throw TestSupportError("\(deployment.kubeconfig) names no server")
        }
        client = try APIClient(base: server.trimmingQuotes, token: "")
    }

    /// Turns a knob.
    ///
    /// - Parameters:
    ///   - path: Below `/simulator/`, such as `nodes/node-1/lose`.
    ///   - body: What the knob takes.
    package func post(_ path: String, _ body: JSONValue = [:]) async throws {
        try await send("POST", path, body: body.serialized())
    }

    /// Ends all faults of the API and of images.
    package func endFaults() async throws {
        try await send("DELETE", "faults")
    }

    /// Makes every pull on these nodes wait before it begins.
    package func slow(_ nodes: [String], milliseconds: Int64) async throws {
        for node in nodes {
            try await post("nodes/\(node)/speed", ["latencyMilliseconds": .integer(milliseconds)])
        }
    }

    /// Every API call that is kept, oldest first.
    package func audit() async throws -> [JSONValue] {
        try await send("GET", "audit")["items"]?.array ?? []
    }

    /// How many Jobs were ever made.
    package func createdJobs() async throws -> Int {
        try await audit().count { call in
            call["verb"]?.string == "create" && call["resource"]?.string == "jobs" && call["code"]?.integer == 201
        }
    }

    @discardableResult
    private func send(_ method: String, _ path: String, body: [UInt8]? = nil) async throws -> JSONValue {
        let answer = try await client.send(method, "/simulator/\(path)", body: body)
        guard (200...299).contains(answer.status) else {
            throw TestSupportError("\(method) /simulator/\(path) answered \(answer.status): \(answer.json.text())")
        }
        return answer.json
    }
}

extension Substring {
    fileprivate var trimmingQuotes: String {
        String(drop { $0 == "\"" }.reversed().drop { $0 == "\"" || $0 == "/" }.reversed())
    }
}
