package import Curl
import Redaction
import TestSupport
package import WireFormats

/// The HTTP API as a client sees it.
package final class APIClient: Sendable {
    /// An answer.
    package struct Answer {
        /// The HTTP status.
        package let status: Int
        /// The body; null where it is empty or no JSON.
        package let json: JSONValue
        /// The answer as it came.
        package let response: CurlResponse
    }

    /// The address, such as `http://127.0.0.1:8080`.
    package let base: String
    private let token: String
    private let client: CurlClient

    /// Makes a client of the API at an address, with a bearer token.
    package init(base: String, token: String) throws {
        self.base = base
        self.token = token
        client = try CurlClient()
    }

    /// Closes its connections.
    package func close() async {
        await client.close()
    }

    /// Sends a request with the token.
    package func send(
        _ method: String,
        _ path: String,
        body: [UInt8]? = nil,
        headers: [(name: String, value: String)] = []
    ) async throws -> Answer {
        var request = CurlRequest(url: base + path)
        request.method = method
        request.body = body
        request.headers = headers
        if body != nil, !headers.contains(where: { $0.name.lowercased() == "content-type" }) {
            request.headers.append((name: "Content-Type", value: "application/json"))
        }
        request.secretHeaders = [(name: "Authorization", value: SecretBytes(utf8: "Bearer \(token)"))]
        request.totalTimeout = .seconds(30)
        let response = try await client.execute(request)
        let json = response.body.isEmpty ? .null : (try? JSONValue(parsing: response.body)) ?? .null
        return Answer(status: response.status, json: json, response: response)
    }

    /// Asks for a task and returns its id; one that names no nodes is for those that the suite works on.
    package func submit(_ body: JSONValue, key: String? = nil) async throws -> String {
        let answer = try await send(
            "POST",
            "/v1/tasks",
            body: NodeChoice.chosen.applied(to: body).serialized(),
            headers: key.map { [(name: "Idempotency-Key", value: $0)] } ?? []
        )
        guard answer.status == 202, let id = answer.json["id"]?.string else {
            throw TestSupportError("POST /v1/tasks answered \(answer.status): \(answer.json.text())")
        }
        return id
    }

    /// Waits for a task's end and returns it.
    package func waitForEnd(of task: String, timeout: Duration = .seconds(90)) async throws -> JSONValue {
        try await waitForValue(timeout: timeout, "task \(task) to end") {
            let answer = try await send("GET", "/v1/tasks/\(task)")
            let ended = ["succeeded", "failed", "cancelled", "rejected"].contains(answer.json["status"]?.string)
            // A bare nil would be the JSON value null.
            return ended ? answer.json : JSONValue?.none
        }
    }

    /// The nodes of a task by name.
    package func nodes(of task: String) async throws -> [String: JSONValue] {
        let answer = try await send("GET", "/v1/tasks/\(task)/nodes?limit=1000")
        return (answer.json["items"]?.array ?? []).reduce(into: [:]) { $0[$1["node"]?.string ?? ""] = $1 }
    }
}
