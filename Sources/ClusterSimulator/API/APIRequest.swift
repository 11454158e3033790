import WireFormats

/// A request of the API, free of the HTTP library.
struct APIRequest: Sendable {
    var method: String
    var path: String
    var query: QueryParameters
    var accept: String
    var contentType: String
    var userAgent: String
    var user: String
    var body: [UInt8] = []
    /// What came before `path` in the URL: `/clusters/<token>` or nothing.
    var pathPrefix = ""

    /// The body as JSON; an empty one is null.
    func json() throws(APIStatusError) -> JSONValue {
        if body.isEmpty { return .null }
        if contentType.hasPrefix("application/vnd.kubernetes.protobuf") {
            if let object = ProtobufObjects.json(body) { return object }
            throw .unsupportedMediaType(contentType, accepted: "application/json, application/yaml")
        }
        if contentType.hasPrefix("application/yaml") {
            return try YAMLDocuments.parseOne(String(decoding: body, as: UTF8.self))
        }
        do {
            return try JSONValue(parsing: body)
        } catch {
            throw .badRequest("couldn't get version/kind; json parse error: \(error)")
        }
    }

    /// What the client wants objects and lists as.
    var representation: Representation {
        let first = accept.split(separator: ",").first.map(String.init) ?? ""
        if first.contains("as=Table") {
            let include = query["includeObject"].flatMap(TableRendering.IncludeObject.init) ?? .metadata
            return .table(include)
        }
        if first.contains("as=PartialObjectMetadata") { return .partialMetadata }
        return .object
    }
}

/// The form objects are sent in.
enum Representation: Sendable {
    case object
    case table(TableRendering.IncludeObject)
    case partialMetadata
}

/// An answer: a whole body, or a watch that goes on.
enum APIResponse: Sendable {
    case body(status: Int, [UInt8], contentType: String, headers: [(name: String, value: String)])
    case watch(WatchStream)

    static func json(_ value: JSONValue, status: Int = 200) -> APIResponse {
        .body(status: status, value.serialized(), contentType: "application/json", headers: [])
    }

    static func text(_ text: String, status: Int = 200) -> APIResponse {
        .body(status: status, Array(text.utf8), contentType: "text/plain; charset=utf-8", headers: [])
    }

    static func error(_ error: APIStatusError) -> APIResponse {
        let retry = error.retryAfterSeconds.map { [(name: "Retry-After", value: String($0))] } ?? []
        return .body(
            status: error.code,
            error.json.serialized(),
            contentType: "application/json",
            headers: retry
        )
    }
}
