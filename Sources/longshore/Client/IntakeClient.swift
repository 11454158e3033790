import Curl
import LongshoreDomain
import Redaction
import WireFormats

/// Talks to intake's HTTP API.
struct IntakeClient: Sendable {
    /// An answer with a good status.
    struct Answer: Sendable {
        let status: Int
        let json: JSONValue
    }

    private let base: String
    private let token: SecretBytes
    private let curl: CurlClient

    /// - Parameters:
    ///   - server: The API's URL, without `/v1`.
    ///   - token: The bearer token.
    ///   - caPath: PEM certificates to trust instead of the system's.
    /// - Throws: ``CommandFailure`` when the URL is none.
    init(server: String, token: SecretBytes, caPath: String? = nil) throws {
        guard server.contains("://") else {
            throw CommandFailure.usage(
                "the server's URL “\(Console.printable(server))” has no scheme: write http://\(Console.printable(server)), or https:// where it speaks TLS"
            )
        }
        if let problem = WebhookURL.problem(with: server) {
            // Not quoted: what stands before an @ may be a password.
            throw CommandFailure.usage("the server's URL cannot be used: it \(problem)")
        }
        var base = server
        while base.hasSuffix("/") { base.removeLast() }
        self.base = base
        self.token = token
        self.curl = try CurlClient(configuration: .init(userAgent: "longshore-cli", caBundlePath: caPath))
    }

    /// Asks and reads the whole answer.
    ///
    /// - Parameters:
    ///   - method: The HTTP method.
    ///   - path: The path, such as `/v1/tasks`.
    ///   - query: The query's parameters, not yet encoded.
    ///   - headers: Further headers.
    ///   - body: The JSON to send.
    ///   - timeout: The longest time for the whole answer.
    /// - Returns: The answer, its status from 200 to 299.
    /// - Throws: ``CommandFailure``.
    func send(
        _ method: String = "GET",
        _ path: String,
        query: [(name: String, value: String)] = [],
        headers: [(name: String, value: String)] = [],
        body: JSONValue? = nil,
        timeout: Duration = .seconds(60)
    ) async throws -> Answer {
        var request = makeRequest(method, path, query: query)
        request.headers += headers
        request.totalTimeout = timeout
        request.maximumResponseBytes = 64 << 20
        if let body {
            request.headers.append(("Content-Type", "application/json"))
            request.body = body.serialized()
        }
        let response: CurlResponse
        do {
            response = try await curl.execute(request)
        } catch {
            throw failure(error)
        }
        guard (200..<300).contains(response.status) else {
            throw ProblemReport.failure(status: response.status, body: response.body)
        }
        do {
            return Answer(status: response.status, json: try JSONValue(parsing: response.body))
        } catch {
            throw CommandFailure.unreachable("\(base) did not answer with JSON: is it Longshore's API?")
        }
    }

    /// Opens the stream of a task's events.
    ///
    /// - Parameters:
    ///   - id: The task.
    ///   - after: The sequence of the last event that is known; empty for all.
    /// - Returns: The stream.
    /// - Throws: ``CommandFailure``.
    func events(of id: String, after: String) async throws -> CurlBody {
        var request = makeRequest("GET", "/v1/tasks/\(Self.encode(id))/events", query: [])
        request.headers.append(("Accept", "text/event-stream"))
        if !after.isEmpty { request.headers.append(("Last-Event-ID", after)) }
        // The service shows a sign of life every ten seconds.
        request.idleTimeout = .seconds(45)
        do {
            let response = try await curl.stream(request)
            guard response.status == 200 else {
                let body = try await response.body.collect(upTo: 1 << 20)
                throw ProblemReport.failure(status: response.status, body: body.bytes)
            }
            return response.body
        } catch let error as CurlError {
            throw failure(error)
        }
    }

    /// All items of a list, page by page.
    ///
    /// - Parameters:
    ///   - path: The list's path.
    ///   - query: Its parameters.
    ///   - limit: The most items.
    /// - Returns: The items, and whether there are more.
    /// - Throws: ``CommandFailure``.
    func items(
        _ path: String,
        query: [(name: String, value: String)] = [],
        limit: Int
    ) async throws -> (items: [JSONValue], hasMore: Bool) {
        var items: [JSONValue] = []
        var cursor: String?
        repeat {
            var page = query + [(name: "limit", value: "\(min(500, max(1, limit - items.count)))")]
            if let cursor { page.append((name: "cursor", value: cursor)) }
            let json = try await send("GET", path, query: page).json
            items += json["items"]?.array ?? []
            cursor = json["nextCursor"]?.string
        } while cursor != nil && items.count < limit
        return (Array(items.prefix(limit)), cursor != nil || items.count > limit)
    }

    /// A text as a path segment or a query's value (RFC 3986).
    static func encode(_ text: String) -> String {
        var encoded = ""
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                encoded.unicodeScalars.append(Unicode.Scalar(byte))
            default: encoded += "%" + Hex.encode([byte]).uppercased()
            }
        }
        return encoded
    }

    private func makeRequest(
        _ method: String,
        _ path: String,
        query: [(name: String, value: String)]
    ) -> CurlRequest {
        let text = query.map { "\($0.name)=\(Self.encode($0.value))" }.joined(separator: "&")
        return CurlRequest(
            method: method,
            url: base + path + (text.isEmpty ? "" : "?" + text),
            headers: [("Accept", "application/json")],
            secretHeaders: [("Authorization", SecretBytes(Array("Bearer ".utf8) + token.exposeBytes()))]
        )
    }

    private func failure(_ error: CurlError) -> CommandFailure {
        if error.code == .invalidRequest { return .usage("the request cannot be sent: \(error.message)") }
        return .unreachable("\(base) could not be reached: \(error.message)")
    }
}
