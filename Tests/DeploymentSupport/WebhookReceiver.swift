import TestSupport

/// A subscriber that answers 204 and remembers what it was sent.
package final class WebhookReceiver: Sendable {
    /// One webhook.
    package struct Received: Sendable {
        /// `webhook-id`: the same for every attempt.
        package let id: String
        /// `webhook-timestamp`: seconds since 1970.
        package let timestamp: String
        /// `webhook-signature`.
        package let signature: String
        /// The body as it came.
        package let body: String
    }

    private let server: ScriptedHTTPServer

    /// Starts a receiver on a free port.
    package init() throws {
        server = try ScriptedHTTPServer(then: .respond(status: 204, body: ""))
    }

    /// Where to send webhooks.
    package var url: String { server.url("/hook") }

    /// What came so far, in order.
    package var received: [Received] {
        server.requests.map {
            Received(
                id: $0.header("webhook-id") ?? "",
                timestamp: $0.header("webhook-timestamp") ?? "",
                signature: $0.header("webhook-signature") ?? "",
                body: $0.text
            )
        }
    }

    /// Waits until so many webhooks came.
    package func waitFor(_ count: Int) async throws {
        try await server.waitForRequests(count, timeout: .seconds(60))
    }

    /// Closes the port.
    package func stop() {
        server.stop()
    }
}
