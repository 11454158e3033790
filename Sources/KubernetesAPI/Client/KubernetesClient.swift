import Curl
package import Logging
import Redaction
package import WireFormats

/// A client of one API server.
///
/// Requests that fail for a passing reason are sent again, with growing pauses and heeding `Retry-After`, where sending them
/// twice does no more than sending them once. A create with a fixed name is one of those: the caller takes `AlreadyExists` for
/// the object being there, whoever made it, and looks at its owner.
///
/// Thread safety: all methods may be called from any task; they suspend and never block a thread.
package final class KubernetesClient: Sendable {
    /// What the client was made with.
    package let configuration: KubernetesConfiguration
    let logger: Logger
    let transport: Transport
    let credentials: CredentialSource
    private let observer: (@Sendable (APICall) -> Void)?

    /// Creates a client; nothing is connected yet.
    ///
    /// - Parameters:
    ///   - configuration: Where the server is and who we are.
    ///   - logger: Told of repeated requests at debug level.
    ///   - observer: Called after every attempt of every request, from any thread; must not block.
    /// - Throws: ``KubernetesError`` with reason `configuration` where certificates or the URL cannot be used.
    package init(
        configuration: KubernetesConfiguration,
        logger: Logger,
        observer: (@Sendable (APICall) -> Void)? = nil
    ) throws(KubernetesError) {
        self.configuration = configuration
        self.logger = logger
        self.observer = observer
        transport = try Transport(configuration: configuration)
        credentials = CredentialSource(configuration: configuration)
    }

    /// Ends all requests and watches with reason `closed`.
    package func close() async {
        await transport.close()
    }

    // MARK: - Any path

    /// Sends a request to any path, for what has no method of its own.
    ///
    /// - Parameters:
    ///   - method: The HTTP method.
    ///   - path: The path below the server's URL, encoded.
    ///   - query: The query, not encoded.
    ///   - body: The body.
    ///   - contentType: The body's media type.
    ///   - isRepeatable: Whether sending it twice does no more than sending it once; true for GET when `nil`.
    /// - Returns: The body of the answer; `null` where it is empty.
    /// - Throws: ``KubernetesError``.
    @discardableResult
    package func request(
        method: String = "GET",
        path: String,
        query: [(name: String, value: String)] = [],
        body: JSONValue? = nil,
        contentType: String = "application/json",
        isRepeatable: Bool? = nil
    ) async throws(KubernetesError) -> JSONValue {
        var request = APIRequest(
            verb: method.lowercased(),
            method: method,
            path: path,
            isRepeatable: isRepeatable ?? (method == "GET"),
            resource: "nonresource"
        )
        request.query = query
        request.body = body?.serialized()
        request.contentType = contentType
        return try await perform(request)
    }

    // MARK: - The attempts of a request

    /// Sends a request until it succeeds, fails for good, or has failed often enough.
    func perform(_ request: APIRequest) async throws(KubernetesError) -> JSONValue {
        let response = try await attempts(of: request) { credential throws(KubernetesError) in
            try await self.attempt(request, credential)
        }
        guard !response.body.isEmpty else { return .null }
        do throws(JSONParsingError) {
            return try JSONValue(parsing: response.body, omitting: request.omitted)
        } catch {
            throw KubernetesError(
                reason: .invalidResponse,
                message: "\(request.verb) \(request.resource): the answer is not JSON: \(error)"
            )
        }
    }

    /// Calls `body` with a credential until it succeeds or the retry policy gives up.
    private func attempts<Result>(
        of request: APIRequest,
        _ body: (RequestCredential) async throws(KubernetesError) -> Result
    ) async throws(KubernetesError) -> Result {
        var attempt = 0
        var hasRenewedCredential = false
        while true {
            attempt += 1
            let credential = try await credentials.current()
            do throws(KubernetesError) {
                return try await body(credential)
            } catch {
                if error.reason == .unauthorized, !hasRenewedCredential, credentials.invalidate(credential) {
                    hasRenewedCredential = true
                    continue
                }
                let delay = configuration.retry.delay(
                    afterAttempt: attempt,
                    error: error,
                    isRepeatable: request.isRepeatable,
                    random: Double.random(in: 0..<1)
                )
                guard let delay else { throw error }
                logger.debug(
                    "request to the API server failed and is sent again",
                    metadata: [
                        "verb": "\(request.verb)", "resource": "\(request.resource)",
                        "reason": "\(error.reason.rawValue)", "attempt": "\(attempt)",
                    ]
                )
                try await Self.pause(delay)
            }
        }
    }

    /// Sends a request once.
    private func attempt(
        _ request: APIRequest,
        _ credential: RequestCredential
    ) async throws(KubernetesError) -> CurlResponse {
        let client = try transport.requests(certificate: credential.certificate)
        var http = httpRequest(request, credential)
        http.totalTimeout = configuration.requestTimeout
        let start = ContinuousClock.now
        let response: CurlResponse
        do throws(CurlError) {
            response = try await client.execute(http)
        } catch {
            report(request, code: 0, since: start)
            throw KubernetesError(error)
        }
        report(request, code: response.status, since: start)
        guard (200..<300).contains(response.status) else { throw KubernetesError(response: response) }
        return response
    }

    /// Opens a stream, once; an answer other than success is read and thrown.
    func openStream(_ request: APIRequest, idleTimeout: Duration?) async throws(KubernetesError) -> CurlStreamResponse {
        try await attempts(of: request) { credential throws(KubernetesError) in
            let client = try self.transport.streams(certificate: credential.certificate)
            var http = self.httpRequest(request, credential)
            http.idleTimeout = idleTimeout
            let start = ContinuousClock.now
            let response: CurlStreamResponse
            do throws(CurlError) {
                response = try await client.stream(http)
            } catch {
                self.report(request, code: 0, since: start)
                throw KubernetesError(error)
            }
            self.report(request, code: response.status, since: start)
            guard (200..<300).contains(response.status) else { throw await Self.failure(response) }
            return response
        }
    }

    /// Reads the body of a failed stream, as far as a `Status` can be long.
    private static func failure(_ response: CurlStreamResponse) async -> KubernetesError {
        var body: [UInt8] = []
        do {
            for try await chunk in response.body {
                body += chunk
                if body.count > 1 << 16 { break }
            }
        } catch {
            // The status alone says enough.
        }
        return KubernetesError(
            response: CurlResponse(status: response.status, headers: response.headers, body: body)
        )
    }

    private func httpRequest(_ request: APIRequest, _ credential: RequestCredential) -> CurlRequest {
        var http = CurlRequest(method: request.method, url: transport.url(request.target))
        http.headers.append((name: "Accept", value: "application/json"))
        if let host = transport.hostHeader { http.headers.append((name: "Host", value: host)) }
        if let body = request.body {
            http.headers.append((name: "Content-Type", value: request.contentType))
            http.body = body
        }
        if let authorization = credential.authorization {
            http.secretHeaders.append((name: "Authorization", value: authorization))
        }
        http.addressPolicy = transport.addressPolicy
        return http
    }

    private func report(_ request: APIRequest, code: Int, since start: ContinuousClock.Instant) {
        guard let observer else { return }
        observer(
            APICall(
                verb: request.verb,
                resource: request.resource,
                group: request.group,
                namespace: request.namespace,
                code: code,
                duration: start.duration(to: .now)
            )
        )
    }

    /// Waits, or ends with reason `cancelled`.
    static func pause(_ delay: Duration) async throws(KubernetesError) {
        do {
            try await Task.sleep(for: delay)
        } catch {
            throw KubernetesError(reason: .cancelled, message: "the call was cancelled")
        }
    }
}
