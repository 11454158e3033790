import Curl
import LongshoreDomain
import LongshoreMessages
import Redaction
import ServiceRuntime
import WireFormats

/// Makes one request to a receiver.
struct WebhookSender: Sendable {
    /// What came of a request.
    struct Answer: Sendable {
        var outcome: DeliveryOutcome
        var status: Int?
        var error: String?
        var excerpt: String?
    }

    let client: CurlClient
    let configuration: NotifierConfiguration
    let clock: any WallClock

    /// The longest time that the body of an answer is read for: only the log has a use for it.
    private static let bodyTimeout = Duration.seconds(2)

    /// Sends the delivery's body as it stands, signed with a fresh timestamp: receivers refuse old ones.
    func send(_ delivery: ClaimedDelivery, secrets: [SigningSecret]) async -> Answer {
        let body = Array(delivery.body.utf8)
        let timestamp = clock.now().secondsSinceEpoch
        let request = CurlRequest(
            method: "POST",
            url: delivery.url,
            headers: [
                ("Content-Type", "\(CloudEvent.structuredContentType); charset=utf-8"),
                ("webhook-id", delivery.eventID),
                ("webhook-timestamp", "\(timestamp)"),
                (
                    "webhook-signature",
                    WebhookSignature.header(secrets: secrets, id: delivery.eventID, timestamp: timestamp, body: body)
                ),
                ("longshore-attempt", "\(delivery.attempt)"),
            ],
            body: body,
            totalTimeout: configuration.requestTimeout,
            connectTimeout: min(.seconds(10), configuration.requestTimeout),
            maximumResponseBytes: configuration.keptResponseBytes,
            truncatesResponse: true,
            toleratesBrokenBody: true,
            bodyTimeout: Self.bodyTimeout,
            addressPolicy: configuration.addressPolicy
        )
        do {
            return answer(try await client.execute(request), secrets: secrets)
        } catch {
            let outcome = Self.outcome(error)
            return Answer(outcome: outcome, error: Scrubber().scrub("\(outcome.code): \(error.message)", limit: 512))
        }
    }

    private func answer(_ response: CurlResponse, secrets: [SigningSecret]) -> Answer {
        var retryAfter: Duration?
        if response.status == 429 || response.status == 503, let value = response.header("Retry-After") {
            let now = response.header("Date").flatMap(RetryAfter.date) ?? clock.now()
            retryAfter = RetryAfter.duration(value, now: now)
        }
        let outcome = DeliveryOutcome.response(status: response.status, retryAfter: retryAfter)
        let text = String(decoding: response.body, as: UTF8.self)
        return Answer(
            outcome: outcome,
            status: response.status,
            error: outcome.verdict == .delivered ? nil : "status \(response.status)",
            excerpt: text.isEmpty
                ? nil : Scrubber(secrets.map(\.text)).scrub(text, limit: configuration.keptResponseBytes)
        )
    }

    private static func outcome(_ error: CurlError) -> DeliveryOutcome {
        switch error.code {
        case .couldNotConnect: .connectionFailed
        case .resolve: .resolutionFailed
        case .timeout: .timedOut
        case .tls: .tlsFailed
        case .addressRefused: .blockedByPolicy
        case .invalidRequest: .invalidURL
        case .tooLarge, .aborted, .protocol, .sendReceive: .protocolFailed
        case .cancelled, .closed: .interrupted
        }
    }
}
