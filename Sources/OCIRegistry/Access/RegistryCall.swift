import Curl

/// One request to a registry, before it is known how to authenticate it.
struct RegistryCall: Sendable {
    var method = "GET"
    /// The path and query below the registry's origin, or a URL that the registry has given.
    var path: String
    var headers: [(name: String, value: String)] = []
    var body: [UInt8]?
    /// The most bytes of the answer's body.
    var maximumBytes: Int?
    /// Whether the client's time-out for requests holds for the whole of it.
    var hasDeadline = true
    var idleTimeout: Duration?
    /// Whether redirects of this request are followed.
    var followsRedirects: Bool { method == "GET" || method == "HEAD" }

    init(method: String = "GET", path: String, maximumBytes: Int? = nil) {
        self.method = method
        self.path = path
        self.maximumBytes = maximumBytes
    }
}

/// What is the same in a whole and a streamed response.
protocol RegistryReply: Sendable {
    var status: Int { get }
    func header(_ name: String) -> String?
    func headers(_ name: String) -> [String]
    /// The start of the body, for an error's text.
    func errorBody() async -> [UInt8]
}

extension CurlResponse: RegistryReply {
    func errorBody() async -> [UInt8] { Array(body.prefix(64 << 10)) }
}

extension CurlStreamResponse: RegistryReply {
    func errorBody() async -> [UInt8] {
        do throws(CurlError) {
            return try await body.collect(upTo: 64 << 10).bytes
        } catch {
            // The status says enough.
            return []
        }
    }
}
