import FoundationEssentials
import KubernetesAPI
import Logging
import Redaction
import Synchronization
import TestSupport
import WireFormats

let quietLogger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

/// A list of what happened, for closures that run anywhere.
final class Record<Element: Sendable>: Sendable {
    private let elements = Mutex<[Element]>([])

    var all: [Element] { elements.withLock { $0 } }

    func append(_ element: Element) { elements.withLock { $0.append(element) } }
}

extension KubernetesConfiguration {
    /// A configuration for a scripted server: it retries at once.
    static func scripted(_ url: String) -> KubernetesConfiguration {
        var configuration = KubernetesConfiguration(server: url, authentication: .token(SecretBytes(utf8: "t0ken")))
        configuration.retry = RequestRetryPolicy(
            maximumAttempts: 3,
            baseDelay: .milliseconds(1),
            maximumDelay: .milliseconds(5)
        )
        return configuration
    }
}

/// Runs a test with a scripted server and a client, and ends both.
func withClient<Result>(
    _ queue: [Behaviour] = [],
    then: Behaviour = .respond(status: 500, body: "{}"),
    configuration base: KubernetesConfiguration = .scripted(""),
    calls: Record<APICall>? = nil,
    _ body: (ScriptedHTTPServer, KubernetesClient) async throws -> Result
) async throws -> Result {
    let server = try ScriptedHTTPServer(queue, then: then)
    defer { server.stop() }
    var configuration = base
    configuration.server = server.url("")
    let client = try KubernetesClient(
        configuration: configuration,
        logger: quietLogger,
        observer: { calls?.append($0) }
    )
    do {
        let result = try await body(server, client)
        await client.close()
        return result
    } catch {
        await client.close()
        throw error
    }
}

/// The error that a call ends with; `nil` when it succeeds.
func failure(_ call: () async throws -> Void) async -> KubernetesError? {
    do {
        try await call()
        return nil
    } catch {
        return error as? KubernetesError ?? KubernetesError(reason: .unknown, message: "\(error)")
    }
}

extension Behaviour {
    /// An object as the API server answers it.
    static func object(_ json: JSONValue, status: Int = 200) -> Behaviour {
        .respond(status: status, headers: [("Content-Type", "application/json")], body: json.text())
    }

    /// A failure as the API server answers it.
    static func status(
        _ code: Int,
        _ reason: String,
        _ message: String = "no",
        headers: [(name: String, value: String)] = []
    ) -> Behaviour {
        let status: JSONValue = [
            "kind": "Status", "apiVersion": "v1", "metadata": [:], "status": "Failure",
            "message": .string(message), "reason": .string(reason), "code": .integer(Int64(code)),
        ]
        return .respond(status: code, headers: headers, body: status.text())
    }
}

/// A Pod as the server sends it.
func pod(_ name: String, version: Int, uid: String? = nil, phase: String = "Pending") -> JSONValue {
    [
        "kind": "Pod", "apiVersion": "v1",
        "metadata": [
            "name": .string(name), "namespace": "ns", "uid": .string(uid ?? "uid-\(name)"),
            "resourceVersion": .string(String(version)),
        ],
        "spec": ["containers": [["name": "c", "image": "nginx"]]],
        "status": ["phase": .string(phase)],
    ]
}

/// A list of Pods as the server sends it.
func podList(_ items: [JSONValue], version: Int, continue token: String? = nil) -> JSONValue {
    var metadata: JSONValue = ["resourceVersion": .string(String(version))]
    if let token { metadata["continue"] = .string(token) }
    return ["kind": "PodList", "apiVersion": "v1", "metadata": metadata, "items": .array(items)]
}

/// A line of a watch, with its end.
func watchLine(_ type: String, _ object: JSONValue) -> String {
    (["type": .string(type), "object": object] as JSONValue).text() + "\n"
}

/// Makes a folder.
func writeFolder(_ path: String) throws {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
}
