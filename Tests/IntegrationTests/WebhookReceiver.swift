import TestSupport

/// A subscriber that answers 204 and remembers what it was sent.
final class WebhookReceiver: Sendable {
    struct Received: Sendable {
        let id: String
        let timestamp: String
        let signature: String
        let body: String
    }

    private let server: ScriptedHTTPServer

    init() throws {
        server = try ScriptedHTTPServer(then: .respond(status: 204, body: ""))
    }

    var url: String { server.url("/hook") }

    var received: [Received] {
        server.requests.map {
            Received(
                id: $0.header("webhook-id") ?? "",
                timestamp: $0.header("webhook-timestamp") ?? "",
                signature: $0.header("webhook-signature") ?? "",
                body: $0.text
            )
        }
    }

    func waitFor(_ count: Int) async throws {
        try await server.waitForRequests(count, timeout: .seconds(60))
    }

    func stop() {
        server.stop()
    }
}
